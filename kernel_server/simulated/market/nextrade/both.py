"""The Korea Exchange and the other exchanges as one ``Market``: a code says which of them is meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import chain

from kernel_server.reference.price_rules import rules
from kernel_server.simulated.market.day_summary import DaySummary, history, latest_summary
from kernel_server.simulated.market.model import Bars, Issue, Market, board
from kernel_server.simulated.market.nextrade.market import NextradeMarket
from kernel_server.simulated.market.nextrade.venues import split
from kernel_server.simulated.market.trading_hours import day_of


class _AllIssues(Mapping[str, Issue]):
    """Two mappings as one: a copy would make every issue at another exchange."""

    def __init__(self, first: Mapping[str, Issue], other: Mapping[str, Issue]) -> None:
        self._first, self._other = first, other

    def __getitem__(self, code: str) -> Issue:
        found = self._first.get(code)
        return self._other[code] if found is None else found

    def __iter__(self) -> Iterator[str]:
        return chain(self._first, self._other)

    def __len__(self) -> int:
        return len(self._first) + len(self._other)


class BothMarkets:
    """The issues of the Korea Exchange, and these at other exchanges.

    Args:
        market: the Korea Exchange.
        nextrade: the same issues at other exchanges.
    """

    def __init__(self, market: Market, nextrade: NextradeMarket) -> None:
        self.source = market.source
        self.minutes_fit_days = market.minutes_fit_days
        self._market = market
        self._nextrade = nextrade

    @cached_property
    def _issues(self) -> Mapping[str, Issue]:
        return _AllIssues(self._market.issues(), self._nextrade.issues())

    def issues(self) -> Mapping[str, Issue]:
        """All issues, with those at other exchanges."""
        return self._issues

    def anchor_prices(self) -> Mapping[str, int]:
        """Prices at the Korea Exchange."""
        return self._market.anchor_prices()

    def _of(self, code: str) -> Market:
        return self._nextrade if split(code)[1] else self._market

    def daily(self, code: str, adjusted: bool, now: float, days: int | None = None) -> Bars:
        """See ``Market``."""
        return self._of(code).daily(code, adjusted, now, days)

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        """See ``Market``."""
        return self._of(code).minute(code, adjusted, now, days)

    def after_market(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        """See ``Market``."""
        return self._of(code).after_market(code, adjusted, now, days)

    def evening_news(self, code: str, now: float) -> bool:
        """See ``Market``."""
        return self._of(code).evening_news(code, now)


def newest_day(market: Market, issue: Issue, bars: Bars, now: float) -> DaySummary | None:
    """Summary of an issue's newest session; 기준가 is the Korea Exchange's at every exchange.

    Args:
        market: of the issue.
        issue: at any exchange.
        bars: its adjusted daily bars.
        now: seconds since the epoch.
    """
    summary = latest_summary(issue, bars)
    own, venue = split(issue.code)
    if summary is None or not venue:
        return summary
    exchange = history(market, own, now, 3)
    before = exchange.close[exchange.time < summary.date]
    base = int(before[-1]) if len(before) else summary.base
    upper, lower = rules(day_of(summary.date), board(issue)).limits(base)
    return replace(summary, base=base, upper=upper, lower=lower)
