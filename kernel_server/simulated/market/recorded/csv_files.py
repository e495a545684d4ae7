"""Reader of recorded CSV files, with error messages that name the file and the line."""

from __future__ import annotations

import csv
import gzip
import itertools
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days, yyyymmdd
from kernel_server.simulated.market.model import Bars

LISTING = ("code", "name", "market", "shares", "listing_date")
DAILY = ("date", "open", "high", "low", "close", "volume")
MINUTE = ("time", "open", "high", "low", "close", "volume")

_NONE = np.zeros(0, np.int64)
NO_BARS = Bars(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))

_DAY = 1_000_000  # YYYYMMDDHHMMSS // _DAY is YYYYMMDD
_SEPARATORS = str.maketrans("", "", "-:/. T")
# Adjusted prices are rounded one by one, so a close may lie a little outside its day's range.
_SLACK = 0.01


class BadMarketData(ValueError):
    """A recorded file is missing, unreadable or malformed.

    Attributes:
        file: the file.
        line: counted from 1; 0 for the file as a whole.
    """

    def __init__(self, file: Path, line: int, expected: str) -> None:
        super().__init__(f"{file}, line {line}: {expected}" if line else f"{file}: {expected}")
        self.file = file
        self.line = line


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A file's text by column, and the line on which each row begins."""

    file: Path
    columns: dict[str, Sequence[str]]
    lines: Sequence[int]

    def wrong(self, row: int, expected: str) -> BadMarketData:
        """The error for a row."""
        return BadMarketData(self.file, self.lines[row], expected)

    def integers(self, column: str) -> Ints:
        """A column as whole numbers; fractions, which adjusted volumes may have, are rounded."""
        texts = self.columns[column]
        try:
            numbers = np.array(list(map(int, texts)), np.int64)
        except (ValueError, OverflowError):
            numbers = np.full(len(texts), -1)
        if (numbers < 0).any():
            return np.array([self._number(row, column, text) for row, text in enumerate(texts)], np.int64)
        return numbers

    def _number(self, row: int, column: str, text: str) -> int:
        try:
            number = round(float(text))
        except (ValueError, OverflowError):
            number = -1
        if not 0 <= number < 2**62:
            raise self.wrong(row, f"{column} should be a number that is not negative, not {text!r}")
        return number


class _CsvReader(Protocol):
    line_num: int

    def __next__(self) -> list[str]: ...

    def __iter__(self) -> Iterator[list[str]]: ...


@contextmanager
def opened(file: Path) -> Iterator[TextIO]:
    """The text of a file, gzipped or not.

    Raises:
        BadMarketData: it cannot be read; also for errors inside the block.
    """
    opener = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rt", encoding="utf-8-sig", newline="") as text:
            yield cast(TextIO, text)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadMarketData(file, 0, f"expected a whole gzip file: {error}") from error
    except OSError as error:
        raise BadMarketData(file, 0, f"expected a file that can be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadMarketData(file, 0, "expected text in UTF-8") from error


@contextmanager
def _opened(file: Path) -> Iterator[_CsvReader]:
    with opened(file) as text:
        try:
            yield csv.reader(text)
        except csv.Error as error:
            raise BadMarketData(file, 0, f"expected comma-separated text: {error}") from error


def header(file: Path, names: Sequence[str], required: Sequence[str]) -> list[str]:
    """The column names.

    Raises:
        BadMarketData: a required one is missing.
    """
    found = [name.strip() for name in names]
    missing = [name for name in required if name not in found]
    if missing:
        expected = f"expected the columns {','.join(required)}; there is no {', '.join(missing)}"
        raise BadMarketData(file, 1, expected)
    return found


def read(file: Path, required: Sequence[str], limit: int | None = None) -> CsvTable:
    """Read the file, or its first ``limit`` rows; blank lines are skipped.

    Raises:
        BadMarketData: the file is unreadable, a required column is missing, or a row has too many or too few cells.
    """
    rows: list[list[str]] = []
    lines: list[int] = []
    with _opened(file) as reader:
        names = header(file, next(reader, []), required)
        for row in itertools.islice((row for row in reader if row), limit):
            line = reader.line_num
            if len(row) != len(names):
                raise BadMarketData(file, line, f"expected {len(names)} cells, found {len(row)}")
            rows.append(row)
            lines.append(line)
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return CsvTable(file, dict(zip(names, cells, strict=True)), lines)


def check(file: Path, required: Sequence[str]) -> date | None:
    """Check the header and the first row of a file; the date of that row, None without rows.

    Raises:
        BadMarketData: they are malformed.
    """
    table = read(file, required, limit=1)
    if not table.lines:
        return None
    first = str(int((_dates(table) if required == DAILY else _minutes(table))[0]))
    return date(int(first[:4]), int(first[4:6]), int(first[6:8]))


def daily(file: Path, first: int) -> Bars:
    """The daily bars of the file from the day ``first`` (YYYYMMDD) on.

    Dates are YYYY-MM-DD or YYYYMMDD. ``value`` is the file's column or, without one, an estimate: volume times the
    mean of the four prices. A day without trades may have a close only, with the other prices 0: it is served
    unchanged.

    Raises:
        BadMarketData: the file is malformed.
    """
    table = read(file, DAILY)
    time = _dates(table)
    return _bars(table, time, int(np.searchsorted(time, first)))


def minute(file: Path) -> Bars:
    """The minute bars of the file; times are YYYYMMDDHHMMSS, the start of the minute in Seoul.

    Raises:
        BadMarketData: the file is malformed.
    """
    table = read(file, MINUTE)
    return _bars(table, _minutes(table), 0)


def _dates(table: CsvTable) -> Ints:
    return _times(table, "date", 8, "YYYY-MM-DD")


def _minutes(table: CsvTable) -> Ints:
    return _times(table, "time", 14, "YYYYMMDDHHMMSS")


def _times(table: CsvTable, column: str, digits: int, form: str) -> Ints:
    texts = table.columns[column]
    try:
        time = np.array([int(text.replace("-", "")) for text in texts], np.int64)
    except (ValueError, OverflowError):
        cleaned = [text.translate(_SEPARATORS) for text in texts]
        time = np.array(
            [int(text) if text.isdecimal() and len(text) < 18 else 0 for text in cleaned], np.int64
        )
    unit = 1 if digits == 8 else _DAY
    day, clock = time // unit, time % unit
    valid = (time >= 10 ** (digits - 1)) & (time < 10**digits)
    # An invalid date converts to another date and back.
    valid_day = np.where(valid, day, 19_700_101)
    valid &= yyyymmdd(epoch_days(valid_day)) == valid_day
    valid &= (clock // 10_000 < 24) & (clock // 100 % 100 < 60) & (clock % 100 < 60)
    _reject(table, ~valid, lambda row: f"{column} should be {form}, not {texts[row]!r}")
    late = np.append(False, time[1:] <= time[:-1])
    _reject(
        table,
        late,
        lambda row: f"expected rows in order of {column}; {texts[row]} is not after the row above",
    )
    return time


def _bars(table: CsvTable, time: Ints, first: int) -> Bars:
    open_, high, low, close, volume = (
        table.integers(name) for name in ("open", "high", "low", "close", "volume")
    )
    wrong = (np.minimum(open_, close) < low * (1 - _SLACK)) | (np.maximum(open_, close) > high * (1 + _SLACK))
    wrong |= (low <= 0) | (high < low)
    wrong &= ~((open_ == 0) & (high == 0) & (low == 0) & (close > 0) & (volume == 0))
    wrong |= volume < 0
    wrong[:first] = False
    _reject(
        table,
        wrong,
        lambda _row: "expected prices above 0 with open and close between low and high, and a volume",
    )
    if "value" in table.columns:
        value = table.integers("value")
    else:
        value = np.rint((open_ + high + low + close) / 4 * volume).astype(np.int64)
    count = len(time) - first
    return Bars(
        time=time[first:],
        open=open_[first:],
        high=high[first:],
        low=low[first:],
        close=close[first:],
        volume=volume[first:],
        value=value[first:],
        event=np.zeros(count, np.int64),
        ratio=np.zeros(count),
    )


def _reject(table: CsvTable, wrong: NDArray[np.bool_], expected: Callable[[int], str]) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise table.wrong(row, expected(row))
