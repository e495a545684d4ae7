"""A market of given files: whatever they hold is served as it stands, and nothing is added to it."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.market.recorded import csv_files, listing
from kernel_server.simulated.market.recorded.csv_files import NO_BARS, BadMarketData
from kernel_server.simulated.market.recorded.splits import marked
from kernel_server.simulated.market.recorded.trades import PAUSE, RecordedTicks, TickMinutes
from kernel_server.simulated.market.resample import cut, grouped
from kernel_server.simulated.market.trade_script import RecordedDay, Script
from kernel_server.simulated.market.trading_hours import day_of

log = logging.getLogger(__name__)

FIRST_DAY = 19850104
"""Where the broker's own daily history begins; given days before it are not served."""

_SEOUL = 9 * 3600
_USUAL_OPEN, _USUAL_CLOSE = 9 * 3600, (15 * 60 + 30) * 60
_DAY = 1_000_000  # YYYYMMDDHHMMSS // _DAY is YYYYMMDD


class RecordedMarket:
    """A ``Market`` of the CSV files in a folder.

    ``listing.csv``
        the issues, with at least the columns code, name, market, shares and listing_date; kind,
        face_value and industry count where they are there. Codes of the other files that it lacks are
        listed too, with what is generally known of them. It may be left out.
    ``daily/CODE.csv``, ``daily_unadjusted/CODE.csv``
        date, open, high, low, close, volume, and value in KRW or, without it, an estimate: volume times
        the mean of the four prices. The first holds adjusted prices and volumes, the second those of the
        day. Where both are there, splits are marked.
    ``minute/CODE*.csv``
        time, open, high, low, close, volume; the start of the minute. Served both for adjusted and not.
    ``ticks/CODE_YYYYMMDD.csv``, ``ticks/CODE_YYYYMMDD.csv.gz``
        date, time, price, side, volume: a day's trades, which ``recorded`` gives to the exchange. Minutes are
        made of them for days that have none in ``minute``, and daily bars for days that the daily files lack.

    What is asked for and has no file is empty. A day is served once its session is over; while it runs,
    it is what its minutes up to ``now`` add up to, if there are any, those of its trades before those of its
    minute file. A minute is served once it is over.

    Args:
        folder: where the files are. They are not to change while they are served.
        sessions: the calendar, for sessions that close at another time than 15:30.
        kept: of how many issues, at most, the bars are kept in memory.

    Raises:
        BadMarketData: here, if the folder, a file's name or its header is wrong or the listing is; when a
            file's bars are first asked for, if something in them is.
    """

    def __init__(self, folder: Path, sessions: Callable[[], Sessions] | None = None, kept: int = 64) -> None:
        if not folder.is_dir():
            raise BadMarketData(
                folder, 0, "expected a folder with listing.csv, daily/, daily_unadjusted/, minute/ or ticks/"
            )
        self._sessions = sessions
        self._firsts: dict[str, date] = {}
        self._adjusted = self._files(folder / "daily", csv_files.DAILY)
        self._plain = self._files(folder / "daily_unadjusted", csv_files.DAILY)
        self._parts = self._files(folder / "minute", csv_files.MINUTE)
        self._ticks = RecordedTicks(folder / "ticks", self._hours)
        for code, given in self._ticks.codes().items():
            self._firsts[code] = min(day_of(given[0]), self._firsts.get(code, day_of(given[0])))
        codes = {*self._adjusted, *self._plain, *self._parts, *self._ticks.codes()}
        self._issues = listing.issues(folder / "listing.csv", codes, self._firsts)
        if not self._issues:
            raise BadMarketData(
                folder,
                0,
                "expected a listing.csv or files under daily/, daily_unadjusted/, minute/ or ticks/",
            )
        self.source = f"given:{_fingerprint(folder)}"
        self._whole = lru_cache(4)(csv_files.daily)
        self._days = lru_cache(2 * kept)(self._read_days)
        self._minutes = lru_cache(kept)(self._read_minutes)

    def issues(self) -> Mapping[str, Issue]:
        """Every issue of the listing and of the files, by code."""
        return self._issues

    def script(self, code: str, day: int) -> Script | None:
        """The given trades of that YYYYMMDD; None where there are none.

        Raises:
            BadMarketData: something in their file is not as it should be.
        """
        return self._ticks.script(code, day)

    def latest_before(self, code: str, day: int) -> RecordedDay | None:
        """The newest given trades before that YYYYMMDD; errors as for ``recorded``."""
        for given in reversed(self._ticks.codes().get(code, ())):
            script = self._ticks.script(code, given) if given < day else None
            if script:
                closes = self._hours(given)[1]
                days = self.daily(code, False, closes)
                days = days if len(days) else self.daily(code, True, closes)
                place = int(np.searchsorted(days.time, given))
                return RecordedDay(given, int(days.close[place - 1] if place else script.price[0]), script)
        return None

    def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
        """The days of the code's file from 1985-01-04 to ``now``."""
        bars = self._daily(code, adjusted, now)
        return bars if days is None else cut(bars, max(0, len(bars) - days), len(bars))

    def _daily(self, code: str, adjusted: bool, now: float) -> Bars:
        days = self._days(code, adjusted)
        today = seoul(now)
        number = today.year * 10_000 + today.month * 100 + today.day
        over = int(np.searchsorted(days.time, number))
        if over == len(days) or days.time[over] != number:
            return cut(days, 0, over)
        whole, closes = cut(days, 0, over + 1), self._hours(number)[1]
        if number in self._ticks.codes().get(code, ()) and now < closes + PAUSE:
            given = self._ticks.minutes(code, number)
            # Its closing auction may come a little late.
            closes, minutes = max([closes, *given.over[-1:].tolist()]), given.until(now)
        elif now < closes:
            minutes = self._minutes(code).until(now)
            minutes = cut(minutes, int(np.searchsorted(minutes.time, number * _DAY)), len(minutes))
        if now >= closes:
            return whole
        return _with(whole, minutes) if len(minutes) else cut(days, 0, over)

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        """The minutes of the code's files, of the newest ``days`` days that have any up to ``now``."""
        del adjusted  # there is one set of minutes
        seen = self._minutes(code).until(now)
        if not len(seen) or days <= 0:
            return NO_BARS
        dates = np.unique(seen.time // _DAY)[-days:]
        return cut(seen, int(np.searchsorted(seen.time, dates[0] * _DAY)), len(seen))

    def _files(self, folder: Path, columns: tuple[str, ...]) -> dict[str, list[Path]]:
        """The files of the folder by code, each looked at only so far as to see that it is one of ours."""
        found: dict[str, list[Path]] = {}
        for file in sorted(folder.glob("*.csv")):
            code = file.stem if columns == csv_files.DAILY else file.stem[:6]
            if not listing.CODE.fullmatch(code):
                raise BadMarketData(file, 0, "expected a name that is a code: six digits or capitals")
            first = csv_files.check(file, columns)
            if first is not None:
                self._firsts[code] = min(first, self._firsts.get(code, first))
            found.setdefault(code, []).append(file)
        return found

    def _read_days(self, code: str, adjusted: bool) -> Bars:
        """The code's days, with what the other of the two files tells about splits, and those made of trades."""
        here, there = (self._adjusted, self._plain) if adjusted else (self._plain, self._adjusted)
        days = self._whole(here[code][0], FIRST_DAY) if code in here else NO_BARS
        if code in here and code in there:
            other = self._whole(there[code][0], FIRST_DAY)
            days = marked(days, *((days, other) if adjusted else (other, days)))
        # Before the newest adjusted day nobody knows at which scale a day's trades are.
        since = int(days.time[-1]) if adjusted and len(days) else 0
        known = set(days.time.tolist())
        given = [day for day in self._ticks.codes().get(code, ()) if day > since and day not in known]
        made = [self._ticks.minutes(code, day).bars for day in given]
        made = [grouped(bars, bars.time // _DAY, bars.time[:1] // _DAY) for bars in made if len(bars)]
        return _kept(_joined([days, *made]))

    def _read_minutes(self, code: str) -> TickMinutes:
        """The code's minutes: those of its files, and those made of its trades on other days."""
        held = self._filed(code)
        known = set((held.bars.time // _DAY).tolist())
        given = self._ticks.codes().get(code, ())
        for day in given:
            if day in known:
                self._compare(code, day, held.bars)
        parts = [held, *(self._ticks.minutes(code, day) for day in given if day not in known)]
        over = np.concatenate([part.over for part in parts])
        bars = _joined([part.bars for part in parts])
        # The days of one part lie between those of the other, and a later bar is over later.
        return TickMinutes(_kept(bars), np.sort(over))

    def _compare(self, code: str, day: int, held: Bars) -> None:
        """Says so where a day's minute file and its trades do not agree; trades may begin late and end early."""
        made = self._ticks.minutes(code, day).bars
        common, here, there = np.intersect1d(
            made.time[1:-1], held.time, assume_unique=True, return_indices=True
        )
        same = np.ones(len(common), bool)
        for name in ("open", "high", "low", "close", "volume"):
            same &= getattr(made, name)[1:-1][here] == getattr(held, name)[there]
        if not same.all():
            log.warning(
                "%s and the minutes of that day do not agree, the first time at %d, %d times in %d: charts show the"
                " minutes, and trading follows the ticks",
                self._ticks.file(code, day),
                common[np.argmin(same)],
                len(common) - int(same.sum()),
                len(common),
            )

    def _filed(self, code: str) -> TickMinutes:
        """The minutes of the code's minute files."""
        files = {file: csv_files.minute(file) for file in self._parts.get(code, ())}
        order = sorted(
            (file for file in files if len(files[file])), key=lambda file: int(files[file].time[0])
        )
        for before, after in itertools.pairwise(order):
            if files[after].time[0] <= files[before].time[-1]:
                expected = (
                    f"expected minutes after those of {before.name}, which end at {files[before].time[-1]}"
                )
                raise BadMarketData(after, 2, expected)
        if not order:
            return TickMinutes(NO_BARS, NO_BARS.time)
        bars = _joined([files[file] for file in order])
        days, of = np.unique(bars.time // _DAY, return_inverse=True)
        start = _moments(bars.time)
        # The closing auction's bar bears the moment of the close itself.
        return TickMinutes(bars, np.minimum(start + 60, np.maximum(start, self._span(days)[1][of])))

    def _hours(self, day: int) -> tuple[int, int]:
        opens, closes = self._span(np.array([day]))
        return int(opens[0]), int(closes[0])

    def _span(self, days: Ints) -> tuple[Ints, Ints]:
        """When the sessions of those days (YYYYMMDD) open and close, seconds since the epoch."""
        midnight = _moments(days * _DAY)
        opens, closes = midnight + _USUAL_OPEN, midnight + _USUAL_CLOSE
        if self._sessions is not None:
            sessions = self._sessions()
            day = epoch_days(days)
            at = np.minimum(np.searchsorted(sessions.dates.view(np.int64), day), len(sessions) - 1)
            listed = sessions.dates.view(np.int64)[at] == day
            opens[listed], closes[listed] = sessions.opens[at[listed]], sessions.closes[at[listed]]
        return opens, closes


def _kept(bars: Bars) -> Bars:
    """The same bars, which nobody can write to any more: what is served are views of them."""
    for field in fields(Bars):
        getattr(bars, field.name).setflags(write=False)
    return bars


def _with(days: Bars, minutes: Bars) -> Bars:
    """``days`` whose last one is instead what the minutes add up to."""
    found = {field.name: getattr(days, field.name).copy() for field in fields(Bars)}
    found["open"][-1] = minutes.open[0]
    found["high"][-1] = minutes.high.max()
    found["low"][-1] = minutes.low.min()
    found["close"][-1] = minutes.close[-1]
    found["volume"][-1] = minutes.volume.sum()
    found["value"][-1] = minutes.value.sum()
    return Bars(**found)


def _moments(time: Ints) -> Ints:
    """Seconds since the epoch of YYYYMMDDHHMMSS in Seoul."""
    clock = time % _DAY
    seconds = clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100
    moments: Ints = epoch_days(time // _DAY) * 86_400 + seconds - _SEOUL
    return moments


def _joined(parts: Sequence[Bars]) -> Bars:
    """All of them in the order of time."""
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Bars.__slots__}
    order = np.argsort(whole["time"], kind="stable")
    return Bars(**{name: column[order] for name, column in whole.items()})


def _fingerprint(folder: Path) -> str:
    """Twelve digits that change when a file is added, removed, resized or written again."""
    found = hashlib.sha256()
    for file in sorted([*folder.rglob("*.csv"), *folder.rglob("*.csv.gz")]):
        state = file.stat()
        found.update(
            f"{file.relative_to(folder).as_posix()}\t{state.st_size}\t{state.st_mtime_ns}\n".encode()
        )
    return found.hexdigest()[:12]
