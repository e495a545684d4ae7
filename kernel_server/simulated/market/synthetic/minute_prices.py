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
from kernel_server.simulated.market.synthetic.minute_values import minute_values, split, weighted_volumes
from kernel_server.simulated.market.synthetic.vi_prices import insert_interruptions

Keys = NDArray[np.uint64]

AUCTION_MINUTES = 10
"""Minutes of the closing auction, in which there is no continuous trading; the auction is one bar at the close."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_TRADE_VALUE = 3_000_000  # KRW of a usual trade, which has at least three shares
_AUCTION_SHARE = 0.06
_OPENING, _OPENING_MINUTES = (
    5.0,
    18,
)  # how much more is traded at the open than at noon, and how soon that is over
_CLOSING, _CLOSING_MINUTES = 1.2, 20
_RANGE_TRADES = 4  # trades that a minute needs to reach prices beyond its first and last one
_WALK_RANGE = 1.6  # of a long random walk, in deviations of its end
_BOUNCE = 0.3  # ticks by which trades at bid and ask widen one side of a minute
_FRACTION = 1 << 12
_REACH = -2 * np.log((np.arange(_FRACTION) + 0.5) / _FRACTION)


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
    open_, high, low, close = _prices(issue_keys, rules, index, days, volume)
    for row in np.flatnonzero(_may_interrupt(days)).tolist():
        day = int(days.day[row])
        rule = vi_rules.vi_rule(date.fromordinal(_EPOCH_DAY + day), board)
        if rule is not None:
            prices = open_[row], high[row], low[row], close[row]
            key = hash_random.key(int(issue_keys[row % len(issue_keys)]), "interruption", day)
            insert_interruptions(rule, rules, key, volume[row], *prices)
    bars = np.stack([open_, high, low, close])
    volume = weighted_volumes(volume, bars.sum(axis=0) / 4, days.value)
    value = minute_values(rules, bars, volume, days.value, rules.tick_array(days.low))
    traded = volume > 0
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
        value=value[traded],
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


def _volumes(issue_keys: Keys, index: Ints, totals: Ints, prices: Ints) -> Ints:
    """Volume of each minute: high at the open and towards the close, 0 for minutes without trades."""
    count = index.shape[1] - 1
    minute = np.arange(count)
    usual = np.empty(count + 1)
    usual[:-1] = 1 + _OPENING * np.exp(-minute / _OPENING_MINUTES)
    usual[:-1] += _CLOSING * np.exp((minute - count) / _CLOSING_MINUTES)
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
    volume = split(totals - 1, weights)
    volume[row, likeliest] += 1
    return volume


def _prices(
    issue_keys: Keys, rules: price_rules.PriceRules, index: Ints, days: _Days, volume: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Open, high, low and close of each minute; those of minutes with trades add up to the day's."""
    traded = volume > 0
    opening, highest, lowest, closing = (
        prices[:, None].astype(np.float64) for prices in (days.open, days.high, days.low, days.close)
    )
    count = index.shape[1] - 1
    noise = np.cumsum(hash_random.normal(_keys(issue_keys, "path"), index[:, :-1]), axis=1)
    passed = np.arange(count + 1) / count
    path = np.zeros(index.shape)
    path[:, 1:] = noise
    path -= path[:, -1:] * passed
    step = (highest - lowest) / count**0.5
    path *= step
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
    at = np.nonzero(continuous & (volume * close >= _RANGE_TRADES * np.maximum(_TRADE_VALUE, 3 * close)))
    draw = hash_random.bits(_keys(issue_keys, "range"), index)[at].astype(np.int64)
    deviation = (step / _WALK_RANGE)[at[0], 0]
    tick = rules.tick_array(close[at])
    above, below = _beyond(draw, (high - low)[at] / tick, deviation / tick)
    high[at] = np.minimum(rules.floor_array(high[at] + above * tick), days.high[at[0]])
    low[at] = np.maximum(rules.ceil_array(np.maximum(low[at] - below * tick, 1)), days.low[at[0]])
    high[row, np.argmax(np.where(continuous, high, -1), axis=1)] = days.high
    low[row, np.argmin(np.where(continuous, low, np.iinfo(np.int64).max), axis=1)] = days.low
    return open_, high, low, close


def _beyond(draw: Ints, moved: Floats, deviation: Floats) -> tuple[Ints, Ints]:
    """By how many ticks minutes go above and below their first and last prices, which are ``moved`` ticks apart.

    A random walk between these goes x beyond with a chance of exp(-2 x (x + moved) / deviation²), where ``deviation``
    is that of a minute's move; trades at bid and ask go somewhat further on one side.
    """

    def side(shift: int, bounce: Ints) -> Ints:
        chance = draw >> shift & _FRACTION - 1
        reach = (np.sqrt(moved * moved + deviation * deviation * _REACH[chance]) - moved) / 2
        rounding = (draw >> shift + 12 & _FRACTION - 1) / _FRACTION
        ticks: Ints = (reach + rounding + bounce * _BOUNCE).astype(np.int64)
        return ticks

    upwards = draw >> 48 & 1
    return side(0, upwards), side(24, 1 - upwards)


def _scaled_above(path: Floats, edge: Floats, top: Floats) -> Floats:
    """The path with its part above ``edge`` scaled so that its maximum is ``top``."""
    above = path - edge
    most = above.max(axis=1, keepdims=True)
    scale = np.divide(top - edge, most, out=np.ones_like(most), where=most > 0)
    return np.where(above > 0, edge + above * scale, path)


def read_only(minutes: MinutePrices) -> MinutePrices:
    """The minutes, whose arrays bars are views of."""
    for name in MinutePrices.__slots__:
        getattr(minutes, name).setflags(write=False)
    return minutes
