"""Trades into minute bars, as opt10080 has them, and which minutes they are sure to make up.

Pure functions of a set of trades: it does not matter in which order or in how many pieces they came, or that one came
twice. 누적거래량 makes that possible: it says of each trade which one was before it, so a missing one shows.

Times are microseconds since the epoch of naive Seoul wall time, as in ``koalab.store.coverage``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from koalab.frames.bars import BarColumns
from koalab.frames.numbers import Ints, Numbers
from koalab.store import coverage
from koalab.store.coverage import Coverage

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades of one issue on one day (주식체결), arrays of one length.

    Attributes:
        time: 체결시간, whole seconds.
        price: KRW.
        volume: shares.
        total: 누적거래량, this trade's shares included.
    """

    time: Ints
    price: Numbers
    volume: Numbers
    total: Numbers

    def __len__(self) -> int:
        return self.time.size

    def __getitem__(self, part: slice | Ints) -> Trades:
        return Trades(self.time[part], self.price[part], self.volume[part], self.total[part])

    @classmethod
    def joined(cls, parts: Sequence[Trades]) -> Trades:
        """All of them, in the order in which they happened, each once."""
        if not parts:
            none = np.empty(0, np.int64)
            return cls(none, none, none, none)
        whole = cls(
            np.concatenate([part.time for part in parts]),
            np.concatenate([part.price for part in parts]),
            np.concatenate([part.volume for part in parts]),
            np.concatenate([part.total for part in parts]),
        )
        _, index = np.unique(whole.total, return_index=True)
        return whole[index]


def bars(trades: Trades, first: int, last: int) -> BarColumns:
    """The minute bars of joined trades from ``first`` to ``last``, both included; a minute without a trade has none."""
    trades = trades[np.flatnonzero((trades.time >= first) & (trades.time <= last))]
    if not len(trades):
        return BarColumns.empty("minute")
    minute = trades.time // MINUTE * MINUTE
    # What a clock that is a second off puts behind the trades of the next minute belongs there all the same.
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


def known(trades: Trades, stretches: Coverage, opening: int) -> Coverage:
    """The time all of whose trades are among those given.

    Args:
        trades: joined.
        stretches: the times in which everything was heard, by what the stream said of itself.
        opening: before it there was no trade of that day.

    Between two trades of which the second follows on the first nothing is missing, whatever became of the stream
    meanwhile. Where it does not follow, something is, even if the stream says that it was there.
    """
    found: Coverage = ()
    for stretch in stretches:
        found = coverage.add(found, stretch)
    if not len(trades):
        return found
    at = _places(trades.time)
    before = trades.total - trades.volume
    follows = before[1:] == trades.total[:-1]
    for number in np.flatnonzero(~follows).tolist():
        low, high = int(at[number]), int(at[number + 1])
        if any(first <= low and high <= last for first, last in stretches):
            found = _without(found, low + 1, high - 1)
    edges = [0, *(np.flatnonzero(~follows) + 1).tolist(), len(trades)]
    for start, stop in pairwise(edges):
        first = opening if start == 0 and before[0] == 0 else int(at[start])
        found = coverage.add(found, (min(first, int(at[start])), int(at[stop - 1])))
    return found


def whole_minutes(time: Coverage, first: int, last: int) -> Coverage:
    """The minutes from ``first`` on, to the one that ends with ``last``, that lie in that time wholly."""
    found: Coverage = ()
    for low, high in coverage.intersect(time, first, last):
        start, stop = -(-low // MINUTE) * MINUTE, (high + 1) // MINUTE * MINUTE
        found = coverage.add(found, (start, stop - 1))
    return found


def _places(time: Ints) -> Ints:
    """A moment of its own for each trade, ascending: the broker tells seconds, so those of one are spread over it."""
    time = np.maximum.accumulate(time)
    starts = np.flatnonzero(np.diff(time, prepend=time[0] - 1))
    counts = np.diff(np.append(starts, len(time)))
    rank = np.arange(len(time)) - np.repeat(starts, counts)
    places: Ints = time + SECOND * (rank + 1) // np.repeat(counts + 1, counts)
    return places


def _without(held: Coverage, first: int, last: int) -> Coverage:
    if first > last:
        return held
    return (
        *coverage.intersect(held, coverage.BEGINNING, first - 1),
        *coverage.intersect(held, last + 1, 2**63 - 1),
    )
