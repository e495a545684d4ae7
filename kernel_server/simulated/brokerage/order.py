"""Orders at the broker, order requests, and the order and quote types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from kernel_server.simulated.exchange.interface import Fill
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")


class OrderType(NamedTuple):
    """An nOrderType. ``action`` is ``new``, ``cancel`` or ``modify``; ``name`` is 주문구분."""

    action: str
    side: Side
    name: str
    message: str


class QuoteType(NamedTuple):
    """An sHogaGb.

    ``price`` says where the price comes from: ``given`` by the client, ``none`` (market), best of the ``opposite``
    or its ``own`` side, today's ``close``, or ``base``, the previous close. ``board`` and ``kind`` are the
    exchange's; ``phases`` are those in which new orders are accepted.
    """

    name: str
    price: str
    board: Board
    kind: str
    phases: frozenset[Phase]

    def resting_phases(self, early: str) -> frozenset[Phase]:
        """The phases in which such an order keeps resting; ``early`` is the setting ``early_orders``."""
        if self.board is Board.BEFORE and early == "kept":
            return self.phases | {phase for phase in Phase if min(self.phases) < phase < Phase.PAUSE}
        return self.phases


ORDER_TYPES: Mapping[int, OrderType] = {
    1: OrderType("new", Side.BUY, "+매수", "order_buy"),
    2: OrderType("new", Side.SELL, "-매도", "order_sell"),
    3: OrderType("cancel", Side.BUY, "매수취소", "order_cancel"),
    4: OrderType("cancel", Side.SELL, "매도취소", "order_cancel"),
    5: OrderType("modify", Side.BUY, "+매수정정", "order_buy"),
    6: OrderType("modify", Side.SELL, "-매도정정", "order_sell"),
}
"""By nOrderType."""


@cache
def quote_types() -> Mapping[str, QuoteType]:
    """By sHogaGb."""
    return {
        code: QuoteType(
            name, price, Board[board], kind, frozenset(Phase[phase] for phase in phases.split(","))
        )
        for code, name, price, board, kind, phases, _note in rows(_DATA / "order_quote.tsv")
    }


class OrderRequest(NamedTuple):
    """Arguments of SendOrder or SendOrderCredit; ``credit`` is 00 of the former.

    ``venue`` is ``_NX`` of an order for Nextrade, apart from the code once the request is routed.
    ``from_other_client`` marks an order of another client of the same user.
    """

    name: str
    screen: str
    account: str
    type: int
    code: str
    quantity: int
    price: int
    quote: str
    original: str
    from_other_client: bool = False
    credit: str = "00"
    loan_date: str = ""
    venue: str = ""


@dataclass(slots=True)
class BrokerOrder:
    """An order at the broker. Its field names are part of the account file's format.

    Attributes:
        day: YYYYMMDD of its session; ``number`` is unique in a session; ``original`` is 0 for a new order.
        type: nOrderType; ``quote`` is sHogaGb.
        price: 주문가격, 0 for an order without a price; ``bound`` is the price (KRW) reserved per open share.
        left: open shares; ``filled`` shares traded for ``amount`` KRW, with ``fee`` and ``tax`` on them.
        state: 접수, 확인, 체결 or 거부; ``time`` (HHMMSS) is of its newest event, ``entered`` of its first.
        fill, fill_price, fill_volume: number, price and volume of the newest fill.
        confirmed: shares of the original that a cancel or modify order took over.
        credit: 신용구분, 00 without credit; ``loan_date`` (YYYYMMDD) is the loan's which it repays, blank otherwise.
        venue: ``_NX`` of an order at Nextrade, else blank.
        placed: order number at the exchange; None if the order is not resting there.
        early: fills reported before the order was acknowledged; None afterwards.
    """

    day: int
    number: int
    account: str
    type: int
    code: str
    quote: str
    quantity: int
    price: int
    bound: int
    left: int
    time: str
    screen: str
    original: int = 0
    state: str = "접수"
    entered: str = ""
    filled: int = 0
    amount: int = 0
    fee: int = 0
    tax: int = 0
    fill: int = 0
    fill_price: int = 0
    fill_volume: int = 0
    confirmed: int = 0
    reason: str = "0"
    credit: str = "00"
    loan_date: str = ""
    venue: str = ""
    placed: int | None = None
    early: list[Fill] | None = field(default_factory=list)

    @property
    def side(self) -> Side:
        return ORDER_TYPES[self.type].side

    @property
    def average_price(self) -> int:
        """Average fill price, rounded (KRW)."""
        return (2 * self.amount + self.filled) // (2 * self.filled) if self.filled else 0
