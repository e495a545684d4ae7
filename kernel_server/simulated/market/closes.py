"""Closes of past sessions."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from kernel_server.clock import Clock
from kernel_server.simulated.market.model import Bars, Market


class Closes:
    """Unadjusted close of an issue on a day.

    Args:
        market: source of the bars.
        clock: up to when there are bars.
    """

    def __init__(self, market: Market, clock: Clock) -> None:
        self._market = market
        self._clock = clock
        # A statement needs many days of one issue, and past closes do not change within a minute.
        self._bars = lru_cache(64)(self._load)

    def __call__(self, code: str, day: int) -> int:
        """The close (KRW) on that YYYYMMDD, or the last one before it; 0 for none."""
        bars = self._bars(code, int(self._clock.now() // 60))
        index = int(np.searchsorted(bars.time, day, "right")) - 1
        return int(bars.close[index]) if index >= 0 else 0

    def _load(self, code: str, minute: int) -> Bars:
        raw = self._market.daily(code, False, minute * 60.0)
        return raw if len(raw) else self._market.daily(code, True, minute * 60.0)
