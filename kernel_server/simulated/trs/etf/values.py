"""Net asset values of ETFs.

On a day that is over, the NAV of a fund of an index of this market has moved as the index times its multiple, day by
day from the price at the end of 2025. While a session runs, and where there is no such index, it is the price without a
drawn premium. Over recorded prices it is unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.base.tr import AnswerPending
from kernel_server.simulated.market.funds import Fund, funds
from kernel_server.simulated.market.model import Bars, Issue, Market
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.trading_hours import today
from kernel_server.simulated.snapshot.index_values import IndexValues

_ANCHOR = 20251230
_PREMIUM, _FOREIGN_PREMIUM = 0.0005, 0.002  # deviation of the price from the NAV
_DAY_MINUTES = 1440
_WINDOW = 60  # sessions of 추적오차율
RECENT = _WINDOW + 1
"""Sessions that the newest day's figures need."""
_CENTS = 100
_DAY = 1_000_000


@dataclass(frozen=True)
class FundDays:
    """The days of an ETF, oldest first, on one array place each.

    Attributes:
        fund: what it follows, None if that is not known.
        bars: adjusted daily bars.
        nav: NAV in hundredths of a won, 0 if unknown.
        index: its index in hundredths of a point, 0 where there is none.
        running: whether the newest day is in progress.
    """

    issue: Issue
    fund: Fund | None
    bars: Bars
    nav: Ints
    index: Ints
    running: bool

    @property
    def multiple(self) -> int:
        return self.fund.multiple if self.fund else 1

    @cached_property
    def base(self) -> Ints:
        """기준가 of each day."""
        found: Ints = np.append(self.bars.open[:1], self.bars.close[:-1])
        return found

    @cached_property
    def nav_base(self) -> Ints:
        """NAV of the day before; on the first day that of the day."""
        found: Ints = np.append(self.nav[:1], self.nav[:-1])
        return found

    @cached_property
    def index_base(self) -> Ints:
        """Index of the day before."""
        found: Ints = np.append(self.index[:1], self.index[:-1])
        return found

    @cached_property
    def implied(self) -> Ints:
        """NAV that the index gives from the day before, 0 where it is unknown."""
        return _grown(self.nav_base, self.index, self.index_base, self.multiple)

    def implied_by(self, index: int) -> int:
        """NAV that the index gives on the newest day at that level."""
        base = np.array([self.nav_base[-1]]), np.array([index]), np.array([self.index_base[-1]])
        return int(_grown(*base, self.multiple)[0])

    @cached_property
    def tracking_error(self) -> Floats:
        """Deviation of the price's daily return from the index's times the multiple, in percent, over 60 sessions."""
        known = (self.index > 0) & (self.index_base > 0)
        price = self.bars.close / self.base - 1
        index = np.divide(self.index, self.index_base, out=np.ones(len(known)), where=known) - 1
        off = np.where(known, price - self.multiple * index, 0.0)
        sums, squares, counts = (_trailing(column) for column in (off, off**2, known.astype(np.float64)))
        count = np.maximum(counts, 1)
        error: Floats = np.sqrt(np.maximum(squares / count - (sums / count) ** 2, 0.0)) * 100
        return error


@dataclass(frozen=True)
class FundMinutes:
    """Minutes of an ETF's newest day, with NAV and index at the end of each as in ``FundDays``."""

    bars: Bars
    nav: Ints
    index: Ints


class FundValues:
    """Reads the days of ETFs.

    Args:
        market: source of the prices.
        indices: the indices that ETFs follow.
        sessions: loads the calendar.
        known: whether there are NAVs at all.
    """

    def __init__(
        self, market: Market, indices: IndexValues, sessions: Callable[[], Sessions], known: bool
    ) -> None:
        self._market = market
        self._indices = indices
        self._sessions = sessions
        self._known = known

    def days(self, issue: Issue, now: float, sessions: int | None = None) -> FundDays:
        """The days of an ETF up to now, or the newest ``sessions`` of them.

        Raises:
            AnswerPending: its index is not computed yet.
        """
        bars = self._market.daily(issue.code, True, now, sessions)
        fund = funds().get(issue.code)
        running = self._sessions().current(now) is not None
        running = running and len(bars) > 0 and int(bars.time[-1]) == today(now)
        none = np.zeros(len(bars), np.int64)
        if not self._known or not len(bars):
            return FundDays(issue, fund, bars, none, none, running)
        premium = premiums(issue, fund, epoch_days(bars.time) * _DAY_MINUTES)
        nav = np.rint(bars.close * _CENTS / (1 + premium)).astype(np.int64)
        of_index = self._index(fund, now)
        if of_index is None or fund is None:
            return FundDays(issue, fund, bars, nav, none, running)
        place = np.searchsorted(of_index.time, bars.time, "right") - 1
        known, place = place >= 0, np.maximum(place, 0)
        followed = self._followed(issue, fund)[place]
        over = known & (followed > 0)
        over[-1] &= not running
        index = np.where(known, of_index.close[place], 0)
        return FundDays(issue, fund, bars, np.where(over, followed, nav), index, running)

    def minutes(self, days: FundDays, now: float) -> FundMinutes:
        """The minutes of the newest day; the newest of them is the newest moment of ``days``."""
        bars = self._market.minute(days.issue.code, True, now, 1)
        if not len(days.bars):
            bars = cut(bars, 0, 0)
        else:
            bars = cut(bars, int(np.searchsorted(bars.time, int(days.bars.time[-1]) * _DAY)), len(bars))
        if not len(bars):
            return FundMinutes(bars, bars.close, bars.close)
        clock = bars.time % _DAY
        minute = clock // 10_000 * 60 + clock // 100 % 100
        premium = premiums(days.issue, days.fund, epoch_days(days.bars.time[-1:]) * _DAY_MINUTES + minute)
        nav = np.rint(bars.close * _CENTS / (1 + premium)).astype(np.int64) * (days.nav[-1] > 0)
        index = np.zeros(len(bars), np.int64)
        if days.index[-1] and days.fund is not None:
            of_index = self._indices.minute(days.fund.index, now, 1)
            place = np.searchsorted(of_index.time, bars.time, "right") - 1
            index = np.where(place >= 0, of_index.close[np.maximum(place, 0)], days.index_base[-1])
        nav[-1], index[-1] = days.nav[-1], days.index[-1]
        return FundMinutes(bars, nav, index)

    def _index(self, fund: Fund | None, now: float) -> Bars | None:
        """The daily bars of what a fund follows, None if this market does not have it."""
        if fund is None or not fund.index:
            return None
        if not self._indices.prepare_index(fund.index):
            raise AnswerPending
        if fund.index not in self._indices.by_code:
            return None
        bars = self._indices.daily(fund.index, now)
        return bars if len(bars) else None

    def _followed(self, issue: Issue, fund: Fund) -> Ints:
        """NAV by the index alone on each of its days; 0 without a price of the anchor day."""
        index = self._indices.series(fund.index)
        price = self._market.anchor_prices().get(issue.code, 0)
        level = index.close.astype(np.float64)
        logs = np.append(0.0, np.cumsum(np.log1p(fund.multiple * (level[1:] / level[:-1] - 1))))
        anchor = max(0, int(np.searchsorted(index.time, _ANCHOR, "right")) - 1)
        nav: Ints = np.rint(price * _CENTS * np.exp(logs - logs[anchor])).astype(np.int64)
        return nav


def premiums(issue: Issue, fund: Fund | None, minutes: Ints) -> Floats:
    """Premium of the price over the NAV at minutes since the epoch, where the index does not give the NAV."""
    width = _PREMIUM if fund is not None and fund.index else _FOREIGN_PREMIUM
    drawn: Floats = width * hash_random.normal(hash_random.key(issue.code, "nav"), minutes)
    return drawn


def _grown(before: Ints, index: Ints, index_base: Ints, multiple: int) -> Ints:
    """NAVs before, grown as the index times the multiple; 0 where the index is unknown."""
    known = (index > 0) & (index_base > 0)
    growth = 1 + multiple * (np.divide(index, index_base, out=np.ones(len(index)), where=known) - 1)
    found: Ints = np.where(known, np.rint(before * growth), 0).astype(np.int64)
    return found


def _trailing(column: Floats) -> Floats:
    """Sums over the last ``_WINDOW`` places."""
    summed = np.append(0.0, np.cumsum(column))
    stop = np.arange(1, len(summed))
    found: Floats = summed[stop] - summed[np.maximum(stop - _WINDOW, 0)]
    return found
