"""Minute prices of a synthetic issue: random paths with exactly the day's open, high, low, close and volume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from kernel_server.reference import price_rules
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.market_time import dates_of, times_of
from kernel_server.simulated.market import vi_rules
from kernel_server.simulated.market.synthetic.daily_prices import DailyPrices, Flags
from kernel_server.simulated.market.synthetic.vi_prices import insert_interruptions

AUCTION_MINUTES = 10
"""Minutes of the closing auction, in which there is no continuous trading; the auction is one bar at the close."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_TRADE_VALUE = 3_000_000  # KRW of a usual trade, which has at least three shares
_AUCTION_SHARE = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class MinutePrices:
    """Unadjusted 1-minute bars with trades, oldest first; prices and value in KRW.

    Attributes:
        row: row of the bar's day.
        time: YYYYMMDDHHMMSS of the minute's start; the close for the closing auction.
        known: time at which the bar is complete, seconds since the epoch.
    """

    row: Ints
    time: Ints
    known: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    value: Ints

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, part: Flags | slice) -> MinutePrices:
        return MinutePrices(*(getattr(self, name)[part] for name in self.__slots__))


def generate_minutes(
    issue_key: int, board: str, days: DailyPrices, rows: Ints, sessions: Sessions
) -> MinutePrices:
    """The minute bars of some of an issue's days.

    Args:
        issue_key: the issue's random key.
        board: whose tick sizes apply.
        days: all of its days.
        rows: the wanted rows of ``days``, ascending; days without trades have no bars.
        sessions: the calendar.
    """
    rows = rows[days.volume[rows] > 0]
    opens, closes = sessions.opens[days.first + rows], sessions.closes[days.first + rows]
    parts = [
        _bars(issue_key, board, rules, days, rows[of], opens[of], int(length) // 60 - AUCTION_MINUTES)
        for part, rules in price_rules.spans(days.day[rows], board)
        for length, of in _by_length(closes - opens, part)
    ]
    if not parts:
        nothing = np.zeros(0, np.int64)
        return MinutePrices(*[nothing] * len(MinutePrices.__slots__))
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in MinutePrices.__slots__
    }
    order = np.argsort(columns["known"], kind="stable")
    return MinutePrices(**{name: column[order] for name, column in columns.items()})


def _by_length(lengths: Ints, part: slice) -> Iterator[tuple[int, Ints]]:
    """Session lengths in ``part``, each with the indices of its sessions."""
    places = np.arange(part.start, part.stop)
    for length in np.unique(lengths[part]).tolist():
        yield length, places[lengths[part] == length]


def _bars(
    issue_key: int,
    board: str,
    rules: price_rules.PriceRules,
    days: DailyPrices,
    rows: Ints,
    opens: Ints,
    count: int,
) -> MinutePrices:
    """The bars of sessions with ``count`` minutes of continuous trading, under the same rules."""
    index = days.day[rows, None] * 1440 + np.arange(count + 1)
    volume = _volumes(issue_key, index, days.volume[rows], days.close[rows])
    open_, high, low, close = _prices(issue_key, rules, index, days, rows, volume > 0)
    for row in np.flatnonzero(_may_interrupt(days, rows)).tolist():
        day = int(days.day[rows[row]])
        rule = vi_rules.vi_rule(date.fromordinal(_EPOCH_DAY + day), board)
        if rule is not None:
            prices = open_[row], high[row], low[row], close[row]
            insert_interruptions(
                rule, rules, hash_random.key(issue_key, "interruption", day), volume[row], *prices
            )
    traded = volume > 0
    weight = volume * (high + low + open_ + close)
    minute = np.arange(count + 1)
    minute[-1] += AUCTION_MINUTES
    start = opens[:, None] + minute * 60
    known = start + 60
    known[:, -1] = start[:, -1]
    row_of = np.broadcast_to(np.arange(len(rows))[:, None], traded.shape)[traded]
    return MinutePrices(
        row=rows[row_of],
        time=_minute_labels(start)[traded],
        known=known[traded],
        open=open_[traded],
        high=high[traded],
        low=low[traded],
        close=close[traded],
        volume=volume[traded],
        value=_split(days.value[rows], weight.astype(np.float64))[traded],
    )


def _may_interrupt(days: DailyPrices, rows: Ints) -> Flags:
    """The days whose prices may be far enough from the first one to trigger a VI."""
    base = days.open[rows] * vi_rules.smallest_percent()
    far: Flags = ((days.high[rows] - days.open[rows]) * 100 >= base) | (
        (days.open[rows] - days.low[rows]) * 100 >= base
    )
    return far


def _minute_labels(start: Ints) -> Ints:
    """YYYYMMDDHHMMSS in Seoul of times since the epoch, one session per row."""
    labels: Ints = dates_of(start[:, :1]) * 1_000_000 + times_of(start)
    return labels


def _split(totals: Ints, weights: Floats) -> Ints:
    """Each total split by the weights of its row into whole numbers that add up to it."""
    summed = np.cumsum(weights, axis=1)
    edges = np.rint(totals[:, None] * (summed / summed[:, -1:])).astype(np.int64)
    return np.diff(edges, axis=1, prepend=0)


def _volumes(issue_key: int, index: Ints, totals: Ints, prices: Ints) -> Ints:
    """Volume of each minute: high at the open and towards the close, 0 for minutes without trades."""
    count = index.shape[1] - 1
    minute = np.arange(count)
    usual = np.empty(count + 1)
    usual[:-1] = 1 + 2.5 * np.exp(-minute / 12) + 1.2 * np.exp((minute - count) / 20)
    usual[-1] = usual[:-1].sum() * _AUCTION_SHARE
    usual /= usual.sum()
    trades = totals / (3 + _TRADE_VALUE / prices)
    chance = hash_random.uniform(hash_random.key(issue_key, "trades"), index)
    trades_at = chance < -np.expm1(-trades[:, None] * usual)
    weights = usual * np.exp(0.8 * hash_random.normal(hash_random.key(issue_key, "size"), index)) * trades_at
    # The day needs at least one minute of continuous trading, so the likeliest one gets a share.
    likeliest = np.argmin(chance[:, :-1], axis=1)
    row = np.arange(len(index))
    weights[row, likeliest] += 1e-9
    volume = _split(totals - 1, weights)
    volume[row, likeliest] += 1
    return volume


def _prices(
    issue_key: int, rules: price_rules.PriceRules, index: Ints, days: DailyPrices, rows: Ints, traded: Flags
) -> tuple[Ints, Ints, Ints, Ints]:
    """Open, high, low and close of each minute; those of minutes with trades add up to the day's."""
    opening, highest, lowest, closing = (
        prices[rows, None].astype(np.float64) for prices in (days.open, days.high, days.low, days.close)
    )
    count = index.shape[1] - 1
    noise = np.cumsum(hash_random.normal(hash_random.key(issue_key, "path"), index[:, :-1]), axis=1)
    passed = np.arange(count + 1) / count
    path = np.zeros(index.shape)
    path[:, 1:] = noise
    path -= path[:, -1:] * passed
    path *= (highest - lowest) / count**0.5
    path += opening + (closing - opening) * passed
    path = _scaled_above(path, np.maximum(opening, closing), highest)
    path = -_scaled_above(-path, -np.minimum(opening, closing), -lowest)
    placed = np.clip(rules.nearest_array(path), days.low[rows, None], days.high[rows, None])
    open_ = np.concatenate([placed[:, :-1], days.close[rows, None]], axis=1)
    close = np.concatenate([placed[:, 1:], days.close[rows, None]], axis=1)
    row = np.arange(len(rows))
    continuous = traded.copy()
    continuous[:, -1] = False
    first = np.argmax(continuous, axis=1)
    last = count - np.argmax(traded[:, ::-1], axis=1)
    open_[row, first] = days.open[rows]
    close[row, last] = days.close[rows]
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    high[row, np.argmax(np.where(continuous, high, -1), axis=1)] = days.high[rows]
    low[row, np.argmin(np.where(continuous, low, np.iinfo(np.int64).max), axis=1)] = days.low[rows]
    return open_, high, low, close


def _scaled_above(path: Floats, edge: Floats, top: Floats) -> Floats:
    """The path with its part above ``edge`` scaled so that its maximum is ``top``."""
    above = path - edge
    most = above.max(axis=1, keepdims=True)
    scale = np.divide(top - edge, most, out=np.ones_like(most), where=most > 0)
    return np.where(above > 0, edge + above * scale, path)
