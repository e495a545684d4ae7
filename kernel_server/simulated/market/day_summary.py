"""Summary of an issue's newest session, and figures derived from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernel_server.reference.price_rules import PriceRules, rules
from kernel_server.simulated.base import hash_random, kiwoom_format
from kernel_server.simulated.market.model import Bars, Issue, Market, board
from kernel_server.simulated.market.trading_hours import day_of

LEVELS = 5
BUY_SHARE = (450, 100)
"""Shares bought per thousand of a day's volume: the least, and how many more there can be."""

# 250최고 reaches back 250 sessions from the newest one: the recorded 250최고가일 of 2022-01-18 is 2021-01-15.
_LONG_PERIOD = 251


@dataclass(frozen=True, slots=True)
class DaySummary:
    """The newest session of an issue. Prices and ``value`` in KRW.

    Attributes:
        date: YYYYMMDD.
        base: 기준가: the previous close, adjusted to today; the opening price on an issue's first session.
        last: 현재가.
        previous_volume: volume of the previous session, 0 on the first.
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
    previous_volume: int
    upper: int
    lower: int

    @property
    def rules(self) -> PriceRules:
        return rules(day_of(self.date), board(self.issue))

    @property
    def buy_volume(self) -> int:
        """Volume traded at the ask of a day without trades: a share of it that depends on code and date."""
        return self.volume * (BUY_SHARE[0] + self.random("bought", BUY_SHARE[1])) // 1000

    def random(self, what: str, below: int, *more: int) -> int:
        """A number from 0 to ``below`` - 1 that depends on the code, the date and the other arguments."""
        return hash_random.key(self.issue.code, self.date, what, *more) % max(1, below)


def trade_strength(bought: int, sold: int) -> str:
    """체결강도: shares that buyers initiated in percent of those that sellers did; 0.00 without the latter."""
    return kiwoom_format.decimal(bought * 100, sold) if sold else "0.00"


def history(market: Market, code: str, now: float, days: int = _LONG_PERIOD) -> Bars:
    """The issue's newest adjusted daily bars; the unadjusted ones if there are no adjusted ones."""
    adjusted = market.daily(code, True, now, days)
    return adjusted if len(adjusted) else market.daily(code, False, now, days)


def latest_summary(issue: Issue, adjusted: Bars) -> DaySummary | None:
    """Summary of the newest session in the issue's daily bars, None without bars.

    The bars are adjusted, so that the previous close is comparable even if a split took effect today.
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
        previous_volume=0 if first else int(adjusted.volume[-2]),
        upper=upper,
        lower=lower,
    )


@dataclass(frozen=True, slots=True)
class Extremes:
    """Highest and lowest price of this year, and of the newest 251 sessions with their days (YYYYMMDD)."""

    year_high: int
    year_low: int
    long_high: int
    long_high_date: int
    long_low: int
    long_low_date: int


def extremes(adjusted: Bars) -> Extremes:
    """The extremes up to the newest bar; at least one bar is needed. Of two equal prices the newer one counts."""
    # In a session without trades high and low may be 0: the close replaces them.
    traded = adjusted.low[-_LONG_PERIOD:] > 0
    close = adjusted.close[-_LONG_PERIOD:]
    high = np.where(traded, adjusted.high[-_LONG_PERIOD:], close)
    low = np.where(traded, adjusted.low[-_LONG_PERIOD:], close)
    time = adjusted.time[-_LONG_PERIOD:]
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
