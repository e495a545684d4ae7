"""A day's trades of one issue as arrays, and where recorded ones come from."""

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
    """Of an order, or of the order that made a trade happen; NONE in a single-price auction."""

    SELL = -1
    NONE = 0
    BUY = 1


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """Trades, oldest first, four arrays of one length.

    Attributes:
        time: seconds since the epoch, ascending.
        price: KRW.
        volume: shares.
        side: 1 where the buyer took the initiative, -1 where the seller did, 0 in an auction.
        opens, closes: whether the first trade is the opening auction's, the last the closing one's.
    """

    time: Floats
    price: Column
    volume: Column
    side: Column
    opens: bool = False
    closes: bool = False

    def __len__(self) -> int:
        return len(self.time)

    def begun(self, now: float) -> int:
        """How many of the trades have happened by ``now``."""
        return int(np.searchsorted(self.time, now, side="right"))

    def packed(self) -> Script:
        """The same trades in about half the memory: a whole market's day is eight million of them."""
        return replace(
            self, price=_packed(self.price), volume=_packed(self.volume), side=self.side.astype(np.int8)
        )


def _packed(column: Column) -> Column:
    """The numbers, none of them negative, in four bytes each where they fit."""
    fits = not len(column) or column.max() <= np.iinfo(np.int32).max
    return column.astype(np.int32) if fits else column


_NONE = np.zeros(0, np.int64)
NOTHING = Script(np.zeros(0), _NONE, _NONE, _NONE)

Recorded = Callable[[str, int], "Script | None"]
"""The recorded trades of a code on a YYYYMMDD, if there are any."""


class RecordedDay(NamedTuple):
    """An earlier session's recorded trades: its YYYYMMDD, its 기준가 (KRW), and the trades, one at least."""

    day: int
    base: int
    script: Script


class RecordedTrades(Protocol):
    """Recorded trades."""

    def recorded(self, code: str, day: int) -> Script | None:
        """Those of that YYYYMMDD."""
        ...

    def before(self, code: str, day: int) -> RecordedDay | None:
        """Those of the newest day before that YYYYMMDD that has any."""
        ...
