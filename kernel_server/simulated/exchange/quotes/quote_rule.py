"""Quotes around an issue's newest public trade: ten asks and ten bids with their sizes.

They are a pure function of the issue, the day, the newest trade and the time since it, so that every reader of an
issue at a moment sees the same book, whether it is watched or not. ``QuoteRule`` gives the book of one issue,
``QuoteColumns`` those of many at once; the numbers are the same.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.exchange.quotes.book_levels import BookLevels
from kernel_server.simulated.market.trade_script import Side

LEVELS = 10
CHANGES = (
    0.02,
    0.06,
    0.15,
    0.35,
    0.8,
    2.0,
    5.0,
    11.0,
    20.0,
    35.0,
    60.0,
    100.0,
    180.0,
    300.0,
    600.0,
    1200.0,
    2400.0,
)
"""Seconds after a trade at which its quotes change, until the next trade; longer where trades are larger and fewer."""

ROUNDING = 1e-6
"""Seconds: a sum of a time and an offset is off by less."""

_CHANGE_TIMES = np.array(CHANGES)
_LEVELS_A_DAY = 400  # a usual level has one part in so many of the previous day's volume
_MIN_LEVEL = 5_000_000  # KRW in a usual level, at least
_DRAWS = 256
_DEVIATION = 0.7  # of the logarithm of a size
# Log-normal factors in a mixed order: a multiplication gives the same size alone and in an array.
_FACTORS = tuple(
    2.718281828459045 ** (_DEVIATION * NormalDist().inv_cdf((place * 97 % _DRAWS + 0.5) / _DRAWS))
    for place in range(_DRAWS)
)
_FACTOR_ARRAY = np.array(_FACTORS)
_STEADY = 4  # a level keeps its size for so many changes of its side; the best one changes with each
_WIDE_SPREAD = 9  # one trade in so many leaves a spread of two ticks where nothing is known of the issue
_WIDE_TURNOVER = 600_000_000  # KRW of the previous day for each trade that leaves a spread of one tick
_WIDE_UNTIL = 6  # changes after which that spread has closed
_PRICE, _NUMBER, _EPOCH, _ASK = 40_503, 48_271, 29, 131
_MASK = 0xFFFF


class QuoteState(NamedTuple):
    """What the quotes of an issue follow.

    Attributes:
        price: of the newest trade, or the expected price of an auction; 기준가 before the first trade. KRW.
        side: the initiator of that trade; NONE of an auction's.
        number: of the trade within its minute, from 0; in an auction a number that changes with the price.
        change: number of changes of the quotes since then.
    """

    price: int
    side: Side
    number: int
    change: int


def changes_after(seconds: float, trade_size: float = 1.0) -> int:
    """Number of changes of the quotes in so many seconds after a trade."""
    return int(np.searchsorted(_CHANGE_TIMES, (seconds + ROUNDING) / trade_size, side="right"))


def changes_after_array(seconds: Floats, trade_size: float = 1.0) -> Ints:
    """``changes_after`` for many trades at once."""
    return np.searchsorted(_CHANGE_TIMES, (seconds + ROUNDING) / trade_size, side="right").astype(np.int64)


def usual_size(previous_volume: int, base: int) -> float:
    """Usual shares of a level, by the previous day's volume and 기준가 (KRW)."""
    return max(previous_volume / _LEVELS_A_DAY, _MIN_LEVEL / max(base, 1))


def wide_spread(previous_value: int) -> int:
    """One trade in so many leaves a spread of two ticks, by the KRW that the issue traded on the previous day."""
    return 2 + previous_value // _WIDE_TURNOVER if previous_value else _WIDE_SPREAD


def quote_key(key: int) -> int:
    """The part of an issue's random key of a day that the quotes use."""
    return hash_random.key(key, "quotes") & _MASK


class QuoteRule:
    """The quotes of one issue on one day.

    Args:
        grid: the day's tick table.
        lower, upper: 하한가 and 상한가; there are no quotes beyond them.
        usual: usual shares of a level.
        key: as from ``quote_key``.
        wide: as from ``wide_spread``.
    """

    __slots__ = ("_grid", "_key", "_usual", "_wide", "lower", "upper")

    def __init__(
        self, grid: PriceRules, lower: int, upper: int, usual: float, key: int, wide: int = _WIDE_SPREAD
    ) -> None:
        self._grid = grid
        self._usual = usual
        self._key = key
        self._wide = wide
        self.lower = lower
        self.upper = upper

    def best(self, state: QuoteState) -> tuple[int, int]:
        """The best ask and bid, 0 for none."""
        price, side, number, change = state
        mixed = (number * _NUMBER ^ self._key) & _MASK
        if side is Side.NONE:
            side = Side.BUY if mixed & 1 and price < self.upper else Side.SELL
        wide = change < _WIDE_UNTIL and mixed % self._wide == 0
        if side is Side.BUY:
            bid = self._down(price)
            if wide and bid:
                bid = self._down(bid) or bid
            return (price if price < self.upper else 0), bid
        ask = self._up(price)
        if wide and ask:
            ask = self._up(ask) or ask
        return ask, (price if price > self.lower else 0)

    def quotes(self, state: QuoteState) -> tuple[BookLevels, BookLevels]:
        """Asks and bids, best first, at most ten levels each."""
        return FollowedQuotes(self).at(state)

    def ladder(self, price: int, direction: int) -> Sequence[int]:
        """Ten prices from the best one on, fewer at a limit, none without a best one."""
        if not price:
            return ()
        grid = self._grid
        tick = grid.tick(price)
        last = price + direction * tick * (LEVELS - 1)
        if not price % tick and self.lower <= last <= self.upper and grid.tick(last) == tick:
            return range(price, last + direction, direction * tick)
        prices = [price]
        step = self._up if direction > 0 else self._down
        while len(prices) < LEVELS and (price := step(price)):
            prices.append(price)
        return prices

    def sizes(self, prices: Sequence[int], ranks: Iterable[int], shown: int, key: int) -> list[int]:
        """Shares of some levels after so many changes of their side, whose random key that is; rank 0 is the best."""
        usual, factors, found = self._usual, _FACTORS, []
        for rank in ranks:
            place = prices[rank] * _PRICE >> 4
            epoch = (shown + place) // _STEADY if rank else shown
            found.append(int(usual * factors[(place + epoch * _EPOCH + key) % _DRAWS] + 0.5) or 1)
        return found

    def side_key(self, direction: int) -> int:
        """The random key of a side: 1 for asks, -1 for bids."""
        return self._key + (_ASK if direction > 0 else 0)

    def _up(self, price: int) -> int:
        """One tick up, 0 beyond the limit."""
        found = self._grid.ceil(price + 1)
        return found if found <= self.upper else 0

    def _down(self, price: int) -> int:
        """One tick down, 0 beyond the limit."""
        found = self._grid.floor(price - 1)
        return found if found >= self.lower else 0


class _FollowedSide:
    """One side of an issue's quotes: 1 for asks, -1 for bids."""

    __slots__ = ("_best", "_direction", "_key", "_levels", "_rule", "_shown", "_turns")

    def __init__(self, rule: QuoteRule, direction: int) -> None:
        self._rule = rule
        self._direction = direction
        self._key = rule.side_key(direction)
        self._best = self._shown = -1
        self._levels = BookLevels((), array("q"))
        self._turns = (
            b""  # of each level: the remainder of the number of the changes that give it other shares
        )

    def at(self, best: int, shown: int) -> BookLevels:
        """The levels from a best price on, after so many changes of this side."""
        before, self._shown = self._shown, shown
        if best != self._best:
            self._best = best
            prices = self._rule.ladder(best, self._direction)
            self._turns = bytes([-(price * _PRICE >> 4) % _STEADY for price in prices])
            sizes = self._rule.sizes(prices, range(len(prices)), shown, self._key)
            self._levels = BookLevels(prices, array("q", sizes))
        elif shown == before + 1:
            self._levels = self._changed(self._next(shown % _STEADY))
        elif shown != before:
            self._levels = self._changed(range(len(self._levels)))
        return self._levels

    def _next(self, turn: int) -> list[int]:
        """The levels that one more change gives other shares: the best one, and each whose turn it is."""
        turns = self._turns
        found = [0] if turns else []
        rank = turns.find(turn, 1)
        while rank > 0:
            found.append(rank)
            rank = turns.find(turn, rank + 1)
        return found

    def _changed(self, ranks: Sequence[int]) -> BookLevels:
        """The levels with the shares of some of them as they are now."""
        prices, before = self._levels.prices, self._levels.sizes
        sizes, changes = before[:], []
        for rank, new in zip(ranks, self._rule.sizes(prices, ranks, self._shown, self._key), strict=True):
            more = new - before[rank]
            if more:
                sizes[rank] = new
                changes.append((rank, new, more))
        return BookLevels(prices, sizes, before, changes)


class FollowedQuotes:
    """The quotes of one issue from state to state: only levels that change are made anew."""

    __slots__ = ("_asks", "_best", "_bids", "_rule", "_state")

    def __init__(self, rule: QuoteRule) -> None:
        self._rule = rule
        self._asks, self._bids = _FollowedSide(rule, 1), _FollowedSide(rule, -1)
        self._state: QuoteState | None = None
        self._best = (0, 0)

    def best(self, state: QuoteState) -> tuple[int, int]:
        """The best ask and bid, 0 for none."""
        before, self._state = self._state, state
        if (
            before is None
            or before.number != state.number
            or before.price != state.price
            or before.side is not state.side
            or (before.change < _WIDE_UNTIL) != (state.change < _WIDE_UNTIL)
        ):
            self._best = self._rule.best(state)
        return self._best

    def at(self, state: QuoteState) -> tuple[BookLevels, BookLevels]:
        """Asks and bids, best first, at most ten levels each."""
        ask, bid = self.best(state) if state is not self._state else self._best
        shown = state.number + state.change
        return self._asks.at(ask, shown + 1 >> 1), self._bids.at(bid, shown >> 1)


class QuoteColumns(NamedTuple):
    """Quotes of many issues: one row an issue, one column a level, best first; 0 for an empty level."""

    asks: Ints
    bids: Ints
    ask_sizes: Ints
    bid_sizes: Ints


class StateColumns(NamedTuple):
    """``QuoteState`` and the arguments of ``QuoteRule`` of many issues that share a tick table, as columns."""

    price: Ints
    side: Ints
    number: Ints
    change: Ints
    lower: Ints
    upper: Ints
    usual: Floats
    key: Ints
    wide: Ints


def quote_columns(grid: PriceRules, states: StateColumns, levels: int = LEVELS) -> QuoteColumns:
    """The best ``levels`` quotes of many issues, as ``QuoteRule.quotes`` gives them."""
    price, lower, upper = states.price, states.lower, states.upper
    mixed = (states.number * _NUMBER ^ states.key) & _MASK
    drawn = np.where((mixed & 1 > 0) & (price < upper), int(Side.BUY), int(Side.SELL))
    side = np.where(states.side == int(Side.NONE), drawn, states.side)
    wide = (states.change < _WIDE_UNTIL) & (mixed % states.wide == 0)
    bought = side == int(Side.BUY)

    def step(prices: Ints, up: bool) -> Ints:
        found = grid.ceil_array(prices + 1) if up else grid.floor_array(np.maximum(prices - 1, 0))
        return np.where((prices > 0) & ((found <= upper) if up else (found >= lower)), found, 0)

    def beside(up: bool) -> Ints:
        near = step(price, up)
        far = step(near, up)
        return np.where(wide & (far > 0), far, near)

    ask = np.where(bought, np.where(price < upper, price, 0), beside(True))
    bid = np.where(bought, beside(False), np.where(price > lower, price, 0))

    def ladder(best: Ints, up: bool) -> tuple[Ints, Ints]:
        shown = states.number + states.change + up >> 1
        prices, sizes = np.zeros((2, len(best), levels), np.int64)
        for rank in range(levels):
            place = best * _PRICE >> 4
            epoch = (shown + place) // _STEADY if rank else shown
            draw = (place + epoch * _EPOCH + states.key + (_ASK if up else 0)) % _DRAWS
            size = np.maximum((states.usual * _FACTOR_ARRAY[draw] + 0.5).astype(np.int64), 1)
            prices[:, rank], sizes[:, rank] = best, np.where(best > 0, size, 0)
            best = step(best, up)
        return prices, sizes

    asks, ask_sizes = ladder(ask, True)
    bids, bid_sizes = ladder(bid, False)
    return QuoteColumns(asks, bids, ask_sizes, bid_sizes)
