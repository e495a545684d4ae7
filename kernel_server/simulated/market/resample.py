"""Aggregation of bars to longer intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.market.model import Bars

_DAY = 1_000_000  # YYYYMMDDHHMMSS // _DAY is YYYYMMDD


def cut(bars: Bars, start: int, stop: int) -> Bars:
    """The bars from ``start`` to ``stop`` - 1."""
    return _part(bars, slice(start, stop), bars.time[start:stop])


def picked(bars: Bars, rows: Ints | NDArray[np.bool_]) -> Bars:
    """The bars at those indices, or where a mask is true."""
    return _part(bars, rows, bars.time[rows])


def cut_at(bars: Bars, places: Ints, time: Ints) -> Bars:
    """The bars at those indices, with other times."""
    return _part(bars, places, time)


def joined(parts: Sequence[Bars]) -> Bars:
    """Bars one after another; there is at least one part."""
    return Bars(*(np.concatenate([getattr(part, name) for part in parts]) for name in Bars.__slots__))


def merged(bars: Bars, more: Bars) -> Bars:
    """Bars of different times in one, oldest first."""
    if not len(more):
        return bars
    both = joined([bars, more])
    return picked(both, np.argsort(both.time, kind="stable"))


def _part(bars: Bars, part: slice | Ints | NDArray[np.bool_], time: Ints) -> Bars:
    return Bars(
        time=time,
        open=bars.open[part],
        high=bars.high[part],
        low=bars.low[part],
        close=bars.close[part],
        volume=bars.volume[part],
        value=bars.value[part],
        event=bars.event[part],
        ratio=bars.ratio[part],
    )


def weeks(days: Ints) -> Ints:
    """Number of the calendar week, Monday to Sunday, of each YYYYMMDD."""
    return np.asarray((epoch_days(days) + 3) // 7, np.int64)  # 1970-01-01 was a Thursday


def months(days: Ints) -> Ints:
    """YYYYMM of each YYYYMMDD."""
    return days // 100


def years(days: Ints) -> Ints:
    """YYYY of each YYYYMMDD."""
    return days // 10000


def intervals(times: Ints, minutes: int) -> Ints:
    """Start of the interval of ``minutes`` minutes that each YYYYMMDDHHMMSS falls into.

    Intervals count from midnight, so 09:00 starts one at every length that the broker has. The closing auction at
    15:30 has a separate bar up to 30 minutes, and ends one at 45 and 60.
    """
    minute = times // 10000 % 100 * 60 + times // 100 % 100
    start = minute - minute % minutes
    return np.asarray(times // _DAY * _DAY + start // 60 * 10000 + start % 60 * 100, np.int64)


def grouped(bars: Bars, groups: Ints, time: Ints) -> Bars:
    """One bar for each run of equal ``groups``; ``time`` has one time per run.

    In a session without trades open, high and low may be 0: the close replaces them. 수정주가구분 flags of a group are
    combined; its last 수정비율 counts.
    """
    starts = run_starts(groups)
    ends = np.append(starts[1:], len(groups)) - 1
    whole = bars.low > 0
    low, high, first = (np.where(whole, prices, bars.close) for prices in (bars.low, bars.high, bars.open))
    last_event = np.maximum.accumulate(np.where(bars.event != 0, np.arange(len(groups)), -1))[ends]
    event = np.bitwise_or.reduceat(bars.event, starts)
    return Bars(
        time=time,
        open=first[starts],
        high=np.maximum.reduceat(high, starts),
        low=np.minimum.reduceat(low, starts),
        close=bars.close[ends],
        volume=np.add.reduceat(bars.volume, starts),
        value=np.add.reduceat(bars.value, starts),
        event=event,
        ratio=np.where(event != 0, bars.ratio[last_event], 0.0),
    )


def run_starts(groups: Ints) -> Ints:
    """Index at which each run of equal numbers starts. ``groups`` has at least one element."""
    return np.concatenate(([0], np.flatnonzero(np.diff(groups)) + 1))
