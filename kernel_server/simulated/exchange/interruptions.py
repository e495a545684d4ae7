"""Static volatility interruptions (정적 VI) found in a day's trades.

The order that triggers a VI does not trade, so the trigger itself is not among the trades. What shows is its effect:
no trade for at least two minutes, then an auction trade beyond the trigger price, which is the static reference price
from there on. This holds for recorded trades, recorded minutes and synthetic minutes (``synthetic.vi_prices``). A price
move of that size without such a pause is no VI. Nor are the opening and closing auctions, which end on time here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.market_time import MINUTE_MS
from kernel_server.simulated.exchange.interface import Interruption
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.market.vi_rules import ViRule

_MIN_EXTRA_MS = 1000


class ViRelease(NamedTuple):
    """Row of the auction trade (or of the bar) that ends a VI, and the reference price before it, KRW."""

    row: int
    base: int


class ViContext(NamedTuple):
    """What an issue's VIs of a day depend on. Prices in KRW, times in seconds since the epoch.

    Attributes:
        rule: of VIs.
        grid: tick table.
        base: static reference price before the first trade: 기준가, in an after-market the close.
        hours: of the session.
        key: random key.
        auction: whether the first trade is that of an auction, and the reference price from then on.
        references: times from which on prices of other auctions are the reference price, with these prices.
        begins: when trading begins anew after a break, 0 for no break.
        before: number of VIs earlier on that day.
    """

    rule: ViRule
    grid: PriceRules
    base: int
    hours: SessionHours
    key: int
    auction: bool = True
    references: tuple[tuple[float, int], ...] = ()
    begins: float = 0.0
    before: int = 0

    def within(self, first: int, lowest: int, highest: int) -> bool:
        """Whether prices between those two are within the triggers of all reference prices that are known beforehand.

        ``first`` is the price of the first trade, which is one of them after an auction.
        """
        references = [first if self.auction else self.base, *(price for _time, price in self.references)]
        ups, downs = zip(*(self.rule.triggers(price, self.grid) for price in references), strict=True)
        return bool(max(downs) < lowest and highest < min(ups))

    def reaches_first(self, first: int, since: float) -> bool:
        """Whether a first trade at that price, or later, so long after the opening ends a VI."""
        up, down = self.rule.triggers(self.base, self.grid)
        return not down < first < up and bool(since >= self.rule.seconds)

    def extra_ms(self, number: int) -> int:
        """Random extension of the day's VI of that number, milliseconds."""
        spread = self.rule.random * 1000 - _MIN_EXTRA_MS
        return _MIN_EXTRA_MS + hash_random.key(self.key, "random end", number) % spread


def releases(context: ViContext, time: Floats | Ints, price: Ints) -> list[ViRelease]:
    """The VI releases among trades (by time and price) or among bars (by start and opening price)."""
    count = int(np.searchsorted(time, context.hours.closing_auction))
    if not count:
        return []
    found = []
    first, traded = int(price[0]), price[:count]
    begun = context.reaches_first(first, time[0] - context.hours.opens)
    if begun:
        found.append(ViRelease(0, context.base))
    if context.within(first, int(traded.min()), int(traded.max())):
        return found  # the usual day: no price reaches a trigger
    base, later = first if begun or context.auction else context.base, list(context.references)
    for row in (np.flatnonzero(np.diff(time[:count]) >= context.rule.seconds) + 1).tolist():
        reached = int(price[row])
        while later and later[0][0] <= time[row]:
            base = later.pop(0)[1]
        up, down = context.rule.triggers(base, context.grid)
        if not down < reached < up:
            found.append(ViRelease(row, base))
            base = reached
    return found


def possible(context: ViContext, start: Ints, minutes: Bars) -> bool:
    """Whether trades of a session's minutes, which begin at ``start``, may have a VI."""
    count = int(np.searchsorted(start, context.hours.closing_auction))
    if not count:
        return False
    first = int(minutes.open[0])
    if context.reaches_first(first, start[0] + 60 - context.hours.opens):
        return True
    return not context.within(first, int(minutes.low[:count].min()), int(minutes.high[:count].max()))


def interruptions(context: ViContext, code: str, time: Floats, price: Ints) -> tuple[Interruption, ...]:
    """The VIs of a day's trades, oldest first, with their ends. Each begins after the trade before its auction."""
    found = []
    for number, (row, base) in enumerate(releases(context, time, price), 1 + context.before):
        end = float(time[row])
        before = float(time[row - 1]) if row else context.hours.opens
        if before < context.begins <= end:
            before = context.begins
        start = max(before, end - context.rule.seconds - context.extra_ms(number) / 1000)
        up, down = context.rule.triggers(base, context.grid)
        trigger = up if price[row] >= up else down
        found.append(Interruption(code, start, trigger, static=base, released=end, number=number))
    return tuple(found)


class TradingPause(NamedTuple):
    """A pause without trades from within the bar before ``bar`` to within ``bar``.

    Times are milliseconds from the start of each bar's minute: the earlier bar trades from ``first_ms`` to
    ``stop_ms``, ``bar`` from ``resume_ms``.
    """

    bar: int
    first_ms: int
    stop_ms: int
    resume_ms: int


def pauses(context: ViContext, start: Ints, opening: Ints) -> list[TradingPause]:
    """The trading pauses that VIs leave in neighbouring minutes, as long as the rule says.

    A VI whose two bars are farther apart than its pause needs none.

    Args:
        context: of the day.
        start: start of each bar with trades, seconds since the epoch.
        opening: opening price of each, KRW.
    """
    found: list[TradingPause] = []
    for number, (bar, _base) in enumerate(releases(context, start, opening), 1 + context.before):
        if not bar:
            continue
        apart = 1000 * (int(start[bar]) - int(start[bar - 1]))
        pause = 1000 * context.rule.seconds + context.extra_ms(number)
        since_break = int(1000 * (int(start[bar]) - context.begins))
        if 0 <= since_break < apart:
            # The earlier minute may be that in which trading began anew: then it has nothing but its beginning.
            stop = min(apart - since_break, MINUTE_MS)
            found.append(TradingPause(bar, 0, stop, max(0, min(pause - since_break, MINUTE_MS))))
            continue
        # The pause may start anywhere in the earlier minute that lets it end within the minute of ``bar``.
        least, most = max(0, apart - pause), min(60_000, apart - pause + 60_000)
        if least >= most:
            continue
        first = found[-1].resume_ms if found and found[-1].bar == bar - 1 else 0
        stop = max(first, least + hash_random.key(context.key, "stop", number) % (most - least))
        found.append(TradingPause(bar, first, stop, min(stop + pause - apart, MINUTE_MS)))
    return found
