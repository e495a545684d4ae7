"""Recorded trades: the tick files of a folder, as scripts for the exchange and aggregated to minutes."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days, yyyymmdd
from kernel_server.simulated.base.market_time import moments_of, times_of
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.recorded import csv_files
from kernel_server.simulated.market.recorded.csv_files import NO_BARS, BadMarketData
from kernel_server.simulated.market.recorded.folder import check_order, csv_files_in, stem_of
from kernel_server.simulated.market.recorded.session_rules import WEEKDAYS, SessionRules
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.trade_script import NOTHING, Script, Side

TICKS = ("date", "time", "price", "side", "volume")

OPENING = 60
"""Seconds from the open in which the first trade counts as the opening auction's."""

PAUSE = 600
"""Seconds from the close in which trades count as the closing auction's; later ones are off-hours trades."""

_NAME = re.compile(r"([0-9A-Z]{6})_(\d{8})")
_FIRST_TRADE, _LAST_TRADE = 70_000, 200_100  # HHMMSS of the earliest and latest boards, now and before
_BOUGHT, _SOLD, _AUCTION = 1, 2, 0

Day = tuple[str, int]  # a code and a YYYYMMDD
Hours = Callable[[int], tuple[int, int]]
"""Open and close of the session of a YYYYMMDD, seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class TickMinutes:
    """1-minute bars, and the time at which each is over, seconds since the epoch."""

    bars: Bars
    over: Ints

    def until(self, now: float) -> Bars:
        """The bars that are over by ``now``."""
        return cut(self.bars, 0, int(np.searchsorted(self.over, now, side="right")))


class RecordedTicks:
    """The files ``CODE_YYYYMMDD.csv`` of a folder, gzipped (``.csv.gz``) or not.

    Columns are date (YYYYMMDD), time (HHMMSS), price (KRW), side (1 bought, 2 sold, 0 in an auction) and volume;
    others are ignored. Rows are in the order of the trades. Trades before the open of the session, or more than
    ``PAUSE`` seconds after its close, are ignored.

    Args:
        folder: the files; it may be missing.
        hours: of the sessions.
        cached: days whose trades are kept in memory, at most.
        rules: the calendar.

    Raises:
        BadMarketData: here, for a file's name, header or first row; on first use of its trades, for the rest.
    """

    def __init__(self, folder: Path, hours: Hours, cached: int = 8, rules: SessionRules = WEEKDAYS) -> None:
        self._hours = hours
        self._files: dict[Day, Path] = {}
        self._days: dict[str, list[int]] = {}
        for file in csv_files_in(folder) if folder.is_dir() else ():
            day = _day(file)
            if rules.closed(np.array([day[1]]))[0]:
                raise BadMarketData(file, 0, rules.why_closed(day[1]))
            if day in self._files:
                raise BadMarketData(
                    file, 0, f"expected one file of that day; there is {self._files[day].name} too"
                )
            _columns(file, day, limit=1)
            self._files[day] = file
            self._days.setdefault(day[0], []).append(day[1])
        self._scripts = lru_cache(cached)(self._read)
        # A day of minutes is small, and charts need many days at once.
        self._minutes = lru_cache(64 * cached)(self._add_up)

    def codes(self) -> Mapping[str, Sequence[int]]:
        """The recorded days of each code, YYYYMMDD, ascending."""
        return self._days

    def file(self, code: str, day: int) -> Path:
        return self._files[code, day]

    def script(self, code: str, day: int) -> Script | None:
        """The trades of a day, None if there is no file."""
        return self._scripts(code, day) if (code, day) in self._files else None

    def minutes(self, code: str, day: int) -> TickMinutes:
        """The trades of a day aggregated to minutes; no bars if there are no trades."""
        return self._minutes(code, day)

    def _read(self, code: str, day: int) -> Script:
        file = self._files[code, day]
        date_, clock, price, side, volume = _columns(file, (code, day))
        opens, closes = self._hours(day)
        return _script(file, moments_of(date_, clock), price, volume, side, opens, closes)

    def _add_up(self, code: str, day: int) -> TickMinutes:
        return minutes(self.script(code, day) or NOTHING, day, self._hours(day)[1])


def _day(file: Path) -> Day:
    """Code and day from a file's name."""
    check_order(file)
    match = _NAME.fullmatch(stem_of(file))
    if match is not None:
        number = int(match[2])
        if number >= 19_000_101 and int(yyyymmdd(epoch_days(np.array([number])))[0]) == number:
            return match[1], number
    raise BadMarketData(
        file, 0, "expected a name of a code and a day, CODE_YYYYMMDD.csv or CODE_YYYYMMDD.csv.gz"
    )


def _columns(file: Path, of: Day, limit: int | None = None) -> list[Ints]:
    """The columns ``TICKS`` of a file of that code and day, or of its first ``limit`` rows.

    Raises:
        BadMarketData: they are malformed.
    """
    code, day = of
    columns = None if limit else _read_fast(file, code)
    if columns is None:
        table = csv_files.read(file, TICKS, limit, code)
        columns = [table.integers(name) for name in TICKS]
    date_, clock, price, side, volume = columns
    _reject(file, limit, date_ != day, "date", f"{day}, as the file's name says")
    valid = (clock // 10_000 < 24) & (clock // 100 % 100 < 60) & (clock % 100 < 60)
    _reject(file, limit, ~valid, "time", "HHMMSS")
    # Rows outside the session are off-hours trades; where no board is open the clock is another one.
    _reject(
        file, limit, (clock < _FIRST_TRADE) | (clock > _LAST_TRADE), "time", "HHMMSS in Seoul, 07:00 to 20:00"
    )
    _reject(file, limit, np.append(False, clock[1:] < clock[:-1]), "time", "no earlier than in the row above")
    _reject(file, limit, price <= 0, "price", "above 0")
    _reject(
        file,
        limit,
        (side != _BOUGHT) & (side != _SOLD) & (side != _AUCTION),
        "side",
        "1 (bought), 2 (sold) or 0",
    )
    _reject(file, limit, volume <= 0, "volume", "above 0")
    return columns


def _read_fast(file: Path, code: str) -> list[Ints] | None:
    """The columns if they have nothing but whole numbers; None if they need the careful reader."""
    try:
        with csv_files.opened(file) as text:
            names = csv_files.header(file, next(csv.reader(text), []), TICKS)
            first = next((line for line in text if line.strip()), None)
            if first is None:
                return [np.zeros(0, np.int64) for _ in TICKS]
            places = [names.index(name) for name in TICKS]
            rows = _plain_rows(itertools.chain([first], text), names, code)
            table = np.loadtxt(rows, np.int64, comments=None, delimiter=",", usecols=places, ndmin=2)
    except BadMarketData:
        raise
    except ValueError:
        return None
    limits = [csv_files.largest(name) for name in TICKS]
    plain = bool((table >= 0).all() and (table < limits).all())
    return [np.ascontiguousarray(column) for column in table.T] if plain else None


def _plain_rows(lines: Iterable[str], names: Sequence[str], code: str) -> Iterator[str]:
    """The lines, which must each have as many cells as the header, without quotes, and be of the code, or be empty.

    Raises:
        ValueError: one is not. It may still be valid, with a comma in quotes.
    """
    place = names.index("code") if "code" in names else None
    known = ""
    for line in lines:
        if not line.strip():
            continue
        if line.count(",") != len(names) - 1 or '"' in line:
            raise ValueError("a row has more or fewer cells than the header, or quotes")
        if place is not None:
            cell = line.split(",")[place]
            if cell != known and not csv_files.is_code(cell, code):
                raise ValueError("a row is of another code")
            known = cell
        yield line


def _reject(file: Path, limit: int | None, wrong: NDArray[np.bool_], column: str, expected: str) -> None:
    """Raise the error for the first wrong row. The file is read again, with line numbers, only in this case."""
    if wrong.any():
        table = csv_files.read(file, TICKS, limit)
        row = int(np.argmax(wrong))
        raise table.wrong(row, f"{column} should be {expected}, not {table.columns[column][row]!r}", column)


def _script(
    file: Path, second: Ints, price: Ints, volume: Ints, side: Ints, opens: int, closes: int
) -> Script:
    """The session's trades. Those of one second are spread over it; those of the closing auction become one trade."""
    inside = (second >= opens) & (second < closes + PAUSE)
    second, price, volume, side = second[inside], price[inside], volume[inside], side[inside]
    if not len(second):
        return NOTHING
    stop = int(np.searchsorted(second, closes))
    if stop < len(second):
        other = np.flatnonzero(price[stop:] != price[stop])
        if len(other):
            row = int(np.flatnonzero(inside)[stop + other[0]])
            expected = f"expected the closing auction's one price from the close on, {price[stop]}"
            raise csv_files.read(file, TICKS).wrong(row, expected)
        shares = int(volume[stop:].sum())
        second, price, volume, side = (
            second[: stop + 1],
            price[: stop + 1],
            volume[: stop + 1],
            side[: stop + 1],
        )
        volume = np.append(volume[:stop], shares)
    starts = np.searchsorted(second, second, side="left")
    many = np.searchsorted(second, second, side="right") - starts
    sides = np.select([side == _BOUGHT, side == _SOLD], [int(Side.BUY), int(Side.SELL)], int(Side.NONE))
    opening, closing = bool(second[0] < opens + OPENING), stop < len(second)
    if opening:
        sides[0] = int(Side.NONE)
    if closing:
        sides[-1] = int(Side.NONE)
    time = second.astype(np.float64) + (np.arange(len(second)) - starts) / many
    return Script(time, price, volume, sides, opening, closing)


def minutes(script: Script, day: int, closes: int) -> TickMinutes:
    """The trades of a day (YYYYMMDD) aggregated to minutes, each labelled with its start.

    The closing auction has a separate bar, labelled with the close.
    """
    start = np.floor(script.time / 60).astype(np.int64) * 60
    if script.closes:
        start[-1] = closes
    if not len(start):
        return TickMinutes(NO_BARS, NO_BARS.time)
    first = np.flatnonzero(np.diff(start, prepend=start[0] - 1))
    last = np.append(first[1:], len(start)) - 1
    over = start[first] + 60
    if script.closes:
        over[-1] = int(script.time[-1])
    price, volume = script.price, script.volume
    bars = Bars(
        time=day * 1_000_000 + times_of(start[first]),
        open=price[first],
        high=np.maximum.reduceat(price, first),
        low=np.minimum.reduceat(price, first),
        close=price[last],
        volume=np.add.reduceat(volume, first),
        value=np.add.reduceat(price * volume, first),
        event=np.zeros(len(first), np.int64),
        ratio=np.zeros(len(first)),
    )
    return TickMinutes(bars, over)
