"""The newest session's daily bars of a whole market: a hundred issues a TR (OPTKWFID), in place of one.

What a quote cannot tell is asked of opt10081: the whole adjusted series where 기준가 is not the last close that is
held (a split, a rights issue), the days between where more than one is missing, and a day of which the quote
leaves something open. A series is written in one step, so that whatever ends an update, the next one goes on
from there: what has the day is not asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING, seoul
from koalab.errors import TooEarly
from koalab.frames.bars import BarColumns
from koalab.frames.day_quotes import DayQuote, day_quotes
from koalab.link import Link
from koalab.loaders import transactions
from koalab.loaders.bars import BarLoader
from koalab.loaders.intervals import interval
from koalab.progress import Progress
from koalab.store.bars import BarStore
from koalab.store.finality import adjustment_at, final_until, settles_at
from koalab.store.merging import disagreement
from koalab.store.series import Moment, Series

Done = Literal["up to date", "no quote", "added", "appended", "asked", "behind", "caught up", "refetched"]
"""What is done about a code, from what need not be told to what must be: see ``Session.update_market``."""

_CODES_A_TR: Final = 100
# Long histories take some 20 ms a code, and other processes wait a second for their turn to write.
_CODES_A_WRITE: Final = 25
_INSTANT: Final = np.timedelta64(1, "us")
# From an hour before the opening on quotes may be those of the day that begins.
_BEFORE_OPENING: Final = 3600.0
HISTORY: Final = 20
"""Fewer sessions in a row are no history: a day that is missing behind them is not worth a TR."""


@dataclass
class CodeUpdate:
    """What was done about one code, and how many TRs were spent on it alone."""

    done: Done = "up to date"
    trs: int = 0

    def did(self, what: Done) -> None:
        """Also that; of two things done the one that matters more is told."""
        order = get_args(Done)
        self.done = max(self.done, what, key=order.index)


@dataclass(frozen=True, slots=True)
class _MissingDay:
    """A series that lacks the day.

    Attributes:
        gap: from when on, to the day: nothing of it is held.
        missing: how many sessions lie in it; 1 where only the day does.
        earliest: from when on anything is held.
        run: how many bars are held in a row right before the gap.
        last: the newest bar held, none where there is none.
    """

    series: Series
    gap: Moment
    missing: int
    earliest: Moment
    run: int
    last: BarColumns

    @property
    def new(self) -> bool:
        """Nothing is held at all."""
        return bool(self.gap <= BEGINNING)

    @property
    def next(self) -> bool:
        """The day is the next one after what is held."""
        return not self.new and self.missing == 1

    def close_is(self, base: float) -> bool:
        """Whether 기준가 is the last close that is held; True where none is."""
        return not len(self.last) or float(self.last.close[-1]) == base


@dataclass
class _CodeTask:
    """What there is to do about one code."""

    code: str
    quote: DayQuote
    lacks: list[_MissingDay]
    final: Moment
    outcome: CodeUpdate

    @property
    def plain(self) -> bool:
        """The quote is the day's bar, and nothing happened to the shares since the last one."""
        return self.quote.sure and all(lack.close_is(self.quote.base) for lack in self.lacks if lack.next)


class MarketUpdate:
    """Brings daily bars up to the latest session that is final.

    Args:
        link: to the broker.
        store: of final bars.
        sessions: of the exchange, read when they are first needed.
    """

    def __init__(self, link: Link, store: BarStore, sessions: Callable[[], Sessions]) -> None:
        self._link = link
        self._store = store
        self._sessions = sessions
        # What it loads takes the place of what is held in one step: until then that stays.
        self._loader = BarLoader(link, None, sessions)

    def session(self) -> tuple[Moment, Moment]:
        """The latest session that is final (its midnight), and until when daily bars are.

        Raises:
            TooEarly: quotes show the session after it, or will soon.
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
        """Updates those codes, and says what was done about each.

        Raises:
            TooEarly: as ``session``.
            CacheUnavailable: the cache cannot be used.
        """
        day, final = self.session()
        outcomes = {code: CodeUpdate() for code in codes}
        lacking = {code: lacks for code in codes if (lacks := self._lacks(code, day))}
        wanted = list(lacking)
        chunks = [wanted[start : start + _CODES_A_TR] for start in range(0, len(wanted), _CODES_A_TR)]
        if chunks:
            progress.expect(len(chunks))
        later: list[_CodeTask] = []
        for chunk in chunks:
            quotes = self._quotes(chunk, progress)
            for code in chunk:
                if code not in quotes or quotes[code].day != day:
                    outcomes[code].did("no quote")
            works = [
                _CodeTask(code, quotes[code], lacking[code], final, outcomes[code])
                for code in chunk
                if outcomes[code].done != "no quote"
            ]
            for start in range(0, len(works), _CODES_A_WRITE):
                # Whoever is killed meanwhile has all of them as they were.
                with self._store.shelf.transaction():
                    later += [one for one in works[start : start + _CODES_A_WRITE] if self._append(one)]
        for work in later:
            self._ask(work, catch_up, progress)
        return outcomes

    def _lacks(self, code: str, day: Moment) -> list[_MissingDay]:
        """Which of a code's two series lack the day, adjusted prices first."""
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
            found.append(_MissingDay(series, gap, int(high - low), earliest, len(run), last))
        return found

    def _quotes(self, codes: Sequence[str], progress: Progress) -> dict[str, DayQuote]:
        inputs = {"종목코드": ";".join(codes)}
        found = transactions.load(
            self._link, "OPTKWFID", inputs, progress, pages=1, priority="bulk", counted=True
        )
        return day_quotes(found.pages[0])

    def _append(self, work: _CodeTask) -> bool:
        """Writes the quote's bar wherever it surely is the next one; whether anything is left to ask."""
        rest = []
        for lack in work.lacks:
            if (lack.next and not work.plain) or (lack.missing > 1 and lack.run >= HISTORY):
                rest.append(lack)
            elif work.quote.sure:
                self._add(work, lack, work.quote.bar)
            else:
                work.outcome.did("no quote")
        work.lacks = rest
        return bool(rest)

    def _ask(self, work: _CodeTask, catch_up: bool, progress: Progress) -> None:
        """Does with opt10081 what a quote could not do."""
        bar: BarColumns | None = None
        for lack in work.lacks:
            if lack.next:
                if lack.series.adjusted and not lack.close_is(work.quote.base):
                    bar = self._refetch(work, lack, progress).slice(work.quote.day)
                    continue
                if bar is None:
                    bar = self._load(work, lack.series, work.quote.day, progress)
                self._add(work, lack, bar)
                work.outcome.did("asked")
            elif catch_up:
                self._catch_up(work, lack, progress)
            else:
                work.outcome.did("behind")

    def _add(self, work: _CodeTask, lack: _MissingDay, bar: BarColumns) -> None:
        """The day's bar, which is the same in both series: at its own scale it is adjusted by nothing."""
        covered = (lack.gap if lack.next else work.quote.day, work.final)
        adjustment = self._adjustment(work.quote.day)
        held = self._store.cached_range(
            lack.series, work.quote.day, work.quote.day
        )  # its record is what matters
        if lack.series.adjusted and held.any_cached and held.adjustment != adjustment:
            if lack.next:
                # Where 기준가 is the last close, what is held is in the adjustment of the day.
                self._store.renew(lack.series, held.adjustment, adjustment)
            elif len(self._store.read(lack.series, BEGINNING, work.final)[0]) < HISTORY:
                self._store.replace(lack.series, bar, covered, adjustment=adjustment)
            else:
                # There may have been a split in between, and a quote does not tell.
                work.outcome.did("behind")
                return
        self._store.add(lack.series, bar, covered, adjustment=adjustment)
        work.outcome.did("appended" if lack.next else "added")

    def _adjustment(self, day: Moment) -> Moment:
        """The adjustment of adjusted prices once the session of that day has opened."""
        sessions = self._sessions()
        index = int(np.searchsorted(_midnights(sessions), day))
        return adjustment_at(float(sessions.opens[index]), sessions)

    def _catch_up(self, work: _CodeTask, lack: _MissingDay, progress: Progress) -> None:
        """The sessions that are missing; all of an adjusted series whose last bar has another price by now."""
        last = lack.last
        bars = self._load(work, lack.series, last.time[0] if len(last) else lack.gap, progress)
        again = bars.slice(last.time[0], last.time[0]) if len(last) else last
        if lack.series.adjusted and (len(again) != len(last) or disagreement(last, again) is not None):
            self._refetch(work, lack, progress)
            return
        adjustment = self._adjustment(work.quote.day)
        held = self._store.cached_range(lack.series, lack.gap, work.final)
        if lack.series.adjusted and held.any_cached:
            self._store.renew(lack.series, held.adjustment, adjustment)
        self._store.add(lack.series, bars.slice(lack.gap), (lack.gap, work.final), adjustment=adjustment)
        work.outcome.did("caught up")

    def _refetch(self, work: _CodeTask, lack: _MissingDay, progress: Progress) -> BarColumns:
        """All that was held of a series, anew, and up to the day."""
        bars = self._load(work, lack.series, lack.earliest, progress)
        covered = (lack.earliest, work.final)
        ended = bool(lack.earliest <= BEGINNING)
        adjustment = self._adjustment(work.quote.day)
        self._store.replace(lack.series, bars, covered, ended, adjustment)
        if lack.series.adjusted:
            self._store.drop_before(work.code, adjustment)
        work.outcome.did("refetched")
        return bars

    def _load(self, work: _CodeTask, series: Series, first: Moment, progress: Progress) -> BarColumns:
        progress.set_note(work.code)
        loaded = self._loader.load(
            series.code, interval("D"), first, work.final, series.adjusted, progress, "bulk"
        )
        work.outcome.trs += loaded.trs
        return loaded.bars


def _midnights(sessions: Sessions) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return sessions.dates.astype("datetime64[us]")
