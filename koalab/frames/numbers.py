"""Parses a column of text into a numpy array.

A column is one text: the broker's values of all rows, separated by newlines. Values may have blanks around them, a
``+`` or ``-`` that is only a colour, zero padding, two signs, or be blank.

Each parser first verifies on the bytes that every line is one plain number, then lets numpy parse the whole text at
once. numpy alone is too lenient: its text reader takes ``12+5`` for two numbers, a lone ``-`` for 0, and skips blank
lines. Other columns are parsed line by line.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from koalab.frames.errors import UnreadableValue

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64] | NDArray[np.float64]
Moments = NDArray[np.datetime64]

_NEWLINE: Final = 10
_PLUS: Final = 43
_MINUS: Final = 45
_POINT: Final = 46
_ZERO: Final = np.uint8(48)
# The longest line (sign and point included) that always fits an int64.
_LONGEST_LINE: Final = 18
_LARGEST: Final = 2**63 - 1
# Times of the last bars in index charts: 장마감, and the end of after-hours trading.
_MARKS: Final = ((re.compile(r"888888(?=\s|$)"), "160000"), (re.compile(r"999999(?=\s|$)"), "180000"))
_NUMBER: Final = re.compile(r"[+-]{0,2}(?:[0-9]+(\.[0-9]*)?|(\.[0-9]+))")


def texts(text: str, rows: int) -> list[str]:
    """The values as text, stripped.

    Raises:
        UnreadableValue: the text does not have ``rows`` values.

    >>> texts(" 삼성전자\\n+매수  \\n", 3)
    ['삼성전자', '+매수', '']
    """
    if rows == 0 and not text:
        return []
    values = text.split("\n")
    if len(values) != rows:
        # The error must not quote the text: it may be a column of account numbers.
        raise UnreadableValue(f"{len(values)} values", None, f"one value a row ({rows} rows)")
    return [value.strip() for value in values]


def integers(text: str, rows: int, colour: bool = False) -> Ints:
    """Whole numbers without blanks, as int64. With ``colour`` the sign is only a colour and is dropped.

    Raises:
        UnreadableValue: a value is blank, has a fraction, is no number, or does not fit.

    >>> integers("-77000\\n+000000077600\\n 138", 3, colour=True)
    array([77000, 77600,   138])
    """
    values = _parse(text, rows)
    if values.dtype == np.int64:
        return _drop_colour(values, colour).astype(np.int64, copy=False)
    for row, value in enumerate(texts(text, rows)):
        if not value or "." in value:
            raise UnreadableValue(value, row, "a whole number")
    raise AssertionError("only a blank or a fraction makes a column of whole numbers float64")


def numbers(text: str, rows: int, colour: bool = False) -> Numbers:
    """Numbers as int64, or as float64 where a value has a decimal point or is blank (NaN).

    Whole numbers beyond 2**53 lose digits if the column has a blank.

    Raises:
        UnreadableValue: a value is no number, or does not fit an int64.

    >>> numbers("10\\n\\n-3", 3)
    array([10., nan, -3.])
    """
    return _drop_colour(_parse(text, rows), colour)


def ratios(text: str, rows: int, colour: bool = False) -> Floats:
    """Numbers as float64, NaN where blank.

    Raises:
        UnreadableValue: a value is no number.

    >>> ratios("+0.13\\n-87.83\\n0", 3)
    array([  0.13, -87.83,   0.  ])
    """
    return _drop_colour(_parse(text, rows), colour).astype(np.float64, copy=False)


def dates(text: str, rows: int) -> Moments:
    """YYYYMMDD as datetime64[us] at midnight, naive; NaT where blank or all zeros.

    Raises:
        UnreadableValue: a value is no day of the calendar.

    >>> dates("20220118\\n00000000", 2)
    array(['2022-01-18T00:00:00.000000',                        'NaT'],
          dtype='datetime64[us]')
    """
    pairs = _pairs(text, rows, 8)
    days = None if pairs is None else _days(pairs)
    return _parse_moments_line_by_line(text, rows, "%Y%m%d", "a date YYYYMMDD") if days is None else days


def times(text: str, rows: int) -> Moments:
    """YYYYMMDDHHMMSS, wall time in Seoul, as naive datetime64[us]; NaT where blank or all zeros.

    Raises:
        UnreadableValue: a value is no moment of the calendar.

    >>> times("20180119153000", 1)
    array(['2018-01-19T15:30:00.000000'], dtype='datetime64[us]')
    """
    pairs = _pairs(text, rows, 14)
    days = None if pairs is None else _days(pairs)
    if pairs is None or days is None or (pairs[:, 4:] > np.array([23, 59, 59])).any():
        return _parse_moments_line_by_line(text, rows, "%Y%m%d%H%M%S", "a time YYYYMMDDHHMMSS")
    hour, minute, second = pairs[:, 4:].T.astype(np.int64)
    moments: Moments = days + ((hour * 60 + minute) * 60 + second).astype("m8[s]")
    return moments


def index_times(text: str, rows: int) -> Moments:
    """As ``times``, for index charts: 888888 in place of a time of day is 16:00, 999999 is 18:00.

    Raises:
        UnreadableValue: a value is neither a moment of the calendar nor such a mark.

    >>> index_times("20260105888888", 1)
    array(['2026-01-05T16:00:00.000000'], dtype='datetime64[us]')
    """
    for mark, time in _MARKS:
        text = mark.sub(time, text)
    return times(text, rows)


def _drop_colour(values: Numbers, colour: bool) -> Numbers:
    return np.abs(values) if colour else values


def _parse(text: str, rows: int) -> Numbers:
    """int64 where every value is a whole number, float64 otherwise."""
    if not text or text.isspace():
        blanks = len(texts(text, rows))
        return np.full(blanks, np.nan) if blanks else np.empty(0, np.int64)
    values = _parse_at_once(text, rows)
    return _parse_line_by_line(text, rows) if values is None else values


def _parse_at_once(text: str, rows: int) -> Numbers | None:
    """Fast parser; None unless every line is one plain number."""
    form = _number_form(text, rows)
    if form is None:
        return None
    if form == "whole":
        return np.fromstring(text, dtype=np.int64, sep="\n")
    # Adding 0.0 turns -0.0 into 0.0.
    return np.fromstring(text, dtype=np.float64, sep="\n") + 0.0


def _number_form(text: str, rows: int) -> Literal["whole", "decimal"] | None:
    """``whole`` if every line is ``[+-]?digits``, ``decimal`` if some are ``[+-]?digits.digits``, else None."""
    if not text.isascii():
        return None
    # Newlines at both ends, so that every line is enclosed by two.
    raw = np.frombuffer(f"\n{text}\n".encode("ascii"), np.uint8)
    digit = (raw - _ZERO) < 10  # bytes below "0" wrap around to large values
    ends = np.flatnonzero(raw == _NEWLINE)
    widths = np.diff(ends) - 1
    if widths.size != rows or widths.min() < 1 or widths.max() > _LONGEST_LINE:
        return None
    if np.count_nonzero(digit) + ends.size == raw.size:
        return "whole"
    marks = np.flatnonzero(~digit & (raw != _NEWLINE))
    kinds = raw[marks]
    is_point = kinds == _POINT
    signs, points = marks[~is_point], marks[is_point]
    if not (((kinds == _PLUS) | (kinds == _MINUS)) | is_point).all():
        return None
    if not ((raw[signs - 1] == _NEWLINE) & digit[signs + 1]).all():
        return None
    if not points.size:
        return "whole"
    if not (digit[points - 1] & digit[points + 1]).all():
        return None
    lines = np.searchsorted(ends, points)
    return None if (lines[1:] == lines[:-1]).any() else "decimal"


def _parse_line_by_line(text: str, rows: int) -> Numbers:
    """Slow parser: strips values, allows blanks, and parses odd values one by one."""
    values = texts(text, rows)
    filled = [row for row, value in enumerate(values) if value]
    found = _parse_at_once("\n".join(values[row] for row in filled), len(filled)) if filled else None
    if found is None:
        found = _to_array([_number(values[row], row) for row in filled])
    if len(filled) == rows:
        return found
    sparse = np.full(rows, np.nan)
    sparse[filled] = found
    return sparse


def _to_array(values: list[int | float]) -> Numbers:
    whole = all(isinstance(value, int) for value in values)
    return np.array(values, np.int64) if whole else np.array(values, np.float64)


def _number(value: str, row: int) -> int | float:
    """One value. Of two signs the first is a colour and the second the number's."""
    form = _NUMBER.fullmatch(value)
    if form is None:
        raise UnreadableValue(value, row, "a number")
    plain = value[1:] if value[:2] in ("--", "-+", "+-", "++") else value
    if form[1] is not None or form[2] is not None:
        return float(plain) + 0.0
    if len(plain.lstrip("+-0")) > _LONGEST_LINE + 2:  # int() itself refuses some thousands of digits
        raise UnreadableValue(value[:_LONGEST_LINE], row, "a number that fits 64 bits")
    number = int(plain)
    if abs(number) > _LARGEST:
        raise UnreadableValue(value, row, "a number that fits 64 bits")
    return number


def _pairs(text: str, rows: int, width: int) -> NDArray[np.uint8] | None:
    """Pairs of digits, one row per line; None unless every line is exactly ``width`` digits."""
    if not rows or len(text) != rows * (width + 1) - 1 or not text.isascii():
        return None
    block = np.frombuffer(f"{text}\n".encode("ascii"), np.uint8).reshape(rows, width + 1)
    digits = block[:, :width] - _ZERO
    if (block[:, width] != _NEWLINE).any() or (digits > 9).any():
        return None
    return digits[:, 0::2] * np.uint8(10) + digits[:, 1::2]


def _days(pairs: NDArray[np.uint8]) -> Moments | None:
    """Midnights of (century, year, month, day) rows; None if one is not a day of the calendar."""
    century, year, month, day = pairs[:, :4].T.astype(np.int64)
    year = century * 100 + year
    if year.min() < 1 or month.min() < 1 or month.max() > 12 or day.min() < 1:
        return None
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    days = months.astype("M8[D]") + (day - 1).astype("m8[D]")
    late = day > 28  # only these can exceed their month
    if (days[late].astype("M8[M]") != months[late]).any():
        return None
    midnights: Moments = days.astype("M8[us]")
    return midnights


def _parse_moments_line_by_line(text: str, rows: int, form: str, expected: str) -> Moments:
    width = 8 if form == "%Y%m%d" else 14
    found: Moments = np.full(rows, np.datetime64("NaT", "us"))
    for row, value in enumerate(texts(text, rows)):
        if not value.strip("0"):
            continue
        if len(value) != width or not (value.isascii() and value.isdigit()):
            raise UnreadableValue(value, row, expected)
        try:
            # Naive on purpose: Kiwoom gives Seoul wall time without a zone.
            found[row] = datetime.strptime(value, form)  # noqa: DTZ007
        except ValueError:
            raise UnreadableValue(value, row, expected) from None
    return found
