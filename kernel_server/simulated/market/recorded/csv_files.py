"""Reader of recorded CSV files, with error messages that name the file and the line."""

from __future__ import annotations

import csv
import gzip
import itertools
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference.short_repr import shown
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.recorded import file_kinds

LISTING = ("code", "name", "market", "shares", "listing_date")

_NONE = np.zeros(0, np.int64)
NO_BARS = Bars(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))
# Koreans' own headers, for the message.
_KOREAN = {
    "일자": "date", "날짜": "date", "체결시간": "time", "시간": "time", "시가": "open", "고가": "high", "저가": "low",
    "종가": "close", "현재가": "close", "거래량": "volume", "거래대금": "value", "체결가": "price", "체결량": "volume",
    "종목코드": "code", "단축코드": "code", "종목명": "name", "한글종목명": "name", "시장구분": "market",
    "상장주식수": "shares", "상장일": "listing_date",
}  # fmt: skip
_OPTIONAL = ("value", "code", "kind", "face_value", "industry")

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_SCIENTIFIC = re.compile(r"[+-]?\d(?:\.(\d*))?[eE]\+?(0?\d|1[0-5])")
_PRICES = ("open", "high", "low", "close", "price")
_LARGEST_PRICE, _LARGEST = 10**10, 10**15  # the second for shares and values


class BadMarketData(ValueError):
    """A recorded file is missing, unreadable or malformed.

    Attributes:
        file: the file.
        line: counted from 1; 0 for the file as a whole.
        column: the column's name, blank for the row as a whole.
    """

    def __init__(self, file: Path, line: int, expected: str, column: str = "") -> None:
        super().__init__(f"{file}, line {line}: {expected}" if line else f"{file}: {expected}")
        self.file = file
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A file's text by column, and the line on which each row begins."""

    file: Path
    columns: dict[str, Sequence[str]]
    lines: Sequence[int]

    def wrong(self, row: int, expected: str, column: str = "") -> BadMarketData:
        """The error for a row."""
        return BadMarketData(self.file, self.lines[row], expected, column)

    def integers(self, column: str) -> Ints:
        """A column as whole numbers; fractions, which adjusted volumes may have, are rounded."""
        texts = self.columns[column]
        if "" not in texts and "".join(texts).isdecimal():
            try:
                numbers = np.array(list(map(int, texts)), np.int64)
            except (ValueError, OverflowError):
                numbers = np.array([-1])
            if not len(numbers) or 0 <= numbers.min() <= numbers.max() < largest(column):
                return numbers
        return np.array([self._number(row, column, text.strip()) for row, text in enumerate(texts)], np.int64)

    def _number(self, row: int, column: str, text: str) -> int:
        found = _SCIENTIFIC.fullmatch(text) if len(text) < 40 else None
        if found is not None and int(found[2]) > len(found[1] or ""):
            expected = f"{column} {text!r} has lost its last digits"
            raise self.wrong(
                row,
                f"{expected}: show the column as whole numbers in the spreadsheet, and save it anew",
                column,
            )
        number = -1
        if found is not None or (len(text) < 40 and _DECIMAL.fullmatch(text)):
            number = round(Decimal(text))
        if number >= largest(column):
            raise self.wrong(
                row, f"{column} should be a number below {largest(column):,}, not {shown(text)}", column
            )
        if number < 0:
            expected = f"{column} should be a number that is not negative, without signs in between"
            raise self.wrong(row, f"{expected}, not {shown(text)}", column)
        return number


def largest(column: str) -> int:
    """No number of a column is that large, so that products and sums of them fit 64 bits."""
    return _LARGEST_PRICE if column in _PRICES else _LARGEST


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
    packed = file.name.lower().endswith(".gz")
    opener = gzip.open if packed else open
    try:
        with file.open("rb") as data:
            advice = file_kinds.by_first_bytes(data.read(8))
        if advice is not None and not (packed and "gzip" in advice):
            raise BadMarketData(file, 0, f"expected comma-separated text: {advice}")
        with opener(file, "rt", encoding="utf-8-sig", newline="") as text:
            yield cast(TextIO, text)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        expected = (
            f"expected a whole gzip file: {error}; pack it anew, or let its name end with .csv if it is text"
        )
        raise BadMarketData(file, 0, expected) from error
    except OSError as error:
        raise BadMarketData(file, 0, f"expected a file that can be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _no_text(file) from error


def _no_text(file: Path) -> BadMarketData:
    data = file.read_bytes()
    return BadMarketData(
        file, *file_kinds.by_content(gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data)
    )


@contextmanager
def _opened(file: Path) -> Iterator[_CsvReader]:
    with opened(file) as text:
        reader = csv.reader(text, strict=True)
        try:
            yield reader
        except csv.Error as error:
            expected = f"expected comma-separated text, quotes in pairs: {error}"
            raise BadMarketData(file, reader.line_num, expected) from error


def header(file: Path, names: Sequence[str], required: Sequence[str]) -> list[str]:
    """The column names.

    Raises:
        BadMarketData: a required one is missing, or one that is read is there twice.
    """
    found = [name.strip().lower() for name in names]
    if any("\0" in name for name in found):
        raise _no_text(file)
    for name in (*required, *_OPTIONAL):
        if found.count(name) > 1:
            places = " and ".join(str(place) for place, each in enumerate(found, 1) if each == name)
            expected = f"expected one column {name}; it is there twice, as column {places}: remove one"
            raise BadMarketData(file, 1, expected, name)
    missing = [name for name in required if name not in found]
    if missing:
        expected = f"expected the columns {','.join(required)}; there is no {', '.join(missing)}"
        raise BadMarketData(file, 1, expected + _header_advice(found, missing), missing[0])
    return found


def _header_advice(found: Sequence[str], missing: Sequence[str]) -> str:
    separator = next((sign for sign in ";\t|" if len(found) == 1 and sign in found[0]), None)
    if separator is not None:
        return f": put commas where {separator!r} is"
    korean = [f"{name} {_KOREAN[name]}" for name in found if _KOREAN.get(name) in missing]
    if korean:
        return f": call {', '.join(korean)}"
    if found and any(char.isdecimal() for name in found[:1] for char in name):
        return ": the first line should be the names of the columns"
    return ""


def read(file: Path, required: Sequence[str], limit: int | None = None, code: str | None = None) -> CsvTable:
    """Read the file, or its first ``limit`` rows; blank lines are skipped.

    Args:
        file: the CSV file.
        required: names of columns, in small letters; capitals in the file do not count.
        limit: at most so many rows.
        code: the code of which the rows have to be, if the file has a column ``code``.

    Raises:
        BadMarketData: the file is unreadable, a required column is missing, one that is read is there twice, a row has
            too many or too few cells or is of another code.
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
    table = CsvTable(file, dict(zip(names, cells, strict=True)), lines)
    if code is not None:
        for place, other in enumerate(table.columns.get("code", ())):
            if not is_code(other, code):
                raise table.wrong(place, other_code(other, code), "code")
    return table


def is_code(text: str, code: str) -> bool:
    """Whether a cell is that code, possibly with an A in front or without its zeros, as spreadsheets leave it."""
    plain = text.strip()
    return (
        plain == code or plain in (f"A{code}", f"Q{code}") or (plain.isdecimal() and plain.zfill(6) == code)
    )


def other_code(text: str, code: str) -> str:
    """What is wrong with a row of another code."""
    return f"code should be {code}, as the file's name says, not {shown(text)}: a file has one code's rows"


def reject(table: CsvTable, wrong: NDArray[np.bool_], column: str, expected: Callable[[int], str]) -> None:
    """Raise the error for the first wrong row, if there is one."""
    if wrong.any():
        row = int(np.argmax(wrong))
        raise table.wrong(row, expected(row), column)
