"""The listing of the synthetic market: some two hundred well-known issues, and invented ones by seed.

The well-known ones are in ``issues.tsv``, with approximate share counts and prices. Invented issues fill the listing
up to the size of the real market. Their names belong to no real company, and their codes begin with 8, as no Korean
share's does, so that they cannot be mistaken for real ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np

from kernel_server.reference import price_rules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market.model import Issue
from kernel_server.tsv import rows

_DATA = Path(__file__).with_name("data")

PRICED_ON = date(2025, 12, 30)
"""The session at whose close an issue has the listing's price; a later issue has it on its first day."""

COUNTS: Mapping[str, int] = {"KOSPI": 950, "KOSDAQ": 1820, "KONEX": 109}
"""Number of issues per market, the well-known ones included."""

PREFERRED = 40
"""Number of preferred shares among the invented issues of KOSPI."""

# First and second syllables that no listed company's name begins with; an ending of the industry follows.
_HEADS = (
    "갸거겨고구그너노누느두드라레로루르마머메모무바버베보브뵈새서소"
    "솔수쉬아에오올우으자저제주차초츠카커타테토파퍼포푸프하허헤호후"
)
_TAILS = "갈겸낱눔담뎀든랄룬맘멜뭄밈벳솜숨슬욘웰율잔잠첸컨텐튼펜핌흔"


@dataclass(frozen=True, slots=True)
class Listing:
    """Issues by code, and the price of each in KRW at the close of ``PRICED_ON``."""

    issues: Mapping[str, Issue]
    prices: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Style:
    """Invented issues of a market: first listing date, median price and shares, face values (KRW)."""

    since: date
    price: float
    shares: float
    face_values: tuple[int, ...]


_STYLES: Mapping[str, _Style] = {
    "KOSPI": _Style(date(1990, 1, 3), 14_000, 28e6, (5000, 5000, 1000, 500, 500, 500, 100)),
    "KOSDAQ": _Style(date(1996, 7, 1), 5_500, 22e6, (500, 500, 500, 500, 100, 100, 200)),
    "KONEX": _Style(date(2013, 7, 1), 2_500, 6e6, (500, 500, 100)),
}
_LAST_LISTED = date(2026, 6, 30)


@cache
def known_listing() -> Listing:
    """The well-known issues alone."""
    issues, prices = {}, {}
    for code, name, market, kind, shares, listed, face_value, industry, price in rows(_DATA / "issues.tsv"):
        day = date.fromisoformat(listed)
        issues[code] = Issue(code, name, market, kind, int(shares), day, int(face_value), industry)
        prices[code] = int(price)
    return Listing(issues, prices)


def build_listing(seed: int) -> Listing:
    """The whole listing, well-known issues first; deterministic by seed."""
    issues, prices = dict(known_listing().issues), dict(known_listing().prices)
    names, codes = _names(seed), _codes(seed)
    for market, count in COUNTS.items():
        known = sum(issue.market == market for issue in known_listing().issues.values())
        preferred = PREFERRED if market == "KOSPI" else 0
        for issue, price in _invented(seed, market, count - known - preferred, names, codes):
            issues[issue.code], prices[issue.code] = issue, price
            if preferred and issue.listed.year < 2000:
                preferred -= 1
                other = _preferred(issue)
                issues[other.code], prices[other.code] = other, _on_grid(price * 0.6, market)
    return Listing(issues, prices)


@cache
def industries() -> Mapping[str, tuple[int, tuple[str, ...]]]:
    """Industries of invented companies: their weight, and the endings of their companies' names."""
    return {
        industry: (int(weight), tuple(endings.split(",")))
        for industry, weight, endings in rows(_DATA / "industries.tsv")
    }


def name_of(industry: str, number: int) -> str:
    """The name number ``number``, from 0, of the possible names in that industry.

    Raises:
        IndexError: there are fewer names.
    """
    rest, tail = divmod(number, len(_TAILS))
    ending, head = divmod(rest, len(_HEADS))
    return _HEADS[head] + _TAILS[tail] + industries()[industry][1][ending]


def name_count(industry: str) -> int:
    """Number of possible names in that industry."""
    return len(_HEADS) * len(_TAILS) * len(industries()[industry][1])


def _codes(seed: int) -> Iterator[str]:
    """Unused codes of common shares, which end in 0."""
    order = np.argsort(hash_random.bits(hash_random.key(seed, "codes"), np.arange(10_000)), kind="stable")
    return (f"8{number:04d}0" for number in order.tolist())


def _names(seed: int) -> Iterator[tuple[str, str]]:
    """Unused names with their industries, which occur by weight."""
    table = industries()
    total = sum(COUNTS.values())
    cumulative = np.cumsum([weight for weight, _endings in table.values()])
    chosen = np.searchsorted(
        cumulative,
        hash_random.uniform(hash_random.key(seed, "industries"), np.arange(total)) * cumulative[-1],
        side="right",
    )
    wanted = np.bincount(chosen, minlength=len(table)).tolist()
    unused = {
        industry: iter(_first(hash_random.key(seed, "names", industry), name_count(industry), some))
        for industry, some in zip(table, wanted, strict=True)
    }
    kinds = list(table)
    for kind in chosen.tolist():
        yield name_of(kinds[kind], next(unused[kinds[kind]])), kinds[kind]


def _first(key: int, count: int, wanted: int) -> list[int]:
    """The first ``wanted`` of the numbers below ``count`` in random order; sorting all of them would take longer."""
    drawn = hash_random.bits(key, np.arange(count))
    some = np.argpartition(drawn, wanted)[:wanted] if wanted < count else np.arange(count)
    found: list[int] = some[np.argsort(drawn[some], kind="stable")].tolist()
    return found


def _invented(
    seed: int, market: str, count: int, names: Iterator[tuple[str, str]], codes: Iterator[str]
) -> Iterator[tuple[Issue, int]]:
    style = _STYLES[market]
    numbers = np.arange(count)

    def key(what: str) -> int:
        return hash_random.key(seed, market, what)

    drawn = np.clip(_lognormal(key("price"), numbers, style.price, 1.35), 500, 900_000)
    prices = price_rules.rules(PRICED_ON, market).floor_array(drawn.astype(np.int64))
    shares = _lognormal(key("shares"), numbers, style.shares, 0.9).astype(np.int64)
    faces = hash_random.bits(key("face value"), numbers) % np.uint64(len(style.face_values))
    weeks = (_LAST_LISTED - style.since).days // 7
    workdays = (hash_random.uniform(key("listed"), numbers) * (weeks * 5)).astype(np.int64)
    monday = style.since.toordinal() - style.since.weekday()
    days = np.maximum(monday + workdays // 5 * 7 + workdays % 5, style.since.toordinal())
    for price, some, face, day in zip(
        prices.tolist(), shares.tolist(), faces.tolist(), days.tolist(), strict=True
    ):
        (name, industry), code = next(names), next(codes)
        listed, face_value = date.fromordinal(day), style.face_values[face]
        yield Issue(code, name, market, "stock", some, listed, face_value, industry), price


def _lognormal(key: int, numbers: Ints, median: float, width: float) -> Floats:
    return median * np.exp(width * hash_random.normal(key, numbers))


def _preferred(issue: Issue) -> Issue:
    """The preferred share of a company whose common share is ``issue``."""
    return Issue(
        issue.code[:5] + "5",
        issue.name + "우",
        issue.market,
        issue.kind,
        issue.shares // 8,
        issue.listed,
        issue.face_value,
        issue.industry,
    )


def _on_grid(price: float, market: str) -> int:
    return price_rules.rules(PRICED_ON, market).floor(int(price))
