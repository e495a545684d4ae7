"""Closes of sessions that are over, as the market tells them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from kernel_server.clock import Clock
from kernel_server.simulated.market.model import Bars, Market


class Closes:
    """What an issue cost at the close of a session; shares are counted as they were then.

    Args:
        market: whose prices they are.
        clock: up to when prices are known.
    """

    def __init__(self, market: Market, clock: Clock) -> None:
        self._market = market
        self._clock = clock
        # A statement asks for one issue on many days, and of a minute no past day changes.
        self._days = lru_cache(64)(self._known)

    def __call__(self, code: str, day: int) -> int:
        """The close (KRW) of that YYYYMMDD, or the newest before it; 0 where there is none."""
        bars = self._days(code, int(self._clock.now() // 60))
        place = int(np.searchsorted(bars.time, day, "right")) - 1
        return int(bars.close[place]) if place >= 0 else 0

    def _known(self, code: str, minute: int) -> Bars:
        raw = self._market.daily(code, False, minute * 60.0)
        return raw if len(raw) else self._market.daily(code, True, minute * 60.0)
