"""Previous sessions of every issue as matrices, for rankings over a period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.model import Bars

Int32s = NDArray[np.int32]
"""Dates and prices as 32-bit integers, to halve the memory."""

HISTORY_DEPTH = 301
"""Number of previous sessions: opt10025 looks back 300, and the first of them needs a previous close."""


@dataclass(frozen=True, slots=True)
class HistoryMatrix:
    """One row an issue, one column a session, newest last; 0 for sessions that an issue does not have.

    All prices of a session without trades are its close. ``time`` is YYYYMMDD; prices and ``value`` are in KRW.
    """

    time: Int32s
    high: Int32s
    low: Int32s
    close: Int32s
    volume: Ints
    value: Ints

    def store(self, row: int, bars: Bars) -> None:
        """Store the newest bars in a row."""
        count = min(len(bars), HISTORY_DEPTH)
        if not count:
            return
        traded = bars.low[-count:] > 0
        close = bars.close[-count:]
        self.time[row, -count:] = bars.time[-count:]
        self.high[row, -count:] = np.where(traded, bars.high[-count:], close)
        self.low[row, -count:] = np.where(traded, bars.low[-count:], close)
        self.close[row, -count:] = close
        self.volume[row, -count:] = bars.volume[-count:]
        self.value[row, -count:] = bars.value[-count:]

    def first_rows(self, count: int) -> HistoryMatrix:
        """The first ``count`` issues."""
        return HistoryMatrix(*(getattr(self, name)[:count] for name in HistoryMatrix.__slots__))


def empty_history(issues: int) -> HistoryMatrix:
    """A zeroed matrix for that many issues."""

    def narrow() -> Int32s:
        return np.zeros((issues, HISTORY_DEPTH), np.int32)

    def wide() -> Ints:
        return np.zeros((issues, HISTORY_DEPTH), np.int64)

    return HistoryMatrix(narrow(), narrow(), narrow(), narrow(), wide(), wide())
