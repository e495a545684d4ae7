"""Foreign ownership: the fundamentals' share at the end of 2025, plus the net purchases of opt10059 since then.

Before that day the net purchases are subtracted. Over recorded prices, which have no fundamentals, it is unknown.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from kernel_server.clock import KST, seoul
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.model import Bars, Issue, Market
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.statistics.fundamentals import foreign_share
from kernel_server.simulated.market.trading_hours import day_of

_REFERENCE_DAY = 20251230
_REFERENCE_TIME = datetime(2025, 12, 30, 20, tzinfo=KST).timestamp()


class ForeignHoldings:
    """Shares held by foreigners.

    Args:
        market: source of the volumes.
        seed: of the fundamentals; None if there are none.
    """

    def __init__(self, market: Market, seed: int | None) -> None:
        self._market = market
        self._seed = seed

    def shares_held(self, issue: Issue, dates: Ints, now: float) -> Ints | None:
        """Shares held at the end of those days (YYYYMMDD, ascending); None if unknown.

        Clipped to 0 and to the listed shares, so that the holdings of some small issues stand still at a bound.
        """
        known = self._seed is not None and issue.kind not in ("etf", "etn") and issue.shares > 0
        if self._seed is None or not known or not len(dates):
            return None
        bars = self._bars(issue.code, int(dates[0]), now)
        if not len(bars):
            return None
        summed = np.append(0, np.cumsum(_net_bought(issue.code, bars)))
        reference = summed[np.searchsorted(bars.time, _REFERENCE_DAY, "right")]
        level = round(issue.shares * foreign_share(issue, self._seed) / 10_000)
        shares: Ints = level + summed[np.searchsorted(bars.time, dates, "right")] - reference
        if now < _REFERENCE_TIME:
            shares += self._untraded(issue.code, bars, dates, now)
        return np.clip(shares, 0, issue.shares)

    def _untraded(self, code: str, bars: Bars, dates: Ints, now: float) -> Ints:
        """Minus the net purchases still to come on the newest day, which ``bars`` have complete; 0 on other days."""
        newest = self._market.daily(code, True, now, 1)
        index = int(np.searchsorted(bars.time, newest.time[0])) if len(newest) else len(bars)
        full_day = cut(bars, index, min(index + 1, len(bars)))
        missing = int(_net_bought(code, newest).sum() - _net_bought(code, full_day).sum())
        return (
            np.where(dates == newest.time[-1], missing, 0)
            if len(full_day)
            else np.zeros(len(dates), np.int64)
        )

    def _bars(self, code: str, since: int, now: float) -> Bars:
        """Daily bars that cover ``since``, the reference day and the present day."""
        first, until = min(since, _REFERENCE_DAY), max(now, _REFERENCE_TIME)
        weekdays = np.busday_count(day_of(first), seoul(until).date() + timedelta(days=1))
        bars = self._market.daily(code, True, until, int(weekdays) + 1)
        return cut(bars, int(np.searchsorted(bars.time, first)), len(bars))


def _net_bought(code: str, bars: Bars) -> Ints:
    """Net purchases of foreigners on each day."""
    parts = investor_groups.bought_and_sold(code, epoch_days(bars.time), bars.volume)
    bought, sold = (investor_groups.group_total(part, investor_groups.FOREIGNERS) for part in parts)
    return bought - sold
