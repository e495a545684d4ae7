"""Generated prices and volumes of an after-market, from the regular session's close and volume.

They depend on these and on the random key of the issue and the day alone, so they are the same whenever they are
computed. Recorded are a volume of 3 to 9 percent of the day's and a last price that differs from the close by half a
percent (median), by 8.5 percent at most of some hundred issues; the rest is made up, as is how many issues have news
that move them far enough for a VI.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints

_LEAST_SHARE, _MOST_SHARE = 0.025, 0.1  # of the day's volume
_TRADE_VALUE = 3_000_000  # KRW of a usual trade
_MOVE = 0.0075  # usual move of the evening
_REACH = 0.09  # the farthest from the close without news: static VIs are set off at 10 percent
_NEWS = 0.003  # share of the issues with news in the evening
_LEAST_NEWS, _MOST_NEWS = 0.09, 0.24  # move that they make
_NEWS_MINUTES = 12  # in which it is made
_NEWS_NUMBERS = np.arange(3)
_FIRST_MINUTES, _LEAST_PART = (
    10,
    0.4,
)  # in which prices leave the close for the mean, and shares traded after them
_MINUTE = 60
_INDEX = np.arange(240)


class RegularSession(NamedTuple):
    """What an evening depends on: random key of the issue and the day, close, price limits, tick table, news or not."""

    key: int
    close: int
    lower: int
    upper: int
    grid: PriceRules
    news: bool = False


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


def evening_volumes(key: NDArray[np.uint64], dates: Ints, volumes: Ints) -> Ints:
    """Shares traded in the evenings of some sessions.

    Args:
        key: random key of the issue; of several issues a column, and then ``volumes`` has a row of each.
        dates: of the sessions, days since the epoch.
        volumes: of their regular sessions, shares.
    """
    draw = hash_random.uniform(hash_random.keys(key, "after-market share"), dates)
    share = _LEAST_SHARE * (_MOST_SHARE / _LEAST_SHARE) ** draw
    return np.rint(volumes * share).astype(np.int64)


def evening_minutes(
    session: RegularSession, total: int, length: int, mean: float | None = None
) -> EveningMinutes:
    """The evening of a session, which trades ``total`` shares within ``length`` minutes, near a ``mean`` price (KRW).

    It begins at the close, but for one of few shares; without a mean price it goes anywhere.
    """
    if total <= 0 or length <= 0:
        return NO_MINUTES
    minute, volume = _volumes(session, total, length)
    news = _news(session)
    upper, lower = _bounds(session, news)
    prices = _path(session, length, news)
    if mean is not None:
        since = np.minimum(np.arange(length + 1) / _FIRST_MINUTES, 1.0)
        traded = (volume @ ((each[minute] + each[minute + 1]) / 2) / total for each in (prices, since))
        reached, part = map(float, traded)
        prices += (mean - reached) * (since / part if part > _LEAST_PART else 1.0)
    path = np.clip(session.grid.nearest_array(prices), lower, upper)
    close, start = path[minute + 1], path[minute]
    single = volume < 2
    opened = np.where(single, close, start)
    draw = hash_random.bits(hash_random.key(session.key, "evening extremes"), minute)
    ticks = session.grid.tick_array(close)
    room = volume > 4
    high = np.maximum(opened, close) + ticks * (room & (draw % np.uint64(3) == 0))
    low = np.minimum(opened, close) - ticks * (room & (draw // np.uint64(3) % np.uint64(3) == 0))
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


def _path(session: RegularSession, length: int, news: float) -> Floats:
    """Prices at the beginning of the evening and at the end of each of its minutes."""
    draw = hash_random.normal(hash_random.key(session.key, "evening path"), np.arange(length + 1))
    step = _MOVE * exp(0.5 * float(draw[0])) / length**0.5
    moves: Floats = np.cumsum(draw[1:]) * step
    if news:
        moves += news * _since_news(session, length)
    return np.append(float(session.close), session.close * (1 + moves))


def has_news(key: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether an issue has news in some evenings, without which it moves too little for a VI.

    ``key`` are the random keys of the issue and the days, as in ``RegularSession``.
    """
    return hash_random.uniform(hash_random.keys(key, "evening news"), _NEWS_NUMBERS[:1]) < _NEWS


def _news(session: RegularSession) -> float:
    """The move that news make in the evening, as a part of the close; 0 for none."""
    if not session.news:
        return 0.0
    chance, way, size = hash_random.uniform(
        hash_random.key(session.key, "evening news"), _NEWS_NUMBERS
    ).tolist()
    if chance >= _NEWS:
        return 0.0
    return (1.0 if way < 0.5 else -1.0) * float(_LEAST_NEWS + (_MOST_NEWS - _LEAST_NEWS) * size)


def _since_news(session: RegularSession, length: int) -> Floats:
    """How much of the news is in the price at the end of each minute, 0 to 1."""
    at = hash_random.key(session.key, "news time") % max(1, length // 2)
    return np.clip((_INDEX[:length] + 1 - at) / _NEWS_MINUTES, 0.0, 1.0)


def _bounds(session: RegularSession, news: float) -> tuple[int, int]:
    """Highest and lowest price of the evening."""
    grid, close = session.grid, session.close
    if news:
        return session.upper, session.lower
    return (
        min(session.upper, grid.floor(int(close * (1 + _REACH)))),
        max(session.lower, grid.ceil(int(close * (1 - _REACH)))),
    )
