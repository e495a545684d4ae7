"""Tick sizes and daily price limits by date, from ``data/ticks.tsv`` and ``_PRICE_LIMITS``.

A board, as the tables have it, is ``KOSPI``, ``KOSDAQ``, ``KONEX``, or ``ETP`` for ETFs and ETNs. The simulated broker
and the client's guards of orders share these tables.

>>> tick(15_000, date(2023, 1, 24), "KOSPI"), tick(15_000, date(2023, 1, 25), "KOSPI")
(50, 10)
>>> limits(77_500, date(2022, 1, 17), "KOSPI")
(100500, 54300)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache, cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernel_server.tsv import rows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BOARDS: Mapping[str, str] = {
    **dict.fromkeys(("0", "6"), "KOSPI"),
    **dict.fromkeys(("10", "16"), "KOSDAQ"),
    "50": "KONEX",
    **dict.fromkeys(("8", "60"), "ETP"),
}
"""Boards by GetStockMarketKind. ELWs, funds and K-OTC have rules that are not in the tables."""

_DATA = Path(__file__).with_name("data")

_EPOCH_DAY = date(1970, 1, 1).toordinal()


class PriceRules:
    """Tick sizes and price limit of a board during one period; prices in KRW.

    Attributes:
        edges: prices at which the tick size changes, ascending.
        ticks: tick sizes, one more than edges.
        percent: price limit in percent of the base price.
    """

    def __init__(self, edges: tuple[int, ...], ticks: tuple[int, ...], percent: int) -> None:
        self.edges = edges
        self.ticks = ticks
        self.percent = percent

    @cached_property
    def _arrays(self) -> tuple[Ints, Ints]:
        return np.array(self.edges, np.int64), np.array(self.ticks, np.int64)

    def tick(self, price: int) -> int:
        """The tick size at a price; at an edge, the one above it."""
        return self.ticks[bisect_right(self.edges, price)]

    def floor(self, price: int) -> int:
        """The highest valid price that is not above ``price``."""
        return price - price % self.tick(price)

    def ceil(self, price: int) -> int:
        """The lowest valid price that is not below ``price``."""
        return -(-price // self.tick(price)) * self.tick(price)

    def limits(self, base: int) -> tuple[int, int]:
        """상한가 and 하한가 for a base price (기준가).

        The distance is cut to the tick at the base, and is at least one tick; then both prices are moved inwards to
        valid prices. The lower one is at least one tick.
        """
        step = self.tick(base)
        room = max(step, base * self.percent // 100 // step * step)
        return self.floor(base + room), max(self.ceil(base - room), self.ticks[0])

    def tick_array(self, prices: Ints) -> Ints:
        """``tick`` for many prices at once."""
        edges, ticks = self._arrays
        sizes: Ints = ticks[np.searchsorted(edges, prices, side="right")]
        return sizes

    def floor_array(self, prices: Ints) -> Ints:
        """``floor`` for many prices at once."""
        return prices - prices % self.tick_array(prices)

    def ceil_array(self, prices: Ints) -> Ints:
        """``ceil`` for many prices at once."""
        tick = self.tick_array(prices)
        return -(-prices // tick) * tick

    def nearest_array(self, prices: Floats) -> Ints:
        """The valid price nearest to each of ``prices``, which may have fractions; at least one tick.

        Monotonic: a higher price never gives a lower result.
        """
        whole = np.maximum(np.rint(prices), 1.0).astype(np.int64)
        steps = self.tick_array(whole)
        nearest: Ints = np.maximum((whole + steps // 2) // steps, 1) * steps
        return nearest

    def limits_array(self, bases: Ints) -> tuple[Ints, Ints]:
        """``limits`` for many base prices at once: the upper limits, the lower limits."""
        step = self.tick_array(bases)
        room = np.maximum(step, bases * self.percent // 100 // step * step)
        upper, lower = bases + room, np.maximum(bases - room, 1)
        tick = self.tick_array(lower)
        return upper - upper % self.tick_array(upper), -(-lower // tick) * tick


_PRICE_LIMITS = (  # from which day on, board, percent
    # Simplified: before 1998-03-02 the limit was narrower, and until 1995 a sum in KRW by price.
    ("1956-03-03", "KOSPI", 12),
    ("1998-12-07", "KOSPI", 15),
    ("2015-06-15", "KOSPI", 30),
    ("1956-03-03", "KOSDAQ", 12),  # simplified: narrower in its first years
    ("2005-03-28", "KOSDAQ", 15),
    ("2015-06-15", "KOSDAQ", 30),
    ("1956-03-03", "KONEX", 15),  # the market opened in 2013
    # The first ETF was listed in 2002; leveraged ones have a multiple of it, which is left out.
    ("1956-03-03", "ETP", 15),
    ("2015-06-15", "ETP", 30),
)


@cache
def _table() -> dict[str, list[tuple[int, PriceRules]]]:
    """The rules of each board with the day (since the epoch) from which they apply, oldest first."""
    grids: dict[str, dict[int, list[tuple[str, int]]]] = {}
    for since, where, below, size in rows(_DATA / "ticks.tsv"):
        grids.setdefault(where, {}).setdefault(_day(since), []).append((below, int(size)))
    percents: dict[str, dict[int, int]] = {}
    for since, where, percent in _PRICE_LIMITS:
        percents.setdefault(where, {})[_day(since)] = percent
    return {where: list(_merged(grids[where], percents[where])) for where in grids}


def _merged(
    grids: dict[int, list[tuple[str, int]]], percents: dict[int, int]
) -> Iterator[tuple[int, PriceRules]]:
    for since in sorted({*grids, *percents}):
        grid = grids[max(day for day in grids if day <= since)]
        percent = percents[max(day for day in percents if day <= since)]
        edges = tuple(int(below) for below, _size in grid if below != "-")
        yield since, PriceRules(edges, tuple(size for _below, size in grid), percent)


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal() - _EPOCH_DAY


def _of(board: str) -> list[tuple[int, PriceRules]]:
    try:
        return _table()[board]
    except KeyError:
        raise LookupError(f"no board {board!r}; there are {', '.join(_table())}") from None


@lru_cache(maxsize=256)
def rules(day: date, board: str) -> PriceRules:
    """The rules of a board on a day.

    Raises:
        LookupError: no such board.
    """
    versions = _of(board)
    number = day.toordinal() - _EPOCH_DAY
    return versions[max(0, bisect_right([since for since, _rules in versions], number) - 1)][1]


def spans(days: Ints, board: str) -> Iterator[tuple[slice, PriceRules]]:
    """The slices of ``days`` (since the epoch, ascending) that share the same rules."""
    versions = _of(board)
    cuts = np.searchsorted(days, [since for since, _rules in versions[1:]], side="left").tolist()
    for start, end, (_since, found) in zip([0, *cuts], [*cuts, len(days)], versions, strict=True):
        if start < end:
            yield slice(start, end), found


def tick(price: int, day: date, board: str) -> int:
    """The tick size at a price, on a day, on a board."""
    return rules(day, board).tick(price)


def limits(base: int, day: date, board: str) -> tuple[int, int]:
    """상한가 and 하한가 for a base price, on a day, on a board."""
    return rules(day, board).limits(base)
