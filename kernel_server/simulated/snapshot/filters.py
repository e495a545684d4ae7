"""The saved conditions of the broker's one user, and which issues fulfil them.

The rules of a condition are rows of ``data/condition_rule.tsv``, all of which have
to hold. Fundamentals and size are valued at 기준가, so they hold still all day; only the rest is live.
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
    """A field is between ``least`` and ``most``, both included. NaN fulfils no rule."""

    field: str
    least: float
    most: float

    def holds(self, values: Floats) -> Flags:
        """For each value whether it is in the range."""
        held: Flags = (values >= self.least) & (values <= self.most)
        return held


@dataclass(frozen=True, slots=True)
class Condition:
    """A saved condition: its number and name, and all of its rules."""

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


def saved() -> list[Condition]:
    """The conditions of the tables, by index."""
    held: dict[int, list[Rule]] = {}
    for index, field, least, most, _what in rows(_DATA / "condition_rule.tsv"):
        rule = Rule(field, float(least or "-inf"), float(most or "inf"))
        held.setdefault(int(index), []).append(rule)
    for rule in (rule for rules in held.values() for rule in rules):
        if rule.field not in _DAILY and rule.field not in _LIVE:
            raise LookupError(f"there is no field {rule.field!r} to screen by")
    return [Condition(index, name, held[index]) for index, name in enumerate(_NAMES)]


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
    # compared with nothing, nothing is known of the pace
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
    """Finds the issues that fulfil a condition, by code in the order of the listing, with their last prices."""

    def __init__(self, survey: MarketScanner) -> None:
        self._survey = survey
        self._facts: IssueFacts | None = None
        self._places: dict[int, Ints] = {}

    def prepare(self, condition: Condition, now: float, most: int) -> bool:
        """Reads ahead what ``found`` will need, at most so many issues' worth. Whether all of that is read."""
        ready = self._survey.prepare_history(now, most)
        return ready and self._survey.follow(now, self._candidates(condition, now), most)

    def found(self, condition: Condition, now: float) -> dict[str, int]:
        """Last price in KRW by code."""
        places = self._candidates(condition, now)
        facts = self._survey.facts(now)
        prices = self._survey.prices(now, places)
        base = facts.base[places]
        columns = {name: column[places] for name, column in facts.columns.items()}
        held = np.ones(len(places), np.bool_)
        for rule in condition.rules:
            if rule.field in _LIVE:
                held &= rule.holds(_LIVE[rule.field](prices, base, columns))
        return {facts.issues[places[at]].code: int(prices.last[at]) for at in np.flatnonzero(held).tolist()}

    def _candidates(self, condition: Condition, now: float) -> Ints:
        """The places of the issues that fulfil what holds still all day."""
        facts = self._survey.facts(now)
        if facts is not self._facts:
            self._facts, self._places = facts, {}
        if condition.index not in self._places:
            held = np.ones(len(facts), np.bool_)
            for rule in condition.rules:
                if rule.field in _DAILY:
                    held &= rule.holds(_DAILY[rule.field](facts))
            self._places[condition.index] = np.flatnonzero(held)
        return self._places[condition.index]
