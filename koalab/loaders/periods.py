"""The calendar periods of bars of days and longer."""

from __future__ import annotations

import numpy as np

from koalab.store.series import Moment

_DAY = np.timedelta64(1, "D")
_LONGER = {"M": np.timedelta64(1, "M"), "Y": np.timedelta64(1, "Y")}


def period(unit: str, when: Moment) -> tuple[Moment, Moment]:
    """The first and the last day of the period around a moment, as midnights.

    Weeks run from Monday to Sunday; units other than W, M and Y are days.

    >>> first, last = period("W", np.datetime64("2026-11-19T10:00"))
    >>> print(first.astype("M8[D]"), last.astype("M8[D]"))
    2026-11-16 2026-11-22
    """
    day = when.astype("datetime64[D]")
    if unit == "W":
        # The epoch was a Thursday.
        first = day - (day.astype(np.int64) + 3) % 7 * _DAY
        last = first + 6 * _DAY
    elif unit in _LONGER:
        start = day.astype(f"datetime64[{unit}]")
        first, last = start.astype("datetime64[D]"), (start + _LONGER[unit]).astype("datetime64[D]") - _DAY
    else:
        first = last = day
    return first.astype("datetime64[us]"), last.astype("datetime64[us]")
