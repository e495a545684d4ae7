"""``OrderDesk``: sends orders, once, and settles what became of each."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Final

from kernel_server.reference.sessions import Sessions
from koalab.errors import (
    BadInput,
    Forbidden,
    KoalabError,
    NotConnected,
    OrderGuarded,
    OrderRejected,
    OtherPrices,
    RateLimited,
)
from koalab.frames.attrs import frame_attrs
from koalab.inputs.arguments import whole_number
from koalab.link import Link
from koalab.orders import confirmation
from koalab.orders.audit import AuditLog
from koalab.orders.checks import OrderChecks
from koalab.orders.guards import Guards
from koalab.orders.issue_facts import IssueFacts
from koalab.orders.order import Order
from koalab.orders.preview import OrderPreview, preview
from koalab.orders.quote_types import QuoteType, quote_type_named
from koalab.orders.recent import RecentOrders
from koalab.orders.record import OrderRecord
from koalab.orders.reports import Action
from koalab.orders.state import AccountState
from koalab.transport.base import OrderRequest
from koalab.transport.forking import require_process

ANSWERED_WITHIN: Final = 30.0
"""Seconds for an order's number: the server's own limit, and its turn among other orders."""

_MOST: Final = 10**9
_NOT_SENT: Final = (BadInput, Forbidden, NotConnected, OtherPrices, RateLimited)
# nOrderType
_TYPES: Final = {
    ("매수", "new"): 1,
    ("매도", "new"): 2,
    ("매수", "cancel"): 3,
    ("매도", "cancel"): 4,
    ("매수", "modify"): 5,
    ("매도", "modify"): 6,
}


class OrderDesk:
    """Sends the orders of a session.

    Args:
        link: to the broker.
        guards: what an order may be.
        sessions: of the exchange.
        audit: the log of the orders.
    """

    def __init__(
        self,
        link: Link,
        guards: Guards,
        sessions: Callable[[], Sessions],
        audit: AuditLog,
    ) -> None:
        self._link = link
        self._guards = guards
        self._checks = OrderChecks(guards, sessions, RecentOrders(audit, self._broker))
        self._audit = audit
        self._audited: list[AccountState] = []
        self._lock = threading.Lock()

    def new_record(
        self,
        account: str,
        side: str,
        code: str,
        name: str,
        quantity: int,
        price: int | None,
        quote: QuoteType,
        credit: str = "",
        loan_date: str = "",
    ) -> OrderRecord:
        """A new order, not sent yet; ``credit`` and ``loan_date`` are those of SendOrderCredit."""
        return OrderRecord(
            account=account,
            code=code,
            name=name,
            side=side,
            action="new",
            type=quote.name,
            quantity=quantity,
            price=price or 0,
            original="",
            entered=self._link.now(),
            left=quantity,
            credit=credit,
            loan_date=loan_date,
        )

    def send(self, record: OrderRecord, state: AccountState, quote: QuoteType, confirm: bool | None) -> Order:
        """Sends a new order.

        Raises:
            OrderGuarded: it was not sent: a guard stopped it, or it was not confirmed.
            OrderRejected: the broker refuses it; the text is its message.
            KoalabError: it was not sent.
        """
        self._admit(record, quote, confirm)
        self._submit(record, state, quote.code)
        return Order(record, state, self)

    def preview(self, record: OrderRecord, quote: QuoteType) -> OrderPreview:
        """What an order is expected to cost; nothing is sent.

        Raises:
            OrderGuarded: a guard would stop it.
        """
        status = self._link.status()
        facts = IssueFacts.read(self._link, record.code, status.now)
        self._checks.check(record, quote, facts)
        self._checks.check_duplicate(record, status.now)
        attrs = frame_attrs(self._link.source, "", status.now)
        return preview(record, quote, facts, status.simulation, self._guards.fee_percent, attrs)

    def modify(
        self,
        of: OrderRecord,
        state: AccountState,
        price: int | None,
        quantity: int | None,
        confirm: bool | None,
    ) -> Order:
        """Modifies an open order; see ``Order.modify``."""
        left = _open(of, state, "modify")
        if price is None and quantity is None:
            raise BadInput("give price=, or quantity= too: what is to be changed?")
        quantity = left if quantity is None else whole_number("quantity", quantity, 1, left)
        price = of.price if price is None else whole_number("price", price, 1, _MOST)
        quote = quote_type_named(of.type)
        if not quote.priced:  # what is open of it has a price by now, and is modified as one with a price
            quote = quote_type_named("지정가")
        record = self._change(of, "modify", quantity, price, quote.name)
        self._admit(record, quote, confirm)
        self._submit(record, state, quote.code)
        return Order(record, state, self)

    def cancel(self, of: OrderRecord, state: AccountState, quantity: int | None) -> None:
        """Cancels an open order; see ``Order.cancel``."""
        left = _open(of, state, "cancel")
        quantity = left if quantity is None else whole_number("quantity", quantity, 1, left)
        record = self._change(of, "cancel", quantity, 0, of.type)
        self._submit(record, state, "00")

    def _change(self, of: OrderRecord, action: Action, quantity: int, price: int, kind: str) -> OrderRecord:
        """An order that modifies or cancels another, not sent yet."""
        return OrderRecord(
            account=of.account,
            code=of.code,
            name=of.name,
            side=of.side,
            action=action,
            type=kind,
            quantity=quantity,
            price=price,
            original=of.number,
            entered=self._link.now(),
            left=quantity,
            credit=of.credit,
            loan_date=of.loan_date,
        )

    def _admit(self, record: OrderRecord, quote: QuoteType, confirm: bool | None) -> None:
        """Raises OrderGuarded where the order may not be sent, and writes that to the log."""
        status = self._link.status()
        try:
            facts = IssueFacts.read(self._link, record.code, status.now)
            self._checks.check(record, quote, facts)
            self._checks.reserve(record, status.now)
            if confirm or (confirm is None and not status.simulation):
                expected = preview(record, quote, facts, status.simulation, self._guards.fee_percent)
                self._confirm(record, status.simulation, expected)
        except OrderGuarded as error:
            self._audit.guarded(record, str(error))
            raise

    def _confirm(self, record: OrderRecord, simulation: bool, expected: OrderPreview) -> None:
        """Asks; while it waits, the order counts as sent, so that no other thread sends it."""
        broker = "모의투자" if simulation else "실서버"
        what = {"new": "", "modify": " 정정", "cancel": " 취소"}[record.action]
        try:
            confirmation.ask(
                f"{broker}: {record.side}{what} {record.name} ({record.code}) {record.quantity:,}주 {record.kind}, "
                f"{expected.costs}?"
            )
        except BaseException:
            self._checks.give_back(record)
            raise
        self._checks.renew(record, self._link.now())

    def _broker(self) -> str:
        """Names the broker for orders of other processes: a simulated one is its server's."""
        if self._link.simulated:
            return f"simulated {self._link.transport.target}"
        return "모의투자" if self._link.last_status().simulation else "실서버"

    def _follow(self, state: AccountState) -> None:
        """Writes what becomes of this session's orders to the log, from the first of the account on."""
        with self._lock:
            if any(one is state for one in self._audited):
                return
            self._audited.append(state)
        state.listen(self._audit.changed)

    def _submit(self, record: OrderRecord, state: AccountState, quote: str) -> None:
        try:
            require_process(state.process)
            self._link.require_login()  # and the broker is the one of this session
        except BaseException:
            self._checks.give_back(record)
            raise
        self._follow(state)
        state.sent(record)
        request = OrderRequest(
            account=record.account,
            order_type=_TYPES[record.side, record.action],
            code=record.code,
            quantity=record.quantity,
            price=record.price,
            quote=quote,
            original=record.original,
            credit=record.credit,
            loan_date=record.loan_date,
        )
        try:
            answer = self._link.order(request, ANSWERED_WITHIN)
            state.numbered(record, answer.number, " / ".join(answer.messages), self._link.now())
        except OrderRejected as error:
            state.refused(record, str(error), self._link.now())
            raise
        except _NOT_SENT as error:
            state.refused(record, f"not sent: {error}", self._link.now())
            raise
        except KoalabError as error:  # the order may have been sent before any of these
            state.lost(record, str(error), self._link.now())
            warnings.warn(
                f"it is not known yet whether the broker has the order ({error}); its status is unknown until the "
                "broker's list has been read. Do not send it again before",
                stacklevel=5,
            )
        except BaseException as stopped:
            state.lost(
                record, "the wait for the broker's answer was interrupted", self._link.last_status().now
            )
            stopped.add_note("the broker may have the order: look at today's orders before you send it again")
            raise


def _open(of: OrderRecord, state: AccountState, what: str) -> int:
    """The shares of an order that are open.

    Raises:
        BadInput: there are none.
    """
    if not of.number:
        raise BadInput(f"the order has no number yet, so nothing can {what} it: its status is {of.status}")
    if of.done or not of.left:
        with state.changed:
            newer = [
                number
                for number, one in state.orders.items()
                if one.original == of.number and one.action == "modify"
            ]
        by = f" by {newer[-1]}, which is kw.order({newer[-1]!r})" if of.status == "replaced" and newer else ""
        raise BadInput(f"order {of.number} is {of.status}{by}: nothing of it is open to {what}")
    return of.left
