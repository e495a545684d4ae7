"""Longer bars out of shorter ones."""

from __future__ import annotations

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.market.model import Bars

_DAY = 1_000_000  # YYYYMMDDHHMMSS // _DAY is YYYYMMDD


def cut(bars: Bars, start: int, stop: int) -> Bars:
    """The bars from ``start`` up to, not including, ``stop``."""
    return _part(bars, slice(start, stop), bars.time[start:stop])


def cut_at(bars: Bars, places: Ints, time: Ints) -> Bars:
    """The bars at those places, with other times."""
    return _part(bars, places, time)


def _part(bars: Bars, part: slice | Ints, time: Ints) -> Bars:
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
    """A number for the calendar week, Monday to Sunday, of each YYYYMMDD."""
    return np.asarray((epoch_days(days) + 3) // 7, np.int64)  # 1970-01-01 was a Thursday


def months(days: Ints) -> Ints:
    """YYYYMM of each YYYYMMDD."""
    return days // 100


def years(days: Ints) -> Ints:
    """YYYY of each YYYYMMDD."""
    return days // 10000


def intervals(times: Ints, minutes: int) -> Ints:
    """The start of the interval of so many minutes that each YYYYMMDDHHMMSS falls into.

    Intervals are laid from midnight: 09:00 starts one at every interval the broker has. The closing
    auction at 15:30 therefore has a bar of its own up to 30 minutes, and is the end of one at 45 and 60.
    """
    minute = times // 10000 % 100 * 60 + times // 100 % 100
    start = minute - minute % minutes
    return np.asarray(times // _DAY * _DAY + start // 60 * 10000 + start % 60 * 100, np.int64)


def grouped(bars: Bars, groups: Ints, time: Ints) -> Bars:
    """One bar for each run of equal ``groups``, whose times are ``time`` (one a run).

    A session in which nothing traded may come with an open, high and low of 0: its close stands for them.
    Flags of 수정주가구분 are united; the last 수정비율 of a group stands.
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
    """Where each run of equal numbers starts. ``groups`` is not empty."""
    return np.concatenate(([0], np.flatnonzero(np.diff(groups)) + 1))
