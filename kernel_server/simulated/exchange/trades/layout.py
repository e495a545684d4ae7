"""Bars as columns, and where the trades of each are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market.synthetic.daily_prices import Flags

FRACTION = 1 << 16  # random numbers of 16 bits
_SAME_ORDER = 0.25  # share of trades of the same order as the trade before


@dataclass(frozen=True, slots=True, eq=False)
class ScriptBars:
    """Unadjusted minute bars with trades, of any issues of one board, as arrays of one length.

    Attributes:
        key: random key of issue, day and minute, as from ``minute_keys``.
        start: of the minute, seconds since the epoch.
        value: KRW, which the trades add up to; 0 where it is not known.
        turnover: KRW that the issue traded on the day before, 0 if unknown.
        trade_size: how much larger trades are than recorded ones.
        lower, upper: 하한가 and 상한가. Repeated trades at one are initiated by the side that still finds the other.
        auction: whether all of the bar is one call auction.
        auction_first: whether the first trade is that of a call auction, and takes place at ``first_ms``.
        first_ms, last_ms: milliseconds of the minute between which there are trades.
    """

    key: NDArray[np.uint64]
    start: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    value: Ints
    turnover: Ints
    trade_size: Floats
    lower: Ints
    upper: Ints
    auction: Flags
    auction_first: Flags
    first_ms: Ints
    last_ms: Ints

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, part: Ints | slice) -> ScriptBars:
        return ScriptBars(*(getattr(self, name)[part] for name in self.__slots__))


def joined(parts: Sequence[ScriptBars]) -> ScriptBars:
    """The bars of all parts, one after the other."""
    return ScriptBars(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ScriptBars.__slots__)
    )


def extremes(bars: ScriptBars) -> tuple[Flags, Flags]:
    """Whether a bar's high is above, and its low below, its first and last price."""
    above: Flags = bars.high > np.maximum(bars.open, bars.close)
    below: Flags = bars.low < np.minimum(bars.open, bars.close)
    return above, below


def bar_key(bars: ScriptBars, what: str) -> NDArray[np.uint64]:
    """A random key of each bar."""
    return hash_random.keys(bars.key, what)


class Layout:
    """Where the trades of each bar are, and which of them belong to one order that takes from the book.

    Attributes:
        first, last: index of each bar's first and last trade.
        bar: of each trade.
        number: of each trade within its bar, from 0.
        high, low: index of the trade that touches an extreme which is neither open nor close, -1 for none.
        starts: whether a trade is the first of its order.
        order: index of the first trade of a trade's order.
        draw: 64 random bits for each trade.
    """

    __slots__ = ("bar", "draw", "first", "high", "last", "low", "number", "order", "starts")

    def __init__(self, bars: ScriptBars, count: Ints) -> None:
        edges = np.cumsum(count)
        self.first, self.last = edges - count, edges - 1
        at = np.arange(int(edges[-1]) if len(edges) else 0)
        self.bar = np.repeat(np.arange(len(count)), count)
        self.number = at - self.first[self.bar]
        self.draw = hash_random.bits(bar_key(bars, "trade")[self.bar], self.number)
        inner = count - 2  # trades between the first and the last
        above, below = extremes(bars)
        # A bar that has to touch both takes its high from the first half of them and its low from the second.
        room = np.where(above & below, (inner + 1) // 2, inner)
        skip = np.where(above, room, 0)
        self.high = _picked(bar_key(bars, "high"), self.first + 1, np.where(above, room, 0))
        self.low = _picked(bar_key(bars, "low"), self.first + 1 + skip, np.where(below, inner - skip, 0))
        self.starts = self.field(0) >= int(_SAME_ORDER * FRACTION)
        # Trades with a given price are orders alone.
        alone = np.concatenate([self.high[self.high >= 0], self.low[self.low >= 0], self.first, self.last])
        self.starts[alone] = True
        self.starts[alone[alone + 1 < len(at)] + 1] = True
        self.order = np.maximum.accumulate(np.where(self.starts, at, 0))

    def field(self, number: int) -> Ints:
        """A random number of 16 bits for each trade; there are four."""
        return (self.draw >> np.uint64(16 * number) & np.uint64(FRACTION - 1)).astype(np.int64)


def _picked(key: NDArray[np.uint64], first: Ints, room: Ints) -> Ints:
    """A random one of ``room`` indices from ``first`` on, -1 if there are none."""
    draw = hash_random.uniform(key, np.zeros(len(room), np.int64))
    return np.where(room > 0, first + np.minimum((draw * room).astype(np.int64), room - 1), -1)


def touching_trades(layout: Layout) -> Ints:
    """Indices of the trades at a bar's first and last price, its high and its low."""
    parts = layout.first, layout.last, layout.high[layout.high >= 0], layout.low[layout.low >= 0]
    return np.concatenate(parts)
