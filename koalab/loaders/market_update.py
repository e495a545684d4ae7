"""The newest session's daily bars of a whole market: a hundred issues a TR (OPTKWFID), instead of one.

Since there is an after-market no quote of the day has its final bar: one of the afternoon has the official prices, one
of the evening the whole volume, and the next session's 기준가 the close. A bar is stored when both halves are known.

Where a quote does not suffice, opt10081 is requested: the whole adjusted series where 기준가 is not the last cached
close (a split, a rights issue), the days between where more than one is missing, and a day whose quote is
incomplete. A series is written in one transaction, so that an update that was stopped resumes: a series that has
the day is not requested again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from koalab.loaders.day_halves import DayHalves, HalvesStore
from koalab.loaders.failures import Missing, reason
from koalab.loaders.intervals import interval
from koalab.progress import Progress
from koalab.store.bars import BarStore
from koalab.store.finality import (
    AFTER_MARKET,
    DEFAULT,
    Finality,
    QuotePart,
    adjustment_at,
    final_until,
    next_quotes,
    quotes_show,
    settle_times,
)
from koalab.store.memo import Memo
from koalab.store.merging import disagreement
from koalab.store.series import Moment, Series

Done = Literal[
    "up to date",
    "no quote",
    "too early",
    "added",
    "appended",
    "provisional",
    "asked",
    "behind",
    "caught up",
    "refetched",
    "failed",
]
"""What was done about a code, in ascending order of importance: see ``Session.update_market``."""

_CODES_A_TR: Final = 100
# Long histories take some 20 ms a code, and other processes wait a second at most to write.
_CODES_A_WRITE: Final = 25
_DAY: Final = np.timedelta64(1, "D")
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
    """The work of an update on one code.

    Attributes:
        code: of the issue.
        day: whose bar is missing.
        quote: the day's bar; one without a bar where only the sessions before it can be loaded.
        stale: the series that lack it.
        final: up to when bars are final with it.
        outcome: what was done.
        loadable: up to when bars of opt10081 are final.
        recheck: whether ``stale`` is to be read again, as the session before is stored first.
    """

    code: str
    day: Moment
    quote: DayQuote
    stale: list[_StaleSeries]
    final: Moment
    outcome: CodeUpdate
    loadable: Moment
    recheck: bool = False

    def with_day(self, bars: BarColumns) -> BarColumns:
        """Bars of opt10081, with the quote's bar where opt10081 has only a provisional one of the day."""
        if self.loadable >= self.final:
            return bars
        asked, own = bars.slice(self.day, self.day), self.quote.bar
        if len(asked):
            own = replace(own, event=asked.event, ratio=asked.ratio)
        return BarColumns.concat([bars.slice(None, self.day - _INSTANT), own])

    @property
    def plain(self) -> bool:
        """Whether the quote is the day's bar, and no corporate action came since the last one."""
        return self.quote.sure and all(stale.close_is(self.quote.base) for stale in self.stale if stale.next)


class MarketUpdate:
    """Brings daily bars up to the latest session that is final.

    Args:
        link: to the broker.
        store: of final bars.
        memo: keeps the halves of bars that are not final yet.
        sessions: of the exchange, read on first use.
        finality: when bars are final.
    """

    def __init__(
        self,
        link: Link,
        store: BarStore,
        memo: Memo,
        sessions: Callable[[], Sessions],
        finality: Finality = DEFAULT,
    ) -> None:
        self._link = link
        self._store = store
        self._sessions = sessions
        self._finality = finality
        self._halves = HalvesStore(store.shelf, memo, finality)
        # Without the store: what it loads replaces a series in one transaction.
        self._loader = BarLoader(link, None, sessions, finality)

    def session(self) -> tuple[Moment, QuotePart]:
        """The newest session (its midnight), and what quotes have of its final bars now.

        Raises:
            TooEarly: they have nothing of it, or will be those of the next session soon.
        """
        now, sessions = self._link.now(), self._sessions()
        index = sessions.last_started(now)
        part = quotes_show(index, now, sessions, self._finality) if index >= 0 else "nothing"
        ahead = index + 1 < len(sessions) and now >= sessions.opens[index + 1] - _BEFORE_OPENING
        old = index < 0 or sessions.dates[index] < AFTER_MARKET
        if part == "nothing" or (ahead and old):
            awaited = index + 1 if ahead and old else index
            when = seoul(next_quotes(awaited, now, sessions, self._finality) or now)
            raise TooEarly(
                f"the daily bars of {sessions.dates[awaited]} are final from {when:%H:%M} on (Seoul), and it is "
                f"{seoul(now):%Y-%m-%d %H:%M}: update the market then"
                if sessions.dates[awaited] < AFTER_MARKET
                else f"quotes show nothing final of {sessions.dates[awaited]} at {seoul(now):%Y-%m-%d %H:%M} (Seoul):"
                f" update the market from {when:%H:%M} on",
                when.to_pydatetime(),
            )
        return sessions.dates[index].astype("datetime64[us]"), part

    def run(self, codes: Sequence[str], catch_up: bool, progress: Progress) -> dict[str, CodeUpdate]:
        """Updates those codes; returns what was done about each.

        Raises:
            TooEarly: as ``session``.
            CacheUnavailable: the cache cannot be used.
        """
        day, part = self.session()
        index = int(np.searchsorted(_midnights(self._sessions()), day))
        outcomes = {code: CodeUpdate() for code in codes}
        stale = {code: lacking for code in codes if (lacking := self._stale_series(code, day))}
        known = self._halves.of(day) if day >= AFTER_MARKET else {}
        # What an earlier pass has brought costs nothing, also where that was killed before it stored the bar.
        had = {code: known[code] for code in stale if code in known and known[code].has(part)}
        wanted = [code for code in stale if code not in had]
        chunks = [wanted[start : start + _CODES_A_TR] for start in range(0, len(wanted), _CODES_A_TR)]
        if chunks:
            progress.expect(len(chunks))
        later = self._keep(self._tasks(index, {}, had, stale, outcomes))
        for chunk in chunks:
            quotes, reasons, received_at = self._quotes(chunk, progress)
            # Waiting for its turn a pass may have outlasted the hour in which it began.
            part = quotes_show(index, received_at, self._sessions(), self._finality)
            found: dict[str, DayHalves] = {}
            whole: dict[str, DayQuote] = {}
            for code in chunk:
                if code not in quotes or quotes[code].day != day:
                    outcomes[code].record("no quote")
                    outcomes[code].reason = (
                        reasons[code] or f"no bar of {day.astype('datetime64[D]')} in its quote"
                    )
                elif part == "nothing":
                    outcomes[code].record("too early")
                else:
                    quote = quotes[code]
                    halves = known.get(code, DayHalves(quote.base))
                    found[code] = halves.with_quote(quote, part)
                    if part == "both":
                        whole[code] = halves.corrected(quote)
            if part != "both":
                self._halves.add(day, found, received_at)
            later += self._keep(self._tasks(index, whole, found, stale, outcomes))
        failed = Missing()
        if later:
            progress.expect(sum(len(task.stale) for task in later))
        for task in later:
            with failed.of(task.code), progress.item(len(task.stale)) as shown:
                self._ask(task, catch_up, shown)
        for code, why in failed.reasons.items():
            outcomes[code].record("failed")
            outcomes[code].reason = why
        return outcomes

    def _tasks(
        self,
        index: int,
        whole: Mapping[str, DayQuote],
        found: Mapping[str, DayHalves],
        stale: Mapping[str, list[_StaleSeries]],
        outcomes: Mapping[str, CodeUpdate],
    ) -> list[_CodeTask]:
        """What can be stored now of those codes: the session before, whose close 기준가 is, and the day."""
        sessions = self._sessions()
        day, final = _midnights(sessions)[index], self._final(index)
        loadable = final_until("D", self._link.now(), sessions, self._finality)
        before: dict[str, DayHalves] = {}
        if found and index > 0 and sessions.dates[index - 1] >= AFTER_MARKET:
            before = self._halves.of(_midnights(sessions)[index - 1])
        regular_range = bool(before) and self._halves.regular_range
        tasks = []
        for code, halves in found.items():
            series = stale[code]
            if code in before:
                past = before[code].with_next_base(halves.base, regular_range)
                quote = past.quote(code, _midnights(sessions)[index - 1])
                missing = [] if quote is None else self._stale_series(code, quote.day)
                if quote is not None and missing:
                    ends, done = self._final(index - 1), outcomes[code]
                    tasks.append(_CodeTask(code, quote.day, quote, missing, ends, done, loadable))
            today = whole.get(code) or halves.quote(code, day)
            if today is not None:
                done, recheck = outcomes[code], code in before
                tasks.append(_CodeTask(code, day, today, series, final, done, loadable, recheck))
                continue
            outcomes[code].record("provisional")
            behind = [one for one in series if one.missing > 1 and one.run >= HISTORY]
            if behind and code not in before:
                unfinished = DayQuote(code, halves.base, BarColumns.empty("daily"), False)
                done = outcomes[code]
                tasks.append(_CodeTask(code, day, unfinished, behind, loadable, done, loadable))
        return tasks

    def _final(self, index: int) -> Moment:
        """Up to when daily bars are final once those of that session are."""
        sessions = self._sessions()
        if sessions.dates[index] < AFTER_MARKET:
            return final_until("D", float(settle_times("D", sessions, self._finality)[index]), sessions)
        end: Moment = _midnights(sessions)[index] + _DAY - _INSTANT
        return end

    def _keep(self, tasks: Sequence[_CodeTask]) -> list[_CodeTask]:
        """Stores what needs no further TR; returns the rest."""
        later = []
        for start in range(0, len(tasks), _CODES_A_WRITE):
            # After a killed process none of them has changed.
            with self._store.shelf.transaction():
                later += [one for one in tasks[start : start + _CODES_A_WRITE] if self._append(one)]
        return later

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

    def _quotes(
        self, codes: Sequence[str], progress: Progress
    ) -> tuple[dict[str, DayQuote], dict[str, str], float]:
        """Quotes by code, what the broker says of each code, blank for most, and when they came."""
        inputs = {"종목코드": ";".join(codes)}
        found = transactions.load(
            self._link, "OPTKWFID", inputs, progress, pages=1, priority="bulk", counted=True
        )
        page = found.pages[0]
        quotes, unreadable = day_quotes(page)
        said = {code: unreadable.get(code) or reason(code, page.messages) for code in codes}
        return quotes, said, page.received_at

    def _append(self, task: _CodeTask) -> bool:
        """Stores the quote's bar where it certainly is the next one; whether opt10081 is needed for the rest."""
        rest = []
        if task.recheck:
            task.stale = self._stale_series(task.code, task.day)
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

    def _add(self, task: _CodeTask, stale: _StaleSeries, bar: BarColumns) -> None:
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
        index = int(np.searchsorted(_midnights(sessions), day))
        return adjustment_at(float(sessions.opens[index]), sessions)

    def _catch_up(self, task: _CodeTask, stale: _StaleSeries, progress: Progress) -> None:
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

    def _refetch(self, task: _CodeTask, stale: _StaleSeries, progress: Progress) -> BarColumns:
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
