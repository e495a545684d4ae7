"""Daily prices of a synthetic issue: a random walk that passes through the listing's price on its anchor day.

Each random number belongs to a date, and a price follows from the numbers between its day and the anchor, so it does
not depend on the length of the calendar. Moves leave a margin to the day's price limit that covers rounding to the
tick grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference import price_rules
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market import model
from kernel_server.simulated.market.corporate_actions import CorporateAction, adjustment_factors
from kernel_server.simulated.market.listing import PRICED_ON
from kernel_server.simulated.market.model import Issue

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class DailyPrices:
    """An issue's unadjusted days in consecutive sessions, oldest first; prices and value in KRW.

    Attributes:
        first: index of the first session in the calendar.
        day: days since the epoch.
        halted: whether trading was halted.
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
class _Dynamics:
    """Price dynamics of a kind of issue.

    Attributes:
        deviation: of the issue's own daily return, in log price.
        beta: factor on the market's return.
        turnover: percent of the shares traded per day.
    """

    deviation: float
    beta: float
    turnover: float


_DYNAMICS = {
    "KOSPI": _Dynamics(0.019, 0.9, 0.6),
    "KOSDAQ": _Dynamics(0.028, 0.9, 1.2),
    "KONEX": _Dynamics(0.030, 0.2, 0.03),
    "etf": _Dynamics(0.004, 1.0, 3.0),
    "etn": _Dynamics(0.015, 0.5, 2.0),
    "reit": _Dynamics(0.007, 0.3, 0.15),
}

_MARKET_DEVIATION = 0.009
# Rounding to the tick grid can move the base, the price and the limit by half a tick each, and the limit inwards by
# one tick; a tick is at most 0.5 percent of a price above _LOWEST_PRICE.
_MARGIN = 0.02
_LOWEST_PRICE = {"KOSPI": 300.0, "KOSDAQ": 300.0, "KONEX": 300.0, "ETP": 1000.0}
_MAX_FALL, _MAX_RISE = 40.0, 4.0  # largest factors between an issue's anchor price and any other
_GROWTH = 0.06 / 250  # of the log price per day
_PREMIUM = 0.0005  # deviation of the closing price of what follows an index
_MIN_VOLUME = 10
_HALT_CHANCE, _LONGEST_HALT = 1 / 6000, 10
HALT_REACH = 2 * _LONGEST_HALT  # sessions after which no earlier halt has an effect


def market_returns(seed: int, days: Ints) -> Floats:
    """The market's log return on each day (since the epoch)."""
    mood = np.exp(0.4 * hash_random.smooth_normal(hash_random.key(seed, "mood"), days, 120))
    return _MARKET_DEVIATION * mood * hash_random.normal(hash_random.key(seed, "market"), days)


def first_session(issue: Issue, sessions: Sessions, since: int) -> tuple[int, int]:
    """The first session of an issue's history from ``since`` on, and its anchor: indices in the calendar."""
    listed = int(np.searchsorted(sessions.dates, np.datetime64(issue.listed, "D")))
    anchor = max(listed, sessions.index_at_or_before(PRICED_ON))
    return max(listed, min(since, anchor)), anchor


def generate_days(
    seed: int,
    issues: Sequence[Issue],
    prices: Sequence[int],
    actions: Sequence[Sequence[CorporateAction]],
    sessions: Sessions,
    moves: Floats,
    since: int = 0,
    end: int | None = None,
    followed: Sequence[Floats | None] | None = None,
) -> list[DailyPrices]:
    """The sessions of each issue from its listing, or from ``since`` if that is later, up to ``end``.

    Many at once cost a fraction of as many one by one, and are the same to the bit.

    Args:
        seed: of the market.
        issues: of one board and with the same ``first_session``.
        prices: of each, KRW at the close of ``PRICED_ON``, or of the first session if that is later.
        actions: corporate actions of each.
        sessions: the calendar.
        moves: ``market_returns`` of each session in the calendar.
        since: index in the calendar, moved back to the anchor if it is later. From ``HALT_REACH`` sessions after it
            on, the days are the same as in the complete history.
        end: index in the calendar after the last session, by default the calendar's end. The days before it are the
            same with any.
        followed: log return in each session of the calendar of what an issue follows, None: it follows nothing.
    """
    first, anchor = first_session(issues[0], sessions, since)
    whole = sessions.dates[first:].view(np.int64)
    count = len(whole) if end is None else min(len(whole), max(0, end - first))
    if not count:
        none = whole[:0]
        return [DailyPrices(first, none, none, none, none, none, none, none, none != none) for _ in issues]
    # The walk is summed away from the anchor, so it has to reach it.
    day = whole[: max(count, anchor + 1 - first)]
    board = model.board(issues[0])
    walk = _walk(seed, issues, prices, actions, day, whole, moves[first:], anchor - first, followed, first)
    day, cap = day[:count], walk.cap[:count]
    before, after, deviation = (of_days[:, :count] for of_days in (walk.before, walk.after, walk.deviation))
    halted = walk.halted[:, :count]
    scale = np.stack([adjustment_factors(day, of_issue) for of_issue in actions])
    log_bars = _log_bars(
        walk.keys, day, after - before, deviation, cap, _premiums(walk.keys, day, followed, anchor - first)
    )
    unit = np.exp(before) * scale
    open_, high, low, close = _on_grid(day, board, [unit * np.exp(log_price) for log_price in log_bars])
    close = np.take_along_axis(close, _last_traded(halted), axis=1)
    for placed in (open_, high, low):
        placed[halted] = close[halted]
    usual = _column(
        [
            _usual_volume(*of_issue)
            for of_issue in zip(walk.keys, issues, prices, map(_dynamics, issues), strict=True)
        ]
    )
    volume = usual * _relative_volumes(walk.keys, day, np.abs(after - before) / deviation)
    shares = np.maximum(np.rint(volume / scale), _MIN_VOLUME).astype(np.int64)
    shares[halted] = 0
    value = _values(day, board, (open_ + high + low + close) * shares // 4, low)
    columns = (open_, high, low, close, shares, value, halted)
    # Copies, as a view would keep the days of all the other issues in memory.
    return [
        DailyPrices(first, day, *(column[row].copy() for column in columns)) for row in range(len(issues))
    ]


def walk_closes(
    seed: int,
    issues: Sequence[Issue],
    prices: Sequence[int],
    actions: Sequence[Sequence[CorporateAction]],
    sessions: Sessions,
    moves: Floats,
    since: int,
    end: int,
) -> Floats:
    """Adjusted closes before their rounding to the tick grid, one row an issue; arguments as in ``generate_days``."""
    first, anchor = first_session(issues[0], sessions, since)
    whole = sessions.dates[first:].view(np.int64)
    count = max(0, end - first)
    day = whole[: max(count, anchor + 1 - first)]
    walk = _walk(seed, issues, prices, actions, day, whole, moves[first:], anchor - first, None, first)
    # Splits after the end of the calendar are still to come.
    scale = np.stack([adjustment_factors(whole[-1:], of_issue) for of_issue in actions])
    closes: Floats = np.exp(walk.after[:, :count]) * scale
    return closes


@dataclass(frozen=True, slots=True, eq=False)
class _Walk:
    """Log prices before and after each day, one row an issue."""

    keys: list[int]
    before: Floats
    after: Floats
    deviation: Floats
    halted: Flags
    cap: Floats


def _walk(
    seed: int,
    issues: Sequence[Issue],
    prices: Sequence[int],
    actions: Sequence[Sequence[CorporateAction]],
    day: Ints,
    whole: Ints,
    moves: Floats,
    anchor: int,
    followed: Sequence[Floats | None] | None,
    first: int,
) -> _Walk:
    board = model.board(issues[0])
    issue_keys = [hash_random.key(seed, issue.code) for issue in issues]
    dynamics = [_dynamics(issue) for issue in issues]
    halted = _halts(issue_keys, day, actions, whole)
    spread = _column(
        [
            of.deviation * (0.7 + 0.7 * (key % 1009) / 1008)
            for of, key in zip(dynamics, issue_keys, strict=True)
        ]
    )
    deviation = spread * np.exp(0.35 * hash_random.smooth_normal(_keys(issue_keys, "mood"), day, 60))
    cap = _max_moves(day, board)
    beta = _column([of.beta for of in dynamics])
    move = _GROWTH + beta * moves[: len(day)] + deviation * _fat_tailed(issue_keys, day)
    free = np.zeros(len(issues), np.bool_)
    for row, exact in enumerate(followed or ()):
        if exact is not None:
            move[row], halted[row], free[row] = exact[first : first + len(day)], False, True
    move = np.where(halted, 0.0, np.clip(move, -cap, cap))
    at = min(anchor, len(whole) - 1)
    before, after = _log_prices(prices, move, at, _LOWEST_PRICE[board], free)
    return _Walk(issue_keys, before, after, deviation, halted, cap)


def _dynamics(issue: Issue) -> _Dynamics:
    return _DYNAMICS[issue.market if issue.kind == "stock" else issue.kind]


def _premiums(
    issue_keys: Sequence[int], day: Ints, followed: Sequence[Floats | None] | None, anchor: int
) -> Floats | float:
    """Log of the closing price over the net asset value of the issues that follow something; 0 on the anchor day."""
    if followed is None or all(exact is None for exact in followed):
        return 0.0
    follows = _column([exact is not None for exact in followed])
    drawn: Floats = follows * _PREMIUM * hash_random.normal(_keys(issue_keys, "premium"), day)
    drawn[:, anchor : anchor + 1] = 0.0
    return drawn


def _column(numbers: Sequence[float]) -> Floats:
    """A number per issue, to be used with a row of days per issue."""
    return np.array(numbers, np.float64)[:, None]


def _keys(issue_keys: Sequence[int], what: str) -> NDArray[np.uint64]:
    """A random key per issue, to be used with a row of days per issue."""
    return np.array([hash_random.key(issue_key, what) for issue_key in issue_keys], np.uint64)[:, None]


def _fat_tailed(issue_keys: Sequence[int], day: Ints) -> Floats:
    """Random numbers of which one in thirty is nearly three times as large: days with news."""
    news = hash_random.uniform(_keys(issue_keys, "news"), day) < 1 / 30
    return hash_random.normal(_keys(issue_keys, "move"), day) * np.where(news, 2.8, 0.9)


def _max_moves(day: Ints, board: str) -> Floats:
    """The largest log return of each day that stays within its price limit after any rounding."""
    cap = np.empty(len(day))
    for part, rules in price_rules.spans(day, board):
        cap[part] = np.log1p(rules.percent / 100 - _MARGIN)
    return cap


def _log_prices(
    prices: Sequence[int], move: Floats, anchor: int, lowest_price: float, free: Flags
) -> tuple[Floats, Floats]:
    """The log price before and after each day, where it is the issue's price at the anchor's close.

    A walk that gets too far from that price is reflected, which makes no step larger, unless it is ``free``.
    """
    logs = [float(np.log(price)) for price in prices]
    floors = [min(log, max(log - np.log(_MAX_FALL), np.log(lowest_price))) for log in logs]
    reflected = ~free[:, None]
    price, floor = _column(logs), _column(floors)
    # Summing away from the anchor makes each day's sum the same to the bit for a walk of any length.
    after = np.empty(move.shape)
    after[:, anchor : anchor + 1] = price
    after[:, anchor + 1 :] = price + np.cumsum(move[:, anchor + 1 :], axis=1)
    after[:, :anchor] = (price - np.cumsum(move[:, anchor:0:-1], axis=1))[:, ::-1]
    before = after - move
    width = price + np.log(_MAX_RISE) - floor

    def fold(level: Floats) -> Floats:
        folded: Floats = floor + width - np.abs((level - floor) % (2 * width) - width)
        return np.where(reflected, folded, level)

    return fold(before), fold(after)


def _log_bars(
    issue_keys: Sequence[int],
    day: Ints,
    move: Floats,
    deviation: Floats,
    cap: Floats,
    premium: Floats | float,
) -> tuple[Floats, ...]:
    """Open, high, low and close of each day, as log price relative to the previous close."""
    move = move + premium
    gap = 0.3 * deviation * hash_random.normal(_keys(issue_keys, "gap"), day)
    open_ = np.clip(0.3 * move + gap, -cap, cap)
    above, below = (
        0.5 * deviation * np.abs(hash_random.normal(_keys(issue_keys, side), day))
        for side in ("above", "below")
    )
    high = np.minimum(np.maximum(open_, move) + above, cap)
    low = np.maximum(np.minimum(open_, move) - below, -cap)
    return open_, high, low, move


def _on_grid(day: Ints, board: str, prices: Sequence[Floats]) -> list[Ints]:
    found = [np.empty(exact.shape, np.int64) for exact in prices]
    for part, rules in price_rules.spans(day, board):
        for placed, exact in zip(found, prices, strict=True):
            placed[:, part] = rules.nearest_array(exact[:, part])
    return found


def _values(day: Ints, board: str, value: Ints, low: Ints) -> Ints:
    """Values that trades at valid prices can add up to: multiples of the tick at the day's low."""
    found = value.copy()
    for part, rules in price_rules.spans(day, board):
        found[:, part] -= value[:, part] % rules.tick_array(low[:, part])
    return found


def _halts(
    issue_keys: Sequence[int], day: Ints, actions: Sequence[Sequence[CorporateAction]], whole: Ints
) -> Flags:
    """Days on which trading is halted: a few random ones, and those before a corporate action.

    The action may be on a later day of ``whole``, which begins with ``day``.
    """
    chance = hash_random.uniform(_keys(issue_keys, "halt"), day)
    issue, start = np.nonzero(chance < _HALT_CHANCE)
    random = hash_random.bits(_keys(issue_keys, "halt length")[issue, 0], day[start])
    halted = np.zeros(chance.shape, np.bool_)
    for row, begun, length in zip(
        issue.tolist(), start.tolist(), (random % np.uint64(_LONGEST_HALT)).tolist(), strict=True
    ):
        halted[row, begun : begun + 1 + length] = True
    for row, of_issue in enumerate(actions):
        for action in of_issue:
            effective = int(np.searchsorted(whole, action.epoch_day))
            halted[row, max(0, effective - action.halted) : effective] = True
            halted[row, effective : effective + 1] = False
    halted[:, 0] = False
    return halted


def _last_traded(halted: Flags) -> Ints:
    """Index of the last day with trading up to each day."""
    return np.maximum.accumulate(np.where(halted, 0, np.arange(halted.shape[1])), axis=1)


def _usual_volume(issue_key: int, issue: Issue, price: int, dynamics: _Dynamics) -> float:
    """Shares a day: less turnover in larger companies."""
    size: float = issue.shares * price / 1e12
    interest = float(np.exp(0.6 * (issue_key // 1009 % 1009 / 504 - 1)))
    usual: float = issue.shares * dynamics.turnover / 100 * size**-0.15 * interest
    return usual


def _relative_volumes(issue_keys: Sequence[int], day: Ints, relative_move: Floats) -> Floats:
    """Daily volume in usual ones, and in today's shares: more on larger moves."""
    drift = 0.5 * hash_random.smooth_normal(_keys(issue_keys, "interest"), day, 40)
    noise = 0.45 * hash_random.normal(_keys(issue_keys, "volume"), day)
    relative: Floats = np.exp(drift + noise + 0.3 * np.minimum(relative_move, 4))
    return relative
