"""Times of day in Seoul, which has no daylight saving time. A moment is in seconds since the epoch."""

from __future__ import annotations

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days, yyyymmdd

DAY = 86_400
MINUTE_MS = 59_999
"""The last millisecond of a minute."""

_OFFSET = 9 * 3600


class _Texts(dict[int, str]):
    """HHMMSS by second of the day, written once each: real-time strings need many."""

    def __missing__(self, second: int) -> str:
        text = f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
        self[second] = text
        return text


_TEXTS = _Texts()


def hhmmss(moment: float) -> str:
    """HHMMSS of a moment.

    >>> hhmmss(1642483782.7)
    '142942'
    """
    return _TEXTS[(int(moment) + _OFFSET) % DAY]


def duration_text(seconds: int) -> str:
    """A duration below a day as HHMMSS."""
    return _TEXTS[seconds]


def midnight(moment: float) -> float:
    """Start of the moment's day."""
    return (moment + _OFFSET) // DAY * DAY - _OFFSET


def start_of_day(days: int) -> int:
    """Moment at which a day (days since the epoch) starts."""
    return days * DAY - _OFFSET


def dates_of(moments: Ints) -> Ints:
    """YYYYMMDD of moments."""
    return yyyymmdd((moments + _OFFSET) // DAY)


def times_of(moments: Ints) -> Ints:
    """HHMMSS of moments, as numbers."""
    second = (moments + _OFFSET) % DAY
    times: Ints = second // 3600 * 10_000 + second // 60 % 60 * 100 + second % 60
    return times


def moments_of(dates: Ints, times: Ints) -> Ints:
    """Moments of YYYYMMDD and HHMMSS."""
    seconds = times // 10_000 * 3600 + times // 100 % 100 * 60 + times % 100
    moments: Ints = epoch_days(dates) * DAY + seconds - _OFFSET
    return moments


def epoch_seconds(labels: Ints) -> Ints:
    """Moments of YYYYMMDDHHMMSS."""
    return moments_of(labels // 1_000_000, labels % 1_000_000)
