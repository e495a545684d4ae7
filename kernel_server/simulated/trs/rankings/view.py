"""View of all issues at one moment, as columns for sorting, filtering and display."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.snapshot.columns import IssueFacts, SessionPrices, group_by_rules
from kernel_server.simulated.snapshot.scanner import MarketScanner

_OF_FACTS = ("volume_before", "value_before", "credit", "kospi", "stock", "etf", "etn", "preferred")


class RankingView:
    """All issues at ``now``."""

    def __init__(self, scanner: MarketScanner, now: float) -> None:
        self.now = now
        self.facts = scanner.facts(now)
        self.prices = scanner.prices(now)
        self._scanner = scanner

    def prices_ago(self, seconds: float) -> SessionPrices:
        """Prices ``seconds`` ago."""
        return self._scanner.prices_before(self.now, seconds)

    @cached_property
    def columns(self) -> dict[str, Floats]:
        """Columns by name: numbers, flags as 0 and 1; money in KRW."""
        facts, prices = self.facts, self.prices
        change = (prices.last - facts.base).astype(np.float64)
        upper, lower = prices.last >= facts.upper, prices.last <= facts.lower
        shares = facts.columns["shares"]
        columns = {
            "place": np.arange(len(facts)),
            "change": change,
            "rate": change / np.maximum(facts.base, 1),
            "up": change > 0,
            "down": change < 0,
            "flat": change == 0,
            "volume": prices.volume,
            "traded": prices.volume > 0,
            "value": prices.value,
            "price": prices.last,
            "turnover": np.where(shares > 0, prices.volume / np.maximum(shares, 1.0), 0.0),
            "upper": upper,
            "lower": lower,
            "limit": upper | lower,
            **{name: facts.columns[name] for name in _OF_FACTS},
        }
        return {name: np.asarray(column, np.float64) for name, column in columns.items()}


@dataclass(frozen=True, slots=True)
class BookSizes:
    """Total resting volume of every issue's book, as in the watch list (OPTKWFID)."""

    asks: Ints
    bids: Ints


def book_sizes(facts: IssueFacts, prices: SessionPrices) -> BookSizes:
    """Book sizes of all issues at once, equal to those of ``day_summary.book``."""
    codes, dates = (
        hash_random.text_parts([issue.code for issue in facts.issues]),
        np.array(facts.dates, np.int64),
    )

    def draw(what: str, below: Ints | int, more: Ints) -> Ints:
        drawn = hash_random.keys(codes, dates, what, more) % np.asarray(np.maximum(below, 1), np.uint64)
        return drawn.astype(np.int64)

    last, volume = prices.last, prices.volume
    bought = draw("side", 2, volume) == 1
    ask, bid = last.copy(), last.copy()
    for places, grid in group_by_rules(facts.issues, facts.dates):
        taken, price = bought[places], last[places]
        low = grid.floor_array(price)
        asked = np.where(taken, grid.ceil_array(price), low + grid.tick_array(low))
        ask[places] = asked
        bid[places] = np.where(taken, grid.floor_array(np.maximum(asked - 1, 0)), low)
    unit = np.maximum(volume // 1000, 1) * 4
    best_ask = (1 + draw("ask", unit, last)) * ((ask <= facts.upper) & (ask > 0))
    best_bid = (1 + draw("bid", unit, last)) * ((bid >= facts.lower) & (bid > 0))
    return BookSizes(best_ask * (4 + draw("asks", 20, last)), best_bid * (4 + draw("bids", 20, last)))


def expected_columns(view: RankingView) -> Mapping[str, Floats]:
    """Result of the opening auction, which the watch list keeps as 예상체결가 and 예상체결량."""
    facts, prices = view.facts, view.prices
    codes, dates = (
        hash_random.text_parts([issue.code for issue in facts.issues]),
        np.array(facts.dates, np.int64),
    )
    drawn = hash_random.keys(codes, dates, "opening") % np.maximum(prices.volume // 50, 1).astype(np.uint64)
    change = (prices.open - facts.base).astype(np.float64)
    return {
        "expected_change": change,
        "expected_rate": change / np.maximum(facts.base, 1),
        "expected_volume": np.minimum(prices.volume, 1 + drawn.astype(np.int64)).astype(np.float64),
        "expected_flat": (change == 0) * view.columns["traded"],
        "expected_upper": (prices.open >= facts.upper) * view.columns["traded"],
        "expected_lower": (prices.open <= facts.lower) * view.columns["traded"],
    }
