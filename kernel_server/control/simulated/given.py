"""A market of given files: whatever they hold is served as it stands, and nothing is added to it."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np

from kernel_server.clock import seoul
from kernel_server.control.simulated import given_files, listing
from kernel_server.control.simulated.actions import SPLIT, ratio
from kernel_server.control.simulated.daynumbers import epoch_days
from kernel_server.control.simulated.given_files import BadMarketData
from kernel_server.control.simulated.market import Bars, Ints, Issue
from kernel_server.reference.sessions import Sessions

FIRST_DAY = 19850104
"""Where the broker's own daily history begins; given days before it are not served."""

_CODE = re.compile(r"[0-9A-Z]{6}")
_MARKETS = ("KOSPI", "KOSDAQ", "KONEX")
_KINDS = ("stock", "etf", "etn", "reit")
_UNKNOWN_DATE = date(1985, 1, 4)
# A step of these many times between the two daily files is taken for a split. Smaller ones are as often a
# bonus or a rights issue, so they are left unmarked.
_SPLITS = np.array([5, 10, 20, 25, 50, 100])
_SEOUL = 9 * 3600
_USUAL_CLOSE = (15 * 60 + 30) * 60
_DAY = 1_000_000  # YYYYMMDDHHMMSS // _DAY is YYYYMMDD
_NONE = np.zeros(0, np.int64)
_EMPTY = Bars(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))


class GivenMarket:
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

    What is asked for and has no file is empty. A day is served once its session is over; while it runs,
    it is what its minutes up to ``now`` add up to, if there are any. A minute is served once it is over.

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
                folder, 0, "expected a folder with listing.csv, daily/, daily_unadjusted/ or minute/"
            )
        self._sessions = sessions
        self._firsts: dict[str, date] = {}
        self._adjusted = self._files(folder / "daily", given_files.DAILY)
        self._plain = self._files(folder / "daily_unadjusted", given_files.DAILY)
        self._parts = self._files(folder / "minute", given_files.MINUTE)
        self._issues = self._listed(folder / "listing.csv")
        if not self._issues:
            raise BadMarketData(
                folder, 0, "expected a listing.csv or files under daily/, daily_unadjusted/ or minute/"
            )
        self.source = f"given:{_fingerprint(folder)}"
        self._whole = lru_cache(4)(given_files.daily)
        self._days = lru_cache(2 * kept)(self._read_days)
        self._minutes = lru_cache(kept)(self._read_minutes)

    def issues(self) -> Mapping[str, Issue]:
        """Every issue of the listing and of the files, by code."""
        return self._issues

    def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
        """The days of the code's file from 1985-01-04 to ``now``."""
        bars = self._daily(code, adjusted, now)
        return bars if days is None else _cut(bars, slice(max(0, len(bars) - days), None))

    def _daily(self, code: str, adjusted: bool, now: float) -> Bars:
        days = self._days(code, adjusted)
        today = seoul(now)
        number = today.year * 10_000 + today.month * 100 + today.day
        over = int(np.searchsorted(days.time, number))
        if over == len(days) or days.time[over] != number:
            return _cut(days, slice(0, over))
        if now >= self._closes(np.array([number]))[0]:
            return _cut(days, slice(0, over + 1))
        minutes = self._seen(code, now)
        minutes = _cut(minutes, slice(int(np.searchsorted(minutes.time, number * _DAY)), None))
        return _with(_cut(days, slice(0, over + 1)), minutes) if len(minutes) else _cut(days, slice(0, over))

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        """The minutes of the code's files, of the newest ``days`` days that have any up to ``now``."""
        del adjusted  # there is one set of minutes
        seen = self._seen(code, now)
        if not len(seen) or days <= 0:
            return _EMPTY
        dates = np.unique(seen.time // _DAY)[-days:]
        return _cut(seen, slice(int(np.searchsorted(seen.time, dates[0] * _DAY)), None))

    def _files(self, folder: Path, columns: tuple[str, ...]) -> dict[str, list[Path]]:
        """The files of the folder by code, each looked at only so far as to see that it is one of ours."""
        found: dict[str, list[Path]] = {}
        for file in sorted(folder.glob("*.csv")):
            code = file.stem if columns == given_files.DAILY else file.stem[:6]
            if not _CODE.fullmatch(code):
                raise BadMarketData(file, 0, "expected a name that is a code: six digits or capitals")
            first = given_files.check(file, columns)
            if first is not None:
                self._firsts[code] = min(first, self._firsts.get(code, first))
            found.setdefault(code, []).append(file)
        return found

    def _listed(self, file: Path) -> dict[str, Issue]:
        issues = {issue.code: issue for issue in self._rows(file)} if file.exists() else {}
        for code in sorted({*self._adjusted, *self._plain, *self._parts} - set(issues)):
            first = self._firsts.get(code, _UNKNOWN_DATE)
            issues[code] = listing.known().issues.get(code) or Issue(
                code, code, "KOSPI", _kind(code, code), 0, first, 0, ""
            )
        return issues

    def _rows(self, file: Path) -> Iterator[Issue]:
        table = given_files.read(file, given_files.LISTING)
        shares = table.whole("shares").tolist()
        blank = [""] * len(table.lines)
        kinds, faces, industries = (
            table.columns.get(name, blank) for name in ("kind", "face_value", "industry")
        )
        columns = (table.columns[name] for name in ("code", "name", "market", "listing_date"))
        seen: set[str] = set()
        for row, (code, name, market, listed) in enumerate(zip(*columns, strict=True)):
            if not _CODE.fullmatch(code) or code in seen:
                raise table.wrong(row, f"code should be six digits or capitals, each once, not {code!r}")
            seen.add(code)
            board = market.split(" ")[0]
            if board not in _MARKETS:
                raise table.wrong(row, f"market should be {', '.join(_MARKETS)}, not {market!r}")
            try:
                day = date.fromisoformat(listed) if listed else self._firsts.get(code, _UNKNOWN_DATE)
                face = int(faces[row] or "0")
            except ValueError:
                expected = "listing_date should be YYYY-MM-DD and face_value a whole number"
                raise table.wrong(row, expected) from None
            kind = kinds[row] or _kind(code, name)
            if kind not in _KINDS:
                raise table.wrong(row, f"kind should be {', '.join(_KINDS)}, not {kind!r}")
            yield Issue(code, name, board, kind, shares[row], day, face, industries[row])

    def _read_days(self, code: str, adjusted: bool) -> Bars:
        """The code's days, with what the other of the two files tells about splits."""
        here, there = (self._adjusted, self._plain) if adjusted else (self._plain, self._adjusted)
        if code not in here:
            return _EMPTY
        days = self._whole(here[code][0], FIRST_DAY)
        if code in there:
            other = self._whole(there[code][0], FIRST_DAY)
            days = _marked(days, *((days, other) if adjusted else (other, days)))
        return _kept(days)

    def _read_minutes(self, code: str) -> tuple[Bars, Ints]:
        """The code's minutes, and when each of them is over."""
        files = {file: given_files.minute(file) for file in self._parts.get(code, ())}
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
            return _EMPTY, _NONE
        names = [field.name for field in fields(Bars)]
        joined = {name: np.concatenate([getattr(files[file], name) for file in order]) for name in names}
        bars = _kept(Bars(**joined))
        days, of = np.unique(bars.time // _DAY, return_inverse=True)
        start = _moments(bars.time)
        # The closing auction's bar bears the moment of the close itself.
        return bars, np.minimum(start + 60, np.maximum(start, self._closes(days)[of]))

    def _seen(self, code: str, now: float) -> Bars:
        bars, over = self._minutes(code)
        return _cut(bars, slice(0, int(np.searchsorted(over, now, side="right"))))

    def _closes(self, days: Ints) -> Ints:
        """When the sessions of those days (YYYYMMDD) close, seconds since the epoch."""
        closes = _moments(days * _DAY) + _USUAL_CLOSE
        if self._sessions is not None:
            sessions = self._sessions()
            day = epoch_days(days)
            at = np.minimum(np.searchsorted(sessions.dates.view(np.int64), day), len(sessions) - 1)
            listed = sessions.dates.view(np.int64)[at] == day
            closes[listed] = sessions.closes[at[listed]]
        return closes


def _kept(bars: Bars) -> Bars:
    """The same bars, which nobody can write to any more: what is served are views of them."""
    for field in fields(Bars):
        getattr(bars, field.name).setflags(write=False)
    return bars


def _kind(code: str, name: str) -> str:
    """What an issue most likely is where the listing does not say."""
    known = listing.known().issues.get(code)
    if known is not None:
        return known.kind
    if code[0] in "567":  # the range of the ETNs
        return "etn"
    return "reit" if name.endswith("리츠") else "stock"


def _marked(days: Bars, adjusted: Bars, plain: Bars) -> Bars:
    """``days`` with a mark where adjusted and unadjusted closes come so many times nearer as a split brings them."""
    common, here, there = np.intersect1d(adjusted.time, plain.time, assume_unique=True, return_indices=True)
    fair, raw = adjusted.close[here], plain.close[there]
    if len(common) < 2:
        return days
    scale = fair / raw
    step = scale[1:] / scale[:-1]
    # An adjusted price has been rounded to 1 KRW, which tells how far the step may be off.
    blur = 0.001 + 1 / fair[1:] + 1 / fair[:-1]
    near = _SPLITS[np.argmin(np.abs(step[:, None] / _SPLITS - 1), axis=1)]
    split = np.abs(step / near - 1) < blur
    times, factor = common[1:][split], near[split]
    event, percent = days.event.copy(), days.ratio.copy()
    places = np.searchsorted(days.time, times)
    event[places] = SPLIT
    percent[places] = [ratio(float(many)) for many in factor]
    return replace(days, event=event, ratio=percent)


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


def _cut(bars: Bars, part: slice) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[part] for field in fields(Bars)})


def _fingerprint(folder: Path) -> str:
    """Twelve digits that change when a file is added, removed, resized or written again."""
    found = hashlib.sha256()
    for file in sorted(folder.rglob("*.csv")):
        state = file.stat()
        found.update(
            f"{file.relative_to(folder).as_posix()}\t{state.st_size}\t{state.st_mtime_ns}\n".encode()
        )
    return found.hexdigest()[:12]
