"""The course of one session of an issue: open, high, low, close, volume and value as they stood after each minute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.snapshot.history_matrix import Narrow

_DAY = 1_000_000  # YYYYMMDDHHMMSS % _DAY is HHMMSS


@dataclass(frozen=True, slots=True)
class IntradayCurve:
    """A session minute by minute; ``known`` is when each minute is over, in seconds since midnight in Seoul."""

    open: int
    known: Narrow
    high: Narrow
    low: Narrow
    close: Narrow
    volume: Ints
    value: Ints

    def __len__(self) -> int:
        return len(self.known)

    def at(self, clock: float) -> tuple[int, ...] | None:
        """Open, high, low, last price, volume and value at that time of day; None before the first minute is over."""
        place = int(self.known.searchsorted(clock, "right")) - 1
        if place < 0:
            return None
        columns = (self.high, self.low, self.close, self.volume, self.value)
        return (self.open, *(int(column[place]) for column in columns))


def course(bars: Bars, close: int) -> IntradayCurve:
    """The course that those minutes of a session make; it closes at ``close``, in seconds since midnight."""
    # A minute is known once it is over; the closing auction's bears the moment of the close itself.
    clock = bars.time % _DAY
    since = clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100
    return IntradayCurve(
        open=int(bars.open[0]) if len(bars) else 0,
        known=np.minimum(since + 60, np.maximum(since, close)).astype(np.int32),
        high=np.maximum.accumulate(bars.high).astype(np.int32),
        low=np.minimum.accumulate(bars.low).astype(np.int32),
        close=bars.close.astype(np.int32),
        volume=np.cumsum(bars.volume),
        value=np.cumsum(bars.value),
    )
