"""View of all issues at one moment, as columns for sorting, filtering and display."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from kernel_server.simulated.base.arrays import Floats
from kernel_server.simulated.snapshot.columns import SessionPrices
from kernel_server.simulated.snapshot.expected_prices import ExpectedColumns
from kernel_server.simulated.snapshot.market_moments import MarketMoment, MarketMoments
from kernel_server.simulated.snapshot.scanner import MarketScanner

_OF_FACTS = ("volume_before", "value_before", "credit", "kospi", "stock", "etf", "etn", "preferred")


class BarsView:
    """All issues as the minutes that are over say, for what is added up over days and minutes.

    Attributes:
        prices: prices, volumes and values of the minutes that are over.
    """

    def __init__(self, scanner: MarketScanner, now: float) -> None:
        self.now = now
        self.facts = scanner.facts(now)
        self.prices = scanner.prices(now)


class RankingView:
    """All issues at ``now``.

    Attributes:
        bars: the same issues, as the minutes that are over say.
    """

    def __init__(self, scanner: MarketScanner, now: float, moments: MarketMoments) -> None:
        self.now = now
        self.bars = BarsView(scanner, now)
        self.facts = self.bars.facts
        self._moments = moments
        self._ago: dict[float, MarketMoment] = {}

    @cached_property
    def moment(self) -> MarketMoment:
        """Prices and quotes at ``now``."""
        return self._moments.now(self.now)

    @property
    def prices(self) -> SessionPrices:
        """Prices to the newest trade."""
        return self.moment.prices

    @cached_property
    def expected(self) -> ExpectedColumns:
        """What the newest auction of each issue would trade, or has traded."""
        return self._moments.expected(self.now)

    def ago(self, seconds: float) -> MarketMoment:
        """Prices and quotes ``seconds`` ago."""
        if seconds not in self._ago:
            self._ago[seconds] = self._moments.before(self.now, seconds)
        return self._ago[seconds]

    def prices_ago(self, seconds: float) -> SessionPrices:
        """Prices ``seconds`` ago."""
        return self.ago(seconds).prices

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


def expected_columns(view: RankingView) -> Mapping[str, Floats]:
    """Price and volume of the newest auction, which the watch list has as 예상체결가 and 예상체결량."""
    facts, expected = view.facts, view.expected
    known = expected.price > 0
    change = (np.where(known, expected.price, facts.base) - facts.base).astype(np.float64)
    return {
        "expected_price": expected.price.astype(np.float64),
        "expected_change": change,
        "expected_rate": change / np.maximum(facts.base, 1),
        "expected_volume": expected.volume.astype(np.float64),
        "expected_flat": (change == 0) * view.columns["traded"],
        "expected_upper": (known & (expected.price >= facts.upper)) * view.columns["traded"],
        "expected_lower": (known & (expected.price <= facts.lower)) * view.columns["traded"],
    }
