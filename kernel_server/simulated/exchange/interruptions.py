"""Volatility interruptions as a day's trades tell of them.

What sets one off is not on the tape: nobody has traded at that price. What can be seen is that trading stops for
two minutes at least and goes on beyond the trigger, with a trade of a single price, from which the next VI is
measured. So it is in recorded trades, in given minutes, and in those that ``intraday`` makes. A price that goes
as far without such a pause before it sets nothing off. Nor do the auctions of the open and of the close: they end
on time here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.exchange.interface import Interruption
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.market.tick_size import PriceRules
from kernel_server.simulated.market.vi_rules import ViRule

_LEAST = 1000  # thousandths of a second by which the end comes late, at least


class ViRelease(NamedTuple):
    """A VI ends with the trade at that place, or the bar; ``base`` is what it was measured against, KRW."""

    place: int
    base: int


class ViContext(NamedTuple):
    """What an issue's day is measured by: the rule, the ticks, 기준가 in KRW, the hours, and a key for draws."""

    rule: ViRule
    grid: PriceRules
    base: int
    hours: SessionHours
    key: int

    def late(self, number: int) -> int:
        """By how many thousandths of a second the day's VI of that number ends later than it could."""
        return _LEAST + hash_random.key(self.key, "random end", number) % (self.rule.random * 1000 - _LEAST)


def releases(frame: ViContext, time: Floats | Ints, price: Ints) -> list[ViRelease]:
    """The trades that end a VI, by their moments and prices; or the bars, by their starts and opening prices."""
    count = int(np.searchsorted(time, frame.hours.auction))
    if not count:
        return []
    found = []
    rule, grid = frame.rule, frame.grid
    first = int(price[0])
    up, down = rule.triggers(frame.base, grid)
    if not down < first < up and time[0] - frame.hours.opens >= rule.seconds:
        found.append(ViRelease(0, frame.base))
    up, down = rule.triggers(first, grid)
    traded = price[:count]
    if down < int(traded.min()) and int(traded.max()) < up:
        return found  # so it is on most days
    base = first
    for place in (np.flatnonzero(np.diff(time[:count]) >= rule.seconds) + 1).tolist():
        reached = int(price[place])
        if not down < reached < up:
            found.append(ViRelease(place, base))
            base = reached
            up, down = rule.triggers(base, grid)
    return found


def interruptions(frame: ViContext, code: str, time: Floats, price: Ints) -> tuple[Interruption, ...]:
    """The VIs of a day's trades, oldest first, each with its end. None begins before the trade before it."""
    found = []
    for number, (place, base) in enumerate(releases(frame, time, price), 1):
        end = float(time[place])
        before = float(time[place - 1]) if place else frame.hours.opens
        begun = max(before, end - frame.rule.seconds - frame.late(number) / 1000)
        up, down = frame.rule.triggers(base, frame.grid)
        trigger = up if price[place] >= up else down
        found.append(Interruption(code, begun, trigger, static=base, released=end, number=number))
    return tuple(found)


class TradingPause(NamedTuple):
    """Trading stops within the bar before ``bar`` and goes on within that one.

    Its moments are thousandths of a second from the start of each: in the one before, trades are from ``begins``
    to ``stops``; in its own, from ``goes_on`` on.
    """

    bar: int
    begins: int
    stops: int
    goes_on: int


def pauses(frame: ViContext, start: Ints, opening: Ints) -> list[TradingPause]:
    """Where in the minutes around a VI there is trading, so that the pause between them is as long as it has to be.

    Only for VIs whose minutes are so near each other that they have to share the pause.

    Args:
        frame: of the day.
        start: of each bar with trades, seconds since the epoch.
        opening: the first price of each, KRW.
    """
    found: list[TradingPause] = []
    for number, (bar, _base) in enumerate(releases(frame, start, opening), 1):
        if not bar:
            continue
        apart = 1000 * (int(start[bar]) - int(start[bar - 1]))
        pause = 1000 * frame.rule.seconds + frame.late(number)
        # It may begin within the minute before, and then it ends within its own.
        least, most = max(0, apart - pause), min(60_000, apart - pause + 60_000)
        if least >= most:
            continue
        begins = found[-1].goes_on if found and found[-1].bar == bar - 1 else 0
        stops = max(begins, least + hash_random.key(frame.key, "stop", number) % (most - least))
        found.append(TradingPause(bar, begins, stops, min(stops + pause - apart, 59_999)))
    return found
