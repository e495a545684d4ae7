"""거래대금 of the after-markets of a synthetic issue: decided without their trades, which then add up to it.

A daily bar is read far more often than its evening's minutes, so its value depends on the close, the volume and
random numbers of the day alone. The minutes lead to its mean price and share what is missing. Few of them, which
cannot, trade at the two prices of the tick grid next to the mean.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market.after_market.evening import EveningMinutes
from kernel_server.simulated.market.bar_value import usual_value, value_range
from kernel_server.simulated.market.synthetic.minute_values import minute_values

_MEAN_MOVE = 0.0045  # usual move from the close to the mean price


class ValuedMinutes(NamedTuple):
    """Minutes of an after-market and what the trades of each add up to, KRW."""

    minutes: EveningMinutes
    value: Ints

    def first(self, count: int) -> ValuedMinutes:
        """The first ``count`` of them."""
        return ValuedMinutes(self.minutes.first(count), self.value[:count])


def usual_evening(grid: PriceRules, minutes: EveningMinutes) -> ValuedMinutes:
    """An evening whose value is not decided before."""
    return ValuedMinutes(minutes, usual_value(grid, *minutes[1:]) if len(minutes.minute) else minutes.volume)


def mean_prices(key: NDArray[np.uint64], dates: Ints, close: Ints) -> Floats:
    """Mean prices of the evenings without news of some sessions, KRW.

    Args:
        key: random key of the issue; of several issues a column, and then ``close`` has a row of each.
        dates: of the sessions, days since the epoch.
        close: of their regular sessions, KRW.
    """
    size = 1 + hash_random.normal(hash_random.keys(key, "after-market reach"), dates) / 4
    draw = hash_random.normal(hash_random.keys(key, "after-market mean"), dates)
    prices: Floats = close * (1 + _MEAN_MOVE * size * size * draw)
    return prices


def decided_values(grid: PriceRules, mean: Floats, volume: Ints) -> Ints:
    """What evenings are worth, KRW: whole shares at the two prices of the tick grid next to their mean price."""
    lower = grid.floor_array(np.maximum(mean, grid.ticks[0]).astype(np.int64))
    tick = grid.tick_array(lower)
    part = np.clip((mean - lower) / tick, 0.0, 1.0)
    part = np.where(grid.tick_array(lower + tick) == tick, part, np.rint(part))  # trades have one tick size
    values: Ints = volume * lower + np.rint(volume * part).astype(np.int64) * tick
    return values


def evening_worth(grid: PriceRules, minutes: EveningMinutes, value: int) -> ValuedMinutes:
    """The evening of minutes near the mean price, which adds up to its decided value."""
    bars = np.stack(minutes[1:5])
    least = grid.tick_array(minutes.low.min(keepdims=True))
    values = minute_values(grid, bars[:, None], minutes.volume[None], np.array([value]), least)[0]
    found = value_range(grid, *minutes[1:])
    steps, rest = np.divmod(values - found.least, found.step)
    if not rest.any() and (steps >= 0).all() and (steps <= found.steps).all():
        return ValuedMinutes(minutes, values)
    return _of_two_prices(grid, minutes, value)


def _of_two_prices(grid: PriceRules, minutes: EveningMinutes, value: int) -> ValuedMinutes:
    """The evening at the two prices next to its mean one, of which the later ones are on the side of its last price."""
    volume = minutes.volume
    total = int(volume.sum())
    lower = grid.floor(value // total)
    tick = grid.tick(lower)
    upper_shares = (value - total * lower) // tick
    rises = bool(minutes.close[-1] >= minutes.close[0])
    first_shares = total - upper_shares if rises else upper_shares
    first = np.clip(first_shares - (np.cumsum(volume) - volume), 0, volume)
    above = volume - first if rises else first
    before, after = (lower, lower + tick) if rises else (lower + tick, lower)
    opened, close = np.where(first > 0, before, after), np.where(first < volume, after, before)
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return ValuedMinutes(
        EveningMinutes(minutes.minute, opened, high, low, close, volume), volume * lower + above * tick
    )
