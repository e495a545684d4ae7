"""Every issue of the market at one moment, in columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market.day_summary import DaySummary
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.tick_size import PriceRules, board, rules
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.snapshot.history_matrix import HistoryMatrix


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """What holds all session long, one place an issue, in the order of the listing.

    Attributes:
        issues: those of KOSPI and KOSDAQ that have any bar.
        dates: the newest session of each, YYYYMMDD.
        base, upper, lower: 기준가, 상한가, 하한가 in KRW.
        columns: by name, NaN where unknown: ``previous_volume`` (shares), ``value_before`` (KRW), ``shares``,
            ``cap`` (억원, at 기준가), ``PER``, ``PBR``, ``ROE``, ``EPS``, ``BPS`` (KRW), ``credit`` (신용비율,
            percent), ``high`` (highest price of the 251 sessions before, KRW), ``sum4``, ``sum19`` (of so many
            closes before, KRW), ``ma5``, ``ma20`` (KRW, the session before).
        past: the sessions before.
    """

    issues: Sequence[Issue]
    dates: Sequence[int]
    base: Ints
    upper: Ints
    lower: Ints
    columns: Mapping[str, Floats]
    past: HistoryMatrix

    def __len__(self) -> int:
        return len(self.issues)

    def day(self, place: int, prices: SessionPrices, at: int) -> DaySummary:
        """The newest session of the issue at that place, with the prices ``at`` that index of ``prices``."""
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


def by_rules(issues: Sequence[Issue], dates: Sequence[int]) -> Iterator[tuple[Ints, PriceRules]]:
    """The places of those issues, each on its date (YYYYMMDD), under which the same rules hold."""
    groups: dict[tuple[int, str], list[int]] = {}
    for place, (issue, date) in enumerate(zip(issues, dates, strict=True)):
        groups.setdefault((date, board(issue)), []).append(place)
    for (date, where), places in groups.items():
        yield np.array(places), rules(day_of(date), where)


@dataclass(frozen=True, slots=True)
class SessionPrices:
    """The session so far, or the whole of it once it is over; KRW and shares. Untraded, it stands at 기준가."""

    open: Ints
    high: Ints
    low: Ints
    last: Ints
    volume: Ints
    value: Ints

    def at(self, places: Ints) -> SessionPrices:
        """Those at some places."""
        return SessionPrices(*(getattr(self, name)[places] for name in SessionPrices.__slots__))


class MarketSnapshot(Protocol):
    """The whole market at one moment."""

    @property
    def facts(self) -> IssueFacts: ...

    @property
    def prices(self) -> SessionPrices: ...
