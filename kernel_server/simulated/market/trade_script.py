"""Scripts: a day's trades of one issue as arrays, and the interface to recorded ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import ceil, floor
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Floats, Ints

Column = NDArray[np.signedinteger]

_LEAST, _MOST = int(np.iinfo(np.int32).min), int(np.iinfo(np.int32).max)


class Side(IntEnum):
    """Side of an order, or of the order that initiated a trade; NONE in a call auction."""

    SELL = -1
    NONE = 0
    BUY = 1


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """A day's trades, oldest first, as four arrays of one length.

    Attributes:
        stamp: ascending times: seconds since the epoch, or milliseconds since ``origin`` if they are whole numbers.
        price: KRW.
        volume: shares.
        side: 1 if the buyer initiated the trade, -1 if the seller did, 0 in a call auction.
        opens, closes: whether the first trade is the opening auction's and the last one the closing auction's.
        origin: seconds since the epoch.
        carried: KRW that each trade adds to 거래대금, so that a minute adds up to its bar; None: price times volume.
    """

    stamp: Floats | Column
    price: Column
    volume: Column
    side: Column
    opens: bool = False
    closes: bool = False
    origin: int = 0
    carried: Column | None = None

    def __len__(self) -> int:
        return len(self.stamp)

    @property
    def time(self) -> Floats:
        """Seconds since the epoch of all trades, computed at each use if the script is packed."""
        return self.times(slice(None))

    def times(self, part: slice) -> Floats:
        """Seconds since the epoch of some trades."""
        stamp = self.stamp[part]
        time: Floats
        if stamp.dtype.kind == "f":
            time = stamp.astype(np.float64, copy=False)
        else:
            time = (self.origin * 1000 + stamp.astype(np.int64)) / 1000
        return time

    def time_at(self, index: int) -> float:
        """Seconds since the epoch of a trade."""
        stamp = self.stamp[index].item()
        return stamp if isinstance(stamp, float) else (self.origin * 1000 + stamp) / 1000

    def count_by(self, now: float) -> int:
        """Number of trades up to ``now``."""
        return int(self.stamp.searchsorted(self._stamp_of(now, floor), side="right"))

    def count_before(self, moment: float) -> int:
        """Number of trades before a moment."""
        return int(self.stamp.searchsorted(self._stamp_of(moment, ceil)))

    def _stamp_of(self, moment: float, whole: Callable[[float], int]) -> float | np.int32:
        """The stamp of a moment, of the type of the others, as numpy would copy all of them for another."""
        dtype = self.stamp.dtype
        if dtype.kind == "f":
            return moment
        # To the nearest microsecond, as seconds since the epoch are no more exact than a tenth of one.
        stamp = round((moment - self.origin) * 1000, 3)
        return np.int32(whole(min(max(stamp, _LEAST), _MOST))) if dtype == np.int32 else stamp

    def __getitem__(self, part: slice) -> Script:
        carried = None if self.carried is None else self.carried[part]
        return Script(
            self.stamp[part],
            self.price[part],
            self.volume[part],
            self.side[part],
            origin=self.origin,
            carried=carried,
        )

    @property
    def value(self) -> Ints:
        """KRW that each trade adds to 거래대금."""
        if self.carried is not None:
            return self.carried.astype(np.int64, copy=False)
        product: Ints = self.price.astype(np.int64) * self.volume
        return product

    @property
    def total_volume(self) -> int:
        """Shares of all trades."""
        return int(self.volume.sum())

    @property
    def total_value(self) -> int:
        """KRW of all trades."""
        return int(self.value.sum())

    def make_part(self, now: float) -> bool:  # noqa: ARG002
        """Make the next part of the trades up to ``now``, if one is not made yet; whether there was one."""
        return False

    def made_by(self, now: float) -> bool:  # noqa: ARG002
        """Whether all trades up to ``now`` are made."""
        return True

    def with_side(self, side: Column) -> Script:
        """The same trades with other initiators."""
        columns = self.stamp, self.price, self.volume, side
        return Script(*columns, self.opens, self.closes, self.origin, self.carried)

    def packed(self, origin: int | None = None) -> Script:
        """The same trades in less than half the memory: a whole market's day has more than ten million of them.

        ``origin`` is that of their times, by default the first one's.
        """
        if self.stamp.dtype == np.int32 and origin in (None, self.origin):
            return self
        times = self.time
        if origin is None:
            origin = int(times[0]) if len(self) else 0
        stamp = np.rint((times - origin) * 1000).astype(np.int32)
        whole = Script(stamp, self.price, self.volume, self.side, origin=origin)
        exact = np.array_equal(whole.time, times)  # recorded times may have more digits
        return Script(
            stamp if exact else times,
            _packed(self.price),
            _packed(self.volume),
            self.side.astype(np.int8),
            self.opens,
            self.closes,
            origin,
            None if self.carried is None else _packed(self.carried),
        )


def joined(scripts: Sequence[Script]) -> Script:
    """The trades of several scripts, one after the other."""
    if len(scripts) == 1:
        return scripts[0]
    plain = all(script.carried is None for script in scripts)
    return Script(
        np.concatenate([script.time for script in scripts]),
        np.concatenate([script.price for script in scripts]),
        np.concatenate([script.volume for script in scripts]),
        np.concatenate([script.side for script in scripts]),
        carried=None if plain else np.concatenate([script.value for script in scripts]),
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
