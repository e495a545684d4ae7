"""시간외 단일가: a call auction every ten minutes, at prices around the close.

If the background takes part in an auction, its price is the generated one, and clients' orders at that price or better
trade beside the generated volume, as in the regular auctions. Otherwise clients trade with each other at the
price with the largest volume. Clients' trades are not published. Orders that do not trade wait for the next auction,
until the last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernel_server.simulated.exchange import tape as tapes
from kernel_server.simulated.exchange.book import Match, OrderBook
from kernel_server.simulated.exchange.book_side import BACKGROUND
from kernel_server.simulated.exchange.interface import ExpectedPrice, Level, SinglePriceState, Tape, Trade
from kernel_server.simulated.exchange.off_hours import single_price_flow
from kernel_server.simulated.exchange.off_hours.session_close import SessionClose, single_price_limits
from kernel_server.simulated.exchange.off_hours.single_price_flow import EVENTS
from kernel_server.simulated.market.trade_script import Side

_ALL = 1 << 30
_LEVELS = 10
NOTHING = ExpectedPrice(0, 0)


class SinglePriceHours(NamedTuple):
    """Beginning and end of the board, seconds since the epoch."""

    begins: float
    ends: float

    def events_by(self, key: int, now: float) -> int:
        """Number of events up to a moment, for the random key of an issue and a day."""
        return int(np.searchsorted(single_price_flow.event_times(key, *self), now, side="right"))

    @property
    def auctions(self) -> int:
        """Number of auctions."""
        return single_price_flow.auction_count(self.begins, self.ends)

    def auctions_by(self, now: float) -> int:
        """Number of auctions up to a moment."""
        passed = (now - self.begins) * self.auctions / (self.ends - self.begins)
        return min(max(int(passed), 0), self.auctions)

    def auction_time(self, number: int) -> float:
        """Time of an auction, numbered from 0."""
        return self.begins + (self.ends - self.begins) * (number + 1) / self.auctions


def tape_after(code: str, shares: int, close: SessionClose, hours: SinglePriceHours, auctions: int) -> Tape:
    """The tape after the first ``auctions`` auctions, without clients' orders. Its ``base`` is the close."""
    lower, upper = single_price_limits(close.price, close.lower, close.upper, close.grid)
    tape = Tape(code, close.price, upper, lower, 0, 0, shares, close.price)
    if not auctions:
        return tape
    flow = single_price_flow.auctions(close)
    for number in range(auctions):
        if flow.volume[number]:
            price, volume = flow.price[number], flow.volume[number]
            trade = Trade(code, hours.auction_time(number), price, volume, Side.NONE)
            tapes.add_trade(tape, trade, price * volume)
    return tape


def without_auctions(code: str, shares: int, close: SessionClose) -> SinglePriceState:
    """The state of a session that has no 시간외 단일가: it stands at the close."""
    never = SinglePriceHours(float("inf"), float("inf"))
    return SinglePriceState(tape_after(code, shares, close, never, 0), [], [], NOTHING)


class SinglePrice:
    """시간외 단일가 of one issue.

    Args:
        code: of the issue.
        shares: its listed shares.
        close: of its session.
        hours: of the board.
        events: number of events that are over.
    """

    __slots__ = ("_book", "_close", "_event", "tape")

    def __init__(
        self, code: str, shares: int, close: SessionClose, hours: SinglePriceHours, events: int
    ) -> None:
        self.tape = tape_after(code, shares, close, hours, events // EVENTS)
        self._close = close
        self._event = events - 1  # the last one that is over
        self._book = OrderBook()

    def submit(self, number: int, side: Side, quantity: int, price: int) -> None:
        """Collect a client's order for the next auctions."""
        self._book.collect(number, side, quantity, price)

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """Cancel a client's order, or ``quantity`` shares of it with its priority kept; the cancelled shares."""
        return self._book.cancel(number, quantity)

    def step(self) -> tuple[Level, list[Match]]:
        """Process the next event: a change of quotes, or an auction: what it trades in public, and its matches."""
        self._event += 1
        auction, index = divmod(self._event, EVENTS)
        if index < EVENTS - 1:
            return Level(0, 0), []
        flow = single_price_flow.auctions(self._close)
        price, volume = flow.price[auction], flow.volume[auction]
        if volume:
            buys, sells = self._crossing_volumes(price)
            self._book.collect(BACKGROUND, Side.BUY, volume + sells, price)
            self._book.collect(BACKGROUND, Side.SELL, volume + buys, price)
        _, matches = self._book.uncross(price if volume else self.tape.last)
        return Level(price, volume), matches

    def add_trade(self, trade: Trade) -> None:
        """Add a trade to the tape."""
        tapes.add_trade(self.tape, trade, trade.price * trade.volume)

    def state(self) -> SinglePriceState:
        """The board's current state."""
        if self._event < 0:
            return SinglePriceState(self.tape, [], [], NOTHING)
        expected = self._expected_price()
        asks, bids = single_price_flow.quotes(self._close, self._event, expected.price or self.tape.last)
        sells, buys = self._resting(expected if expected.volume else self._between_clients())
        if sells or buys:
            # The background's quotes do not cross clients' orders.
            asks = _merged([level for level in asks if not buys or level.price > buys[0].price], sells)
            bids = _merged([level for level in bids if not sells or level.price < sells[0].price], buys)
            bids.reverse()
        return SinglePriceState(self.tape, asks[:_LEVELS], bids[:_LEVELS], expected)

    def _crossing_volumes(self, price: int) -> tuple[int, int]:
        """Shares that clients would buy and would sell at that price."""
        buys, sells = (self._book.depth(side, _ALL) for side in (Side.BUY, Side.SELL))
        return (
            sum(level.volume for level in buys if level.price >= price),
            sum(level.volume for level in sells if level.price <= price),
        )

    def _expected_price(self) -> ExpectedPrice:
        """What the next auction is expected to trade in public."""
        return single_price_flow.expected_price(self._close, self._event)

    def _between_clients(self) -> ExpectedPrice:
        """What clients would trade with each other."""
        return ExpectedPrice(*self._book.indicative(self.tape.last))

    def _resting(self, expected: ExpectedPrice) -> tuple[list[Level], list[Level]]:
        """Clients' asks and bids that the next auction would leave, best first."""
        sells, buys = (self._book.depth(side, _ALL) for side in (Side.SELL, Side.BUY))
        if not expected.volume:
            return sells, buys
        price = expected.price
        return [level for level in sells if level.price > price], [
            level for level in buys if level.price < price
        ]


def _merged(levels: list[Level], more: list[Level]) -> list[Level]:
    """Both lists by ascending price, with the shares at one price added up."""
    volumes: dict[int, int] = {}
    for price, volume in (*levels, *more):
        volumes[price] = volumes.get(price, 0) + volume
    return [Level(price, volumes[price]) for price in sorted(volumes)]
