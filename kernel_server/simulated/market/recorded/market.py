"""A market of recorded files, served as they are, with nothing added."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.market_time import epoch_seconds
from kernel_server.simulated.market.model import Bars, Issue, board
from kernel_server.simulated.market.recorded import bar_files, listing
from kernel_server.simulated.market.recorded.csv_files import NO_BARS, BadMarketData
from kernel_server.simulated.market.recorded.folder import RecordedFolder, code_of, code_of_minutes, scan
from kernel_server.simulated.market.recorded.session_rules import DAY, SessionRules
from kernel_server.simulated.market.recorded.splits import marked, off_grid_on, swapped_on
from kernel_server.simulated.market.recorded.trades import PAUSE, RecordedTicks, TickMinutes
from kernel_server.simulated.market.resample import cut, grouped, picked
from kernel_server.simulated.market.trade_script import RecordedDay, Script
from kernel_server.simulated.market.trading_hours import day_of

log = logging.getLogger(__name__)

FIRST_DAY = 19850104
"""First day of the broker's own daily history; earlier recorded days are not served."""


class RecordedMarket:
    """A ``Market`` of the CSV files in a folder.

    ``listing.csv``
        issues, with at least the columns code, name, market, shares and listing_date, optionally kind, face_value and
        industry. Codes that have files are listed too, with what is known of them otherwise. The file may be missing.
    ``daily/CODE.csv``, ``daily_unadjusted/CODE.csv``
        date, open, high, low, close, volume, and value in KRW or, without it, an estimate: volume times the mean of the
        four prices. The first has adjusted prices and volumes, the second unadjusted ones. With both, splits are
        marked.
    ``minute/CODE*.csv``
        time, open, high, low, close, volume; the start of the minute. Served as adjusted and as unadjusted, and
        aggregated to daily bars on days that the daily files and ``ticks`` lack.
    ``ticks/CODE_YYYYMMDD.csv``
        date, time, price, side, volume: a day's trades, which the exchange gets from ``script``. They are aggregated to
        minutes on days without any in ``minute``, and to daily bars on days that the daily files lack.

    Each may be packed, ``.csv.gz``. Data without a file is empty. A session's daily bar is served once the session is
    over; before that it aggregates the minutes up to ``now``, if there are any, made from its trades or else from its
    minute file. A minute is served once it is over.

    Args:
        folder: the files, which must not change while they are served.
        sessions: the calendar, for sessions that close at another time than 15:30.
        cached: issues whose bars are kept in memory, at most.

    Raises:
        BadMarketData: here, for the folder, a file's name or header, or the listing; on first use of a file's bars, for
            its content.
    """

    minutes_fit_days = False  # they come from different files

    def __init__(
        self, folder: Path, sessions: Callable[[], Sessions] | None = None, cached: int = 64
    ) -> None:
        found = scan(folder)
        self._rules = SessionRules(sessions)
        self._firsts: dict[str, date] = {}
        self._adjusted = self._files(found.parts["daily"], bar_files.DAILY, code_of)
        self._unadjusted = self._files(found.parts["daily_unadjusted"], bar_files.DAILY, code_of)
        self._minute_files = self._files(found.parts["minute"], bar_files.MINUTE, code_of_minutes)
        self._ticks = RecordedTicks(found.ticks, self._hours, rules=self._rules)
        for code, recorded in self._ticks.codes().items():
            self._firsts[code] = min(day_of(recorded[0]), self._firsts.get(code, day_of(recorded[0])))
        codes = {*self._adjusted, *self._unadjusted, *self._minute_files, *self._ticks.codes()}
        self._issues = listing.issues(found.listing, codes, self._firsts)
        if not self._issues:
            raise BadMarketData(
                folder,
                0,
                "expected a listing.csv or files under daily/, daily_unadjusted/, minute/ or ticks/",
            )
        self.source = f"given:{_fingerprint(folder, found)}"
        self._daily_file = lru_cache(4)(self._read_daily_file)
        self._days = lru_cache(2 * cached)(self._read_days)
        self._minutes = lru_cache(cached)(self._read_minutes)
        self._filed = lru_cache(4)(self._read_minute_files)

    def issues(self) -> Mapping[str, Issue]:
        """All issues of the listing and of the files, by code."""
        return self._issues

    def script(self, code: str, day: int) -> Script | None:
        """The recorded trades of a YYYYMMDD, None if there are none.

        Raises:
            BadMarketData: their file is malformed.
        """
        return self._ticks.script(code, day)

    def latest_before(self, code: str, day: int) -> RecordedDay | None:
        """The latest recorded trades before a YYYYMMDD; errors as for ``script``."""
        for recorded in reversed(self._ticks.codes().get(code, ())):
            script = self._ticks.script(code, recorded) if recorded < day else None
            if script:
                closes = self._hours(recorded)[1]
                days = self.daily(code, False, closes)
                days = days if len(days) else self.daily(code, True, closes)
                index = int(np.searchsorted(days.time, recorded))
                return RecordedDay(recorded, int(days.close[index - 1] if index else script.price[0]), script)
        return None

    def anchor_prices(self) -> Mapping[str, int]:
        """None: reading every issue's file would take long, and the listing's order will do."""
        return {}

    def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
        """Daily bars of the code's files from 1985-01-04 to ``now``."""
        bars = self._daily(code, adjusted, now)
        return bars if days is None else cut(bars, max(0, len(bars) - days), len(bars))

    def after_market(self, code: str, adjusted: bool, now: float, days: int) -> Bars:  # noqa: ARG002
        """None: recorded minutes end with the regular session."""
        return NO_BARS

    def evening_news(self, code: str, now: float) -> bool:  # noqa: ARG002
        """No, as there is no after-market."""
        return False

    def _daily(self, code: str, adjusted: bool, now: float) -> Bars:
        days = self._days(code, adjusted)
        today = seoul(now)
        number = today.year * 10_000 + today.month * 100 + today.day
        over = int(np.searchsorted(days.time, number))
        if over == len(days) or days.time[over] != number:
            return cut(days, 0, over)
        full_day, closes = cut(days, 0, over + 1), self._hours(number)[1]
        if number in self._ticks.codes().get(code, ()) and now < closes + PAUSE:
            recorded = self._ticks.minutes(code, number)
            # A recorded closing auction may come a little late.
            closes, minutes = max([closes, *recorded.over[-1:].tolist()]), recorded.until(now)
        elif now < closes:
            minutes = self._minutes(code).until(now)
            minutes = cut(minutes, int(np.searchsorted(minutes.time, number * DAY)), len(minutes))
        if now >= closes:
            return full_day
        return _with_last_day(full_day, minutes) if len(minutes) else cut(days, 0, over)

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        """Minute bars of the code's files, of the newest ``days`` days that have any up to ``now``."""
        del adjusted  # there is one set of minutes
        seen = self._minutes(code).until(now)
        if not len(seen) or days <= 0:
            return NO_BARS
        dates = np.unique(seen.time // DAY)[-days:]
        return cut(seen, int(np.searchsorted(seen.time, dates[0] * DAY)), len(seen))

    def _files(
        self, files: Sequence[Path], columns: tuple[str, ...], code_of: Callable[[Path], str]
    ) -> dict[str, list[Path]]:
        """The files by code; only the first lines of each are read."""
        found: dict[str, list[Path]] = {}
        for file in files:
            code = code_of(file)
            others = found.setdefault(code, [])
            if others and columns == bar_files.DAILY:
                raise BadMarketData(file, 0, f"expected one file of {code}; there is {others[0].name} too")
            others.append(file)
            try:
                first = bar_files.check(file, columns, code)
            except BadMarketData as bad:
                # Packed files are read when they are asked for, as recordings of other things lie there too.
                if not file.name.lower().endswith(".gz"):
                    raise
                log.warning("%s: its bars are refused when they are asked for", bad)
                continue
            if first is not None:
                self._firsts[code] = min(first, self._firsts.get(code, first))
        return found

    def _read_daily_file(self, file: Path, code: str) -> Bars:
        return bar_files.daily(file, FIRST_DAY, code, self._rules)

    def _read_days(self, code: str, adjusted: bool) -> Bars:
        """The code's daily bars, with splits found by comparing both files, and with days made of trades or minutes."""
        files, others = (self._adjusted, self._unadjusted) if adjusted else (self._unadjusted, self._adjusted)
        days = self._daily_file(files[code][0], code) if code in files else NO_BARS
        other = self._daily_file(others[code][0], code) if code in others else NO_BARS
        if code in files and code in others:
            fair, raw = (days, other) if adjusted else (other, days)
            self._reject_swapped(code, fair, raw)
            days = marked(days, fair, raw)
        # The adjustment of trades before the newest adjusted day is unknown.
        since = int(days.time[-1]) if adjusted and len(days) else 0
        known = set(days.time.tolist())
        recorded = [day for day in self._ticks.codes().get(code, ()) if day > since and day not in known]
        parts = [self._ticks.minutes(code, day).bars for day in recorded]
        added = [grouped(bars, bars.time // DAY, np.unique(bars.time // DAY)) for bars in parts if len(bars)]
        added.append(self._as_days(self._minutes_without_day(code, since, [*known, *recorded], other)))
        return _read_only(_merged([days, *added]))

    def _reject_swapped(self, code: str, fair: Bars, raw: Bars) -> None:
        jump = swapped_on(fair, raw)
        off = 0 if jump else off_grid_on(fair, raw, board(self._issues[code]))
        if not jump and not off:
            return
        file = (self._adjusted if jump else self._unadjusted)[code][0]
        what = (
            f"its prices jump on {jump} and those of daily_unadjusted/ do not"
            if jump
            else f"its prices of {off} and other days are no multiples of the tick, and those of daily/ are"
        )
        raise BadMarketData(
            file,
            bar_files.line_of(file, jump or off),
            f"{what}: are the two swapped? daily/ has adjusted prices",
        )

    def _as_days(self, minutes: Bars) -> Bars:
        """Days made of minutes: prices of the regular session, with the after-market in volume and value."""
        day = minutes.time // DAY
        days, of = np.unique(day, return_inverse=True)
        regular = epoch_seconds(minutes.time) <= self._rules.hours(days)[1][of]
        if not regular.any():
            return NO_BARS
        made = grouped(picked(minutes, regular), day[regular], np.unique(day[regular]))
        whole, traded = grouped(minutes, day, days), np.isin(days, made.time)
        return replace(made, volume=whole.volume[traded], value=whole.value[traded])

    def _minutes_without_day(self, code: str, since: int, known: Sequence[int], other: Bars) -> Bars:
        """The minutes of days after ``since`` that are not ``known`` and not in the other file of days."""
        files = self._minute_files.get(code, ())
        if not files:
            return NO_BARS
        days = np.array([*known, *other.time.tolist()], np.int64)
        if not any(bar_files.may_have_others(file, code, self._rules, since, days) for file in files):
            return NO_BARS
        try:
            minutes = self._filed(code).bars
        except BadMarketData as bad:
            if not len(days):
                raise
            log.warning("%s: %s has no days made of its minutes", bad, code)
            return NO_BARS
        of_day = minutes.time // DAY
        return picked(minutes, (of_day > since) & ~np.isin(of_day, days))

    def _read_minutes(self, code: str) -> TickMinutes:
        """The code's minutes, from its files, and from its trades on other days."""
        filed = self._filed(code)
        known = set((filed.bars.time // DAY).tolist())
        recorded = self._ticks.codes().get(code, ())
        for day in recorded:
            if day in known:
                self._warn_if_different(code, day, filed.bars)
        parts = [filed, *(self._ticks.minutes(code, day) for day in recorded if day not in known)]
        over = np.concatenate([part.over for part in parts])
        bars = _merged([part.bars for part in parts])
        # The parts' days interleave, and a later bar is over later.
        return TickMinutes(_read_only(bars), np.sort(over))

    def _warn_if_different(self, code: str, day: int, filed: Bars) -> None:
        """Log a warning if a day's minute file and its trades disagree, except in the first and last minute."""
        from_trades = self._ticks.minutes(code, day).bars
        common, here, in_other = np.intersect1d(
            from_trades.time[1:-1], filed.time, assume_unique=True, return_indices=True
        )
        same = np.ones(len(common), bool)
        for name in ("open", "high", "low", "close", "volume"):
            same &= getattr(from_trades, name)[1:-1][here] == getattr(filed, name)[in_other]
        if not same.all():
            log.warning(
                "%s and the minutes of that day do not agree, the first time at %d, %d times in %d: charts show the"
                " minutes, and trading follows the ticks",
                self._ticks.file(code, day),
                common[np.argmin(same)],
                len(common) - int(same.sum()),
                len(common),
            )

    def _read_minute_files(self, code: str) -> TickMinutes:
        """The minutes of the code's minute files."""
        files = {file: bar_files.minute(file, code, self._rules) for file in self._minute_files.get(code, ())}
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
        bars = _merged([files[file] for file in order])
        days, of = np.unique(bars.time // DAY, return_inverse=True)
        start = epoch_seconds(bars.time)
        closes = self._rules.hours(days)[1][of]
        # The closing auction's bar is labelled with the close and over at that moment.
        over = np.where(start > closes, start + 60, np.minimum(start + 60, np.maximum(start, closes)))
        return TickMinutes(bars, over)

    def _hours(self, day: int) -> tuple[int, int]:
        opens, closes = self._rules.hours(np.array([day]))
        return int(opens[0]), int(closes[0])


def _read_only(bars: Bars) -> Bars:
    """The same bars with read-only arrays, as served bars are views of them."""
    for field in fields(Bars):
        getattr(bars, field.name).setflags(write=False)
    return bars


def _with_last_day(days: Bars, minutes: Bars) -> Bars:
    """``days`` with the last bar replaced by an aggregate of the minutes."""
    found = {field.name: getattr(days, field.name).copy() for field in fields(Bars)}
    found["open"][-1] = minutes.open[0]
    found["high"][-1] = minutes.high.max()
    found["low"][-1] = minutes.low.min()
    found["close"][-1] = minutes.close[-1]
    found["volume"][-1] = minutes.volume.sum()
    found["value"][-1] = minutes.value.sum()
    return Bars(**found)


def _merged(parts: Sequence[Bars]) -> Bars:
    """All bars in the order of time."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Bars.__slots__}
    order = np.argsort(columns["time"], kind="stable")
    return Bars(**{name: column[order] for name, column in columns.items()})


def _fingerprint(folder: Path, found: RecordedFolder) -> str:
    """Twelve digits that change when a file is added, removed, resized or rewritten."""
    digest = hashlib.sha256()
    for file in sorted(found.files()):
        state = file.stat()
        digest.update(
            f"{file.relative_to(folder).as_posix()}\t{state.st_size}\t{state.st_mtime_ns}\n".encode()
        )
    return digest.hexdigest()[:12]
