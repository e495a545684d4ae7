"""Scripts: a day's trades of one issue as arrays, and the interface to recorded ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Floats

Column = NDArray[np.signedinteger]


class Side(IntEnum):
    """Side of an order, or of the order that initiated a trade; NONE in a call auction."""

    SELL = -1
    NONE = 0
    BUY = 1


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """A day's trades, oldest first, as four arrays of one length.

    Attributes:
        time: seconds since the epoch, ascending.
        price: KRW.
        volume: shares.
        side: 1 if the buyer initiated the trade, -1 if the seller did, 0 in a call auction.
        opens, closes: whether the first trade is the opening auction's and the last one the closing auction's.
    """

    time: Floats
    price: Column
    volume: Column
    side: Column
    opens: bool = False
    closes: bool = False

    def __len__(self) -> int:
        return len(self.time)

    def count_by(self, now: float) -> int:
        """Number of trades up to ``now``."""
        return int(np.searchsorted(self.time, now, side="right"))

    def packed(self) -> Script:
        """The same trades in about half the memory: a whole market's day has eight million of them."""
        return replace(
            self, price=_packed(self.price), volume=_packed(self.volume), side=self.side.astype(np.int8)
        )


def _packed(column: Column) -> Column:
    """The numbers, none of them negative, as four-byte integers if they fit."""
    fits = not len(column) or column.max() <= np.iinfo(np.int32).max
    return column.astype(np.int32) if fits else column


_NONE = np.zeros(0, np.int64)
NOTHING = Script(np.zeros(0), _NONE, _NONE, _NONE)

ScriptLookup = Callable[[str, int], "Script | None"]
"""Finds the recorded trades of a code on a YYYYMMDD, None if there are none."""


class RecordedDay(NamedTuple):
    """An earlier session's recorded trades: its YYYYMMDD, its 기준가 (KRW), and at least one trade."""

    day: int
    base: int
    script: Script


class RecordedTrades(Protocol):
    """Recorded trades by code and day."""

    def script(self, code: str, day: int) -> Script | None:
        """The trades of a YYYYMMDD, None if there are none."""
        ...

    def latest_before(self, code: str, day: int) -> RecordedDay | None:
        """The trades of the latest recorded day before a YYYYMMDD."""
        ...
