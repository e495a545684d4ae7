"""Comparison and merging of stored bars and bars that came."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from koalab.frames.bars import COLUMNS, BarColumns
from koalab.store.series import Moment, Series

Span = tuple[Moment, Moment]

_INSTANT = np.timedelta64(1, "us")
_PRICES = ("open", "high", "low", "close")


def checked(series: Series, bars: BarColumns, covered: Span) -> bool:
    """Checks bars before they are stored; False where ``covered`` is empty.

    Raises:
        ValueError: bars out of order or outside ``covered``, or two bars of one time (but for ticks, of which
            several can share a second).
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
    """The new bars, with the old ones before and after the time covered."""
    first, last = (bound.astype("datetime64[us]") for bound in covered)
    return BarColumns.concat([old.slice(None, first - _INSTANT), new, old.slice(last + _INSTANT, None)])


def disagreement(old: BarColumns, new: BarColumns) -> Moment | None:
    """The first time at which both have a bar and the prices differ; None where they agree."""
    if np.array_equal(old.time, new.time):
        here = there = np.arange(len(old))
    else:
        _, here, there = np.intersect1d(old.time, new.time, return_indices=True)
    differs = np.zeros(len(here), bool)
    for name in _PRICES:
        differs |= getattr(old, name)[here] != getattr(new, name)[there]
    where = np.flatnonzero(differs)
    return old.time[here[where[0]]] if len(where) else None


def joined(parts: Sequence[BarColumns], none: BarColumns) -> BarColumns:
    """All parts as one, oldest first, or ``none``; of a bar in several parts the last one is kept."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return none
    ordered = sorted(filled, key=lambda part: part.time[0])
    if all(older.time[-1] < newer.time[0] for older, newer in itertools.pairwise(ordered)):
        return BarColumns.concat(ordered)
    times = np.concatenate([part.time for part in filled])
    # np.unique keeps the first of equals, so the order is reversed.
    _, index = np.unique(times[::-1], return_index=True)
    keep = len(times) - 1 - index
    whole: dict[str, Any] = {}
    for name in COLUMNS:
        arrays = [getattr(part, name) for part in filled]
        whole[name] = None if any(array is None for array in arrays) else np.concatenate(arrays)[keep]
    return replace(filled[0], **whole)
