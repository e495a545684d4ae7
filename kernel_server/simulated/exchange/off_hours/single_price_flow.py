"""Background order flow of 시간외 단일가, random by issue and day.

It depends on the session's close, volume and limits alone, so it is the same whenever it is computed, and it costs
nothing until then. The amounts are made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats
from kernel_server.simulated.exchange.interface import ExpectedPrice, Level
from kernel_server.simulated.exchange.off_hours.session_close import SessionClose, single_price_limits

AUCTIONS = 12
"""Auctions of 시간외 단일가 on a usual day, one every ten minutes; a shorter evening has the first ones of them."""

_BETWEEN = 600.0  # seconds

EVENTS = 21
"""Events of each auction: twenty changes of quotes, then the auction itself."""

_LEVELS = 10
_MOVING = 0.95  # the indicative price reaches the final one after this part of the ten minutes
_CACHED = 512

_SHARE = 0.002  # of the day's volume trades in these auctions, about
_QUIET = 300_000  # KRW; at this value per auction, an issue trades in two of three
_STEP = 0.0025  # usual price move from one auction to the next
_NEWS_SHARE, _NEWS_FACTOR = (
    0.03,
    8,
)  # share of issues with news in the evening, and how much farther they move
_INDEX = np.arange(160)


@dataclass(frozen=True, slots=True, eq=False)
class SinglePriceAuctions:
    """Price in KRW and volume in shares of each auction; a volume of 0 stands for no trade."""

    price: list[int]
    volume: list[int]

    def last_price(self, done: int) -> int:
        """Price of the last trade in the first ``done`` auctions, 0 for none."""
        for auction in range(done - 1, -1, -1):
            if self.volume[auction]:
                return self.price[auction]
        return 0


def generate_auctions(close: SessionClose) -> SinglePriceAuctions:
    """The auctions after that session."""
    bells = hash_random.normal(hash_random.key(close.key, "evening"), _INDEX[: 2 + 2 * AUCTIONS])
    chance = hash_random.uniform(hash_random.key(close.key, "evening trades"), _INDEX[:AUCTIONS])
    value = close.volume * close.price * _SHARE / AUCTIONS * exp(bells[0])
    shares = np.rint(value / close.price * np.exp(0.8 * bells[2 : 2 + AUCTIONS]))
    volume = np.maximum(shares, 1).astype(np.int64) * (chance < -np.expm1(-value / _QUIET))
    step = _STEP * exp(0.6 * bells[1])
    if hash_random.key(close.key, "evening news") % 1000 < 1000 * _NEWS_SHARE:
        step *= _NEWS_FACTOR
    path = close.price * (1 + step * np.cumsum(bells[2 + AUCTIONS :]))
    lower, upper = single_price_limits(close.price, close.lower, close.upper, close.grid)
    price = np.minimum(np.maximum(close.grid.nearest_array(path), lower), upper)
    return SinglePriceAuctions(price.tolist(), volume.tolist())


auctions = lru_cache(_CACHED)(generate_auctions)
"""``generate_auctions`` with a cache, as every event of the evening needs them."""


def auction_count(begins: float, ends: float) -> int:
    """Number of auctions between two moments."""
    return min(AUCTIONS, round((ends - begins) / _BETWEEN))


def event_times(key: int, begins: float, ends: float) -> Floats:
    """Times of the ``EVENTS`` events of each auction, ascending; quote changes are offset by issue."""
    count = auction_count(begins, ends)
    between = (ends - begins) / max(1, count)
    step = between / (EVENTS - 1)
    offset = hash_random.key(key, "evening offset") % int(step * 1000) / 1000
    inside = np.append(offset + step * np.arange(EVENTS - 1), between)
    times: Floats = (begins + between * np.arange(count)[:, None] + inside).ravel()
    return times


def expected_price(close: SessionClose, event: int) -> ExpectedPrice:
    """Indicative price and volume of the next auction after an event, without clients' orders."""
    auction, index = divmod(event, EVENTS)
    plan = auctions(close)
    if index == EVENTS - 1 or not plan.volume[auction]:
        return ExpectedPrice(0, 0)
    price, volume = plan.price[auction], plan.volume[auction]
    passed = (index + 1) / (EVENTS - 1)
    if passed < _MOVING:
        origin = plan.last_price(auction) or close.price
        lower, upper = single_price_limits(close.price, close.lower, close.upper, close.grid)
        price += int((origin - price) * (1 - passed) ** 2)
        jitter = hash_random.key(close.key, "evening expected", event) % 3 - 1
        price = min(max(close.grid.floor(price + jitter * close.grid.tick(price)), lower), upper)
        volume = max(1, int(volume * (0.1 + 0.9 * passed)))
    return ExpectedPrice(price, volume)


def quotes(close: SessionClose, event: int, middle: int) -> tuple[list[Level], list[Level]]:
    """Asks and bids around a price after an event, best first. Unlike in continuous trading, levels may be empty."""
    draw = hash_random.key(close.key, "evening quotes", event)
    usual = max(1.0, close.volume * _SHARE / AUCTIONS)
    noise = hash_random.normal(draw, _INDEX[: 2 * _LEVELS])
    shares = np.maximum(np.rint(usual * np.exp(0.9 * noise)), 1).astype(np.int64).tolist()
    lower, upper = single_price_limits(close.price, close.lower, close.upper, close.grid)
    asks: list[Level] = []
    bids: list[Level] = []
    if not close.volume:
        return asks, bids
    ask = bid = middle
    for index in range(_LEVELS):
        ask = close.grid.ceil(ask + 1)
        if draw >> index & 1:
            ask = close.grid.ceil(ask + 1)
        if ask > upper:
            break
        asks.append(Level(ask, shares[index]))
    for index in range(_LEVELS, 2 * _LEVELS):
        bid = close.grid.floor(bid - 1)
        if draw >> index & 1:
            bid = close.grid.floor(bid - 1)
        if bid < lower:
            break
        bids.append(Level(bid, shares[index]))
    return asks, bids
