"""시간외 단일가: an auction every ten minutes, at prices around the close.

An auction that the background takes part in has the price that was drawn for it. As in the regular auctions,
clients who meet that price trade on top of what was drawn. In the others clients are among themselves: the price is
the one at which most of them meet. What is not traded waits for the next auction, until the last.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernel_server.simulated.exchange import day_plan as plans
from kernel_server.simulated.exchange.book import Match, OrderBook
from kernel_server.simulated.exchange.interface import Expected, Level, SinglePriceState, Tape, Trade
from kernel_server.simulated.exchange.off_hours import synthetic_trades
from kernel_server.simulated.exchange.off_hours.synthetic_trades import AUCTIONS, EVENTS, Close
from kernel_server.simulated.exchange.queues import BACKGROUND
from kernel_server.simulated.market.trade_script import Side

_ALL = 1 << 30
_LEVELS = 10
NOTHING = Expected(0, 0)


class SinglePriceHours(NamedTuple):
    """When it begins and ends, seconds since the epoch."""

    begins: float
    ends: float

    def events(self, key: int, now: float) -> int:
        """How many events of the issue and day with that key have happened by then."""
        return int(np.searchsorted(synthetic_trades.moments(key, *self), now, side="right"))

    def auctions(self, now: float) -> int:
        """How many auctions have been by then."""
        passed = (now - self.begins) * AUCTIONS / (self.ends - self.begins)
        return min(max(int(passed), 0), AUCTIONS)

    def auction(self, number: int) -> float:
        """When the auction of that number, from 0, is."""
        return self.begins + (self.ends - self.begins) * (number + 1) / AUCTIONS


def tape(code: str, shares: int, close: Close, hours: SinglePriceHours, done: int = AUCTIONS) -> Tape:
    """The tape after the first ``done`` auctions, without clients' orders. Its ``base`` is the close."""
    lower, upper = synthetic_trades.around(close.price, close.lower, close.upper, close.grid)
    made = Tape(code, close.price, upper, lower, 0, 0, shares, close.price)
    drawn = synthetic_trades.auctions(close)
    for number in range(done):
        if drawn.volume[number]:
            price, volume = drawn.price[number], drawn.volume[number]
            plans.add(made, Trade(code, hours.auction(number), price, volume, Side.NONE))
    return made


class SinglePrice:
    """An issue's 시간외 단일가 as it goes by.

    Args:
        code: of the issue, which has so many ``shares``.
        close: what its session came to.
        hours: of the auctions.
        events: how many of the evening's events have happened.
    """

    __slots__ = ("_close", "_event", "_waiting", "tape")

    def __init__(self, code: str, shares: int, close: Close, hours: SinglePriceHours, events: int) -> None:
        self.tape = tape(code, shares, close, hours, events // EVENTS)
        self._close = close
        self._event = events - 1  # the newest
        self._waiting = OrderBook()

    def submit(self, number: int, side: Side, quantity: int, price: int) -> None:
        """A client's order for the next auctions."""
        self._waiting.collect(number, side, quantity, price)

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """Takes (so much of) a client's order out, priority kept; how many shares that was."""
        return self._waiting.cancel(number, quantity)

    def step(self) -> list[Match]:
        """The next event: an auction, with what it matches, or other quotes and expectations."""
        self._event += 1
        auction, place = divmod(self._event, EVENTS)
        if place < EVENTS - 1:
            return []
        drawn = synthetic_trades.auctions(self._close)
        price, volume = drawn.price[auction], drawn.volume[auction]
        if volume:
            buys, sells = self._crossing(price)
            self._waiting.collect(BACKGROUND, Side.BUY, volume + sells, price)
            self._waiting.collect(BACKGROUND, Side.SELL, volume + buys, price)
        _, matches = self._waiting.uncross(price if volume else self.tape.last)
        return matches

    def traded(self, trade: Trade) -> None:
        """Counts one trade."""
        plans.add(self.tape, trade)

    def evening(self) -> SinglePriceState:
        """How it stands."""
        if self._event < 0:
            return SinglePriceState(self.tape, [], [], self._expected())
        expected = self._expected()
        asks, bids = synthetic_trades.quotes(self._close, self._event, expected.price or self.tape.last)
        sells, buys = self._resting(expected)
        if sells or buys:
            # The background does not quote across what clients show.
            asks = _merged([level for level in asks if not buys or level.price > buys[0].price], sells)
            bids = _merged([level for level in bids if not sells or level.price < sells[0].price], buys)
            bids.reverse()
        return SinglePriceState(self.tape, asks[:_LEVELS], bids[:_LEVELS], expected)

    def _crossing(self, price: int) -> tuple[int, int]:
        """Shares that clients would buy and would sell at that price."""
        buys, sells = (self._waiting.depth(side, _ALL) for side in (Side.BUY, Side.SELL))
        return (
            sum(level.volume for level in buys if level.price >= price),
            sum(level.volume for level in sells if level.price <= price),
        )

    def _expected(self) -> Expected:
        drawn = synthetic_trades.expected(self._close, self._event) if self._event >= 0 else NOTHING
        if drawn.volume:
            return Expected(drawn.price, drawn.volume + sum(self._crossing(drawn.price)))
        return Expected(*self._waiting.clearing(self.tape.last))

    def _resting(self, expected: Expected) -> tuple[list[Level], list[Level]]:
        """Clients' asks and bids that the next auction would leave, best first."""
        sells, buys = (self._waiting.depth(side, _ALL) for side in (Side.SELL, Side.BUY))
        if not expected.volume:
            return sells, buys
        price = expected.price
        return [level for level in sells if level.price > price], [
            level for level in buys if level.price < price
        ]


def _merged(levels: list[Level], more: list[Level]) -> list[Level]:
    """Both in the order of price, ascending; shares at one price together."""
    found: dict[int, int] = {}
    for price, volume in (*levels, *more):
        found[price] = found.get(price, 0) + volume
    return [Level(price, found[price]) for price in sorted(found)]
