"""Room for volatility interruptions in the minutes of a synthetic day.

The path of a day's prices knows no VI. Where it comes to a trigger, trading must have stopped for two minutes
before, and the bar that goes beyond the trigger begins with the price of an auction. So the bar of the minute
before it goes, or those of two, as the seconds fall, and what was traded in them is traded in it. Where that is
too near the auction before (the opening, or a VI's), the bar itself comes later, together with those that it
would have met on its way. The day's prices, volume and value stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.tick_size import PriceRules
from kernel_server.simulated.market.vi_rules import ViRule

_SECOND_GOES = 4  # one in so many times the pause takes two whole minutes, otherwise one and parts of two
_FEW = 4  # shares; with fewer a bar cannot have four prices


@dataclass(frozen=True, slots=True)
class _Bar:
    """A bar of continuous trading, by the number of its minute."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: int

    def within(self, least: int, most: int) -> _Bar:
        """The bar with no price beyond those."""
        open_, high, low, close = (
            min(max(price, least), most) for price in (self.open, self.high, self.low, self.close)
        )
        return replace(self, open=open_, high=high, low=low, close=close)


class _Day:
    """One day's bars as they come to be: ``kept`` in order, each with the range that its prices may have."""

    def __init__(self, rule: ViRule, grid: PriceRules, key: int, bars: list[_Bar], stop: int) -> None:
        self.kept: list[_Bar] = []
        self._ranges: list[tuple[int, int]] = []
        self._rule = rule
        self._grid = grid
        self._key = key
        self._bars = bars[::-1]
        self._stop = stop  # the minute in which continuous trading is over
        self._measure(bars[0].open, bars[0].minute)

    def _measure(self, base: int, minute: int) -> None:
        """The auction of that minute has made a new base."""
        self._auction = minute
        self._up, self._down = self._rule.triggers(base, self._grid)
        self._most, self._least = self._grid.floor(self._up - 1), self._grid.ceil(self._down + 1)

    def lay(self) -> None:
        """Lays all bars one behind the other."""
        while self._bars:
            bar = self._bars.pop()
            if bar.low > self._down and bar.high < self._up:
                self._keep(bar)
            elif self._release(bar) < self._stop:
                self._interrupt(bar)
            else:
                self._keep(bar.within(self._least, self._most))

    def _apart(self) -> int:
        """Minutes from the start of the one in which trading stops to that of the one in which it goes on."""
        return 3 if hash_random.key(self._key, "apart", self._auction) % _SECOND_GOES == 0 else 2

    def _release(self, bar: _Bar) -> int:
        """The minute in which trading goes on beyond the trigger that the bar reaches."""
        return max(bar.minute, self._auction + self._apart())

    def _keep(self, bar: _Bar) -> None:
        self.kept.append(bar)
        self._ranges.append((self._least, self._most))

    def _interrupt(self, bar: _Bar) -> None:
        """The bar reaches a trigger."""
        if bar.minute == self._auction:
            if bar.volume < 2 * _FEW:
                self._keep(bar.within(self._least, self._most))
                return
            bar = self._begun(bar)
        price = self._reached(bar)
        release = self._release(bar)
        volume, close = bar.volume, bar.close
        # What of the bar comes before its price has got there is not told by the bar.
        beyond = bar.open == price
        high = bar.high if beyond or price >= self._up else max(price, close)
        low = bar.low if beyond or price <= self._down else min(price, close)
        while self.kept[-1].minute > release - self._apart():
            volume += self.kept.pop().volume
            self._ranges.pop()
        while self._bars and self._bars[-1].minute <= release:
            later = self._bars.pop()
            volume, close = volume + later.volume, later.close
            high, low = max(high, later.high), min(low, later.low)
        self._measure(price, release)
        self._bars.append(_Bar(release, price, high, low, close, volume))

    def _begun(self, bar: _Bar) -> _Bar:
        """Half of the bar in which an auction was stays with it, up to the trigger; the other half."""
        edge = self._most if bar.high >= self._up else self._least
        held = bar.volume // 2
        first = bar.within(self._least, self._most)
        self._keep(replace(first, close=edge, volume=held))
        return replace(bar, volume=bar.volume - held)

    def _reached(self, bar: _Bar) -> int:
        """The first price of the bar that is known to be beyond a trigger."""
        for price in (bar.open, bar.close, bar.high):
            if not self._down < price < self._up:
                return price
        return bar.low

    def touch(self, price: int) -> bool:
        """Sees to it that a bar has that price; whether there is one that may."""
        if any(bar.low == price or bar.high == price for bar in self.kept):
            return True
        may = [place for place, (least, most) in enumerate(self._ranges) if least <= price <= most]
        if not may:
            return False
        place = max(
            may, key=lambda place: (self.kept[place].volume >= _FEW, -abs(self.kept[place].close - price))
        )
        bar = self.kept[place]
        self.kept[place] = replace(bar, high=max(bar.high, price), low=min(bar.low, price))
        return True


def make_room(
    rule: ViRule, grid: PriceRules, key: int, volume: Ints, open_: Ints, high: Ints, low: Ints, close: Ints
) -> bool:
    """Rearranges one day's minutes, in place; whether it could be done, otherwise they stay as they are.

    Args:
        rule: of VIs on that day.
        grid: its ticks.
        key: of that day of the issue, for draws.
        volume: shares of each minute of continuous trading and, last, of the closing auction.
        open_, high, low, close: their prices, KRW, of no meaning where there is no volume.
    """
    columns = (open_, high, low, close, volume)
    minutes = np.flatnonzero(volume[:-1])
    traded = [column[volume > 0] for column in (high, low)]
    bars = [
        _Bar(*row)
        for row in zip(minutes.tolist(), *(column[minutes].tolist() for column in columns), strict=True)
    ]
    day = _Day(rule, grid, key, bars, len(volume) - 1)
    day.lay()
    ends = {int(close[-1])} if volume[-1] else set()
    extremes = {int(traded[0].max()), int(traded[1].min())} - ends
    if not volume[-1] and day.kept[-1].close != bars[-1].close:
        return False
    if not all(day.touch(price) for price in sorted(extremes)):
        return False
    volume[:-1] = 0
    for bar in day.kept:
        for column, value in zip(columns, (bar.open, bar.high, bar.low, bar.close, bar.volume), strict=True):
            column[bar.minute] = value
    return True
