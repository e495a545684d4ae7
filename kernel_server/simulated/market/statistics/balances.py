"""Balances that grow and shrink slowly, as a share of the listed shares: the level of a day depends on that day alone.

So the change of a day is the difference of two levels, and the same in every range of days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market.model import Bars

_PERIOD = 150  # days between two independent levels, so that a day's change stays far below its volume
_WIDTH = 0.35  # deviation of the log level
_RAMP = 180  # days from the listing to the full level
_EXTRA = 50  # up to one such part of the volume is opened and closed on a day, beside the change

Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class BalanceDays:
    """Shares newly lent, repaid, and lent at the end of each day: today's balance is yesterday's + new - repaid."""

    new: Ints
    repaid: Ints
    balance: Ints


def levels(keys: Keys, days: Ints, shares: Ints, listed: Ints, hundredths: Ints) -> Ints:
    """Balances at the end of days (since the epoch), in shares; the arguments broadcast.

    Args:
        keys: random key of each issue.
        days: the days; halted ones stand for the last one with trading.
        shares: listed shares.
        listed: listing day, since the epoch.
        hundredths: usual balance, in hundredths of a percent of the shares.
    """
    block, place = days // _PERIOD, days % _PERIOD / _PERIOD
    before, after = (hash_random.normal(keys, block + step) for step in (0, 1))
    wave = np.exp(_WIDTH * (before + (after - before) * place))
    ramp: Floats = np.clip((days - listed) / _RAMP, 0.0, 1.0)
    found: Ints = np.rint(shares * (hundredths / 10_000) * wave * ramp).astype(np.int64)
    return found


def balance_days(keys: Keys, days: Ints, volume: Ints, balance: Ints) -> BalanceDays:
    """The days of balances along the last axis; the first day shows no change, as the day before it is not there."""
    change = np.diff(balance, axis=-1, prepend=balance[..., :1])
    drawn = hash_random.uniform(keys, days)
    extra = np.floor(np.minimum(volume / _EXTRA, balance / _EXTRA) * drawn).astype(np.int64)
    new = np.maximum(change, 0) + np.where(volume > 0, extra, 0)
    return BalanceDays(new, new - change, balance)


def traded_days(bars_days: Ints, volume: Ints) -> Ints:
    """For each day the last one with trading up to it, along the last axis; the first day stands for itself."""
    places = np.where(volume > 0, np.arange(volume.shape[-1]), 0)
    places = np.maximum.accumulate(places, axis=-1)
    return np.take_along_axis(bars_days, places, axis=-1)


def values(balance: Ints, bars: Bars) -> Ints:
    """Balances at the close of each day, in 백만원."""
    found: Ints = (balance * bars.close + 500_000) // 1_000_000
    return found
