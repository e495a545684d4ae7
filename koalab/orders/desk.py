"""``OrderDesk``: sends orders, once, and settles what became of each."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Final

from koalab.errors import (
    BadInput,
    Forbidden,
    KoalabError,
    NotConnected,
    OrderRejected,
    RateLimited,
)
from koalab.inputs.arguments import whole_number
from koalab.link import Link
from koalab.orders.order import Order
from koalab.orders.quote_types import QuoteType
from koalab.orders.state import AccountState, OrderRecord
from koalab.transport.base import OrderRequest
from koalab.transport.forking import require_process

ANSWERED_WITHIN: Final = 30.0
"""Seconds for an order's number: the server's own limit, and its turn among other orders."""

_MOST: Final = 10**9
_NOT_SENT: Final = (BadInput, Forbidden, NotConnected, RateLimited)
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
        quote_of: the 거래구분 of a type's name.
    """

    def __init__(self, link: Link, quote_of: Callable[[str], QuoteType]) -> None:
        self._link = link
        self._quote_of = quote_of

    def send(
        self,
        state: AccountState,
        side: str,
        code: str,
        name: str,
        quantity: int,
        price: int | None,
        quote: QuoteType,
    ) -> Order:
        """A new order.

        Raises:
            OrderRejected: the broker refuses it; the text is its message.
            KoalabError: it was not sent.
        """
        record = OrderRecord(
            account=state.account,
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
        )
        self._submit(record, state, quote.code)
        return Order(record, state, self)

    def modify(self, of: OrderRecord, state: AccountState, price: int | None, quantity: int | None) -> Order:
        """Modifies an open order; see ``Order.modify``."""
        left = self._open(of, "modify")
        if price is None and quantity is None:
            raise BadInput("give price=, or quantity= too: what is to be changed?")
        quantity = left if quantity is None else whole_number("quantity", quantity, 1, left)
        price = of.price if price is None else whole_number("price", price, 1, _MOST)
        record = OrderRecord(
            account=state.account,
            code=of.code,
            name=of.name,
            side=of.side,
            action="modify",
            type=of.type,
            quantity=quantity,
            price=price,
            original=of.number,
            entered=self._link.now(),
            left=quantity,
        )
        self._submit(record, state, self._quote_of(of.type).code)
        return Order(record, state, self)

    def cancel(self, of: OrderRecord, state: AccountState, quantity: int | None) -> None:
        """Cancels an open order; see ``Order.cancel``."""
        left = self._open(of, "cancel")
        quantity = left if quantity is None else whole_number("quantity", quantity, 1, left)
        record = OrderRecord(
            account=state.account,
            code=of.code,
            name=of.name,
            side=of.side,
            action="cancel",
            type=of.type,
            quantity=quantity,
            price=0,
            original=of.number,
            entered=self._link.now(),
            left=quantity,
        )
        self._submit(record, state, "00")

    def _open(self, of: OrderRecord, what: str) -> int:
        if not of.number:
            raise BadInput(
                f"the order has no number yet, so nothing can {what} it: its status is {of.status}"
            )
        if of.done or not of.left:
            raise BadInput(f"order {of.number} is {of.status}: nothing of it is open to {what}")
        return of.left

    def _submit(self, record: OrderRecord, state: AccountState, quote: str) -> None:
        require_process(state.process)
        self._link.require_login()  # and the broker is the one of this session
        state.sent(record)
        request = OrderRequest(
            account=record.account,
            order_type=_TYPES[record.side, record.action],
            code=record.code,
            quantity=record.quantity,
            price=record.price,
            quote=quote,
            original=record.original,
        )
        try:
            answer = self._link.transport.order(request, ANSWERED_WITHIN)
            state.numbered(record, answer.number, " / ".join(answer.messages), self._link.now())
        except OrderRejected as error:
            state.refused(record, str(error), self._link.now())
            raise
        except _NOT_SENT as error:
            state.refused(record, f"not sent: {error}", self._link.now())
            raise
        except KoalabError as error:  # whatever it is, the order may have been sent before
            state.lost(record, str(error), self._link.now())
            warnings.warn(
                f"nobody knows yet whether the broker has the order ({error}); its status is unknown until the "
                "broker's list has been read. Do not send it again before",
                stacklevel=5,
            )
        except BaseException:
            state.lost(
                record, "the wait for the broker's answer was interrupted", self._link.last_status().now
            )
            raise
