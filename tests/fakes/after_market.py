"""An after-market in the simulated broker's daily bars: provisional closes in the evening, volume that grows to 20:00.

The official bar of a day is the synthetic market's, with a volume of 5 % more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kernel_server.clock import seoul
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.synthetic.market import SyntheticMarket

FIRST = 20260914


def install(patch: pytest.MonkeyPatch, wide: bool, until: float = 8.0) -> None:
    """Adds the after-market to every synthetic market.

    Args:
        patch: undoes it.
        wide: whether high and low in the evening include the after-market's trades.
        until: hour of the next morning until which the evening's prices are shown.
    """
    daily = SyntheticMarket.daily

    def with_after_market(
        self: SyntheticMarket, code: str, adjusted: bool, now: float, days: int | None = None
    ) -> Bars:
        bars = daily(self, code, adjusted, now, days)
        if not len(bars) or bars.time[-1] < FIRST:
            return bars
        after = (bars.time >= FIRST) & (bars.volume > 0)
        volume, value = bars.volume.copy(), bars.value.copy()
        more = np.where(after, 1.0, 0.0)
        hour = hours(int(bars.time[-1]), now)
        more[-1] = min(max((hour - 16.0) / 4.0, 0.0), 1.0) * after[-1]
        volume += (bars.volume * more / 20).astype(np.int64)
        value += (bars.value * more / 20).astype(np.int64) // 1_000_000 * 1_000_000
        changed = replace(bars, volume=volume, value=value)
        if not after[-1] or not 16.0 <= hour < 24.0 + until:
            return changed
        shift = hash_random.key(code, int(bars.time[-1]), int(min(hour, 20.0))) % 41 - 20
        last = int(bars.close[-1] * (1 + shift / 1000))
        found = {"close": with_last(bars.close, last)}
        if wide:
            found["high"] = with_last(bars.high, max(int(bars.high[-1]), last))
            found["low"] = with_last(bars.low, min(int(bars.low[-1]), last))
        return replace(changed, **found)

    patch.setattr(SyntheticMarket, "daily", with_after_market)


def hours(day: int, now: float) -> float:
    """Hours since the midnight of a YYYYMMDD."""
    at = seoul(now)
    midnight = at.replace(
        year=day // 10000, month=day // 100 % 100, day=day % 100, hour=0, minute=0, second=0
    )
    return (now - midnight.replace(microsecond=0).timestamp()) / 3600


def with_last(column: Any, last: int) -> Any:
    found = column.copy()
    found[-1] = last
    return found
