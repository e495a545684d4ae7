"""A made-up calendar of the exchange, and moments in Seoul."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache

import numpy as np

from kernel_server.clock import KST
from kernel_server.reference.sessions import Sessions

LATE, LATE_WITH_AFTER_MARKET = date(2025, 11, 13), date(2027, 11, 18)
"""Sessions of the made-up calendar that open and close an hour late."""


def at(day: str, time: str = "00:00") -> float:
    """That moment in Seoul, seconds since the epoch; ``time`` is HH:MM or HH:MM:SS."""
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=KST).timestamp()


@cache
def weekdays(last: str = "2027-12-31") -> Sessions:
    """Every weekday from 1986-01-06, 9:00 to 15:30 but for the late ones and the first of each year, from 10:00."""
    dates = np.arange("1986-01-06", np.datetime64(last) + np.timedelta64(1, "D"), dtype="datetime64[D]")
    days = dates.view(np.int64)
    open_days = (days + 3) % 7 < 5  # 1970-01-01 was a Thursday
    open_days &= dates != dates.astype("datetime64[Y]")
    dates, days = dates[open_days], days[open_days]
    opens, closes = days * 86400, days * 86400 + 6 * 3600 + 1800
    late = np.isin(dates, np.array([LATE, LATE_WITH_AFTER_MARKET], "datetime64[D]"))
    years = dates.astype("datetime64[Y]")
    opens[late | np.append(True, years[1:] != years[:-1])] += 3600
    closes[late] += 3600
    return Sessions(dates, opens, closes)
