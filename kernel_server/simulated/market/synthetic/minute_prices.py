"""The minutes of a synthetic issue's days: paths that open, turn and close exactly where the day does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.dates import yyyymmdd
from kernel_server.simulated.market import tick_size, vi_rules
from kernel_server.simulated.market.synthetic.daily_prices import DailyPrices, Flags
from kernel_server.simulated.market.synthetic.vi_prices import make_room

AUCTION_MINUTES = 10
"""How long before the close continuous trading ends; the closing auction is one bar at the close."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_SEOUL = 9 * 3600
_TRADE = 3_000_000  # KRW that change hands at once, and at least three shares
_AUCTION_SHARE = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class MinutePrices:
    """1-minute bars, oldest first, unadjusted, only those with trades; prices and value in KRW.

    Attributes:
        row: which of the days the bar belongs to.
        time: YYYYMMDDHHMMSS of the minute's start, for the closing auction of the close.
        known: from when on the bar is complete, seconds since the epoch.
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


def minutes(own: int, board: str, days: DailyPrices, rows: Ints, sessions: Sessions) -> MinutePrices:
    """The bars of some of an issue's days.

    Args:
        own: the issue's key for draws.
        board: whose ticks it follows.
        days: all of its days.
        rows: which of them, ascending; days without trades have no bars.
        sessions: the calendar.
    """
    rows = rows[days.volume[rows] > 0]
    opens, closes = sessions.opens[days.first + rows], sessions.closes[days.first + rows]
    parts = [
        _bars(own, board, held, days, rows[of], opens[of], int(length) // 60 - AUCTION_MINUTES)
        for part, held in tick_size.spans(days.day[rows], board)
        for length, of in _alike(closes - opens, part)
    ]
    if not parts:
        nothing = np.zeros(0, np.int64)
        return MinutePrices(*[nothing] * len(MinutePrices.__slots__))
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in MinutePrices.__slots__
    }
    order = np.argsort(columns["known"], kind="stable")
    return MinutePrices(**{name: column[order] for name, column in columns.items()})


def _alike(lengths: Ints, part: slice) -> Iterator[tuple[int, Ints]]:
    """The sessions in ``part`` of one length, for each length there is."""
    places = np.arange(part.start, part.stop)
    for length in np.unique(lengths[part]).tolist():
        yield length, places[lengths[part] == length]


def _bars(
    own: int, board: str, held: tick_size.PriceRules, days: DailyPrices, rows: Ints, opens: Ints, count: int
) -> MinutePrices:
    """The bars of sessions with ``count`` minutes of continuous trading, all under the same rules."""
    index = days.day[rows, None] * 1440 + np.arange(count + 1)
    volume = _volumes(own, index, days.volume[rows], days.close[rows])
    open_, high, low, close = _prices(own, held, index, days, rows, volume > 0)
    for row in np.flatnonzero(_far(days, rows)).tolist():
        day = int(days.day[rows[row]])
        rule = vi_rules.rule(date.fromordinal(_EPOCH_DAY + day), board)
        if rule is not None:
            prices = open_[row], high[row], low[row], close[row]
            make_room(rule, held, hash_random.key(own, "interruption", day), volume[row], *prices)
    traded = volume > 0
    weight = volume * (high + low + open_ + close)
    minute = np.arange(count + 1)
    minute[-1] += AUCTION_MINUTES
    start = opens[:, None] + minute * 60
    known = start + 60
    known[:, -1] = start[:, -1]
    whole = np.broadcast_to(np.arange(len(rows))[:, None], traded.shape)[traded]
    return MinutePrices(
        row=rows[whole],
        time=_labels(start)[traded],
        known=known[traded],
        open=open_[traded],
        high=high[traded],
        low=low[traded],
        close=close[traded],
        volume=volume[traded],
        value=_shared(days.value[rows], weight.astype(np.float64))[traded],
    )


def _far(days: DailyPrices, rows: Ints) -> Flags:
    """The days on which a price may have come far enough from the first one to interrupt trading."""
    base = days.open[rows] * vi_rules.nearest()
    far: Flags = ((days.high[rows] - days.open[rows]) * 100 >= base) | (
        (days.open[rows] - days.low[rows]) * 100 >= base
    )
    return far


def _labels(start: Ints) -> Ints:
    """YYYYMMDDHHMMSS in Seoul of moments since the epoch, one session a row."""
    local = start + _SEOUL
    minute = local // 60 % 1440
    labels: Ints = yyyymmdd(local[:, :1] // 86400) * 1_000_000 + minute // 60 * 10_000 + minute % 60 * 100
    return labels


def _shared(totals: Ints, weights: Floats) -> Ints:
    """Each total shared out by the weights of its row, whole and without remainder."""
    summed = np.cumsum(weights, axis=1)
    edges = np.rint(totals[:, None] * (summed / summed[:, -1:])).astype(np.int64)
    return np.diff(edges, axis=1, prepend=0)


def _volumes(own: int, index: Ints, totals: Ints, prices: Ints) -> Ints:
    """Shares of each minute: many at the open and towards the close, none where no trade happened."""
    count = index.shape[1] - 1
    minute = np.arange(count)
    usual = np.empty(count + 1)
    usual[:-1] = 1 + 2.5 * np.exp(-minute / 12) + 1.2 * np.exp((minute - count) / 20)
    usual[-1] = usual[:-1].sum() * _AUCTION_SHARE
    usual /= usual.sum()
    trades = totals / (3 + _TRADE / prices)
    luck = hash_random.uniform(hash_random.key(own, "trades"), index)
    happens = luck < -np.expm1(-trades[:, None] * usual)
    weights = usual * np.exp(0.8 * hash_random.bell(hash_random.key(own, "size"), index)) * happens
    # The day's path needs a minute of continuous trading, so the likeliest one has a share in any case.
    sure = np.argmin(luck[:, :-1], axis=1)
    row = np.arange(len(index))
    weights[row, sure] += 1e-9
    volume = _shared(totals - 1, weights)
    volume[row, sure] += 1
    return volume


def _prices(
    own: int, held: tick_size.PriceRules, index: Ints, days: DailyPrices, rows: Ints, traded: Flags
) -> tuple[Ints, Ints, Ints, Ints]:
    """Open, high, low and close of each minute; those of the traded ones make up the day's."""
    opening, highest, lowest, closing = (
        prices[rows, None].astype(np.float64) for prices in (days.open, days.high, days.low, days.close)
    )
    count = index.shape[1] - 1
    noise = np.cumsum(hash_random.bell(hash_random.key(own, "path"), index[:, :-1]), axis=1)
    passed = np.arange(count + 1) / count
    path = np.zeros(index.shape)
    path[:, 1:] = noise
    path -= path[:, -1:] * passed
    path *= (highest - lowest) / count**0.5
    path += opening + (closing - opening) * passed
    path = _fitted(path, np.maximum(opening, closing), highest)
    path = -_fitted(-path, -np.minimum(opening, closing), -lowest)
    placed = np.clip(held.nearest_array(path), days.low[rows, None], days.high[rows, None])
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


def _fitted(path: Floats, edge: Floats, top: Floats) -> Floats:
    """The path with what is above ``edge`` stretched or squeezed so that its highest point is at ``top``."""
    above = path - edge
    most = above.max(axis=1, keepdims=True)
    scale = np.divide(top - edge, most, out=np.ones_like(most), where=most > 0)
    return np.where(above > 0, edge + above * scale, path)
