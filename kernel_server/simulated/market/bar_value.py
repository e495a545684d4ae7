"""거래대금 of bars: what trades at valid prices can add up to, near the mean of open, high, low and close.

A bar needs trades at its first and last price, its high and its low; the other shares may trade at any price of the
tick grid in between. ``exchange.trades.amounts`` makes trades that add up to any such value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base.arrays import Floats, Ints


class ValueRange(NamedTuple):
    """The values that trades of bars can have: ``least`` and up to ``steps`` times ``step`` more, in KRW.

    Attributes:
        floor: lowest price of the tick grid of the high within each bar, KRW.
        ticks: of that grid from there to the high.
        uneven: whether ticks are smaller at the low, so that not all prices of the bar are on that grid.
    """

    least: Ints
    step: Ints
    steps: Ints
    floor: Ints
    ticks: Ints
    uneven: NDArray[np.bool_]

    def nearest(self, value: Floats) -> Ints:
        """Steps that come nearest to values."""
        found: Ints = np.clip(np.rint((value - self.least) / self.step).astype(np.int64), 0, self.steps)
        return found


def value_range(
    grid: PriceRules, open_: Ints, high: Ints, low: Ints, close: Ints, volume: Ints
) -> ValueRange:
    """The range of each bar; prices in KRW, at least one share each."""
    step = grid.tick_array(high).astype(np.int64)
    floor = -(-low // step) * step
    ticks = np.maximum((high - floor) // step, 0)
    above, below = high > np.maximum(open_, close), low < np.minimum(open_, close)
    apart = (open_ != close) | above | below
    extra = volume - 1 - apart - above - below
    least = open_ + np.where(apart, close, 0) + np.where(above, high, 0) + np.where(below, low, 0)
    least += np.maximum(extra, 0) * floor
    # Of fewer shares than that the last and the first price come before the high, and this before the low.
    few = extra < 0
    least = np.where(few, close + np.where(volume > 1, open_, 0) + np.where(volume > 2, high, 0), least)
    steps = np.where(few, 0, ticks * extra)
    return ValueRange(least, step, steps, floor, ticks, grid.tick_array(low) != step)


def usual_value(grid: PriceRules, open_: Ints, high: Ints, low: Ints, close: Ints, volume: Ints) -> Ints:
    """Value of bars of which nothing else is known."""
    found = value_range(grid, open_, high, low, close, volume)
    mean = (open_ + high + low + close) / 4
    value: Ints = found.least + found.step * found.nearest(mean * volume)
    return value
