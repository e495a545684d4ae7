"""Parsing of dates as users write them, ranges of time, and conversions between time zones."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd

from koalab.errors import BadInput

Day = str | int | date | datetime | pd.Timestamp | np.datetime64

SEOUL = "Asia/Seoul"
SEOUL_OFFSET = 9 * 3600
"""Seconds that Seoul wall time is ahead of UTC."""
# Before the broker's history, which begins in 1985: a range from here on is all of it.
BEGINNING = np.datetime64("1900-01-01", "us")
_MIDNIGHT = pd.Timedelta(0)
_INSTANT = np.timedelta64(1, "us")
_DAY = np.timedelta64(1, "D").astype("timedelta64[us]")


def moment(given: Day) -> pd.Timestamp:
    """The moment in Asia/Seoul. Without a time zone the input is Seoul wall time, without a time midnight.

    >>> moment("20261102")
    Timestamp('2026-11-02 00:00:00+0900', tz='Asia/Seoul')

    Raises:
        BadInput: it is no date.
    """
    # pandas reads a bare number as nanoseconds since 1970.
    number = isinstance(given, (int, np.integer)) and not isinstance(given, bool)
    try:
        if number or (isinstance(given, str) and given.strip().isdecimal()):
            stamp = pd.Timestamp(datetime.strptime(str(given).strip(), "%Y%m%d"))  # noqa: DTZ007 - localized below
        elif isinstance(given, (str, date, np.datetime64)):
            stamp = pd.Timestamp(given)
        else:
            raise TypeError(type(given).__name__)
        if pd.isna(stamp):
            raise ValueError("not a time")
        return stamp.tz_localize(SEOUL) if stamp.tzinfo is None else stamp.tz_convert(SEOUL)
    except (ValueError, TypeError, OverflowError):
        raise BadInput(f'{given!r} is no date: write it as "2026-11-02"') from None


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
    since_epoch = wall_time.astype("datetime64[us]") - np.datetime64(0, "us")
    return float(since_epoch / np.timedelta64(1, "s")) - SEOUL_OFFSET


def span(start: Day | None, end: Day | None, now: float) -> tuple[np.datetime64, np.datetime64]:
    """First and last moment of a range, both included, as naive Seoul wall time.

    An end without a time includes its whole day. None is the beginning of the broker's history, or now.

    Raises:
        BadInput: no date, a range that ends before it starts, or one that lies in the future.
    """
    present = wall_of(now)
    first = BEGINNING if start is None else wall(moment(start))
    last = present
    if end is not None:
        stamp = moment(end)
        whole_day = stamp - stamp.normalize() == _MIDNIGHT and not _says_time(end)
        last = wall(stamp) + (_DAY - _INSTANT if whole_day else np.timedelta64(0, "us"))
    if first > last:
        if end is None:
            raise BadInput(
                f"the range starts ({_text(first)}) after now ({_text(present)}): there is nothing to load"
            )
        raise BadInput(
            f"the range ends ({_text(last)}) before it starts ({_text(first)}): swap start and end"
        )
    if first > present:
        raise BadInput(
            f"the range starts ({_text(first)}) after now ({_text(present)}): there is nothing to load"
        )
    return first, min(last, present)


def _says_time(given: Day) -> bool:
    if isinstance(given, str):
        return ":" in given
    return (
        isinstance(given, datetime)
        and not isinstance(given, pd.Timestamp)
        and given.time() != datetime.min.time()
    )


def _text(when: np.datetime64) -> str:
    return str(when.astype("datetime64[m]")).replace("T", " ")
