"""Volatility interruptions in the minutes of a synthetic day.

The random path of a day's prices takes no account of VIs. At a bar that reaches a trigger price, trading has to stop
for two minutes and the bar beyond the trigger has to begin with an auction trade. So the one or two bars before it
are merged into it. If that is too close to the previous auction (the opening's or a VI's), the bar itself moves to a
later minute and absorbs the bars up to there. The day's prices, volume and value stay the same.
Trading that begins without an auction, as an after-market does, has a reference price from before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.after_market.evening import EveningMinutes
from kernel_server.simulated.market.vi_rules import ViRule

_LONG_PAUSE = 4  # one pause in that many takes two full minutes, the others one and parts of two
_MIN_VOLUME = 4  # shares; with fewer a bar cannot have four prices


@dataclass(frozen=True, slots=True)
class _Bar:
    """A bar of continuous trading, by the number of its minute."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: int

    def clipped(self, lowest: int, highest: int) -> _Bar:
        """The bar with its prices clipped to that range."""
        open_, high, low, close = (
            min(max(price, lowest), highest) for price in (self.open, self.high, self.low, self.close)
        )
        return replace(self, open=open_, high=high, low=low, close=close)


class _Day:
    """Rearrangement of a day's bars: ``done`` has the finished ones in order, each with its range of allowed prices."""

    def __init__(
        self,
        rule: ViRule,
        grid: PriceRules,
        key: int,
        bars: list[_Bar],
        stop: int,
        reference: int | None = None,
    ) -> None:
        self.done: list[_Bar] = []
        self._ranges: list[tuple[int, int]] = []
        self._rule = rule
        self._grid = grid
        self._key = key
        self._pending = bars[::-1]
        self._end = stop  # the minute in which continuous trading ends
        if reference is None:
            self._set_reference(bars[0].open, bars[0].minute)
        else:
            self._set_reference(reference, 0)

    def _set_reference(self, base: int, minute: int) -> None:
        """Set the reference price after an auction in that minute."""
        self._auction_minute = minute
        self._up, self._down = self._rule.triggers(base, self._grid)
        self._highest, self._lowest = self._grid.floor(self._up - 1), self._grid.ceil(self._down + 1)

    def process(self) -> None:
        """Process all pending bars."""
        while self._pending:
            bar = self._pending.pop()
            if bar.low > self._down and bar.high < self._up:
                self._append(bar)
            elif self._release(bar) < self._end:
                self._interrupt(bar)
            else:
                self._append(bar.clipped(self._lowest, self._highest))

    def _pause_minutes(self) -> int:
        """Minutes from the start of the last bar before the pause to the start of the bar after it."""
        return 3 if hash_random.key(self._key, "apart", self._auction_minute) % _LONG_PAUSE == 0 else 2

    def _release(self, bar: _Bar) -> int:
        """The minute in which trading resumes beyond the trigger that the bar reaches."""
        return max(bar.minute, self._auction_minute + self._pause_minutes())

    def _append(self, bar: _Bar) -> None:
        self.done.append(bar)
        self._ranges.append((self._lowest, self._highest))

    def _interrupt(self, bar: _Bar) -> None:
        """Process a bar that reaches a trigger price."""
        if bar.minute == self._auction_minute:
            if bar.volume < 2 * _MIN_VOLUME:
                self._append(bar.clipped(self._lowest, self._highest))
                return
            bar = self._split_auction_bar(bar)
        price = self._first_price_beyond(bar)
        release = self._release(bar)
        volume, close = bar.volume, bar.close
        # A bar does not show which of its prices came before the trigger.
        beyond = bar.open == price
        high = bar.high if beyond or price >= self._up else max(price, close)
        low = bar.low if beyond or price <= self._down else min(price, close)
        while self.done and self.done[-1].minute > release - self._pause_minutes():
            volume += self.done.pop().volume
            self._ranges.pop()
        while self._pending and self._pending[-1].minute <= release:
            later = self._pending.pop()
            volume, close = volume + later.volume, later.close
            high, low = max(high, later.high), min(low, later.low)
        self._set_reference(price, release)
        self._pending.append(_Bar(release, price, high, low, close, volume))

    def _split_auction_bar(self, bar: _Bar) -> _Bar:
        """Keep half of an auction's bar, up to the trigger price, and return the other half."""
        edge = self._highest if bar.high >= self._up else self._lowest
        first_volume = bar.volume // 2
        first = bar.clipped(self._lowest, self._highest)
        self._append(replace(first, close=edge, volume=first_volume))
        return replace(bar, volume=bar.volume - first_volume)

    def _first_price_beyond(self, bar: _Bar) -> int:
        """The first price of the bar that is known to be beyond a trigger."""
        for price in (bar.open, bar.close, bar.high):
            if not self._down < price < self._up:
                return price
        return bar.low

    def ensure_price(self, price: int) -> bool:
        """Make some bar reach that price; False if none may."""
        if any(bar.low == price or bar.high == price for bar in self.done):
            return True
        may = [place for place, (lowest, highest) in enumerate(self._ranges) if lowest <= price <= highest]
        if not may:
            return False
        place = max(
            may,
            key=lambda place: (self.done[place].volume >= _MIN_VOLUME, -abs(self.done[place].close - price)),
        )
        bar = self.done[place]
        self.done[place] = replace(bar, high=max(bar.high, price), low=min(bar.low, price))
        return True


def insert_interruptions(
    rule: ViRule, grid: PriceRules, key: int, volume: Ints, open_: Ints, high: Ints, low: Ints, close: Ints
) -> bool:
    """Rearrange one day's minutes in place; False, and unchanged minutes, if that is impossible.

    Args:
        rule: of VIs on that day.
        grid: its tick table.
        key: random key of the issue and the day.
        volume: shares of each minute of continuous trading and, last, of the closing auction.
        open_, high, low, close: their prices, KRW, arbitrary where there is no volume.
    """
    columns = (open_, high, low, close, volume)
    minutes = np.flatnonzero(volume[:-1])
    traded = [column[volume > 0] for column in (high, low)]
    bars = [
        _Bar(*row)
        for row in zip(minutes.tolist(), *(column[minutes].tolist() for column in columns), strict=True)
    ]
    day = _Day(rule, grid, key, bars, len(volume) - 1)
    day.process()
    ends = {int(close[-1])} if volume[-1] else set()
    extremes = {int(traded[0].max()), int(traded[1].min())} - ends
    if not volume[-1] and day.done[-1].close != bars[-1].close:
        return False
    if not all(day.ensure_price(price) for price in sorted(extremes)):
        return False
    volume[:-1] = 0
    for bar in day.done:
        for column, value in zip(columns, (bar.open, bar.high, bar.low, bar.close, bar.volume), strict=True):
            column[bar.minute] = value
    return True


def with_interruptions(
    rule: ViRule, grid: PriceRules, key: int, reference: int, minutes: EveningMinutes, length: int
) -> EveningMinutes:
    """The minutes of trading that begins without an auction, rearranged for the VIs that its prices call for.

    Args:
        rule: of VIs on that day.
        grid: its tick table.
        key: random key of the issue and the day.
        reference: the static reference price before the first trade, KRW.
        minutes: the minutes with trades.
        length: minutes of trading; nothing trades after them.
    """
    up, down = rule.triggers(reference, grid)
    if not len(minutes.minute) or down < int(minutes.low.min()) <= int(minutes.high.max()) < up:
        return minutes
    bars = [_Bar(*row) for row in zip(*(column.tolist() for column in minutes), strict=True)]
    day = _Day(rule, grid, key, bars, length, reference)
    day.process()
    rows = [(bar.minute, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in day.done]
    return EveningMinutes(*np.array(rows, np.int64).T)
