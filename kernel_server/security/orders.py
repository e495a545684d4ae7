"""Permits for orders: which orders may go to the broker.

On a server that is not 모의투자 an order needs the consent of two: the operator (``--allow-real-orders``) and the
client (``kl.connect(…, allow_real_orders=True)``). On any server it may not be worth more than the operator allows.

A permit is checked twice, on the control thread::

    await host.run(permit.check)  # when the RPC arrives: the caller gets the error at once
    ...
    permit.check(control)  # in the piece of work that calls SendOrder

The second check is needed: an order may wait for its turn, and the login may be another by then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf.message import Message

from kernel_server import failure, reference
from kernel_server.control.seam import Control
from kernel_server.security import order_value
from kernel_server.security.access import Access
from kernel_server.security.guard import Metadata, calls_in
from kernel_server.tsv import rows
from kernel_server.wire import ALLOW_REAL_ORDERS, kernel_pb2


class _FieldNames(NamedTuple):
    """Names of the arguments or fields of a request for an order; ``side`` is blank where it has none."""

    account: str
    type: str
    side: str
    code: str
    quantity: str
    price: str
    quote: str


_STOCK = _FieldNames("sAccNo", "nOrderType", "", "sCode", "nQty", "nPrice", "sHogaGb")
_FIELDS: Mapping[str, _FieldNames] = {
    "SendOrder": _STOCK,
    "SendOrderCredit": _STOCK,
    "SendOrderFO": _FieldNames("sAccNo", "lOrdKind", "sSlbyTp", "sCode", "lQty", "sPrice", "sOrdTp"),
    "OrderRequest": _FieldNames("account_no", "order_type", "", "code", "quantity", "price", "quote_type"),
}
"""By control function or message."""

_ORDER_TYPES = Path(__file__).parent / "data" / "order_type.tsv"


@cache
def _actions() -> Mapping[tuple[str, str, str], tuple[str, bool, bool]]:
    return {
        (request, kind, side): (action, sells == "yes", derivative == "yes")
        for request, kind, side, action, sells, derivative in rows(_ORDER_TYPES)
    }


@dataclass(frozen=True)
class RequestedOrder:
    """An order as it is asked for.

    Attributes:
        account: 계좌번호.
        action: ``buy``, ``sell``, ``modify``, ``cancel``; ``unknown`` where the broker will refuse it.
        code: 종목코드.
        quantity: shares or contracts.
        price: as given, KRW. Of a derivative its points, which are not KRW.
        derivative: SendOrderFO's.
        quote: 거래구분 (sHogaGb), as given.
        sells: whether it sells, or changes or cancels an order that sells.
    """

    account: str = field(repr=False)
    action: str
    code: str
    quantity: int
    price: float
    derivative: bool = False
    quote: str = ""
    sells: bool = False


def order_of(function: str, arguments: Sequence[object]) -> RequestedOrder | None:
    """The order that a control function sends, None where it sends none. The arguments fit its signature.

    >>> order_of("SendOrder", ["", "0101", "8000000011", 1, "005930", 10, 70000, "00", ""])
    RequestedOrder(action='buy', code='005930', quantity=10, price=70000.0, derivative=False, quote='00', sells=False)
    """
    if function not in _FIELDS:
        return None
    signature = reference.function(function).arguments
    return _order(function, {name: value for (name, _), value in zip(signature, arguments, strict=True)})


def order_in(request: Message) -> RequestedOrder | None:
    """The order that a request asks for, None where it asks for none, or for one that cannot be."""
    if isinstance(request, kernel_pb2.CreditOrderRequest):
        request = request.order
    if request.DESCRIPTOR.name in _FIELDS:
        return _order(request.DESCRIPTOR.name, {field.name: value for field, value in request.ListFields()})
    for call in calls_in(request):
        signature = reference.function(call.name).arguments if call.name in _FIELDS else ()
        if signature and len(signature) == len(call.arguments):
            values = [getattr(one, one.WhichOneof("value") or "string_value") for one in call.arguments]
            return order_of(call.name, values)
    return None


def _order(request: str, values: Mapping[str, Any]) -> RequestedOrder:
    names = _FIELDS[request]
    kind, side = str(values.get(names.type, "")), str(values.get(names.side, "")).strip()
    otherwise = ("unknown", False, request == "SendOrderFO")
    action, sells, derivative = _actions().get((request, kind, side), otherwise)
    return RequestedOrder(
        account=str(values.get(names.account, "")).strip(),
        action=action,
        code=str(values.get(names.code, "")).strip(),
        quantity=int(_number(values.get(names.quantity, 0))),
        price=_number(values.get(names.price, 0)),
        derivative=derivative,
        quote=str(values.get(names.quote, "")),
        sells=sells,
    )


def _number(value: object) -> float:
    try:
        found = float(str(value).strip() or 0)
    except ValueError:
        return 0.0
    return found if math.isfinite(found) else 0.0


@dataclass(frozen=True)
class Permit:
    """What an order needs in order to be sent; ``check`` raises where it may not be."""

    order: RequestedOrder
    access: Access
    opted_in: bool
    now: Callable[[], float]

    def check(self, control: Control) -> None:
        """On the control thread, just before the order is sent.

        Raises:
            failure.Failure: NotConnected; or Forbidden (PERMISSION_DENIED), saying who would have to allow it.
        """
        if control.call("GetConnectState", ()) != 1:
            raise failure.not_connected()
        if control.call("GetLoginInfo", ("GetServerGubun",)) != "1":
            self._check_real()
        self._check_value(control)

    def _check_real(self) -> None:
        if not self.access.allow_real_orders:
            raise failure.forbidden(
                "the broker is the real one (실서버) and this server sends no real orders: its operator would have"
                " to start it with --allow-real-orders and --max-order-value"
            )
        if not self.opted_in:
            raise failure.forbidden(
                "the broker is the real one (실서버), so this order would be for real money: allow it with"
                " kl.connect(target, allow_real_orders=True)"
            )

    def _check_value(self, control: Control) -> None:
        most, order = self.access.max_order_value, self.order
        if most is None or order.action == "cancel":
            return
        if order.derivative:
            raise failure.forbidden(
                "what an order of derivatives is worth is not known here, and this server has a limit"
                f" (--max-order-value {most:,})"
            )
        try:
            if order.action == "unknown":
                raise order_value.NotValued("its type (nOrderType) is none that the server knows")
            worth = order_value.value(
                control, order.code, order.quantity, order.price, order.quote, order.sells, self.now()
            )
        except order_value.NotValued as error:
            raise failure.forbidden(
                f"this server has a limit (--max-order-value {most:,}), and what this order may be worth at most is not"
                f" known: {error}"
            ) from None
        if worth.value > most:
            raise failure.forbidden(
                f"{order.quantity:,} × {worth.price:,.0f} = {worth.value:,.0f} KRW{worth.counted}: this server takes"
                f" orders of at most {most:,} KRW (--max-order-value)"
            )


@dataclass(frozen=True)
class OrderRules:
    """Which orders may be sent.

    Attributes:
        access: what the operator allows.
        now: seconds since the epoch.
    """

    access: Access
    now: Callable[[], float]

    def permit(self, function: str, arguments: Sequence[object], metadata: Metadata | None) -> Permit | None:
        """The permit for the order that a control function sends; None where it sends none.

        Args:
            function: the control function.
            arguments: they fit its signature.
            metadata: of the RPC; it says whether the client allows real orders.
        """
        order = order_of(function, arguments)
        if order is None:
            return None
        opted_in = (ALLOW_REAL_ORDERS, "yes") in list(metadata or ())
        return Permit(order, self.access, opted_in, self.now)
