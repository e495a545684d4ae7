"""Computes the indices of a market from their members' histories, in steps of about a millisecond.

The control thread can do other work between steps; what is left is computed on request. A bad file raises whenever
it is reached, and the computation starts again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market import baskets
from kernel_server.simulated.market.day_summary import history
from kernel_server.simulated.market.model import Bars, Market
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

SCALE = 100
"""Bars of an index are in hundredths of a point."""

# Members do not peak at the same time: the index reaches this share of the distance to their combined extremes.
_EXTREME_SHARE = 0.5
_ANCHOR_DAY = 20251230
_ALL_SESSIONS = 100_000  # more sessions than there have been
_NONE = np.zeros(0, np.int64)
_EMPTY = Bars(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))


@cache
def index_codes() -> frozenset[str]:
    """Codes of all indices, whether or not the market has shares for them."""
    return frozenset(code for code, *_ in rows(_DATA / "index.tsv"))


@dataclass(frozen=True, slots=True)
class Index:
    """An index with its level on the anchor day and the codes of its basket.

    Attributes:
        group: its 시장구분 in requests: ``0`` KOSPI, ``1`` KOSDAQ, ``2`` KOSPI200.
        markets: markets of its issues.
        industries: industries of its issues, empty for all.
        size: number of its constituents, which are then its basket; 0 for all issues of its markets and industries.
        members: the basket that its value is computed from, the largest issue first.
    """

    code: str
    name: str
    group: str
    markets: tuple[str, ...]
    industries: tuple[str, ...]
    size: int
    level: float
    members: tuple[str, ...]


class IndexWeights:
    """Indices of a market with their whole series, computed step by step.

    Args:
        market: supplies the member shares.
        until: returns the end of all sessions, seconds since the epoch; called when a history is needed.
        days: returns YYYYMMDD of all sessions, ascending; likewise.
    """

    def __init__(self, market: Market, until: Callable[[], float], days: Callable[[], Ints]) -> None:
        self._market = market
        self._until = until
        self._days = days
        self._has_prices_cached = lru_cache(None)(self._has_prices)
        self._indices: dict[str, Index] = {}
        self._series: dict[str, Bars] = {}
        self._listing_steps = self._list_restarting()
        self._computing: dict[str, Iterator[None]] = {}

    def indices(self) -> Mapping[str, Index]:
        """Indices that have members in this market, by code."""
        _run_all(self._listing_steps)
        return self._indices

    def series(self, code: str) -> Bars:
        """The whole series of an index.

        Raises:
            KeyError: there is no such index.
        """
        _run_all(self._pending(code))
        return self._series[code]

    def advance(self, steps: int, codes: Iterable[str] = (), group: str | None = None) -> bool:
        """Take at most ``steps`` steps for ``codes`` and all of ``group``; returns whether they are complete."""
        for _ in itertools.chain(self._listing_steps, self._pending_of(codes, group)):
            steps -= 1
            if steps <= 0:
                return False
        return True

    def _pending_of(self, codes: Iterable[str], group: str | None) -> Iterator[None]:
        """Remaining steps for those indices and that group; the index list must be complete."""
        wanted = [*codes, *(index.code for index in self._indices.values() if index.group == group)]
        for code in wanted:
            for _ in self._pending(
                code
            ):  # not "yield from", which would close the computation with this generator
                yield

    def _has_prices(self, code: str) -> bool:
        try:
            return len(history(self._market, code, self._until(), 1)) > 0
        except BadMarketData:
            return True  # its indices fail, each by itself; the others do not

    def _list_restarting(self) -> Iterator[None]:
        try:
            yield from self._list()
        except BadMarketData:
            self._listing_steps = self._list_restarting()
            raise

    def _list(self) -> Iterator[None]:
        """Fill ``_indices``; one step an issue."""
        issues = baskets.by_size(self._market.issues(), self._market.anchor_prices())
        for code, name, group, markets, industries, size, basket, level in rows(_DATA / "index.tsv"):
            known = tuple(markets.split(",")), tuple(industries.split(",")) if industries else ()
            members: list[str] = []
            for issue in baskets.candidates(issues, *known):
                if len(members) == int(basket):
                    break
                if self._has_prices_cached(issue.code):
                    members.append(issue.code)
                yield
            if members:
                self._indices[code] = Index(
                    code, name, group, *known, int(size or 0), float(level), tuple(members)
                )

    def _pending(self, code: str) -> Iterator[None]:
        """Remaining steps until ``_series`` has the index; none for an unknown index."""
        if code not in self._computing and code in self.indices():
            self._computing[code] = self._compute_restarting(self._indices[code])
        return self._computing.get(code, iter(()))

    def _compute_restarting(self, index: Index) -> Iterator[None]:
        try:
            yield from self._compute(index)
        except BadMarketData:
            del self._computing[index.code]
            raise

    def _compute(self, index: Index) -> Iterator[None]:
        """Fill ``_series``; one step for each history read and each added up."""
        histories: list[tuple[int, Bars]] = []
        for member in index.members:
            found = history(self._market, member, self._until(), _ALL_SESSIONS)
            if len(found):
                histories.append((max(1, self._market.issues()[member].shares), found))
            yield
        # Days outside the calendar have no trading hours, so no minutes.
        times = np.intersect1d(
            np.unique(np.concatenate([b.time for _, b in histories] or [_NONE])), self._days()
        )
        market_value = _MarketValue(times)
        for shares, bars in histories:
            market_value.add(shares, bars)
            yield
        self._series[index.code] = _chain(index, market_value) if len(times) else _EMPTY


def _run_all(work: Iterator[None]) -> None:
    for _ in work:
        pass


class _MarketValue:
    """Market cap of the members before each day and at its four prices, and the day's volume and value."""

    def __init__(self, times: Ints) -> None:
        self.times = times
        self.before = np.zeros(len(times))
        self.at = {name: np.zeros(len(times)) for name in ("open", "high", "low", "close")}
        self.volume, self.value = np.zeros(len(times), np.int64), np.zeros(len(times), np.int64)

    def add(self, shares: int, bars: Bars) -> None:
        """Add a member."""
        times = self.times
        at = np.searchsorted(times, bars.time)
        inside = at < len(times)
        inside[inside] = times[at[inside]] == bars.time[inside]
        at = at[inside]
        self.volume[at] += bars.volume[inside]
        self.value[at] += bars.value[inside]
        # Without a bar on a day, the previous close applies.
        place = np.searchsorted(bars.time, times, "right") - 1
        today = place >= 0
        today[today] = bars.time[place[today]] == times[today]
        past = np.where(today, place - 1, place)
        there = past >= 0
        self.before += np.where(there, bars.close[past] * float(shares), 0.0)
        # A session without trades may have prices of 0: use its close.
        traded_today = today & (bars.low[place] > 0)
        for name, total in self.at.items():
            column = np.where(traded_today, getattr(bars, name)[place], bars.close[place])
            total += np.where(there, column * float(shares), 0.0)


def _chain(index: Index, market_value: _MarketValue) -> Bars:
    """Bars of an index chained from day to day."""
    times, before = market_value.times, market_value.before
    valid = before > 0
    ratios = {
        name: np.where(valid, total / np.where(valid, before, 1), 1.0)
        for name, total in market_value.at.items()
    }
    level = np.cumprod(ratios["close"])
    anchor = max(0, int(np.searchsorted(times, _ANCHOR_DAY, "right")) - 1)
    level *= index.level / level[anchor]
    past = np.append(level[0], level[:-1])
    opening, top, bottom = (past * ratios[name] for name in ("open", "high", "low"))
    most, least = np.maximum(opening, level), np.minimum(opening, level)
    top = most + (np.maximum(top, most) - most) * _EXTREME_SHARE
    bottom = least - (least - np.minimum(bottom, least)) * _EXTREME_SHARE
    open_, high, low, close = (np.rint(x * SCALE).astype(np.int64) for x in (opening, top, bottom, level))
    none = np.zeros(len(times), np.int64)
    return Bars(
        times, open_, high, low, close, market_value.volume, market_value.value, none, none.astype(np.float64)
    )
