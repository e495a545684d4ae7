"""Parsing of dates as users write them, ranges of time, and conversions between time zones."""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta, timezone
from typing import Final

import numpy as np
import pandas as pd

from koalab.errors import BadInput
from koalab.inputs.text import plain, shown

Day = str | int | date | datetime | pd.Timestamp | pd.Period | np.datetime64
Range = tuple[np.datetime64, np.datetime64]

SEOUL = "Asia/Seoul"
SEOUL_OFFSET = 9 * 3600
"""Seconds that Seoul wall time is ahead of UTC."""
# Before the broker's history, which begins in 1985: a range from here on is all of it.
BEGINNING = np.datetime64("1900-01-01", "us")
_INSTANT = np.timedelta64(1, "us")
_DAY = np.timedelta64(1, "D").astype("timedelta64[us]")
_TODAY = "today"
FORMS = (
    '"2026", "2026-11", "2026-11-02" or "20261102", with . or / in place of - too, '
    '"2026-11-02 09:30" for a time of day, and "today"'
)
_YEAR_OR_MONTH = re.compile(r"([0-9]{4})(?:[-./]([0-9]{2}))?")
_DAY_AND_TIME = re.compile(
    r"(?P<year>[0-9]{4})(?P<sign>[-./]?)(?P<month>[0-9]{2})(?P=sign)(?P<day>[0-9]{2})"
    r"(?:[ T](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


def bounds(given: Day, now: float | None = None) -> Range:
    """The first and the last moment of a year, month, day or moment, as naive Seoul wall time.

    Midnight of a datetime, Timestamp or datetime64 counts as its day, since these cannot say which is meant.

    Args:
        given: text in one of ``FORMS`` (seconds, a fraction of them and an offset from UTC may follow the time), an
            int YYYYMMDD, or a value of a date type. Without a time zone it is Seoul wall time.
        now: seconds since the epoch by the broker's clock, for ``"today"``; None: by this machine's.

    >>> bounds("2026-11")
    (np.datetime64('2026-11-01T00:00:00.000000'), np.datetime64('2026-11-30T23:59:59.999999'))

    Raises:
        BadInput: it has none of these forms: a year of two digits, a day or a month first, a month's name ….
    """
    try:
        found = _bounds(given, now)
    except (ValueError, TypeError, OverflowError):
        found = None
    if found is None:
        raise BadInput(f"{shown(given)} is no date: write it as {FORMS}")
    return found


def moment(given: Day, now: float | None = None) -> pd.Timestamp:
    """The moment in Asia/Seoul, of a longer period its first. Arguments as for ``bounds``.

    >>> moment("20261102")
    Timestamp('2026-11-02 00:00:00+0900', tz='Asia/Seoul')

    Raises:
        BadInput: it is no date.
    """
    first, _ = bounds(given, now)
    try:
        return pd.Timestamp(first).tz_localize(SEOUL)
    except ValueError as error:  # in the hours in which Korea changed to summer time and back
        raise BadInput(f"{shown(given)} is no moment in Seoul: {error}") from None


def seoul(seconds: float) -> pd.Timestamp:
    """Seconds since the epoch as a moment in Asia/Seoul."""
    return pd.Timestamp(seconds, unit="s", tz=SEOUL)


def wall(stamp: pd.Timestamp) -> np.datetime64:
    """Naive Seoul wall time, datetime64[us], the time of bars."""
    naive: np.datetime64 = stamp.tz_convert(SEOUL).tz_localize(None).to_datetime64()
    micros: np.datetime64 = naive.astype("datetime64[us]")
    return micros


def wall_of(seconds: float) -> np.datetime64:
    """Naive Seoul wall time, datetime64[us], of seconds since the epoch."""
    return np.datetime64(round((seconds + SEOUL_OFFSET) * 1_000_000), "us")


def epoch_seconds(wall_time: np.datetime64) -> float:
    """Seconds since the epoch of naive Seoul wall time; the inverse of ``wall_of``."""
    return int(wall_time.astype("datetime64[us]").astype(np.int64)) / 1_000_000 - SEOUL_OFFSET


def span(start: Day | None, end: Day | None, now: float, *, dated: bool = False) -> Range:
    """First and last moment of a range, both included, as naive Seoul wall time.

    Args:
        start: its first moment begins the range; None: the beginning of the broker's history.
        end: its last moment ends the range; None or later than now: now.
        now: the broker's time, seconds since the epoch.
        dated: whether the bars have a date and no time, so that a start with a time counts as its day.

    Raises:
        BadInput: no date, a range that ends before it starts, or one that lies in the future.
    """
    present = wall_of(now)
    first = BEGINNING if start is None else bounds(start, now)[0]
    last = present if end is None else bounds(end, now)[1]
    if dated:
        first = first.astype("datetime64[D]").astype("datetime64[us]")
    if first > last and end is not None:
        raise BadInput(
            f"the range ends ({_text(last)}) before it starts ({_text(first)}): swap start and end"
        )
    if first > present:
        raise BadInput(
            f"the range starts ({_text(first)}) after now ({_text(present)}): there is nothing to load"
        )
    return first, min(last, present)


def text_of(found: Range) -> str:
    """A range in words.

    >>> text_of(bounds("2026-11")), text_of((BEGINNING, bounds("2026-11-02 10:30")[1]))
    ('from 2026-11-01 to 2026-11-30', 'up to 2026-11-02 10:30')
    """
    first, last = found
    whole = last == last.astype("datetime64[D]").astype("datetime64[us]") + (_DAY - _INSTANT)
    ends = str(last.astype("datetime64[D]")) if whole else _text(last)
    begins = first.astype("datetime64[D]")
    starts = str(begins) if begins == first else _text(first)
    return f"up to {ends}" if first <= BEGINNING else f"from {starts} to {ends}"


def _bounds(given: object, now: float | None) -> Range | None:
    if isinstance(given, str):
        return _bounds_of_text(plain(given), now)
    if isinstance(given, (int, np.integer)) and not isinstance(given, (bool, np.timedelta64)):
        text = str(int(given))
        return _bounds_of_text(text, now) if len(text) == len("YYYYMMDD") else None
    if isinstance(given, pd.Period):
        return _micros(given.start_time), _micros(given.end_time)
    if isinstance(given, np.datetime64):
        return _bounds_of_datetime64(given)
    if isinstance(given, datetime) and not pd.isna(given):
        stamp = pd.Timestamp(given)
        return _day_or_moment(wall(stamp) if stamp.tzinfo is not None else _micros(stamp))
    if isinstance(given, date) and not pd.isna(given):
        return _from_unit(np.datetime64(given, "D"))
    return None


def _bounds_of_text(text: str, now: float | None) -> Range | None:
    if text.lower() == _TODAY:
        return _from_unit(wall_of(time.time() if now is None else now).astype("datetime64[D]"))
    period = _YEAR_OR_MONTH.fullmatch(text)
    if period is not None:
        year, month = period.groups()
        date(int(year), int(month or 1), 1)  # raises ValueError
        return _from_unit(np.datetime64(text[:4] if month is None else f"{year}-{month}"))
    match = _DAY_AND_TIME.fullmatch(text)
    if match is None:
        return None
    day = date(int(match["year"]), int(match["month"]), int(match["day"]))
    if match["hour"] is None:
        return _from_unit(np.datetime64(day, "D"))
    micros = int((match["fraction"] or "").ljust(6, "0")[:6])
    clock = (int(match["hour"]), int(match["minute"]), int(match["second"] or 0), micros)
    naive = datetime(day.year, day.month, day.day, *clock)  # noqa: DTZ001 - Seoul wall time, unless a zone follows
    at: np.datetime64 = np.datetime64(naive, "us")
    if match["zone"] is not None:
        at = wall(pd.Timestamp(naive.replace(tzinfo=_zone(match["zone"]))))
    return at, at


def _zone(text: str) -> timezone:
    if text == "Z":
        return timezone.utc
    hours, minutes = int(text[1:3]), int(text[-2:])
    if minutes >= 60:
        raise ValueError(text)
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def _bounds_of_datetime64(given: np.datetime64) -> Range | None:
    if np.isnat(given):
        return None
    year = 1970 + int(given.astype("datetime64[Y]").astype(np.int64))
    if not 1 <= year <= 9999:
        return None
    unit, count = np.datetime_data(given.dtype)
    if unit in ("Y", "M", "W", "D") and count == 1:
        return _from_unit(given)
    return _day_or_moment(given.astype("datetime64[us]"))


_ONE: Final[dict[str, np.timedelta64]] = {
    "Y": np.timedelta64(1, "Y"),
    "M": np.timedelta64(1, "M"),
    "W": np.timedelta64(1, "W"),
    "D": np.timedelta64(1, "D"),
}


def _from_unit(period: np.datetime64) -> Range:
    """First and last moment of a datetime64 that counts years, months, weeks or days."""
    after = period + _ONE[np.datetime_data(period.dtype)[0]]
    return period.astype("datetime64[us]"), after.astype("datetime64[us]") - _INSTANT


def _day_or_moment(at: np.datetime64) -> Range:
    midnight = at == at.astype("datetime64[D]")
    return at, at + (_DAY - _INSTANT) if midnight else at


def _micros(naive: pd.Timestamp) -> np.datetime64:
    found: np.datetime64 = naive.to_datetime64().astype("datetime64[us]")
    return found


def _text(when: np.datetime64) -> str:
    return str(when.astype("datetime64[m]")).replace("T", " ")
