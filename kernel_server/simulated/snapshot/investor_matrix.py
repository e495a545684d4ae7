"""Trades of investor groups in every issue and session: opt10059 for the whole market at once.

Completed sessions are computed in pieces, to keep each turn of the control thread short, and cached until the next
session; the newest session is computed on request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days, known_epoch_days
from kernel_server.simulated.base.tr import AnswerPending
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.snapshot.columns import IssueFacts, MarketSnapshot, SessionPrices
from kernel_server.simulated.snapshot.history_matrix import HISTORY_DEPTH, Int32s

_DRAWS_PER_TURN = 300_000  # some 30 ms
_CACHED_RESULTS = 8  # results, of 1 to 2 MB each


@dataclass(frozen=True, slots=True)
class InvestorTrades:
    """Trades of one group: one row an issue, one column a session of the period, newest last.

    0 for issues not yet listed and for days outside the period.
    """

    bought: Ints
    sold: Ints

    @property
    def net(self) -> Ints:
        return self.bought - self.sold


@dataclass(frozen=True, slots=True)
class Period:
    """A range of sessions: columns ``first`` to ``stop`` of ``HistoryMatrix``, plus the newest session if ``newest``.

    ``since`` and ``until`` (YYYYMMDD) also bound it by date, as issues may have different days; 0 for no bound.
    """

    first: int
    stop: int
    newest: bool
    since: int = 0
    until: int = 0


def last_sessions(count: int, newest: bool = True) -> Period:
    """The last ``count`` sessions, with or without the newest."""
    return Period(max(0, HISTORY_DEPTH - count + newest), HISTORY_DEPTH, newest)


def period_between(facts: IssueFacts, since: int, until: int) -> Period:
    """The sessions from ``since`` to ``until`` (YYYYMMDD, both included) within the history."""
    in_period = (facts.history.time >= since) & (facts.history.time <= until)
    columns = np.flatnonzero(in_period.any(axis=0))
    newest = any(since <= date <= until for date in set(facts.dates))
    first, stop = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (HISTORY_DEPTH, HISTORY_DEPTH)
    return Period(first, stop, newest, since, until)


def period_volumes(market: MarketSnapshot, period: Period) -> Ints:
    """Volume of each issue in the period."""
    part = slice(period.first, period.stop)
    in_period = _in_period(market.facts.history.time[:, part], period)
    summed: Ints = np.where(in_period, market.facts.history.volume[:, part], 0).sum(axis=1)
    if not period.newest:
        return summed
    return summed + np.where(_in_period(np.array(market.facts.dates), period), market.prices.volume, 0)


def _in_period(dates: Ints | Int32s, period: Period) -> NDArray[np.bool_]:
    if not period.since:
        return np.ones(dates.shape, np.bool_)
    return (dates >= period.since) & (dates <= period.until)


class InvestorMatrix:
    """Computes trades of investor groups for the whole market; shared by all handlers, so that results are cached."""

    def __init__(self) -> None:
        self._facts: IssueFacts | None = None
        self._results: dict[tuple[Period, str, bool], InvestorTrades] = {}
        self._in_progress: dict[tuple[Period, str, bool], Iterator[InvestorTrades | None]] = {}
        self._today: dict[bool, tuple[SessionPrices, Ints, Ints]] = {}

    def traded(self, market: MarketSnapshot, period: Period, name: str, money: bool) -> InvestorTrades:
        """Trades of a group over a period, in shares or in 백만원.

        Raises:
            AnswerPending: the computation takes more than one turn.
        """
        if market.facts is not self._facts:
            self._facts = market.facts
            self._results.clear()
            self._in_progress.clear()
        completed = self._completed_sessions(market.facts, period, name, money)
        if not period.newest:
            return completed
        today = self._newest_session(market, period, name, money)
        return InvestorTrades(
            *(
                np.concatenate([getattr(part, side) for part in (completed, today)], axis=1)
                for side in ("bought", "sold")
            )
        )

    def _newest_session(
        self, market: MarketSnapshot, period: Period, name: str, money: bool
    ) -> InvestorTrades:
        """The newest session so far; cached until prices change."""
        dates = np.array(market.facts.dates, np.int64)
        if money not in self._today or self._today[money][0] is not market.prices:
            totals = investor_groups.millions(market.prices.value) if money else market.prices.volume
            codes, days = [issue.code for issue in market.facts.issues], epoch_days(dates)
            bought, sold = (
                investor_groups.split_volumes(investor_groups.market_keys(codes, which), days, totals)
                for which in ("bought", "sold")
            )
            self._today[money] = market.prices, bought, sold
        in_period = _in_period(dates, period)
        _prices, bought, sold = self._today[money]
        return InvestorTrades(
            *(
                np.where(in_period, investor_groups.group_total(part, name), 0)[:, None]
                for part in (bought, sold)
            )
        )

    def _completed_sessions(
        self, facts: IssueFacts, period: Period, name: str, money: bool
    ) -> InvestorTrades:
        key = (period, name, money)
        if key not in self._results:
            work = self._in_progress.setdefault(key, _split_in_pieces(facts, period, name, money))
            result = next(work)
            if result is None:
                raise AnswerPending
            del self._in_progress[key]
            if len(self._results) >= _CACHED_RESULTS:
                del self._results[next(iter(self._results))]
            self._results[key] = result
        return self._results[key]


def _split_in_pieces(
    facts: IssueFacts, period: Period, name: str, money: bool
) -> Iterator[InvestorTrades | None]:
    """Compute in pieces: None after each, then the result."""
    part = slice(period.first, period.stop)
    time = facts.history.time[:, part].astype(np.int64)
    totals = facts.history.value[:, part] if money else facts.history.volume[:, part]
    totals = investor_groups.millions(totals) if money else totals.copy()
    totals[~_in_period(time, period)] = 0
    result = InvestorTrades(np.zeros(totals.shape, np.int64), np.zeros(totals.shape, np.int64))
    width = max(1, totals.shape[1] * len(investor_groups.groups()) * 2)
    at_once = max(1, _DRAWS_PER_TURN // width)
    codes = [issue.code for issue in facts.issues]
    days = known_epoch_days(time)
    for start in range(0, len(codes), at_once):
        if start:
            yield None
        rows = slice(start, start + at_once)
        for which, to in (("bought", result.bought), ("sold", result.sold)):
            keys = investor_groups.market_keys(codes[rows], which)[:, None, :]
            to[rows] = investor_groups.group_total(
                investor_groups.split_volumes(keys, days[rows], totals[rows]), name
            )
    yield result
