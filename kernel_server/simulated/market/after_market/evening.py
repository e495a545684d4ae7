"""Generated prices and volumes of an after-market, from the regular session's close and volume.

They depend on these and on the random key of the issue and the day alone, so they are the same whenever they are
computed. Recorded are a volume of 3 to 9 percent of the day's and a last price that differs from the close by half a
percent (median), by 8.5 percent at most; the rest is made up.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

import numpy as np

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints

_LEAST_SHARE, _MOST_SHARE = 0.025, 0.1  # of the day's volume
_TRADE_VALUE = 3_000_000  # KRW of a usual trade
_MOVE = 0.0075  # usual move of the evening
_REACH = 0.09  # the farthest from the close: static VIs are set off at 10 percent
_MINUTE = 60
_INDEX = np.arange(240)


class RegularSession(NamedTuple):
    """What an evening depends on: random key of the issue and the day, close, price limits, tick table."""

    key: int
    close: int
    lower: int
    upper: int
    grid: PriceRules


class EveningMinutes(NamedTuple):
    """Minutes with trades, oldest first: start in minutes since the evening's begin, prices in KRW, shares."""

    minute: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints

    def first(self, count: int) -> EveningMinutes:
        """The first ``count`` of them."""
        return EveningMinutes(*(column[:count] for column in self))


_NO_INTS = np.zeros(0, np.int64)
NO_MINUTES = EveningMinutes(*[_NO_INTS] * 6)


def evening_volumes(key: int, dates: Ints, volumes: Ints) -> Ints:
    """Shares traded in the evenings of some sessions.

    Args:
        key: random key of the issue.
        dates: of the sessions, days since the epoch.
        volumes: of their regular sessions, shares.
    """
    draw = hash_random.uniform(hash_random.key(key, "after-market share"), dates)
    share = _LEAST_SHARE * (_MOST_SHARE / _LEAST_SHARE) ** draw
    return np.rint(volumes * share).astype(np.int64)


def evening_minutes(session: RegularSession, total: int, length: int) -> EveningMinutes:
    """The evening of a session, which trades ``total`` shares within ``length`` minutes."""
    if total <= 0 or length <= 0:
        return NO_MINUTES
    minute, volume = _volumes(session, total, length)
    path = _path(session, length)
    close, start = path[minute + 1], path[minute]
    single = volume < 2
    opened = np.where(single, close, start)
    draw = hash_random.bits(hash_random.key(session.key, "evening extremes"), minute)
    ticks = session.grid.tick_array(close)
    room = volume > 4
    high = np.maximum(opened, close) + ticks * (room & (draw % np.uint64(3) == 0))
    low = np.minimum(opened, close) - ticks * (room & (draw // np.uint64(3) % np.uint64(3) == 0))
    upper, lower = _bounds(session)
    high = np.maximum(np.minimum(session.grid.floor_array(high), upper), np.maximum(opened, close))
    low = np.minimum(np.maximum(session.grid.floor_array(low), lower), np.minimum(opened, close))
    return EveningMinutes(minute, opened, high, low, close, volume)


def _volumes(session: RegularSession, total: int, length: int) -> tuple[Ints, Ints]:
    """The minutes with trades and their shares: many at the beginning, fewer later."""
    index = _INDEX[:length]
    noise = hash_random.normal(hash_random.key(session.key, "evening volume"), index)
    weight = (0.4 + 1.6 * np.exp(-index / 35)) * np.exp(0.9 * noise)
    trades = total * session.close / _TRADE_VALUE
    chance = hash_random.uniform(hash_random.key(session.key, "evening trades"), index)
    active = np.flatnonzero(chance < -np.expm1(-trades * weight / weight.sum()))
    if not len(active):
        active = np.array([int(np.argmax(weight))])
    summed = np.cumsum(weight[active])
    volume = np.diff(np.rint(total * summed / summed[-1]).astype(np.int64), prepend=0)
    kept = volume > 0
    return active[kept], volume[kept]


def _path(session: RegularSession, length: int) -> Ints:
    """Prices at the beginning of the evening and at the end of each of its minutes, on the tick grid."""
    draw = hash_random.normal(hash_random.key(session.key, "evening path"), np.arange(length + 1))
    step = _MOVE * exp(0.5 * float(draw[0])) / length**0.5
    moves: Floats = np.cumsum(draw[1:]) * step
    upper, lower = _bounds(session)
    prices = np.append(float(session.close), session.close * (1 + moves))
    return np.clip(session.grid.nearest_array(prices), lower, upper)


def _bounds(session: RegularSession) -> tuple[int, int]:
    """Highest and lowest price of the evening."""
    grid, close = session.grid, session.close
    return (
        min(session.upper, grid.floor(int(close * (1 + _REACH)))),
        max(session.lower, grid.ceil(int(close * (1 - _REACH)))),
    )
