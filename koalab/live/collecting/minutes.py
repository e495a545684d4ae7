"""Minute bars from trades, as opt10080 has them, and which minutes are provably complete.

Pure functions of a set of trades: order, batches and duplicates do not matter. Cumulative volume (누적거래량) is ground
truth: a jump between two trades proves that one between them is lost.

Times are microseconds of naive Seoul wall time (``koalab.live.wall_time``).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from koalab.frames.bars import BarColumns
from koalab.frames.numbers import Ints
from koalab.live.collecting.trades import Trades
from koalab.live.wall_time import MINUTE, SECOND
from koalab.store import coverage
from koalab.store.coverage import Coverage


def minute_bars(trades: Trades, first: int, last: int) -> BarColumns:
    """The bars of merged trades from ``first`` to ``last``, both included; a minute without a trade has no bar."""
    trades = trades.between(first, last)
    if not len(trades):
        return BarColumns.empty("minute")
    minute = trades.time // MINUTE * MINUTE
    # Stable, so that a trade whose 체결시간 is a second off still lands in its own minute.
    order = np.argsort(minute, kind="stable")
    trades, minute = trades[order], minute[order]
    starts = np.flatnonzero(np.diff(minute, prepend=minute[0] - 1))
    ends = np.append(starts[1:], len(minute)) - 1
    return BarColumns(
        time=minute[starts].astype("datetime64[us]"),
        open=trades.price[starts],
        high=np.maximum.reduceat(trades.price, starts),
        low=np.minimum.reduceat(trades.price, starts),
        close=trades.price[ends],
        volume=np.add.reduceat(trades.volume, starts),
    )


def complete_time(trades: Trades, connected: Coverage, opening: int) -> Coverage:
    """The intervals in which no trade is missing from ``trades``.

    Two trades whose 누적거래량 is consecutive prove that nothing is missing between them, even across a lost stream.
    A jump proves that a trade is missing, even within a connected interval.

    Args:
        trades: merged.
        connected: intervals in which the stream reported no gap.
        opening: no trade of the day is earlier.
    """
    found: Coverage = ()
    for interval in connected:
        found = coverage.add(found, interval)
    if not len(trades):
        return found
    at = _distinct_moments(trades.time)
    before = trades.total - trades.volume
    consecutive = before[1:] == trades.total[:-1]
    for jump in np.flatnonzero(~consecutive).tolist():
        low, high = int(at[jump]), int(at[jump + 1])
        if any(first <= low and high <= last for first, last in connected):
            found = coverage.without(found, low + 1, high - 1)
    edges = [0, *(np.flatnonzero(~consecutive) + 1).tolist(), len(trades)]
    for start, stop in pairwise(edges):
        first = opening if start == 0 and before[0] == 0 else int(at[start])
        found = coverage.add(found, (min(first, int(at[start])), int(at[stop - 1])))
    return found


def whole_minutes(intervals: Coverage, first: int, last: int) -> Coverage:
    """The minutes within ``first`` to ``last`` that lie wholly in ``intervals``."""
    found: Coverage = ()
    for low, high in coverage.intersect(intervals, first, last):
        start, stop = -(-low // MINUTE) * MINUTE, (high + 1) // MINUTE * MINUTE
        found = coverage.add(found, (start, stop - 1))
    return found


def _distinct_moments(time: Ints) -> Ints:
    """An own, ascending moment for each trade: 체결시간 has whole seconds, so trades of one are spread over it."""
    time = np.maximum.accumulate(time)
    starts = np.flatnonzero(np.diff(time, prepend=time[0] - 1))
    counts = np.diff(np.append(starts, len(time)))
    rank = np.arange(len(time)) - np.repeat(starts, counts)
    moments: Ints = time + SECOND * (rank + 1) // np.repeat(counts + 1, counts)
    return moments
