"""Background order flow of 시간외종가, random by issue and day.

It depends on the session's close and volume alone, so it is the same whenever it is computed: on the day itself or the
next morning. The amounts are made up: the one recorded list of trades has 0.2 percent of the day after the close.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.exchange.off_hours.session_close import SessionClose
from kernel_server.simulated.market.trade_script import NOTHING, Script, Side

_CACHED = 512
_MORNING_SHARE = 0.0005  # of the previous day's volume rests in 장전 시간외종가, about
_MORNING_SLOT = 15  # seconds between changes of the morning's queue
_AFTERNOON_SHARE = 0.002  # of the day's volume trades in 장후 시간외종가, about
_FIRST_SHARE = 0.45  # of that trades at the beginning
_TRADE = 300_000  # KRW; the number of trades is the square root of so many times the value
_MAX_TRADES = 60
_CHANGES = 12  # changes of the queue without a trade
_INDEX = np.arange(160)


def morning_queue(key: int, volume: int, since: float) -> tuple[Side, int]:
    """The side and the shares resting in 장전 시간외종가, ``since`` seconds after it began.

    All orders have the same price, so only one side can rest. The background makes no trades by itself here.

    Args:
        key: of the issue and the day.
        volume: of the previous day, shares.
    """
    usual, slot = hash_random.normal(
        hash_random.key(key, "early"), _INDEX[[0, 1 + int(since) // _MORNING_SLOT]]
    ).tolist()
    side = Side.BUY if hash_random.key(key, "early side") % 2 else Side.SELL
    return side, max(1, round(volume * _MORNING_SHARE * exp(usual + 0.2 * slot))) if volume else 0


@dataclass(frozen=True, slots=True, eq=False)
class AfternoonFlow:
    """The events of 장후 시간외종가: first the orders collected before it begins, then single orders.

    Attributes:
        side: of the resting shares; the other side initiates the trades.
        time: of each event, seconds since the epoch, ascending.
        volume: shares traded in each event, 0 for none.
        left: shares resting after each event.
        trades: the events with a trade, as a script.
    """

    side: Side
    time: list[float]
    volume: list[int]
    left: list[int]
    trades: Script


@lru_cache(_CACHED)
def afternoon_flow(close: SessionClose, begins: float, ends: float) -> AfternoonFlow:
    """장후 시간외종가 after that session, between two moments (seconds since the epoch)."""
    side = Side.BUY if hash_random.key(close.key, "after side") % 2 else Side.SELL
    sizes = np.exp(hash_random.normal(hash_random.key(close.key, "after"), _INDEX))
    total = round(close.volume * _AFTERNOON_SHARE * float(sizes[0]))
    first = min(total, round(total * _FIRST_SHARE * float(sizes[1]) ** 0.4))
    rest = total - first
    trade_count = min(rest, _MAX_TRADES, 1 + int((total * close.price / _TRADE) ** 0.5))
    size = trade_count + _CHANGES
    moment = hash_random.uniform(hash_random.key(close.key, "after time"), _INDEX[:size])
    order = np.argsort(moment, kind="stable")
    time = np.full(size + 1, begins)
    time[1:] += 1 + np.floor(moment[order] * (ends - begins - 2) * 1000) / 1000
    volume = np.zeros(size + 1, np.int64)
    volume[0] = first
    volume[1:][order < trade_count] = _split(sizes[3 : 3 + trade_count], rest)
    usual = max(1.0, max(total, close.volume * _AFTERNOON_SHARE) * 2 * float(sizes[2]))
    left = np.maximum(np.rint(usual * sizes[-size - 1 :] ** 0.3), 1).astype(np.int64) * (close.volume > 0)
    traded = volume > 0
    sides = np.full(size + 1, -int(side), np.int64)
    sides[0] = int(Side.NONE)
    trades = NOTHING
    if traded.any():
        shares = volume[traded]
        trades = Script(time[traded], np.full(len(shares), close.price), shares, sides[traded])
    return AfternoonFlow(side, time.tolist(), volume.tolist(), left.tolist(), trades)


def _split(weights: Floats, shares: int) -> Ints:
    """The shares split into one trade per weight, at least one share each."""
    if not len(weights):
        return np.zeros(0, np.int64)
    summed = np.cumsum(weights)
    cumulative = np.rint((shares - len(weights)) * (summed / summed[-1])).astype(np.int64)
    sizes: Ints = np.diff(cumulative, prepend=0) + 1
    return sizes
