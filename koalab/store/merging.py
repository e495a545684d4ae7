"""Held bars and bars that came: whether they agree, and both as one."""

from __future__ import annotations

import numpy as np

from koalab.frames.bars import BarColumns
from koalab.store.series import Moment, Series

Span = tuple[Moment, Moment]

_INSTANT = np.timedelta64(1, "us")
_PRICES = ("open", "high", "low", "close")


def checked(series: Series, bars: BarColumns, covered: Span) -> bool:
    """Whether ``covered`` holds any time at all.

    Raises:
        ValueError: bars out of order or outside ``covered``, or bars of one time in a series that has one bar
            a time (all but ticks, of which several can share a second).
    """
    first, last = covered
    time = bars.time
    if np.isnat(first) or np.isnat(last):
        raise ValueError(f"{series}: NaT covers nothing")
    if len(time):
        ordered = time[1:] >= time[:-1] if series.kind == "tick" else time[1:] > time[:-1]
        if not ordered.all():
            raise ValueError(f"{series}: bars have to run from older to newer, one a time")
        if time[0] < first or time[-1] > last:
            raise ValueError(
                f"{series}: bars from {time[0]} to {time[-1]} are not all inside what is covered, {first} to {last}"
            )
    return bool(first <= last)


def merged(old: BarColumns, new: BarColumns, covered: Span) -> BarColumns:
    """The new bars, and the old ones before and after the time covered."""
    first, last = (bound.astype("datetime64[us]") for bound in covered)
    return BarColumns.concat([old.slice(None, first - _INSTANT), new, old.slice(last + _INSTANT, None)])


def disagreement(old: BarColumns, new: BarColumns) -> Moment | None:
    """The first time of which both have a bar and their prices differ; None where they agree."""
    if np.array_equal(old.time, new.time):
        here = there = np.arange(len(old))
    else:
        _, here, there = np.intersect1d(old.time, new.time, return_indices=True)
    differs = np.zeros(len(here), bool)
    for name in _PRICES:
        differs |= getattr(old, name)[here] != getattr(new, name)[there]
    where = np.flatnonzero(differs)
    return old.time[here[where[0]]] if len(where) else None
