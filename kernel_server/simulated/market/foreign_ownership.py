"""What foreigners hold of an issue: as much as the fundamentals say at the end of 2025, and what they traded since.

So the shares they hold change by what opt10059 says that they bought and sold, from day to day and backwards
too. Where fundamentals are left blank, as over given prices, nobody knows what foreigners hold.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from kernel_server.clock import KST, seoul
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.fundamentals import foreign_share
from kernel_server.simulated.market.model import Bars, Issue, Market
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.trading_hours import day_of

_ANCHORED = 20251230
_SETTLED = datetime(2025, 12, 30, 20, tzinfo=KST).timestamp()


class ForeignHoldings:
    """Holdings of foreigners.

    Args:
        market: whose volumes they trade in.
        seed: of the fundamentals; None where they are left blank.
    """

    def __init__(self, market: Market, seed: int | None) -> None:
        self._market = market
        self._seed = seed

    def held(self, issue: Issue, dates: Ints, now: float) -> Ints | None:
        """Shares that foreigners hold at the end of those days (YYYYMMDD, ascending); None where it is not known.

        Never less than none and never more than all, so that little known shares may stand still at the edge.
        """
        known = self._seed is not None and issue.kind not in ("etf", "etn") and issue.shares > 0
        if self._seed is None or not known or not len(dates):
            return None
        bars = self._around(issue.code, int(dates[0]), now)
        if not len(bars):
            return None
        summed = np.append(0, np.cumsum(_net(issue.code, bars)))
        anchor = summed[np.searchsorted(bars.time, _ANCHORED, "right")]
        level = round(issue.shares * foreign_share(issue, self._seed) / 10_000)
        held: Ints = level + summed[np.searchsorted(bars.time, dates, "right")] - anchor
        if now < _SETTLED:
            held += self._not_yet(issue.code, bars, dates, now)
        return np.clip(held, 0, issue.shares)

    def _not_yet(self, code: str, bars: Bars, dates: Ints, now: float) -> Ints:
        """What is still to be traded on the newest day, less, which ``bars`` have whole."""
        newest = self._market.daily(code, True, now, 1)
        at = int(np.searchsorted(bars.time, newest.time[0])) if len(newest) else len(bars)
        whole = cut(bars, at, min(at + 1, len(bars)))
        missing = int(_net(code, newest).sum() - _net(code, whole).sum())
        return (
            np.where(dates == newest.time[-1], missing, 0) if len(whole) else np.zeros(len(dates), np.int64)
        )

    def _around(self, code: str, since: int, now: float) -> Bars:
        """The days from ``since`` on, up to now and up to the day for which the holdings are known."""
        first, until = min(since, _ANCHORED), max(now, _SETTLED)
        weekdays = np.busday_count(day_of(first), seoul(until).date() + timedelta(days=1))
        bars = self._market.daily(code, True, until, int(weekdays) + 1)
        return cut(bars, int(np.searchsorted(bars.time, first)), len(bars))


def _net(code: str, bars: Bars) -> Ints:
    """What foreigners bought net on each of those days."""
    parts = investor_groups.bought_and_sold(code, epoch_days(bars.time), bars.volume)
    bought, sold = (investor_groups.of(part, investor_groups.FOREIGNERS) for part in parts)
    return bought - sold
