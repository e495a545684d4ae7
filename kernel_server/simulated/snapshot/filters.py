"""Saved conditions of the user, and screening of the market by them.

All rules of a condition, rows of ``condition_rule.tsv``, must hold. Fundamentals and market cap are valued at 기준가
and constant during a day; the other fields are live.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.snapshot.columns import IssueFacts, SessionPrices
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rule:
    """A range of a field from ``least`` to ``most``, both included. NaN is outside every range."""

    field: str
    least: float
    most: float

    def fulfilled(self, values: Floats) -> Flags:
        """Mask of the values within the range."""
        fulfilled: Flags = (values >= self.least) & (values <= self.most)
        return fulfilled


@dataclass(frozen=True, slots=True)
class Condition:
    """A saved condition: index, name and rules."""

    index: int
    name: str
    rules: Sequence[Rule]


_NAMES = (  # by index
    "대형 저평가 우량주",
    "중소형 저평가주",
    "단기 골든크로스",
    "거래량 급증주",
    "250일 신고가 근접",
    "장중 급등주",
    "대형주 급락",
    "전체 대형주",
)


def saved_conditions() -> list[Condition]:
    """All saved conditions."""
    fulfilled: dict[int, list[Rule]] = {}
    for index, field, least, most, _what in rows(_DATA / "condition_rule.tsv"):
        rule = Rule(field, float(least or "-inf"), float(most or "inf"))
        fulfilled.setdefault(int(index), []).append(rule)
    for rule in (rule for rules in fulfilled.values() for rule in rules):
        if rule.field not in _DAILY and rule.field not in _LIVE:
            raise LookupError(f"there is no field {rule.field!r} to screen by")
    return [Condition(index, name, fulfilled[index]) for index, name in enumerate(_NAMES)]


def _of(name: str) -> Callable[[IssueFacts], Floats]:
    return lambda facts: facts.columns[name]


_DAILY: Mapping[str, Callable[[IssueFacts], Floats]] = {
    "stock": lambda facts: np.array([issue.kind == "stock" for issue in facts.issues], np.float64),
    "cap": _of("cap"),
    "PER": _of("PER"),
    "PBR": _of("PBR"),
    "ROE": _of("ROE"),
    "cross_before": lambda facts: facts.columns["ma5"] / facts.columns["ma20"] * 100,
}

_Live = Callable[[SessionPrices, Ints, Mapping[str, Floats]], Floats]

_LIVE: Mapping[str, _Live] = {
    "price": lambda prices, _base, _columns: prices.last.astype(np.float64),
    "rate": lambda prices, base, _columns: (prices.last - base) / np.maximum(base, 1) * 100,
    "turnover": lambda prices, _base, _columns: prices.value / 1e6,
    # NaN without a previous volume
    "pace": lambda prices, _base, columns: _percent(prices.volume, columns["volume_before"]),
    "near_high": lambda prices, _base, columns: _percent(prices.last, columns["high"]),
    "cross": lambda prices, _base, columns: (
        (columns["sum4"] + prices.last) / 5 / ((columns["sum19"] + prices.last) / 20) * 100
    ),
}


def _percent(values: Ints, of: Floats) -> Floats:
    found: Floats = np.divide(values * 100.0, of, out=np.full(len(of), np.nan), where=of > 0)
    return found


class MarketFilter:
    """Screens the market by a condition.

    Reading an issue's session takes milliseconds, so it is read only of issues that may fulfil a condition at some
    moment of the session, and only if the condition has a live rule or prices are asked for.
    """

    def __init__(self, scanner: MarketScanner) -> None:
        self._scanner = scanner
        self._facts: IssueFacts | None = None
        self._candidate_places: dict[int, Ints] = {}

    def prepare(self, condition: Condition, now: float, limit: int, with_price: bool = False) -> bool:
        """Read ahead data of at most ``limit`` issues for ``screen``, and for ``prices`` if ``with_price``.

        Returns whether all of it is read.
        """
        if not self._scanner.prepare_history(now, limit):
            return False
        if not with_price and not _live_rules(condition):
            return True
        return self._scanner.read_session(now, self._candidates(condition, now), limit)

    def screen(self, condition: Condition, now: float) -> list[str]:
        """Codes of the issues that fulfil the condition, in listing order."""
        issues = self._scanner.facts(now).issues
        return [issues[place].code for place in self._fulfilling(condition, now).tolist()]

    def prices(self, condition: Condition, now: float) -> dict[str, int]:
        """Last prices (KRW) by code of the issues that fulfil the condition, in listing order."""
        issues, places = self._scanner.facts(now).issues, self._fulfilling(condition, now)
        last = self._scanner.prices(now, places).last.tolist()
        return {issues[place].code: price for place, price in zip(places.tolist(), last, strict=True)}

    def _fulfilling(self, condition: Condition, now: float) -> Ints:
        places, rules = self._candidates(condition, now), _live_rules(condition)
        if not rules:
            return places
        values = _LiveValues(self._scanner.facts(now), self._scanner.prices(now, places), places)
        fulfilled = [rule.fulfilled(values.of(rule.field)) for rule in rules]
        return places[np.logical_and.reduce(fulfilled)]

    def _candidates(self, condition: Condition, now: float) -> Ints:
        """Places of the issues that fulfil the rules that are constant during the day, and may fulfil the others."""
        facts = self._scanner.facts(now)
        if facts is not self._facts:
            self._facts, self._candidate_places = facts, {}
        if condition.index not in self._candidate_places:
            fulfilled = np.ones(len(facts), np.bool_)
            for rule in condition.rules:
                if rule.field in _DAILY:
                    fulfilled &= rule.fulfilled(_DAILY[rule.field](facts))
            found = self._scanner.price_range(now)
            if found is not None:
                places = np.arange(len(facts))
                least, most = (_LiveValues(facts, prices, places) for prices in found)
                for rule in _live_rules(condition):
                    # Every live field rises with price, volume and value.
                    fulfilled &= (most.of(rule.field) >= rule.least) & (least.of(rule.field) <= rule.most)
            self._candidate_places[condition.index] = np.flatnonzero(fulfilled)
        return self._candidate_places[condition.index]


def _live_rules(condition: Condition) -> list[Rule]:
    return [rule for rule in condition.rules if rule.field in _LIVE]


class _LiveValues:
    """Live fields of the issues at some places of ``facts``, at given prices."""

    def __init__(self, facts: IssueFacts, prices: SessionPrices, places: Ints) -> None:
        self._prices, self._base = prices, facts.base[places]
        self._columns = {name: column[places] for name, column in facts.columns.items()}

    def of(self, field: str) -> Floats:
        return _LIVE[field](self._prices, self._base, self._columns)
