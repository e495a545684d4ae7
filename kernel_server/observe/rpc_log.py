"""Log lines of RPCs: the caller, the request and its result.

Of requests they contain names and figures, never inputs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from google.protobuf.message import Message

from kernel_server.observe import masking
from kernel_server.observe.logs import say
from kernel_server.security.guard import Caller
from kernel_server.security.orders import order_in
from kernel_server.wire import kernel_pb2, openapi_pb2

log = logging.getLogger(__name__)

_LONGEST = 40
_QUIET = ("/grpc.health.", "/grpc.reflection.")
"""Services that monitoring calls every few seconds."""
_LOUD = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})


class RpcLogEntry:
    """The log line of one RPC: it records requests and answers and is written when the RPC ends.

    Nearly all work is done at the end and only if the level is enabled, because every RPC passes here.
    """

    __slots__ = ("_figures", "_messages", "_method", "_peer", "_result", "answer", "asked", "caller")

    def __init__(self, method: str, peer: str, caller: Caller) -> None:
        self._method = method
        self._peer = peer
        self.caller = caller
        # Set by the gateway: the request (the last one of a stream), and the answer of a unary RPC.
        self.asked: Message | None = None
        self.answer: object = None
        self._messages = 0
        self._figures: dict[str, int] | None = None
        self._result: openapi_pb2.CallResponse | None = None

    def answered(self, response: object) -> None:
        """Records a message of the answer; serialized ones are only counted."""
        self._messages += 1
        if type(response) is bytes:
            return
        if isinstance(response, openapi_pb2.CallResponse):
            self._result = response
        elif isinstance(response, kernel_pb2.Page) and not response.HasField("waiting"):
            self._add(pages=1, rows=response.rows)
        elif isinstance(response, openapi_pb2.ListenResponse) and response.HasField("multi_data"):
            self._add(rows=len(response.multi_data.values))

    def _add(self, **counts: int) -> None:
        figures = self._figures = self._figures or {}
        for name, count in counts.items():
            figures[name] = figures.get(name, 0) + count

    def ended(self, status: str, seconds: float, reason: str = "") -> None:
        """Writes the line. ``reason`` is the error message of a refused RPC."""
        level = logging.WARNING if status in _LOUD else logging.INFO
        if not log.isEnabledFor(level):
            return
        if level == logging.INFO and self._method.startswith(_QUIET):
            level = logging.DEBUG
        if self.answer is not None:
            self.answered(self.answer)
        about = _of_request(self.asked) if self.asked is not None else {}
        figures: dict[str, int] = {"messages": self._messages} if self._messages else {}
        figures.update(self._figures or {})
        if self._result is not None and "action" in about:
            figures["result"] = self._result.return_value.long_value
        say(
            log,
            level,
            "rpc",
            method=short(self._method),
            status=status,
            seconds=round(seconds, 6),
            client=self._peer,
            caller=self.caller.name or None,
            **about,
            **figures,
            reason=reason or None,
        )


def short(method: str) -> str:
    """Service and method without the package.

    >>> short("/koalab.kernel.v1.Kernel/Pages")
    'Kernel/Pages'
    """
    service, _, name = method.lstrip("/").rpartition("/")
    return f"{service.rpartition('.')[2]}/{name}"


def _of_request(request: Message) -> Mapping[str, object]:
    if isinstance(request, kernel_pb2.CallManyRequest):
        return {"calls": len(request.calls)}
    order = order_in(request)
    if order is not None:
        return {
            "account": masking.account(order.account),
            "action": order.action,
            "code": order.code[:_LONGEST],
            "quantity": order.quantity,
            "price": f"{order.price:g}",
        }
    if isinstance(request, openapi_pb2.CallRequest):
        found: dict[str, object] = {"function": request.name[:_LONGEST]}
        if request.name == "CommRqData" and len(request.arguments) > 1:
            found["tr"] = request.arguments[1].string_value[:_LONGEST]
        return found
    if isinstance(request, (kernel_pb2.PagesRequest, openapi_pb2.TransactionRequest)):
        return {"tr": request.transaction_code[:_LONGEST]}
    return {}
