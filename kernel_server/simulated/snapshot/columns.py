"""All issues of the market at one moment, as columns with one row an issue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kernel_server.reference.price_rules import PriceRules, rules
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market.day_summary import DaySummary
from kernel_server.simulated.market.model import Issue, board
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.snapshot.history_matrix import HistoryMatrix


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """Values that are constant during a session, one row an issue, in listing order.

    The row number of an issue is called its place.

    Attributes:
        issues: issues of KOSPI and KOSDAQ with at least one bar.
        dates: newest session of each, YYYYMMDD.
        base, upper, lower: 기준가, 상한가, 하한가 in KRW.
        columns: by name, NaN if unknown: ``previous_volume`` (shares), ``value_before`` (KRW), ``shares``,
            ``cap`` (억원, at 기준가), ``PER``, ``PBR``, ``ROE``, ``EPS``, ``BPS`` (KRW), ``credit`` (신용비율,
            percent), ``high`` (highest price of the previous 251 sessions, KRW), ``sum4``, ``sum19`` (sums of the
            previous 4 and 19 closes, KRW), ``ma5``, ``ma20`` (KRW, of the previous session); and as 0 or 1 ``kospi``,
            ``stock``, ``etf``, ``etn``, ``preferred``.
        history: the previous sessions.
    """

    issues: Sequence[Issue]
    dates: Sequence[int]
    base: Ints
    upper: Ints
    lower: Ints
    columns: Mapping[str, Floats]
    history: HistoryMatrix

    def __len__(self) -> int:
        return len(self.issues)

    def day_summary(self, place: int, prices: SessionPrices, at: int) -> DaySummary:
        """Summary of the newest session of the issue at ``place``, with the prices at index ``at``."""
        return DaySummary(
            issue=self.issues[place],
            date=self.dates[place],
            base=int(self.base[place]),
            open=int(prices.open[at]),
            high=int(prices.high[at]),
            low=int(prices.low[at]),
            last=int(prices.last[at]),
            volume=int(prices.volume[at]),
            value=int(prices.value[at]),
            previous_volume=int(self.columns["volume_before"][place]),
            upper=int(self.upper[place]),
            lower=int(self.lower[place]),
        )


def group_by_rules(issues: Sequence[Issue], dates: Sequence[int]) -> Iterator[tuple[Ints, PriceRules]]:
    """Group issues, each on its date (YYYYMMDD), by the price rules that apply."""
    groups: dict[tuple[int, str], list[int]] = {}
    for place, (issue, date) in enumerate(zip(issues, dates, strict=True)):
        groups.setdefault((date, board(issue)), []).append(place)
    for (date, board_name), places in groups.items():
        yield np.array(places), rules(day_of(date), board_name)


@dataclass(frozen=True, slots=True)
class SessionPrices:
    """Prices of the session so far, or of the completed session; KRW and shares. 기준가 if not traded."""

    open: Ints
    high: Ints
    low: Ints
    last: Ints
    volume: Ints
    value: Ints

    def at(self, places: Ints) -> SessionPrices:
        """The prices of some places."""
        return SessionPrices(*(getattr(self, name)[places] for name in SessionPrices.__slots__))


class MarketSnapshot(Protocol):
    """The whole market at one moment."""

    @property
    def facts(self) -> IssueFacts: ...

    @property
    def prices(self) -> SessionPrices: ...
