"""The issues of the synthetic market, well known and made up."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.reference.price_rules import tick
from kernel_server.simulated.market import corporate_actions, listing
from kernel_server.simulated.market.listing import Listing
from kernel_server.simulated.market.model import board
from tests.support.examples import examples
from tests.support.recorded_data import RECORDED_DATA, needs_market_data

KNOWN = listing.known_listing()
WHOLE = listing.build_listing(1)
MADE_UP = [issue for code, issue in WHOLE.issues.items() if code not in KNOWN.issues]

seeds = st.integers(0, 2**63)


@settings(max_examples=examples(5), deadline=None)
@given(seeds)
def test_the_same_seed_gives_the_same_listing(seed: int) -> None:
    assert listing.build_listing(seed) == listing.build_listing(seed)


@settings(max_examples=examples(5), deadline=None)
@given(seeds)
def test_it_has_the_size_of_the_real_market_with_any_seed(seed: int) -> None:
    found = listing.build_listing(seed)
    assert Counter(issue.market for issue in found.issues.values()) == listing.COUNTS
    assert len({issue.name for issue in found.issues.values()}) == sum(listing.COUNTS.values())
    assert found.prices.keys() == found.issues.keys()


def test_another_seed_makes_up_other_issues_around_the_same_known_ones() -> None:
    other = listing.build_listing(2)
    assert other.issues.keys() != WHOLE.issues.keys()
    for code, issue in KNOWN.issues.items():
        assert WHOLE.issues[code] == other.issues[code] == issue
        assert WHOLE.prices[code] == other.prices[code] == KNOWN.prices[code]


@pytest.mark.parametrize(
    ("code", "name", "market", "kind"),
    [
        ("005930", "삼성전자", "KOSPI", "stock"),
        ("000660", "SK하이닉스", "KOSPI", "stock"),
        ("035420", "NAVER", "KOSPI", "stock"),
        ("039490", "키움증권", "KOSPI", "stock"),
        ("247540", "에코프로비엠", "KOSDAQ", "stock"),
        ("069500", "KODEX 200", "KOSPI", "etf"),
        ("530031", "삼성 레버리지 WTI원유 선물 ETN", "KOSPI", "etn"),
        ("395400", "SK리츠", "KOSPI", "reit"),
    ],
)
def test_the_well_known_are_there(code: str, name: str, market: str, kind: str) -> None:
    issue = WHOLE.issues[code]
    assert (issue.code, issue.name, issue.market, issue.kind) == (code, name, market, kind)


def test_the_known_are_of_every_kind() -> None:
    kinds = Counter(issue.kind for issue in KNOWN.issues.values())
    assert kinds["stock"] > 150
    assert kinds["etf"] >= 15
    assert kinds["etn"] == 3
    assert kinds["reit"] >= 2


@pytest.mark.parametrize("found", [KNOWN, WHOLE], ids=["known", "whole"])
def test_every_issue_is_sound(found: Listing) -> None:
    for code, issue in found.issues.items():
        assert issue.code == code
        assert len(code) == 6
        assert issue.market in listing.COUNTS
        assert issue.kind in ("stock", "etf", "etn", "reit")
        assert issue.shares > 0
        assert date(1956, 1, 1) <= issue.listed <= date(2026, 12, 31)
        assert issue.listed.weekday() < 6 if code in KNOWN.issues else issue.listed.weekday() < 5
        price = found.prices[code]
        assert price > 0
        assert price % tick(price, listing.PRICED_ON, board(issue)) == 0, issue


def test_funds_have_neither_face_value_nor_industry_and_shares_have_both() -> None:
    for issue in WHOLE.issues.values():
        fund = issue.kind in ("etf", "etn")
        assert (issue.face_value == 0) == fund, issue
        assert (issue.industry == "") == fund, issue


def test_a_made_up_code_is_never_a_real_ones() -> None:
    assert {issue.code[0] for issue in MADE_UP} == {"8"}
    assert not any(code.startswith("8") for code in KNOWN.issues)


def test_a_made_up_code_ends_in_0_or_for_preferred_shares_in_5() -> None:
    preferred = [issue for issue in MADE_UP if issue.code[-1] == "5"]
    assert {issue.code[-1] for issue in MADE_UP} == {"0", "5"}
    assert len(preferred) == listing.PREFERRED
    for issue in preferred:
        common = WHOLE.issues[issue.code[:5] + "0"]
        assert issue.name == common.name + "우"
        assert (issue.market, issue.industry, issue.listed) == (common.market, common.industry, common.listed)
        assert issue.shares < common.shares
        assert WHOLE.prices[issue.code] < WHOLE.prices[common.code]


def test_listing_dates_are_spread_over_the_years() -> None:
    years = Counter(issue.listed.year for issue in MADE_UP)
    assert set(range(1990, 2027)) == set(years)
    assert all(issue.listed >= date(1996, 7, 1) for issue in MADE_UP if issue.market == "KOSDAQ")
    assert all(issue.listed >= date(2013, 7, 1) for issue in MADE_UP if issue.market == "KONEX")


def test_prices_are_spread_like_those_of_a_market() -> None:
    logs = np.log([WHOLE.prices[issue.code] for issue in MADE_UP])
    low, middle, high = np.quantile(logs, [0.16, 0.5, 0.84])
    assert 3000 < np.exp(middle) < 15_000
    assert 1 < (high - low) / 2 < 2
    assert abs(high + low - 2 * middle) < 0.5
    assert logs.min() >= np.log(500)
    assert logs.max() < np.log(1_000_000)


def test_every_industry_has_names_enough() -> None:
    usual = Counter(issue.industry for issue in MADE_UP)
    for industry in listing.industries():
        assert usual[industry] > 0
        names = {listing.name_of(industry, number) for number in range(listing.name_count(industry))}
        assert len(names) == listing.name_count(industry)
    with pytest.raises(IndexError):
        listing.name_of(industry, listing.name_count(industry))


def test_corporate_actions_are_of_known_issues() -> None:
    found = {(action.code, action.day.isoformat()): action for action in corporate_actions.KNOWN_ACTIONS}
    assert found["005930", "2018-05-04"].factor == 50
    assert found["035420", "2018-10-12"].factor == 5
    assert found["035720", "2021-04-15"].factor == 5
    for action in corporate_actions.KNOWN_ACTIONS:
        assert action.code in KNOWN.issues
        assert action.event == 8
        assert action.factor > 1


class TestAgainstRecordedListing:
    pytestmark = needs_market_data

    def recorded(self) -> dict[str, dict[str, str]]:
        with (RECORDED_DATA / "listing.csv").open(encoding="utf-8", newline="") as text:
            return {row["code"]: row for row in csv.DictReader(text)}

    def test_known_shares_are_who_they_say_they_are(self) -> None:
        recorded = self.recorded()
        shares = [issue for issue in KNOWN.issues.values() if issue.kind in ("stock", "reit")]
        for issue in shares:
            assert issue.code in recorded, issue
            assert recorded[issue.code]["name"] == issue.name
            assert recorded[issue.code]["market"].split()[0] == issue.market
            assert 0.7 < issue.shares / int(recorded[issue.code]["shares"]) < 1.4, issue

    def test_no_company_has_a_name_that_may_be_made_up(self) -> None:
        names = {row["name"] for row in self.recorded().values()}
        for industry in listing.industries():
            for number in range(listing.name_count(industry)):
                assert listing.name_of(industry, number) not in names

    def test_no_share_has_a_code_that_may_be_made_up(self) -> None:
        assert not any(code.startswith("8") for code in self.recorded())
