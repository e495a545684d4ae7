"""An order as the broker keeps it, and the kinds of order there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from kernel_server.simulated.base.tables import rows
from kernel_server.simulated.exchange.interface import Fill
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Side


class OrderType(NamedTuple):
    """What nOrderType asks for: ``new``, ``cancel`` or ``modify``; ``name`` is 주문구분."""

    action: str
    side: Side
    name: str
    message: str


class QuoteType(NamedTuple):
    """What sHogaGb asks for.

    ``price`` is ``given`` by the client, ``none`` (market), the best of the ``opposite`` or its ``own`` side,
    the ``close`` or ``base``, the one before; ``board`` and ``kind`` are the exchange's; ``phases`` are those in
    which it is taken.
    """

    name: str
    price: str
    board: Board
    kind: str
    phases: frozenset[Phase]

    def lives(self, early: str) -> frozenset[Phase]:
        """The phases in which an order of it stays open; ``early`` is the setting ``early_orders``."""
        if self.board is Board.BEFORE and early == "kept":
            return self.phases | {phase for phase in Phase if min(self.phases) < phase < Phase.PAUSE}
        return self.phases


@cache
def order_types() -> Mapping[int, OrderType]:
    """By nOrderType."""
    return {
        int(number): OrderType(action, Side[side.upper()], name, message)
        for number, action, side, name, message in rows("order_type")
    }


@cache
def quotes() -> Mapping[str, QuoteType]:
    """By sHogaGb."""
    return {
        code: QuoteType(
            name, price, Board[board], kind, frozenset(Phase[phase] for phase in phases.split(","))
        )
        for code, name, price, board, kind, phases, _note in rows("order_quote")
    }


class OrderRequest(NamedTuple):
    """What SendOrder was given; ``elsewhere`` is an order of another client of the same user."""

    name: str
    screen: str
    account: str
    type: int
    code: str
    quantity: int
    price: int
    quote: str
    original: str
    elsewhere: bool = False


@dataclass(slots=True)
class BrokerOrder:
    """An order.

    Attributes:
        day: YYYYMMDD of its session, ``number`` unique in it; ``original`` 0 for a new one.
        type: nOrderType, ``quote`` sHogaGb.
        price: 주문가격, 0 where the client gives none; ``bound`` the price that each open share reserves (KRW).
        left: shares still open; ``filled`` those traded, for ``amount`` KRW, ``fee`` and ``tax`` on them.
        state: 접수, 확인, 체결 or 거부. ``time`` (HHMMSS) is that of its newest event, ``entered`` of its first.
        fill, fill_price, fill_volume: of the newest fill.
        confirmed: shares of the original that a cancel or a modify took over.
        placed: the exchange's number, None where it is not there.
        early: fills that the exchange told before the order was acknowledged.
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
    placed: int | None = None
    early: list[Fill] | None = field(default_factory=list)

    @property
    def side(self) -> Side:
        return order_types()[self.type].side

    @property
    def average(self) -> int:
        """What a traded share cost on average, rounded (KRW)."""
        return (2 * self.amount + self.filled) // (2 * self.filled) if self.filled else 0
