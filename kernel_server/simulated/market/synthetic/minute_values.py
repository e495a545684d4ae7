"""거래대금 of the minutes of a synthetic day, which adds up to the day's: minutes at the right prices trade more."""

from __future__ import annotations

import numpy as np

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market.bar_value import value_range

_LEAST_SHARES = 4  # that a minute keeps: as many as it has different prices
_ROUNDS = 5
_LARGEST_TILT = 12.0
_PASSES = 8


def split(totals: Ints, weights: Floats) -> Ints:
    """Each total split by the weights of its row into whole numbers that add up to it."""
    summed = np.cumsum(weights, axis=1)
    edges = np.rint(totals[:, None] * (summed / summed[:, -1:])).astype(np.int64)
    return np.diff(edges, axis=1, prepend=0)


def weighted_volumes(volume: Ints, price: Floats, value: Ints) -> Ints:
    """Volumes of the same days and minutes whose mean price is that of the day.

    Args:
        volume: of each minute, one row a day.
        price: mean price of each minute, KRW.
        value: of each day, KRW.
    """
    kept = np.minimum(volume, _LEAST_SHARES)
    more = (volume - kept).astype(np.float64)
    total = (volume - kept).sum(axis=1)
    able = total > 0
    if not able.any():
        return volume
    wanted = (value - (kept * price).sum(axis=1)) / np.maximum(total, 1)
    span = np.maximum(np.ptp(price, axis=1), 1.0)
    place = (price - wanted[:, None]) / span[:, None]
    tilt = np.zeros(len(volume))
    for _ in range(_ROUNDS):
        weight = more * np.exp(tilt[:, None] * np.clip(place, -2.0, 2.0))
        summed = np.maximum(weight.sum(axis=1), 1e-300)
        mean = (weight * place).sum(axis=1) / summed
        spread = (weight * place * place).sum(axis=1) / summed - mean * mean
        step = np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 1e-9)
        tilt = np.clip(tilt - np.clip(step, -3.0, 3.0), -_LARGEST_TILT, _LARGEST_TILT)
    weight = more * np.exp(tilt[:, None] * np.clip(place, -2.0, 2.0))
    weight[~able] = 1.0
    return kept + split(total, weight)


def minute_values(rules: PriceRules, bars: Ints, volume: Ints, value: Ints, unit: Ints) -> Ints:
    """Value of each minute, one row a day: what its trades can add up to, near its mean price, adding up to the day's.

    Args:
        rules: tick table.
        bars: open, high, low and close of each minute.
        volume: of each minute, 0 for none.
        value: of each day, KRW, a multiple of ``unit``.
        unit: of each day, the tick at its low.
    """
    traded = volume > 0
    open_, high, low, close = bars
    found = value_range(rules, open_, high, low, close, np.maximum(volume, 1))
    steps = np.where(traded, found.steps, 0)
    least = np.where(traded, found.least, 0)
    taken = np.clip(found.nearest(bars.sum(axis=0) / 4 * volume), 0, steps)
    missing = value - (least + taken * found.step).sum(axis=1)
    for turn in range(_PASSES):
        if not missing.any():
            break
        room = np.where(missing[:, None] > 0, steps - taken, taken)
        if turn == 0:
            reach = (room * found.step).sum(axis=1)
            share = np.minimum(np.abs(missing) / np.maximum(reach, 1), 1.0)
            more = np.floor(room * share[:, None]).astype(np.int64)
        else:  # one tick each, where that is not too far
            size = np.where(room > 0, found.step, 0)
            more = ((np.cumsum(size, axis=1) <= np.abs(missing)[:, None]) & (room > 0)).astype(np.int64)
            fine = (found.step == unit[:, None]) & (room > 0)
            left = np.abs(missing) // unit
            more = np.where(
                (more.sum(axis=1) == 0)[:, None] & fine, (np.cumsum(fine, axis=1) <= left[:, None]), more
            )
        taken += np.sign(missing)[:, None] * more
        missing = value - (least + taken * found.step).sum(axis=1)
    values = least + taken * found.step
    # What trades cannot make, of a few shares a day, is in the last minute.
    last = values.shape[1] - 1 - np.argmax(traded[:, ::-1], axis=1)
    values[np.arange(len(values)), last] += missing
    found_values: Ints = np.where(traded, values, 0)
    return found_values
