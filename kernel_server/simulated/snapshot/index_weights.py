"""Lays the indices of a market out from their members' histories, in steps of about a millisecond.

Between steps the control thread can do other things. What has not been laid out yet is when it is asked for. A file
that cannot be used is told of whenever one comes to it, and what it broke off begins anew.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.day_summary import history
from kernel_server.simulated.market.model import Bars, Issue, Market
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

SCALE = 100
"""Bars of an index are in hundredths of it."""

# Shares do not stand highest all at once: the index reaches this part of the way to where they would take it.
_TOGETHER = 0.5
_ANCHORED = 20251230
_EVERY = 100_000  # more sessions than there have been
_NONE = np.zeros(0, np.int64)
_EMPTY = Bars(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.zeros(0))


@cache
def index_codes() -> frozenset[str]:
    """Codes of all indices, whether or not the market has shares for them."""
    return frozenset(code for code, *_ in rows(_DATA / "index.tsv"))


@dataclass(frozen=True, slots=True)
class Index:
    """An index: its code and name, its market, where it stands at the anchor, and the codes it is made of.

    ``group`` is the 시장구분 under which it is asked for: ``0`` KOSPI, ``1`` KOSDAQ, ``2`` KOSPI200.
    """

    code: str
    name: str
    group: str
    market: str
    level: float
    members: tuple[str, ...]


class IndexWeights:
    """The indices of a market, and the whole series of each, as far as they have been laid out.

    Args:
        market: whose shares they are made of.
        until: the end of all sessions there are, seconds since the epoch, asked for once a history is needed.
        days: YYYYMMDD of all sessions, ascending, likewise.
    """

    def __init__(self, market: Market, until: Callable[[], float], days: Callable[[], Ints]) -> None:
        self._market = market
        self._until = until
        self._days = days
        self._priced = lru_cache(None)(self._has_prices)
        self._known: dict[str, Index] = {}
        self._series: dict[str, Bars] = {}
        self._listing = self._listed()
        self._summing: dict[str, Iterator[None]] = {}

    def known(self) -> Mapping[str, Index]:
        """The indices that have members here, by code."""
        _exhaust(self._listing)
        return self._known

    def series(self, code: str) -> Bars:
        """The whole series.

        Raises:
            KeyError: there is no such index.
        """
        _exhaust(self._work(code))
        return self._series[code]

    def advance(self, steps: int, codes: Iterable[str] = (), group: str | None = None) -> bool:
        """Goes on for at most so many steps, for those indices and for all of ``group``. Whether they are laid out."""
        for _ in itertools.chain(self._listing, self._works(codes, group)):
            steps -= 1
            if steps <= 0:
                return False
        return True

    def _works(self, codes: Iterable[str], group: str | None) -> Iterator[None]:
        """What is left to do for those indices and that group; the indices themselves are known by now."""
        wanted = [*codes, *(index.code for index in self._known.values() if index.group == group)]
        for code in wanted:
            for _ in self._work(code):  # not "yield from": the work goes on when this ends before it
                yield

    def _has_prices(self, code: str) -> bool:
        return len(history(self._market, code, self._until(), 1)) > 0

    def _listed(self) -> Iterator[None]:
        try:
            yield from self._list()
        except BadMarketData:
            self._listing = self._listed()
            raise

    def _list(self) -> Iterator[None]:
        """Fills ``_known``; a step for each issue that is looked at."""
        issues = list(self._market.issues().values())
        for code, name, group, market, industries, many, level in rows(_DATA / "index.tsv"):
            wanted = set(industries.split(",")) if industries else None
            members: list[str] = []
            for issue in issues:
                if len(members) == int(many):
                    break
                if _belongs(issue, market, wanted):
                    if self._priced(issue.code):
                        members.append(issue.code)
                    yield
            if members:
                self._known[code] = Index(code, name, group, market, float(level), tuple(members))

    def _work(self, code: str) -> Iterator[None]:
        """What is left to do until ``_series`` has the index; nothing where there is no such index."""
        if code not in self._summing and code in self.known():
            self._summing[code] = self._summed(self._known[code])
        return self._summing.get(code, iter(()))

    def _summed(self, index: Index) -> Iterator[None]:
        try:
            yield from self._sum(index)
        except BadMarketData:
            del self._summing[index.code]
            raise

    def _sum(self, index: Index) -> Iterator[None]:
        """Fills ``_series``; a step for each history that is read, and for each that is added up."""
        held: list[tuple[int, Bars]] = []
        for member in index.members:
            found = history(self._market, member, self._until(), _EVERY)
            if len(found):
                held.append((max(1, self._market.issues()[member].shares), found))
            yield
        # A day the calendar does not know has no hours, so no minutes could be told of it.
        times = np.intersect1d(np.unique(np.concatenate([b.time for _, b in held] or [_NONE])), self._days())
        worth = _MarketValue(times)
        for shares, bars in held:
            worth.add(shares, bars)
            yield
        self._series[index.code] = _chained(index, worth) if len(times) else _EMPTY


def _exhaust(work: Iterator[None]) -> None:
    for _ in work:
        pass


def _belongs(issue: Issue, market: str, industries: set[str] | None) -> bool:
    common = issue.kind == "stock" and issue.code.endswith("0") and issue.market == market
    return common and (industries is None or issue.industry in industries)


class _MarketValue:
    """Market value before each day and at its four prices, of the shares that were there before it; what traded."""

    def __init__(self, times: Ints) -> None:
        self.times = times
        self.before = np.zeros(len(times))
        self.at = {name: np.zeros(len(times)) for name in ("open", "high", "low", "close")}
        self.volume, self.value = np.zeros(len(times), np.int64), np.zeros(len(times), np.int64)

    def add(self, shares: int, bars: Bars) -> None:
        """One more member."""
        times = self.times
        at = np.searchsorted(times, bars.time)
        inside = at < len(times)
        inside[inside] = times[at[inside]] == bars.time[inside]
        at = at[inside]
        self.volume[at] += bars.volume[inside]
        self.value[at] += bars.value[inside]
        # A day that the share has no bar of leaves it where it was.
        place = np.searchsorted(bars.time, times, "right") - 1
        today = place >= 0
        today[today] = bars.time[place[today]] == times[today]
        past = np.where(today, place - 1, place)
        there = past >= 0
        self.before += np.where(there, bars.close[past] * float(shares), 0.0)
        # A session without a trade may come with prices of 0: its close stands for them.
        whole = today & (bars.low[place] > 0)
        for name, total in self.at.items():
            column = np.where(whole, getattr(bars, name)[place], bars.close[place])
            total += np.where(there, column * float(shares), 0.0)


def _chained(index: Index, worth: _MarketValue) -> Bars:
    """The index from day to day."""
    times, before = worth.times, worth.before
    kept = before > 0
    ratios = {
        name: np.where(kept, total / np.where(kept, before, 1), 1.0) for name, total in worth.at.items()
    }
    level = np.cumprod(ratios["close"])
    anchor = max(0, int(np.searchsorted(times, _ANCHORED, "right")) - 1)
    level *= index.level / level[anchor]
    past = np.append(level[0], level[:-1])
    opening, top, bottom = (past * ratios[name] for name in ("open", "high", "low"))
    most, least = np.maximum(opening, level), np.minimum(opening, level)
    top = most + (np.maximum(top, most) - most) * _TOGETHER
    bottom = least - (least - np.minimum(bottom, least)) * _TOGETHER
    open_, high, low, close = (np.rint(x * SCALE).astype(np.int64) for x in (opening, top, bottom, level))
    none = np.zeros(len(times), np.int64)
    return Bars(times, open_, high, low, close, worth.volume, worth.value, none, none.astype(np.float64))
