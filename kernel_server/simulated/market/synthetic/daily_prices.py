"""The days of a synthetic issue: a random walk through the sessions that is on the listing's price at its anchor.

Every draw belongs to a date, and a day's price follows from the draws between it and the anchor, so that
a day comes out the same however far the calendar reaches. Moves stay so far inside the day's price limit
that bringing prices to the grid cannot take them out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market import tick_size
from kernel_server.simulated.market.corporate_actions import CorporateAction, factors
from kernel_server.simulated.market.listing import PRICED_ON
from kernel_server.simulated.market.model import Issue

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class DailyPrices:
    """An issue's unadjusted days over consecutive sessions, oldest first; prices and value in KRW.

    Attributes:
        first: the index, in the calendar, of the first of the sessions.
        day: days since the epoch.
        halted: whether nothing was traded because trading was halted.
    """

    first: int
    day: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    value: Ints
    halted: Flags

    def __len__(self) -> int:
        return len(self.day)


@dataclass(frozen=True, slots=True)
class _Temper:
    """How a kind of issue moves.

    Attributes:
        deviation: of its own daily move, in log price.
        beta: how much of the market's move it follows.
        turnover: percent of its shares that change hands a day.
    """

    deviation: float
    beta: float
    turnover: float


_TEMPERS = {
    "KOSPI": _Temper(0.019, 0.9, 0.6),
    "KOSDAQ": _Temper(0.028, 0.9, 1.2),
    "KONEX": _Temper(0.030, 0.2, 0.03),
    "etf": _Temper(0.004, 1.0, 3.0),
    "etn": _Temper(0.015, 0.5, 2.0),
    "reit": _Temper(0.007, 0.3, 0.15),
}

_MARKET_DEVIATION = 0.009
# Rounding to the grid can move the base, the price and the limit by half a tick each and cut the limit's
# room by one; a tick is 0.5 percent of a price at most above the lowest prices below.
_MARGIN = 0.02
_LOWEST = {"KOSPI": 300.0, "KOSDAQ": 300.0, "KONEX": 300.0, "ETP": 1000.0}
_CHEAPER, _DEARER = 40.0, 4.0  # how many times, at most, than at its anchor an issue is at any time
_GROWTH = 0.06 / 250  # of a log price a day
_SMALLEST_VOLUME = 10
_HALT_CHANCE, _LONGEST_HALT = 1 / 6000, 10
HALT_REACH = 2 * _LONGEST_HALT  # sessions after which no halt from before them shows


def market_moves(seed: int, days: Ints) -> Floats:
    """What the whole market's log price does on each day (since the epoch)."""
    mood = np.exp(0.4 * hash_random.slow(hash_random.key(seed, "mood"), days, 120))
    return _MARKET_DEVIATION * mood * hash_random.bell(hash_random.key(seed, "market"), days)


def walk(
    seed: int,
    issue: Issue,
    price: int,
    actions: Sequence[CorporateAction],
    sessions: Sessions,
    moves: Floats,
    since: int = 0,
) -> DailyPrices:
    """Every session of the issue from its listing, or from ``since`` if that is later, to the calendar's end.

    Args:
        seed: of the market.
        issue: whose days they are.
        price: what it costs, in KRW, at the close of ``PRICED_ON``, or of its first session if that is later.
        actions: the issue's own.
        sessions: the calendar.
        moves: ``market_moves`` on each session of the calendar.
        since: an index of the calendar. Days from ``HALT_REACH`` after it on are what the whole walk has there;
            it is moved back to the anchor where it lies behind that.
    """
    listed = int(np.searchsorted(sessions.dates, np.datetime64(issue.listed, "D")))
    anchored = max(listed, sessions.index_at_or_before(PRICED_ON))
    first = max(listed, min(since, anchored))
    day = sessions.dates[first:].view(np.int64)
    if not len(day):
        return DailyPrices(first, day, day, day, day, day, day, day, day != day)
    anchor = min(anchored, len(sessions) - 1) - first
    own = hash_random.key(seed, issue.code)
    halted = _halts(own, day, actions)
    temper = _TEMPERS[issue.market if issue.kind == "stock" else issue.kind]
    deviation = (
        temper.deviation
        * (0.7 + 0.7 * (own % 1009) / 1008)
        * np.exp(0.35 * hash_random.slow(hash_random.key(own, "mood"), day, 60))
    )
    cap = _caps(day, tick_size.board(issue))
    move = _GROWTH + temper.beta * moves[first:] + deviation * _tailed(own, day)
    move = np.where(halted, 0.0, np.clip(move, -cap, cap))
    before, after = _levels(np.log(price), move, anchor, _LOWEST[tick_size.board(issue)])
    scale = factors(day, actions)
    lines = _lines(own, day, after - before, deviation, cap)
    unit = np.exp(before) * scale
    open_, high, low, close = _on_grid(day, tick_size.board(issue), [unit * np.exp(line) for line in lines])
    close = close[_newest_traded(halted)]
    for prices in (open_, high, low):
        prices[halted] = close[halted]
    volume = _volumes(own, issue, price, temper, day, np.abs(after - before) / deviation)
    shares = np.maximum(np.rint(volume / scale), _SMALLEST_VOLUME).astype(np.int64)
    shares[halted] = 0
    value = (open_ + high + low + close) * shares // 4
    return DailyPrices(first, day, open_, high, low, close, shares, value, halted)


def _tailed(own: int, day: Ints) -> Floats:
    """Draws of which one in thirty is nearly three times as wide: days with news."""
    news = hash_random.uniform(hash_random.key(own, "news"), day) < 1 / 30
    return hash_random.bell(hash_random.key(own, "move"), day) * np.where(news, 2.8, 0.9)


def _caps(day: Ints, board: str) -> Floats:
    """The widest move of the log price that surely stays inside the price limit of each day."""
    cap = np.empty(len(day))
    for part, rules in tick_size.spans(day, board):
        cap[part] = np.log1p(rules.percent / 100 - _MARGIN)
    return cap


def _levels(price: float, move: Floats, anchor: int, lowest: float) -> tuple[Floats, Floats]:
    """The log price before and after each day, which at the close of the anchor is ``price``.

    A walk that gets too far from there is folded back, which makes no step wider.
    """
    # Summed away from the anchor on either side: however long the walk is, a day's sum is the same to the bit.
    after = np.empty(len(move))
    after[anchor] = price
    after[anchor + 1 :] = price + np.cumsum(move[anchor + 1 :])
    after[:anchor] = (price - np.cumsum(move[anchor:0:-1]))[::-1]
    before = after - move
    floor = min(price, max(price - np.log(_CHEAPER), np.log(lowest)))
    width = price + np.log(_DEARER) - floor

    def fold(level: Floats) -> Floats:
        folded: Floats = floor + width - np.abs((level - floor) % (2 * width) - width)
        return folded

    return fold(before), fold(after)


def _lines(own: int, day: Ints, move: Floats, deviation: Floats, cap: Floats) -> tuple[Floats, ...]:
    """Open, high, low and close of each day as log price against the close before."""
    gap = 0.3 * deviation * hash_random.bell(hash_random.key(own, "gap"), day)
    open_ = np.clip(0.3 * move + gap, -cap, cap)
    above, below = (
        0.5 * deviation * np.abs(hash_random.bell(hash_random.key(own, side), day))
        for side in ("above", "below")
    )
    high = np.minimum(np.maximum(open_, move) + above, cap)
    low = np.maximum(np.minimum(open_, move) - below, -cap)
    return open_, high, low, move


def _on_grid(day: Ints, board: str, prices: Sequence[Floats]) -> list[Ints]:
    found = [np.empty(len(day), np.int64) for _ in prices]
    for part, rules in tick_size.spans(day, board):
        for placed, exact in zip(found, prices, strict=True):
            placed[part] = rules.nearest_array(exact[part])
    return found


def _halts(own: int, day: Ints, actions: Sequence[CorporateAction]) -> Flags:
    """The days without trading: a few at random, and those before a corporate action."""
    starts = np.flatnonzero(hash_random.uniform(hash_random.key(own, "halt"), day) < _HALT_CHANCE)
    lengths = 1 + hash_random.bits(hash_random.key(own, "halt length"), day[starts]) % np.uint64(
        _LONGEST_HALT
    )
    halted = np.zeros(len(day), np.bool_)
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        halted[start : start + length] = True
    for action in actions:
        effective = int(np.searchsorted(day, action.epoch_day))
        halted[max(0, effective - action.halted) : effective] = True
        halted[effective : effective + 1] = False
    halted[0] = False
    return halted


def _newest_traded(halted: Flags) -> Ints:
    """For each day the place of the newest one, itself included, with trading."""
    return np.maximum.accumulate(np.where(halted, 0, np.arange(len(halted))))


def _volumes(own: int, issue: Issue, price: int, temper: _Temper, day: Ints, stir: Floats) -> Floats:
    """Shares traded a day, at the latest scale: larger companies turn over less, days with a move more."""
    size = issue.shares * price / 1e12
    usual = issue.shares * temper.turnover / 100 * size**-0.2 * np.exp(0.6 * (own // 1009 % 1009 / 504 - 1))
    drift = 0.5 * hash_random.slow(hash_random.key(own, "interest"), day, 40)
    noise = 0.45 * hash_random.bell(hash_random.key(own, "volume"), day)
    shares: Floats = usual * np.exp(drift + noise + 0.3 * np.minimum(stir, 4))
    return shares
