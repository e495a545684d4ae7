"""The daily series of a code brought up to a day: with a quote's bar, or with opt10081 where that does not suffice.

opt10081 is requested for the whole adjusted series where 기준가 is not the last cached close (a split, a rights
issue), the days between where more than one is missing, and a day whose quote is incomplete. A series is written in
one transaction, so that an update that was stopped resumes: a series that has the day is not requested again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING
from koalab.errors import NoAnswer
from koalab.frames.bars import BarColumns
from koalab.link import Link
from koalab.loaders.bars import BarLoader
from koalab.loaders.intervals import interval
from koalab.loaders.market_updates.code_task import CodeTask, StaleSeries
from koalab.progress import Progress
from koalab.store.bars import BarStore
from koalab.store.finality import Finality, adjustment_at
from koalab.store.merging import disagreement
from koalab.store.series import Moment, Series

# Long histories take some 20 ms a code, and other processes wait a second at most to write.
_CODES_A_WRITE: Final = 25
_INSTANT: Final = np.timedelta64(1, "us")
HISTORY: Final = 20
"""Sessions in a row that make a history; after fewer a missing day is not worth a TR."""


class SeriesUpdate:
    """Updates the two series of each code, of adjusted and of raw prices.

    Args:
        link: to the broker.
        store: of final bars.
        sessions: of the exchange, read on first use.
        finality: when bars are final.
    """

    def __init__(
        self, link: Link, store: BarStore, sessions: Callable[[], Sessions], finality: Finality
    ) -> None:
        self._store = store
        self._sessions = sessions
        # Without the store: what it loads replaces a series in one transaction.
        self._loader = BarLoader(link, None, sessions, finality)

    def stale(self, code: str, day: Moment) -> list[StaleSeries]:
        """Those of a code's two series that lack the day, adjusted prices first."""
        found = []
        for adjusted in (True, False):
            series = Series(code, "D", adjusted)
            bars, gaps = self._store.read(series, BEGINNING, day)
            if not gaps or gaps[-1][1] < day:
                continue
            gap = gaps[-1][0]
            low, high = np.searchsorted(midnights(self._sessions()), (gap, day + _INSTANT))
            run = bars.slice(gaps[-2][1] + _INSTANT) if len(gaps) > 1 else bars
            earliest = gaps[0][1] + _INSTANT if gaps[0][0] <= BEGINNING else BEGINNING
            last = bars.slice(bars.time[-1]) if len(bars) else bars
            found.append(StaleSeries(series, gap, int(high - low), earliest, len(run), last))
        return found

    def append_quotes(self, tasks: Sequence[CodeTask]) -> list[CodeTask]:
        """Stores what needs no further TR; returns the rest."""
        later = []
        for start in range(0, len(tasks), _CODES_A_WRITE):
            # After a killed process none of them has changed.
            with self._store.shelf.transaction():
                later += [one for one in tasks[start : start + _CODES_A_WRITE] if self._append(one)]
        return later

    def _append(self, task: CodeTask) -> bool:
        """Stores the quote's bar where it certainly is the next one; whether opt10081 is needed for the rest."""
        rest = []
        if task.recheck:
            task.stale = self.stale(task.code, task.day)
        for stale in task.stale:
            if (stale.next and not task.plain) or (stale.missing > 1 and stale.run >= HISTORY):
                rest.append(stale)
            elif task.quote.sure:
                self._add(task, stale, task.quote.bar)
            else:
                task.outcome.record("no quote")
        task.stale = rest
        return bool(rest)

    def load_rest(self, task: CodeTask, catch_up: bool, progress: Progress) -> None:
        """Updates with opt10081 what the quote could not."""
        bar: BarColumns | None = None
        for stale in task.stale:
            if stale.next:
                if stale.series.adjusted and not stale.close_is(task.quote.base):
                    bar = self._refetch(task, stale, progress).slice(task.day)
                    continue
                if bar is None:
                    bar = task.with_day(self._load(task, stale.series, task.day, progress))
                self._add(task, stale, bar)
                task.outcome.record("asked")
            elif catch_up:
                self._catch_up(task, stale, progress)
            else:
                task.outcome.record("behind")

    def _add(self, task: CodeTask, stale: StaleSeries, bar: BarColumns) -> None:
        """Stores the day's bar, which is the same in both series: no later action has adjusted it yet."""
        covered = (stale.gap if stale.next else task.day, task.final)
        adjustment = self._adjustment(task.day)
        cached = self._store.cached_range(stale.series, task.day, task.day)  # for its adjustment
        if stale.series.adjusted and cached.any_cached and cached.adjustment != adjustment:
            if stale.next:
                # Where 기준가 is the last close, the cached bars have the adjustment of the day.
                self._store.renew(stale.series, cached.adjustment, adjustment)
            elif len(self._store.read(stale.series, BEGINNING, task.final)[0]) < HISTORY:
                self._store.replace(stale.series, bar, covered, adjustment=adjustment)
            else:
                # There may have been a split in between, which a quote does not show.
                task.outcome.record("behind")
                return
        self._store.add(stale.series, bar, covered, adjustment=adjustment)
        task.outcome.record("appended" if stale.next else "added")

    def _adjustment(self, day: Moment) -> Moment:
        """The adjustment in force once the session of that day has opened."""
        sessions = self._sessions()
        index = int(np.searchsorted(midnights(sessions), day))
        return adjustment_at(float(sessions.opens[index]), sessions)

    def _catch_up(self, task: CodeTask, stale: StaleSeries, progress: Progress) -> None:
        """Loads the missing sessions, or all of an adjusted series whose last bar has other prices by now."""
        last = stale.last
        since = last.time[0] if len(last) else stale.gap
        bars = task.with_day(self._load(task, stale.series, since, progress))
        again = bars.slice(last.time[0], last.time[0]) if len(last) else last
        if stale.series.adjusted and (len(again) != len(last) or disagreement(last, again) is not None):
            self._refetch(task, stale, progress)
            return
        adjustment = self._adjustment(task.day)
        cached = self._store.cached_range(stale.series, stale.gap, task.final)
        if stale.series.adjusted and cached.any_cached:
            self._store.renew(stale.series, cached.adjustment, adjustment)
        self._store.add(stale.series, bars.slice(stale.gap), (stale.gap, task.final), adjustment=adjustment)
        task.outcome.record("caught up")

    def _refetch(self, task: CodeTask, stale: StaleSeries, progress: Progress) -> BarColumns:
        """Loads the coverage of a series again, up to the day, and replaces it."""
        bars = task.with_day(self._load(task, stale.series, stale.earliest, progress))
        covered = (stale.earliest, task.final)
        ended = bool(stale.earliest <= BEGINNING)
        adjustment = self._adjustment(task.day)
        self._store.replace(stale.series, bars, covered, ended, adjustment)
        if stale.series.adjusted:
            self._store.drop_before(task.code, adjustment)
        task.outcome.record("refetched")
        return bars

    def _load(self, task: CodeTask, series: Series, first: Moment, progress: Progress) -> BarColumns:
        progress.set_note(task.code)
        loaded = self._loader.load(
            series.code, interval("D"), first, task.final, series.adjusted, progress, "bulk"
        )
        task.outcome.trs += loaded.trs
        if loaded.failure:
            raise NoAnswer(f"the broker does not give its bars: {loaded.failure}")
        return loaded.bars


def midnights(sessions: Sessions) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    """The midnight of each session, as the time of its daily bar."""
    return sessions.dates.astype("datetime64[us]")
