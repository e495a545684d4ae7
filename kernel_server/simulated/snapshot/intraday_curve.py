"""Intraday curve of an issue: open, high, low, close, volume and value after each minute of a session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.snapshot.history_matrix import Int32s

_DAY = 1_000_000  # YYYYMMDDHHMMSS % _DAY is HHMMSS


@dataclass(frozen=True, slots=True)
class IntradayCurve:
    """A session minute by minute; ``known_at`` is the end of each minute, in seconds since midnight in Seoul."""

    open: int
    known_at: Int32s
    high: Int32s
    low: Int32s
    close: Int32s
    volume: Ints
    value: Ints

    def __len__(self) -> int:
        return len(self.known_at)

    def at(self, clock: float) -> tuple[int, ...] | None:
        """Open, high, low, last price, volume and value at a time of day; None before the first minute is complete."""
        index = int(self.known_at.searchsorted(clock, "right")) - 1
        if index < 0:
            return None
        columns = (self.high, self.low, self.close, self.volume, self.value)
        return (self.open, *(int(column[index]) for column in columns))


def intraday_curve(bars: Bars, close: int) -> IntradayCurve:
    """The curve of a session's minute bars; it closes at ``close``, in seconds since midnight."""
    # A minute is known once complete; the closing auction is labelled with the close itself.
    clock = bars.time % _DAY
    since = clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100
    return IntradayCurve(
        open=int(bars.open[0]) if len(bars) else 0,
        known_at=np.minimum(since + 60, np.maximum(since, close)).astype(np.int32),
        high=np.maximum.accumulate(bars.high).astype(np.int32),
        low=np.minimum.accumulate(bars.low).astype(np.int32),
        close=bars.close.astype(np.int32),
        volume=np.cumsum(bars.volume),
        value=np.cumsum(bars.value),
    )
