"""The newest session's daily bars of a whole market: a hundred issues a TR (OPTKWFID), instead of one.

Where a quote does not suffice, opt10081 is requested: the whole adjusted series where 기준가 is not the last cached
close (a split, a rights issue), the days between where more than one is missing, and a day whose quote is
incomplete. A series is written in one transaction, so that an update that was stopped resumes: a series that has
the day is not requested again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING, seoul
from koalab.errors import NoAnswer, TooEarly
from koalab.frames.bars import BarColumns
from koalab.frames.day_quotes import DayQuote, day_quotes
from koalab.link import Link
from koalab.loaders import transactions
from koalab.loaders.bars import BarLoader
from koalab.loaders.failures import Missing, reason
from koalab.loaders.intervals import interval
from koalab.progress import Progress
from koalab.store.bars import BarStore
from koalab.store.finality import adjustment_at, final_until, settles_at
from koalab.store.merging import disagreement
from koalab.store.series import Moment, Series

Done = Literal[
    "up to date", "no quote", "added", "appended", "asked", "behind", "caught up", "refetched", "failed"
]
"""What was done about a code, in ascending order of importance: see ``Session.update_market``."""

_CODES_A_TR: Final = 100
# Long histories take some 20 ms a code, and other processes wait a second at most to write.
_CODES_A_WRITE: Final = 25
_INSTANT: Final = np.timedelta64(1, "us")
# From an hour before the opening on quotes may be those of the new day.
_BEFORE_OPENING: Final = 3600.0
HISTORY: Final = 20
"""Sessions in a row that make a history; after fewer a missing day is not worth a TR."""


@dataclass
class CodeUpdate:
    """What was done about one code, how many TRs were spent on it alone, and why it did not get its bar."""

    done: Done = "up to date"
    trs: int = 0
    reason: str = ""

    def record(self, what: Done) -> None:
        """Records what was done; of two things the more important one is kept."""
        order = get_args(Done)
        self.done = max(self.done, what, key=order.index)


@dataclass(frozen=True, slots=True)
class _StaleSeries:
    """A series without the day's bar.

    Attributes:
        series: which.
        gap: start of the gap that ends with the day.
        missing: sessions in the gap; 1 where it is the day alone.
        earliest: start of the coverage.
        run: cached bars in a row right before the gap.
        last: the newest cached bar; empty where there is none.
    """

    series: Series
    gap: Moment
    missing: int
    earliest: Moment
    run: int
    last: BarColumns

    @property
    def new(self) -> bool:
        """Whether the series has no coverage at all."""
        return bool(self.gap <= BEGINNING)

    @property
    def next(self) -> bool:
        """Whether only the day is missing."""
        return not self.new and self.missing == 1

    def close_is(self, base: float) -> bool:
        """Whether 기준가 is the last cached close; True where there is none."""
        return not len(self.last) or float(self.last.close[-1]) == base


@dataclass
class _CodeTask:
    """The work of an update on one code."""

    code: str
    quote: DayQuote
    stale: list[_StaleSeries]
    final: Moment
    outcome: CodeUpdate

    @property
    def plain(self) -> bool:
        """Whether the quote is the day's bar, and no corporate action came since the last one."""
        return self.quote.sure and all(stale.close_is(self.quote.base) for stale in self.stale if stale.next)


class MarketUpdate:
    """Brings daily bars up to the latest session that is final.

    Args:
        link: to the broker.
        store: of final bars.
        sessions: of the exchange, read on first use.
    """

    def __init__(self, link: Link, store: BarStore, sessions: Callable[[], Sessions]) -> None:
        self._link = link
        self._store = store
        self._sessions = sessions
        # Without the store: what it loads replaces a series in one transaction.
        self._loader = BarLoader(link, None, sessions)

    def session(self) -> tuple[Moment, Moment]:
        """The latest final session (its midnight), and the moment up to which daily bars are final.

        Raises:
            TooEarly: quotes are those of the session after it, or will be soon.
        """
        now, sessions = self._link.now(), self._sessions()
        final = final_until("D", now, sessions)
        index = int(np.searchsorted(_midnights(sessions), final, side="right")) - 1
        if index + 1 < len(sessions) and now >= sessions.opens[index + 1] - _BEFORE_OPENING:
            when = seoul(settles_at("D", index + 1, sessions))
            raise TooEarly(
                f"the daily bars of {sessions.dates[index + 1]} are final from {when:%H:%M} on (Seoul), and it is "
                f"{seoul(now):%Y-%m-%d %H:%M}: update the market then",
                when.to_pydatetime(),
            )
        return sessions.dates[index].astype("datetime64[us]"), final

    def run(self, codes: Sequence[str], catch_up: bool, progress: Progress) -> dict[str, CodeUpdate]:
        """Updates those codes; returns what was done about each.

        Raises:
            TooEarly: as ``session``.
            CacheUnavailable: the cache cannot be used.
        """
        day, final = self.session()
        outcomes = {code: CodeUpdate() for code in codes}
        stale = {code: found for code in codes if (found := self._stale_series(code, day))}
        wanted = list(stale)
        chunks = [wanted[start : start + _CODES_A_TR] for start in range(0, len(wanted), _CODES_A_TR)]
        if chunks:
            progress.expect(len(chunks))
        later: list[_CodeTask] = []
        for chunk in chunks:
            quotes, reasons = self._quotes(chunk, progress)
            for code in chunk:
                if code not in quotes or quotes[code].day != day:
                    outcomes[code].record("no quote")
                    outcomes[code].reason = (
                        reasons[code] or f"no bar of {day.astype('datetime64[D]')} in its quote"
                    )
            tasks = [
                _CodeTask(code, quotes[code], stale[code], final, outcomes[code])
                for code in chunk
                if outcomes[code].done != "no quote"
            ]
            for start in range(0, len(tasks), _CODES_A_WRITE):
                # After a killed process none of them has changed.
                with self._store.shelf.transaction():
                    later += [one for one in tasks[start : start + _CODES_A_WRITE] if self._append(one)]
        failed = Missing()
        if later:
            progress.expect(sum(len(task.stale) for task in later))
        for task in later:
            with failed.of(task.code), progress.item(len(task.stale)) as part:
                self._ask(task, catch_up, part)
        for code, why in failed.reasons.items():
            outcomes[code].record("failed")
            outcomes[code].reason = why
        return outcomes

    def _stale_series(self, code: str, day: Moment) -> list[_StaleSeries]:
        """Those of a code's two series that lack the day, adjusted prices first."""
        found = []
        for adjusted in (True, False):
            series = Series(code, "D", adjusted)
            bars, gaps = self._store.read(series, BEGINNING, day)
            if not gaps or gaps[-1][1] < day:
                continue
            gap = gaps[-1][0]
            low, high = np.searchsorted(_midnights(self._sessions()), (gap, day + _INSTANT))
            run = bars.slice(gaps[-2][1] + _INSTANT) if len(gaps) > 1 else bars
            earliest = gaps[0][1] + _INSTANT if gaps[0][0] <= BEGINNING else BEGINNING
            last = bars.slice(bars.time[-1]) if len(bars) else bars
            found.append(_StaleSeries(series, gap, int(high - low), earliest, len(run), last))
        return found

    def _quotes(self, codes: Sequence[str], progress: Progress) -> tuple[dict[str, DayQuote], dict[str, str]]:
        """Quotes by code, and what the broker says of each code, blank for most."""
        inputs = {"종목코드": ";".join(codes)}
        found = transactions.load(
            self._link, "OPTKWFID", inputs, progress, pages=1, priority="bulk", counted=True
        )
        page = found.pages[0]
        quotes, unreadable = day_quotes(page)
        return quotes, {code: unreadable.get(code) or reason(code, page.messages) for code in codes}

    def _append(self, task: _CodeTask) -> bool:
        """Stores the quote's bar where it certainly is the next one; whether opt10081 is needed for the rest."""
        rest = []
        for stale in task.stale:
            if (stale.next and not task.plain) or (stale.missing > 1 and stale.run >= HISTORY):
                rest.append(stale)
            elif task.quote.sure:
                self._add(task, stale, task.quote.bar)
            else:
                task.outcome.record("no quote")
        task.stale = rest
        return bool(rest)

    def _ask(self, task: _CodeTask, catch_up: bool, progress: Progress) -> None:
        """Updates with opt10081 what the quote could not."""
        bar: BarColumns | None = None
        for stale in task.stale:
            if stale.next:
                if stale.series.adjusted and not stale.close_is(task.quote.base):
                    bar = self._refetch(task, stale, progress).slice(task.quote.day)
                    continue
                if bar is None:
                    bar = self._load(task, stale.series, task.quote.day, progress)
                self._add(task, stale, bar)
                task.outcome.record("asked")
            elif catch_up:
                self._catch_up(task, stale, progress)
            else:
                task.outcome.record("behind")

    def _add(self, task: _CodeTask, stale: _StaleSeries, bar: BarColumns) -> None:
        """Stores the day's bar, which is the same in both series: no later action has adjusted it yet."""
        covered = (stale.gap if stale.next else task.quote.day, task.final)
        adjustment = self._adjustment(task.quote.day)
        cached = self._store.cached_range(stale.series, task.quote.day, task.quote.day)  # for its adjustment
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
        index = int(np.searchsorted(_midnights(sessions), day))
        return adjustment_at(float(sessions.opens[index]), sessions)

    def _catch_up(self, task: _CodeTask, stale: _StaleSeries, progress: Progress) -> None:
        """Loads the missing sessions, or all of an adjusted series whose last bar has other prices by now."""
        last = stale.last
        bars = self._load(task, stale.series, last.time[0] if len(last) else stale.gap, progress)
        again = bars.slice(last.time[0], last.time[0]) if len(last) else last
        if stale.series.adjusted and (len(again) != len(last) or disagreement(last, again) is not None):
            self._refetch(task, stale, progress)
            return
        adjustment = self._adjustment(task.quote.day)
        cached = self._store.cached_range(stale.series, stale.gap, task.final)
        if stale.series.adjusted and cached.any_cached:
            self._store.renew(stale.series, cached.adjustment, adjustment)
        self._store.add(stale.series, bars.slice(stale.gap), (stale.gap, task.final), adjustment=adjustment)
        task.outcome.record("caught up")

    def _refetch(self, task: _CodeTask, stale: _StaleSeries, progress: Progress) -> BarColumns:
        """Loads the coverage of a series again, up to the day, and replaces it."""
        bars = self._load(task, stale.series, stale.earliest, progress)
        covered = (stale.earliest, task.final)
        ended = bool(stale.earliest <= BEGINNING)
        adjustment = self._adjustment(task.quote.day)
        self._store.replace(stale.series, bars, covered, ended, adjustment)
        if stale.series.adjusted:
            self._store.drop_before(task.code, adjustment)
        task.outcome.record("refetched")
        return bars

    def _load(self, task: _CodeTask, series: Series, first: Moment, progress: Progress) -> BarColumns:
        progress.set_note(task.code)
        loaded = self._loader.load(
            series.code, interval("D"), first, task.final, series.adjusted, progress, "bulk"
        )
        task.outcome.trs += loaded.trs
        if loaded.failure:
            raise NoAnswer(f"the broker does not give its bars: {loaded.failure}")
        return loaded.bars


def _midnights(sessions: Sessions) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return sessions.dates.astype("datetime64[us]")
