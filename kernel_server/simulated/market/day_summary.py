"""An issue's newest session in numbers, and what the broker derives from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernel_server.simulated.base import hash_random, kiwoom_format
from kernel_server.simulated.market.model import Bars, Issue, Market
from kernel_server.simulated.market.tick_size import PriceRules, board, rules
from kernel_server.simulated.market.trading_hours import day_of

LEVELS = 5
BOUGHT = (150, 500)
"""Of a day's volume so many thousandths at least were bought, and up to so many more."""

# 250최고 reaches back 250 sessions from the newest one: the recorded 250최고가일 of 2022-01-18 is 2021-01-15.
_LONG_RUN = 251


@dataclass(frozen=True, slots=True)
class DaySummary:
    """The newest session of an issue. Prices in KRW, ``value`` too.

    Attributes:
        date: YYYYMMDD.
        base: 기준가, the close of the session before at today's scale; on an issue's first session the opening price.
        last: 현재가.
        volume_before: volume of the session before, 0 on the first.
        upper, lower: 상한가, 하한가.
    """

    issue: Issue
    date: int
    base: int
    open: int
    high: int
    low: int
    last: int
    volume: int
    value: int
    volume_before: int
    upper: int
    lower: int

    @property
    def rules(self) -> PriceRules:
        return rules(day_of(self.date), board(self.issue))

    @property
    def bought(self) -> int:
        """So much of the volume traded at the ask; how it divides follows from code and date."""
        return self.volume * (BOUGHT[0] + self.draw("bought", BOUGHT[1])) // 1000

    def draw(self, what: str, below: int, *more: int) -> int:
        """A number from 0 up to, not including, ``below``, the same whenever it is drawn on that day."""
        return hash_random.key(self.issue.code, self.date, what, *more) % max(1, below)


def strength(bought: int, volume: int) -> str:
    """체결강도: what was bought in percent of what was sold."""
    return kiwoom_format.decimal(bought * 100, max(1, volume - bought))


def history(market: Market, code: str, now: float, days: int = _LONG_RUN) -> Bars:
    """The issue's newest adjusted days; where only unadjusted ones were given, those."""
    adjusted = market.daily(code, True, now, days)
    return adjusted if len(adjusted) else market.daily(code, False, now, days)


def newest(issue: Issue, adjusted: Bars) -> DaySummary | None:
    """The newest session of the issue's adjusted daily bars; None where it has none.

    Adjusted, so that the close before is at today's scale even where a split took effect today.
    """
    if not len(adjusted):
        return None
    first = len(adjusted) == 1
    date = int(adjusted.time[-1])
    base = int(adjusted.open[-1] if first else adjusted.close[-2])
    upper, lower = rules(day_of(date), board(issue)).limits(base)
    return DaySummary(
        issue=issue,
        date=date,
        base=base,
        open=int(adjusted.open[-1]),
        high=int(adjusted.high[-1]),
        low=int(adjusted.low[-1]),
        last=int(adjusted.close[-1]),
        volume=int(adjusted.volume[-1]),
        value=int(adjusted.value[-1]),
        volume_before=0 if first else int(adjusted.volume[-2]),
        upper=upper,
        lower=lower,
    )


@dataclass(frozen=True, slots=True)
class Extremes:
    """Highest and lowest price of this year, and of the newest 251 sessions with the day of each (YYYYMMDD)."""

    year_high: int
    year_low: int
    long_high: int
    long_high_date: int
    long_low: int
    long_low_date: int


def extremes(adjusted: Bars) -> Extremes:
    """The extremes up to the newest bar, of which there has to be one. Of two equal ones the newer counts."""
    # A session without a trade may come with a high and low of 0: its close stands for them.
    traded = adjusted.low[-_LONG_RUN:] > 0
    close = adjusted.close[-_LONG_RUN:]
    high = np.where(traded, adjusted.high[-_LONG_RUN:], close)
    low = np.where(traded, adjusted.low[-_LONG_RUN:], close)
    time = adjusted.time[-_LONG_RUN:]
    year = time >= time[-1] // 10000 * 10000
    highest = len(high) - 1 - int(np.argmax(high[::-1]))
    lowest = len(low) - 1 - int(np.argmin(low[::-1]))
    return Extremes(
        year_high=int(high[year].max()),
        year_low=int(low[year].min()),
        long_high=int(high[highest]),
        long_high_date=int(time[highest]),
        long_low=int(low[lowest]),
        long_low_date=int(time[lowest]),
    )


@dataclass(frozen=True, slots=True)
class VisibleQuotes:
    """The visible quotes, best first; 0 stands for a level that is not there.

    Attributes:
        asks, bids: prices of the five levels.
        ask_size, bid_size: shares at the best level, ``asks_size``, ``bids_size`` at all of them.
        trade: shares of the last trade, negative where a seller took the best bid.
    """

    asks: tuple[int, ...]
    bids: tuple[int, ...]
    ask_size: int
    bid_size: int
    asks_size: int
    bids_size: int
    trade: int


def book(day: DaySummary) -> VisibleQuotes:
    """Quotes around the last price, on the grid of ticks and inside the day's limits.

    The last trade was at the best ask or the best bid; which of them, and the sizes, follow from the
    code, the date and what has been traded so far.
    """
    bought = day.draw("side", 2, day.volume) == 1
    grid = day.rules
    if bought:
        ask = grid.ceil(day.last)
        bid = grid.floor(ask - 1)
    else:
        bid = grid.floor(day.last)
        ask = bid + grid.tick(bid)
    asks, bids = [], []
    for _ in range(LEVELS):
        asks.append(ask if ask <= day.upper else 0)
        bids.append(bid if bid >= day.lower else 0)
        ask += grid.tick(ask)
        bid = grid.floor(bid - 1) if bid > 1 else 0
    unit = max(1, day.volume // 1000)
    trade = min(day.volume, 1 + day.draw("trade", unit, day.volume))
    ask_size = (1 + day.draw("ask", unit * 4, day.last)) * (asks[0] > 0)
    bid_size = (1 + day.draw("bid", unit * 4, day.last)) * (bids[0] > 0)
    return VisibleQuotes(
        asks=tuple(asks),
        bids=tuple(bids),
        ask_size=ask_size,
        bid_size=bid_size,
        asks_size=ask_size * (4 + day.draw("asks", 20, day.last)),
        bids_size=bid_size * (4 + day.draw("bids", 20, day.last)),
        trade=trade if bought else -trade,
    )
