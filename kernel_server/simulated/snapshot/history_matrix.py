"""The sessions before the newest of every issue, in columns: what rankings by period look back at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.model import Bars

Narrow = NDArray[np.int32]
"""Dates and prices take half of the room, and have to: there are very many of them."""

DEPTH = 301
"""So many sessions before the newest are kept: opt10025 looks back 300, and the first of them needs a close before."""


@dataclass(frozen=True, slots=True)
class HistoryMatrix:
    """One row an issue, one column a session, the last column the newest; what an issue does not have is 0.

    A session without a trade stands at its close. ``time`` is YYYYMMDD; prices and ``value`` are in KRW.
    """

    time: Narrow
    high: Narrow
    low: Narrow
    close: Narrow
    volume: Ints
    value: Ints

    def keep(self, row: int, before: Bars) -> None:
        """Puts the newest of those bars into that row."""
        many = min(len(before), DEPTH)
        if not many:
            return
        whole = before.low[-many:] > 0
        close = before.close[-many:]
        self.time[row, -many:] = before.time[-many:]
        self.high[row, -many:] = np.where(whole, before.high[-many:], close)
        self.low[row, -many:] = np.where(whole, before.low[-many:], close)
        self.close[row, -many:] = close
        self.volume[row, -many:] = before.volume[-many:]
        self.value[row, -many:] = before.value[-many:]

    def rows(self, count: int) -> HistoryMatrix:
        """The first so many issues."""
        return HistoryMatrix(*(getattr(self, name)[:count] for name in HistoryMatrix.__slots__))


def empty(issues: int) -> HistoryMatrix:
    """Room for so many issues."""

    def narrow() -> Narrow:
        return np.zeros((issues, DEPTH), np.int32)

    def wide() -> Ints:
        return np.zeros((issues, DEPTH), np.int64)

    return HistoryMatrix(narrow(), narrow(), narrow(), narrow(), wide(), wide())
