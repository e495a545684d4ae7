"""The minutes of an issue's session: its prices, volume and value after each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.snapshot.history_matrix import Int32s

_DAY = 1_000_000  # YYYYMMDDHHMMSS % _DAY is HHMMSS
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class IntradayCurve:
    """A session minute by minute. Times are seconds since midnight in Seoul.

    Attributes:
        closes: the session's close. A minute is known once it is over, the closing auction with the close itself.
        start: of each minute.
        open, high, low, close: of each minute, KRW.
        volume, value: of the session up to the end of each minute.
    """

    closes: int
    start: Int32s
    open: Int32s
    high: Int32s
    low: Int32s
    close: Int32s
    volume: Ints
    value: Ints

    def __len__(self) -> int:
        return len(self.start)

    def ends(self) -> Ints:
        """When each minute is over."""
        start = self.start.astype(np.int64)
        return np.minimum(start + _MINUTE, np.maximum(start, self.closes))

    def begun(self, clock: float) -> int:
        """Number of minutes that have begun at a time of day."""
        return int(self.start.searchsorted(clock, "right"))

    def over(self, clock: float) -> int:
        """Number of minutes that are over at a time of day."""
        return self.begun(clock if clock >= self.closes else clock - _MINUTE)

    def traded(self, first: int, stop: int) -> tuple[Ints, Ints]:
        """Volume and value of each minute from ``first`` to before ``stop``."""
        before = max(first - 1, 0)
        # np.diff takes ten times as long for the two minutes that are asked of each issue.
        volume, value = self.volume[before:stop], self.value[before:stop]
        if first:
            return volume[1:] - volume[:-1], value[1:] - value[:-1]
        volume, value = volume.copy(), value.copy()
        volume[1:] -= self.volume[: stop - 1]
        value[1:] -= self.value[: stop - 1]
        return volume, value

    def at(self, clock: float) -> tuple[int, ...] | None:
        """Open, high, low, last price, volume and value at a time of day; None before the first minute is over."""
        over = self.over(clock)
        if not over:
            return None
        high, low = int(self.high[:over].max()), int(self.low[:over].min())
        newest = over - 1
        return (
            int(self.open[0]),
            high,
            low,
            int(self.close[newest]),
            int(self.volume[newest]),
            int(self.value[newest]),
        )


def intraday_curve(bars: Bars, close: int) -> IntradayCurve:
    """The curve of a session's minute bars; it closes at ``close``, in seconds since midnight."""
    clock = bars.time % _DAY
    return IntradayCurve(
        closes=close,
        start=(clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100).astype(np.int32),
        open=bars.open.astype(np.int32),
        high=bars.high.astype(np.int32),
        low=bars.low.astype(np.int32),
        close=bars.close.astype(np.int32),
        volume=np.cumsum(bars.volume),
        value=np.cumsum(bars.value),
    )
