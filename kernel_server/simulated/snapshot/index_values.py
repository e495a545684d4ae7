"""Daily and minute bars of the market's indices, in hundredths of a point.

An index of ``index.tsv`` is weighted by market cap over a fixed basket: the so many largest shares, at the prices of
the end of 2025, of its markets or of some industries; each counts from its second session on. It is chained from day to
day, with the table's level at the end of 2025, or on the last day before. The whole series is computed once and cut
at the present, so values once seen never change. That takes long: ``prepare`` it in pieces first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.dates import epoch_days, yyyymmdd
from kernel_server.simulated.base.market_time import dates_of, times_of
from kernel_server.simulated.market.model import Bars, Market
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.snapshot.index_weights import Index, IndexWeights

_AUCTION_MINUTES = 10
_STEPS = 12  # of a computation in one turn: some ten milliseconds
_NONE = np.zeros(0, np.int64)
_EMPTY = Bars(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))


class IndexValues:
    """The indices of a market.

    Args:
        market: supplies the member shares.
        sessions: loads the calendar; called once, on first use.
    """

    def __init__(self, market: Market, sessions: Callable[[], Sessions]) -> None:
        self._load_sessions = sessions
        self._weights = IndexWeights(
            market, lambda: float(self.sessions.closes[-1]), lambda: self._session_days
        )

    @cached_property
    def sessions(self) -> Sessions:
        return self._load_sessions()

    @property
    def by_code(self) -> Mapping[str, Index]:
        """Indices that have members in this market, by code."""
        return self._weights.indices()

    def group(self, group: str, now: float) -> tuple[list[tuple[Index, Bars]], list[BadMarketData]] | None:
        """The indices of a group with their daily bars, and errors of those that cannot be computed.

        None: computed for some milliseconds, and more work is left.
        """
        if not self.prepare_members():
            return None
        found, errors = [], []
        for index in self.by_code.values():
            if index.group != group:
                continue
            try:
                if not self.prepare_index(index.code):
                    return None
                found.append((index, self.daily(index.code, now)))
            except BadMarketData as bad:
                errors.append(bad)
        return found, errors

    def prepare_members(self) -> bool:
        """Find the members of all indices for some milliseconds; returns whether they are known."""
        return self._weights.advance(_STEPS)

    def prepare_index(self, code: str) -> bool:
        """Compute an index for some milliseconds; returns whether it is done. True for an unknown code."""
        return self._weights.advance(_STEPS, [code])

    def series(self, code: str) -> Bars:
        """Daily bars of all sessions of the calendar, also those after now: for what is anchored at a later day."""
        return self._weights.series(code)

    def daily(self, code: str, now: float) -> Bars:
        """Daily bars up to ``now``, the open session included. Volume in shares, value in KRW."""
        series = self._weights.series(code)
        running = self.sessions.current(now)
        done = self.sessions.last_completed(now)
        last = int(self._session_days[done]) if done >= 0 else 0
        bars = cut(series, 0, int(np.searchsorted(series.time, last, "right")))
        if running is None:
            return bars
        today = int(self._session_days[running])
        at = int(np.searchsorted(series.time, today))
        if at == len(series) or series.time[at] != today:
            return bars
        seen = self._minutes(code, at, at + 1, now)
        if not len(seen):
            return bars
        columns = {name: getattr(series, name)[: at + 1].copy() for name in Bars.__dataclass_fields__}
        columns["open"][-1] = seen.open[0]
        columns["high"][-1] = seen.high.max()
        columns["low"][-1] = seen.low.min()
        columns["close"][-1] = seen.close[-1]
        columns["volume"][-1] = seen.volume.sum()
        columns["value"][-1] = seen.value.sum()
        return Bars(**columns)

    def minute(self, code: str, now: float, days: int) -> Bars:
        """1-minute bars of the last ``days`` sessions up to ``now``; they add up to the daily bars."""
        series = self._weights.series(code)
        started = self.sessions.last_started(now)
        newest = int(self._session_days[started]) if started >= 0 else 0
        stop = int(np.searchsorted(series.time, newest, "right"))
        if stop and series.time[stop - 1] == newest and not len(self._minutes(code, stop - 1, stop, now)):
            stop -= 1
        return self._minutes(code, max(0, stop - days), stop, now)

    @cached_property
    def _session_days(self) -> Ints:
        return yyyymmdd(self.sessions.dates.view(np.int64))

    def _minutes(self, code: str, first: int, stop: int, now: float) -> Bars:
        """Minutes complete at ``now`` of the days ``first`` to ``stop`` of the series."""
        series = self._weights.series(code)
        parts = []
        for at in range(first, stop):
            session = int(np.searchsorted(self._session_days, series.time[at]))
            opened, close = int(self.sessions.opens[session]), int(self.sessions.closes[session])
            count = (close - opened) // 60 - _AUCTION_MINUTES
            start = opened + 60 * np.append(np.arange(count), count + _AUCTION_MINUTES)
            known = np.append(start[:-1] + 60, start[-1])
            day = _minutes_of_day(code, cut(series, at, at + 1), start)
            parts.append(cut(day, 0, int(np.searchsorted(known, now, "right"))))
        if not parts:
            return _EMPTY
        joined = [
            np.concatenate([getattr(part, name) for part in parts]) for name in Bars.__dataclass_fields__
        ]
        return Bars(*joined)


def _minutes_of_day(code: str, day: Bars, start: Ints) -> Bars:
    """Minute bars of a day, with its open, high, low, close and total volume."""
    count = len(start) - 1
    index = epoch_days(day.time) * 1440 + np.arange(count + 1)
    opened, high, low, close = (float(column[0]) for column in (day.open, day.high, day.low, day.close))
    passed = np.arange(count + 1) / count
    path = np.append(0.0, np.cumsum(hash_random.normal(hash_random.key(code, "path"), index[:-1])))
    path -= path[-1] * passed
    path = opened + (close - opened) * passed + path * (high - low) / count**0.5
    path = _scaled(path, max(opened, close), high)
    path = -_scaled(-path, -min(opened, close), -low)
    placed = np.rint(path).astype(np.int64)
    open_, ends = np.append(placed[:-1], day.close[0]), np.append(placed[1:], day.close[0])
    top, bottom = np.maximum(open_, ends), np.minimum(open_, ends)
    # The highest and lowest minutes get the day's high and low exactly.
    top[int(np.argmax(top[:-1]))], bottom[int(np.argmin(bottom[:-1]))] = day.high[0], day.low[0]
    weight = (
        1
        + 2.5 * np.exp(-np.arange(count + 1) / 12)
        + hash_random.uniform(hash_random.key(code, "size"), index)
    )
    weight[-1] = weight[:-1].sum() * 0.06
    labels = dates_of(start) * 1_000_000 + times_of(start)
    volume, value = (_distributed(int(column[0]), weight) for column in (day.volume, day.value))
    none = np.zeros(count + 1, np.int64)
    return Bars(labels, open_, top, bottom, ends, volume, value, none, none.astype(np.float64))


def _scaled(path: Floats, edge: float, top: float) -> Floats:
    """The path with its part above ``edge`` scaled so that the maximum is ``top``."""
    above = path - edge
    most = float(above.max())
    fitted: Floats = np.where(above > 0, edge + above * ((top - edge) / most if most > 0 else 1.0), path)
    return fitted


def _distributed(total: int, weight: Floats) -> Ints:
    edges = np.cumsum(weight)
    parts: Ints = np.diff(np.rint(total * (edges / edges[-1])).astype(np.int64), prepend=0)
    return parts
