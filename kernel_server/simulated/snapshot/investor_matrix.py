"""What groups of investors traded in every issue, day by day: opt10059 for the whole market at once.

Days that are over are divided in pieces, so that no turn of the control thread takes long, and kept as long as the
session is the newest; what has been traded in the newest session is divided whenever it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.base.tr import Unfinished
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.snapshot.columns import IssueFacts, MarketSnapshot, SessionPrices
from kernel_server.simulated.snapshot.history_matrix import DEPTH, Narrow

_DRAWS_A_TURN = 300_000  # some 30 ms
_KEPT = 8  # answers, of a megabyte or two each


@dataclass(frozen=True, slots=True)
class Traded:
    """What one group traded: one row an issue, one column a session, the last one the newest of the period.

    Issues that were not there, and days outside the period, have traded nothing.
    """

    bought: Ints
    sold: Ints

    @property
    def net(self) -> Ints:
        return self.bought - self.sold


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of sessions: columns ``first`` to ``stop`` of ``Past``, and the newest session if ``newest``.

    ``since`` and ``until`` (YYYYMMDD) cut it where issues have not the same days; 0 for no cut.
    """

    first: int
    stop: int
    newest: bool
    since: int = 0
    until: int = 0


def sessions(count: int, newest: bool = True) -> Period:
    """The newest so many sessions, or those before the newest."""
    return Period(max(0, DEPTH - count + newest), DEPTH, newest)


def between(facts: IssueFacts, since: int, until: int) -> Period:
    """The sessions of those days (YYYYMMDD, both included), as far as the past is kept."""
    inside = (facts.past.time >= since) & (facts.past.time <= until)
    columns = np.flatnonzero(inside.any(axis=0))
    newest = any(since <= date <= until for date in set(facts.dates))
    first, stop = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (DEPTH, DEPTH)
    return Period(first, stop, newest, since, until)


def volumes(look: MarketSnapshot, period: Period) -> Ints:
    """Shares of each issue that were traded in the period."""
    part = slice(period.first, period.stop)
    inside = _inside(look.facts.past.time[:, part], period)
    summed: Ints = np.where(inside, look.facts.past.volume[:, part], 0).sum(axis=1)
    if not period.newest:
        return summed
    return summed + np.where(_inside(np.array(look.facts.dates), period), look.prices.volume, 0)


def _inside(dates: Ints | Narrow, period: Period) -> NDArray[np.bool_]:
    if not period.since:
        return np.ones(dates.shape, np.bool_)
    return (dates >= period.since) & (dates <= period.until)


class InvestorMatrix:
    """Divides days of the whole market. One for all who ask, so that what is known is found again."""

    def __init__(self) -> None:
        self._facts: IssueFacts | None = None
        self._done: dict[tuple[Period, str, bool], Traded] = {}
        self._under_way: dict[tuple[Period, str, bool], Iterator[Traded | None]] = {}
        self._today: dict[bool, tuple[SessionPrices, Ints, Ints]] = {}

    def traded(self, look: MarketSnapshot, period: Period, name: str, money: bool) -> Traded:
        """What that group traded, in shares or in 백만원.

        Raises:
            Unfinished: there is more to divide than should be at once.
        """
        if look.facts is not self._facts:
            self._facts = look.facts
            self._done.clear()
            self._under_way.clear()
        over = self._over(look.facts, period, name, money)
        if not period.newest:
            return over
        today = self._newest(look, period, name, money)
        return Traded(
            *(
                np.concatenate([getattr(part, side) for part in (over, today)], axis=1)
                for side in ("bought", "sold")
            )
        )

    def _newest(self, look: MarketSnapshot, period: Period, name: str, money: bool) -> Traded:
        """The newest session so far; its division among all groups is kept while prices stand still."""
        dates = np.array(look.facts.dates, np.int64)
        if money not in self._today or self._today[money][0] is not look.prices:
            totals = investor_groups.millions(look.prices.value) if money else look.prices.volume
            codes, days = [issue.code for issue in look.facts.issues], epoch_days(dates)
            bought, sold = (
                investor_groups.split_volumes(investor_groups.market_keys(codes, which), days, totals)
                for which in ("bought", "sold")
            )
            self._today[money] = look.prices, bought, sold
        inside = _inside(dates, period)
        _prices, bought, sold = self._today[money]
        return Traded(
            *(
                np.where(inside, investor_groups.group_total(part, name), 0)[:, None]
                for part in (bought, sold)
            )
        )

    def _over(self, facts: IssueFacts, period: Period, name: str, money: bool) -> Traded:
        key = (period, name, money)
        if key not in self._done:
            work = self._under_way.setdefault(key, _divided(facts, period, name, money))
            found = next(work)
            if found is None:
                raise Unfinished
            del self._under_way[key]
            if len(self._done) >= _KEPT:
                del self._done[next(iter(self._done))]
            self._done[key] = found
        return self._done[key]


def _divided(facts: IssueFacts, period: Period, name: str, money: bool) -> Iterator[Traded | None]:
    """None until the whole is there."""
    part = slice(period.first, period.stop)
    time = facts.past.time[:, part].astype(np.int64)
    totals = facts.past.value[:, part] if money else facts.past.volume[:, part]
    totals = investor_groups.millions(totals) if money else totals.copy()
    totals[~_inside(time, period)] = 0
    found = Traded(np.zeros(totals.shape, np.int64), np.zeros(totals.shape, np.int64))
    width = max(1, totals.shape[1] * len(investor_groups.groups()) * 2)
    at_once = max(1, _DRAWS_A_TURN // width)
    codes = [issue.code for issue in facts.issues]
    # Days before an issue's first have no date; nothing was traded on them, whatever is drawn.
    days = epoch_days(np.where(time > 0, time, 19700101))
    for start in range(0, len(codes), at_once):
        if start:
            yield None
        rows = slice(start, start + at_once)
        for which, to in (("bought", found.bought), ("sold", found.sold)):
            keys = investor_groups.market_keys(codes[rows], which)[:, None, :]
            to[rows] = investor_groups.group_total(
                investor_groups.split_volumes(keys, days[rows], totals[rows]), name
            )
    yield found
