"""What is traded outside the regular session besides clients' orders, drawn from the seed.

It hangs on what the session came to and on nothing else: the close, the day's volume, its limits. So it comes out
the same whoever asks, on the evening itself or on the next morning, and costs nothing before it is asked for.
How much it is, is made up: in the one recorded list of trades, 0.2 percent of the day changed hands after the close.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp
from typing import NamedTuple

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.exchange.interface import Expected, Level
from kernel_server.simulated.market.tick_size import PriceRules
from kernel_server.simulated.market.trade_script import NOTHING, Script, Side

AUCTIONS = 12
"""of 시간외 단일가, one each ten minutes."""

EVENTS = 21
"""between the beginnings of two of them: other quotes twenty times, and the auction."""

_PERCENT = 10  # so far from the close may a price of 시간외 단일가 be
_LEVELS = 10
_SURE = 0.95  # through this part of the time between two auctions the next price still moves
_KEPT = 512

_EARLY = 0.0005  # of the day before waits in 장전 시간외종가, about
_EARLY_SLOT = 15  # seconds for which as many wait
_AFTER = 0.002  # of the day is traded in 장후 시간외종가, about
_SINGLE = 0.002  # and in 시간외 단일가
_FIRST = 0.45  # of what is traded after the close is traded at once
_TRADE = 300_000  # KRW; the square of how many trades there are is so many times the value
_TRADES = 60  # at most
_CHANGES = 12  # how often shares come or go without a trade
_QUIET = 300_000  # KRW that come to one auction of an issue in which there is a trade now and then
_STEP = 0.0025  # by which a price moves from one auction to the next, about
_RESTLESS, _NEWS = 0.03, 8  # how many issues have news in the evening, and how much farther they go
_PLACES = np.arange(160)


class Close(NamedTuple):
    """What a session came to: the last price and the limits in KRW, the volume in shares.

    ``key`` is the issue's and the day's, for draws.
    """

    key: int
    price: int
    volume: int
    lower: int
    upper: int
    grid: PriceRules


def around(close: int, lower: int, upper: int, grid: PriceRules) -> tuple[int, int]:
    """The lowest and the highest price of 시간외 단일가: ten percent around the close, within the day's limits.

    >>> from datetime import date
    >>> from kernel_server.simulated.market.tick_size import rules
    >>> around(3795, 1, 10_000, rules(date(2026, 7, 24), "KOSPI"))
    (3420, 4170)
    """
    room = close * _PERCENT
    return max(lower, grid.ceil(-((room - close * 100) // 100))), min(
        upper, grid.floor((close * 100 + room) // 100)
    )


# 시간외종가, before the opening and after the close.


def early(key: int, volume: int, since: float) -> tuple[Side, int]:
    """Who waits in 장전 시간외종가 so many seconds after it began: the side, and its shares.

    There is one price, so whoever finds somebody on the other side trades, and one side is left. It finds nobody:
    what the background trades at that time is not made up.

    Args:
        key: the issue's and the day's.
        volume: of the day before, in shares.
    """
    usual, slot = hash_random.bell(
        hash_random.key(key, "early"), _PLACES[[0, 1 + int(since) // _EARLY_SLOT]]
    ).tolist()
    side = Side.BUY if hash_random.key(key, "early side") % 2 else Side.SELL
    return side, max(1, round(volume * _EARLY * exp(usual + 0.2 * slot))) if volume else 0


@dataclass(frozen=True, slots=True, eq=False)
class AtClose:
    """장후 시간외종가. Its first event is what was collected before it begins; the others are somebody's arrival.

    Attributes:
        side: on which shares are left; whoever trades with them takes the initiative.
        time: of each event, seconds since the epoch, ascending.
        volume: shares traded in it, which may be none; ``left`` what waits after it.
        trades: the events with a trade.
    """

    side: Side
    time: list[float]
    volume: list[int]
    left: list[int]
    trades: Script


@lru_cache(_KEPT)
def at_close(close: Close, begins: float, ends: float) -> AtClose:
    """What happens at the close of that session, between those moments (seconds since the epoch)."""
    side = Side.BUY if hash_random.key(close.key, "after side") % 2 else Side.SELL
    drawn = np.exp(hash_random.bell(hash_random.key(close.key, "after"), _PLACES))
    total = round(close.volume * _AFTER * float(drawn[0]))
    first = min(total, round(total * _FIRST * float(drawn[1]) ** 0.4))
    rest = total - first
    many = min(rest, _TRADES, 1 + int((total * close.price / _TRADE) ** 0.5))
    size = many + _CHANGES
    place = hash_random.uniform(hash_random.key(close.key, "after time"), _PLACES[:size])
    order = np.argsort(place, kind="stable")
    time = np.full(size + 1, begins)
    time[1:] += 1 + np.floor(place[order] * (ends - begins - 2) * 1000) / 1000
    volume = np.zeros(size + 1, np.int64)
    volume[0] = first
    volume[1:][order < many] = _dealt(drawn[3 : 3 + many], rest)
    usual = max(1.0, max(total, close.volume * _AFTER) * 2 * float(drawn[2]))
    left = np.maximum(np.rint(usual * drawn[-size - 1 :] ** 0.3), 1).astype(np.int64) * (close.volume > 0)
    traded = volume > 0
    sides = np.full(size + 1, -int(side), np.int64)
    sides[0] = int(Side.NONE)
    trades = NOTHING
    if traded.any():
        shares = volume[traded]
        trades = Script(time[traded], np.full(len(shares), close.price), shares, sides[traded])
    return AtClose(side, time.tolist(), volume.tolist(), left.tolist(), trades)


def _dealt(weights: Floats, shares: int) -> Ints:
    """The shares dealt out to as many trades as there are weights, one at least to each."""
    if not len(weights):
        return np.zeros(0, np.int64)
    summed = np.cumsum(weights)
    upto = np.rint((shares - len(weights)) * (summed / summed[-1])).astype(np.int64)
    dealt: Ints = np.diff(upto, prepend=0) + 1
    return dealt


# 시간외 단일가.


@dataclass(frozen=True, slots=True, eq=False)
class Auctions:
    """The price of each auction of 시간외 단일가 in KRW, and its volume, 0 where nothing is traded."""

    price: list[int]
    volume: list[int]

    def last(self, done: int) -> int:
        """The price of the newest of the first ``done`` in which anything was traded, 0 where there is none."""
        for auction in range(done - 1, -1, -1):
            if self.volume[auction]:
                return self.price[auction]
        return 0


def drawn(close: Close) -> Auctions:
    """The auctions of the evening after that session."""
    bells = hash_random.bell(hash_random.key(close.key, "evening"), _PLACES[: 2 + 2 * AUCTIONS])
    luck = hash_random.uniform(hash_random.key(close.key, "evening trades"), _PLACES[:AUCTIONS])
    worth = close.volume * close.price * _SINGLE / AUCTIONS * exp(bells[0])
    shares = np.rint(worth / close.price * np.exp(0.8 * bells[2 : 2 + AUCTIONS]))
    volume = np.maximum(shares, 1).astype(np.int64) * (luck < -np.expm1(-worth / _QUIET))
    step = _STEP * exp(0.6 * bells[1])
    if hash_random.key(close.key, "evening news") % 1000 < 1000 * _RESTLESS:
        step *= _NEWS
    path = close.price * (1 + step * np.cumsum(bells[2 + AUCTIONS :]))
    lower, upper = around(close.price, close.lower, close.upper, close.grid)
    price = np.minimum(np.maximum(close.grid.nearest_array(path), lower), upper)
    return Auctions(price.tolist(), volume.tolist())


auctions = lru_cache(_KEPT)(drawn)
"""As ``drawn``, which it is asked for again and again while the evening lasts."""


def moments(key: int, begins: float, ends: float) -> Floats:
    """When each event of 시간외 단일가 is due, ``AUCTIONS`` times ``EVENTS``, ascending; others for each issue."""
    between = (ends - begins) / AUCTIONS
    step = between / (EVENTS - 1)
    offset = hash_random.key(key, "evening offset") % int(step * 1000) / 1000
    inside = np.append(offset + step * np.arange(EVENTS - 1), between)
    found: Floats = (begins + between * np.arange(AUCTIONS)[:, None] + inside).ravel()
    return found


def expected(close: Close, event: int) -> Expected:
    """What the next auction would give after the event of that number, without clients' orders."""
    auction, place = divmod(event, EVENTS)
    plan = auctions(close)
    if place == EVENTS - 1 or not plan.volume[auction]:
        return Expected(0, 0)
    price, volume = plan.price[auction], plan.volume[auction]
    passed = (place + 1) / (EVENTS - 1)
    if passed < _SURE:
        origin = plan.last(auction) or close.price
        lower, upper = around(close.price, close.lower, close.upper, close.grid)
        price += int((origin - price) * (1 - passed) ** 2)
        jitter = hash_random.key(close.key, "evening expected", event) % 3 - 1
        price = min(max(close.grid.floor(price + jitter * close.grid.tick(price)), lower), upper)
        volume = max(1, int(volume * (0.1 + 0.9 * passed)))
    return Expected(price, volume)


def quotes(close: Close, event: int, middle: int) -> tuple[list[Level], list[Level]]:
    """Asks and bids around that price after the event of that number, best first; the book of an auction has gaps."""
    draw = hash_random.key(close.key, "evening quotes", event)
    usual = max(1.0, close.volume * _SINGLE / AUCTIONS)
    luck = hash_random.bell(draw, _PLACES[: 2 * _LEVELS])
    shares = np.maximum(np.rint(usual * np.exp(0.9 * luck)), 1).astype(np.int64).tolist()
    lower, upper = around(close.price, close.lower, close.upper, close.grid)
    asks: list[Level] = []
    bids: list[Level] = []
    if not close.volume:
        return asks, bids
    ask = bid = middle
    for place in range(_LEVELS):
        ask = close.grid.ceil(ask + 1)
        if draw >> place & 1:
            ask = close.grid.ceil(ask + 1)
        if ask > upper:
            break
        asks.append(Level(ask, shares[place]))
    for place in range(_LEVELS, 2 * _LEVELS):
        bid = close.grid.floor(bid - 1)
        if draw >> place & 1:
            bid = close.grid.floor(bid - 1)
        if bid < lower:
            break
        bids.append(Level(bid, shares[place]))
    return asks, bids
