"""Minute prices of a synthetic issue: random paths with exactly the day's open, high, low, close and volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference import price_rules
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.market_time import dates_of, times_of
from kernel_server.simulated.market import vi_rules
from kernel_server.simulated.market.synthetic.daily_prices import DailyPrices, Flags
from kernel_server.simulated.market.synthetic.vi_prices import insert_interruptions

Keys = NDArray[np.uint64]

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


@dataclass(frozen=True, slots=True, eq=False)
class _Days:
    """Days with trades, of one issue or one each of several: their rows in the result and their columns."""

    row: Ints
    day: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    value: Ints

    def __len__(self) -> int:
        return len(self.day)

    def __getitem__(self, part: Ints) -> _Days:
        return _Days(*(getattr(self, name)[part] for name in self.__slots__))


_NO_MINUTES = MinutePrices(*[np.zeros(0, np.int64)] * len(MinutePrices.__slots__))


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
    columns = _Days(rows, *(getattr(days, name)[rows] for name in _Days.__slots__[1:]))
    issue_keys = np.array([issue_key], np.uint64)
    parts = [
        _bars(issue_keys, board, rules, columns[of], opens[of], _continuous_minutes(length))
        for part, rules in price_rules.spans(columns.day, board)
        for length, of in _by_length(closes - opens, part)
    ]
    if not parts:
        return _NO_MINUTES
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in MinutePrices.__slots__
    }
    order = np.argsort(joined["known"], kind="stable")
    return MinutePrices(**{name: column[order] for name, column in joined.items()})


def generate_session(
    issue_keys: Sequence[int], board: str, days: Sequence[DailyPrices], session: int, sessions: Sessions
) -> list[MinutePrices]:
    """The minute bars of one session of several issues, each as ``generate_minutes`` gives them.

    Many at once cost a fraction of as many one by one, and are the same to the bit.

    Args:
        issue_keys: the random key of each issue.
        board: whose tick sizes apply.
        days: of each issue; the session is among them.
        session: index in the calendar.
        sessions: the calendar.
    """
    found = [_NO_MINUTES] * len(days)
    rows = [session - of_issue.first for of_issue in days]
    traded = [place for place, of_issue in enumerate(days) if of_issue.volume[rows[place]] > 0]
    if not traded:
        return found
    columns = _Days(
        np.arange(len(traded)),
        *(
            np.array([getattr(days[place], name)[rows[place]] for place in traded])
            for name in _Days.__slots__[1:]
        ),
    )
    keys = np.array([issue_keys[place] for place in traded], np.uint64)
    [(_, rules)] = price_rules.spans(columns.day[:1], board)
    opens = np.repeat(sessions.opens[session], len(traded))
    count = _continuous_minutes(int(sessions.closes[session] - sessions.opens[session]))
    together = _bars(keys, board, rules, columns, opens, count)
    edges = np.searchsorted(together.row, np.arange(len(traded) + 1)).tolist()
    for place, start, stop in zip(traded, edges[:-1], edges[1:], strict=True):
        # Copies, as a view would keep the minutes of all the other issues in memory.
        own = (getattr(together, name)[start:stop].copy() for name in MinutePrices.__slots__[1:])
        found[place] = MinutePrices(np.full(stop - start, rows[place]), *own)
    return found


def _continuous_minutes(length: int) -> int:
    """Minutes of continuous trading in a session of that many seconds."""
    return length // 60 - AUCTION_MINUTES


def _by_length(lengths: Ints, part: slice) -> Iterator[tuple[int, Ints]]:
    """Session lengths in ``part``, each with the indices of its sessions."""
    places = np.arange(part.start, part.stop)
    for length in np.unique(lengths[part]).tolist():
        yield length, places[lengths[part] == length]


def _bars(
    issue_keys: Keys,
    board: str,
    rules: price_rules.PriceRules,
    days: _Days,
    opens: Ints,
    count: int,
) -> MinutePrices:
    """The bars of sessions with ``count`` minutes of continuous trading, under the same rules.

    ``issue_keys`` is one key for all of the days, or one for each.
    """
    index = days.day[:, None] * 1440 + np.arange(count + 1)
    volume = _volumes(issue_keys, index, days.volume, days.close)
    open_, high, low, close = _prices(issue_keys, rules, index, days, volume > 0)
    for row in np.flatnonzero(_may_interrupt(days)).tolist():
        day = int(days.day[row])
        rule = vi_rules.vi_rule(date.fromordinal(_EPOCH_DAY + day), board)
        if rule is not None:
            prices = open_[row], high[row], low[row], close[row]
            key = hash_random.key(int(issue_keys[row % len(issue_keys)]), "interruption", day)
            insert_interruptions(rule, rules, key, volume[row], *prices)
    traded = volume > 0
    weight = volume * (high + low + open_ + close)
    minute = np.arange(count + 1)
    minute[-1] += AUCTION_MINUTES
    start = opens[:, None] + minute * 60
    known = start + 60
    known[:, -1] = start[:, -1]
    row_of = np.broadcast_to(days.row[:, None], traded.shape)
    return MinutePrices(
        row=row_of[traded],
        time=_minute_labels(start)[traded],
        known=known[traded],
        open=open_[traded],
        high=high[traded],
        low=low[traded],
        close=close[traded],
        volume=volume[traded],
        value=_split(days.value, weight.astype(np.float64))[traded],
    )


def _may_interrupt(days: _Days) -> Flags:
    """The days whose prices may be far enough from the first one to trigger a VI."""
    base = days.open * vi_rules.smallest_percent()
    far: Flags = ((days.high - days.open) * 100 >= base) | ((days.open - days.low) * 100 >= base)
    return far


def _keys(issue_keys: Keys, what: str) -> Keys:
    """A random key for each issue's key, to be used with a row of minutes per day."""
    return hash_random.keys(issue_keys, what)[:, None]


def _minute_labels(start: Ints) -> Ints:
    """YYYYMMDDHHMMSS in Seoul of times since the epoch, one session per row."""
    labels: Ints = dates_of(start[:, :1]) * 1_000_000 + times_of(start)
    return labels


def _split(totals: Ints, weights: Floats) -> Ints:
    """Each total split by the weights of its row into whole numbers that add up to it."""
    summed = np.cumsum(weights, axis=1)
    edges = np.rint(totals[:, None] * (summed / summed[:, -1:])).astype(np.int64)
    return np.diff(edges, axis=1, prepend=0)


def _volumes(issue_keys: Keys, index: Ints, totals: Ints, prices: Ints) -> Ints:
    """Volume of each minute: high at the open and towards the close, 0 for minutes without trades."""
    count = index.shape[1] - 1
    minute = np.arange(count)
    usual = np.empty(count + 1)
    usual[:-1] = 1 + 2.5 * np.exp(-minute / 12) + 1.2 * np.exp((minute - count) / 20)
    usual[-1] = usual[:-1].sum() * _AUCTION_SHARE
    usual /= usual.sum()
    trades = totals / (3 + _TRADE_VALUE / prices)
    chance = hash_random.uniform(_keys(issue_keys, "trades"), index)
    trades_at = chance < -np.expm1(-trades[:, None] * usual)
    weights = usual * np.exp(0.8 * hash_random.normal(_keys(issue_keys, "size"), index)) * trades_at
    # The day needs at least one minute of continuous trading, so the likeliest one gets a share.
    likeliest = np.argmin(chance[:, :-1], axis=1)
    row = np.arange(len(index))
    weights[row, likeliest] += 1e-9
    volume = _split(totals - 1, weights)
    volume[row, likeliest] += 1
    return volume


def _prices(
    issue_keys: Keys, rules: price_rules.PriceRules, index: Ints, days: _Days, traded: Flags
) -> tuple[Ints, Ints, Ints, Ints]:
    """Open, high, low and close of each minute; those of minutes with trades add up to the day's."""
    opening, highest, lowest, closing = (
        prices[:, None].astype(np.float64) for prices in (days.open, days.high, days.low, days.close)
    )
    count = index.shape[1] - 1
    noise = np.cumsum(hash_random.normal(_keys(issue_keys, "path"), index[:, :-1]), axis=1)
    passed = np.arange(count + 1) / count
    path = np.zeros(index.shape)
    path[:, 1:] = noise
    path -= path[:, -1:] * passed
    path *= (highest - lowest) / count**0.5
    path += opening + (closing - opening) * passed
    path = _scaled_above(path, np.maximum(opening, closing), highest)
    path = -_scaled_above(-path, -np.minimum(opening, closing), -lowest)
    placed = np.clip(rules.nearest_array(path), days.low[:, None], days.high[:, None])
    open_ = np.concatenate([placed[:, :-1], days.close[:, None]], axis=1)
    close = np.concatenate([placed[:, 1:], days.close[:, None]], axis=1)
    row = np.arange(len(days))
    continuous = traded.copy()
    continuous[:, -1] = False
    first = np.argmax(continuous, axis=1)
    last = count - np.argmax(traded[:, ::-1], axis=1)
    open_[row, first] = days.open
    close[row, last] = days.close
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    high[row, np.argmax(np.where(continuous, high, -1), axis=1)] = days.high
    low[row, np.argmin(np.where(continuous, low, np.iinfo(np.int64).max), axis=1)] = days.low
    return open_, high, low, close


def _scaled_above(path: Floats, edge: Floats, top: Floats) -> Floats:
    """The path with its part above ``edge`` scaled so that its maximum is ``top``."""
    above = path - edge
    most = above.max(axis=1, keepdims=True)
    scale = np.divide(top - edge, most, out=np.ones_like(most), where=most > 0)
    return np.where(above > 0, edge + above * scale, path)
