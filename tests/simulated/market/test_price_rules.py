"""Tick sizes and price limits, by date and board."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server.reference.price_rules import PriceRules, limits, rules, spans, tick
from kernel_server.simulated.market.model import Issue, board

BOARDS = ["KOSPI", "KOSDAQ", "KONEX", "ETP"]
OLD, NEW = date(2022, 1, 17), date(2023, 1, 25)

all_rules = st.builds(rules, st.dates(date(1986, 1, 4), date(2030, 1, 1)), st.sampled_from(BOARDS))
prices = st.integers(1, 5_000_000)


@pytest.mark.parametrize(
    ("price", "size"),
    [
        (1, 1),
        (1999, 1),
        (2000, 5),
        (4995, 5),
        (5000, 10),
        (19_990, 10),
        (20_000, 50),
        (49_950, 50),
        (50_000, 100),
        (199_900, 100),
        (200_000, 500),
        (499_500, 500),
        (500_000, 1000),
        (2_000_000, 1000),
    ],
)
@pytest.mark.parametrize("where", ["KOSPI", "KOSDAQ", "KONEX"])
def test_one_table_for_all_shares_since_2023_01_25(price: int, size: int, where: str) -> None:
    assert tick(price, NEW, where) == size


@pytest.mark.parametrize(
    ("price", "kospi", "kosdaq"),
    [
        (999, 1, 1),
        (1000, 5, 5),
        (5000, 10, 10),
        (10_000, 50, 50),
        (50_000, 100, 100),
        (100_000, 500, 100),
        (500_000, 1000, 100),
    ],
)
def test_before_that_kosdaq_stays_at_100(price: int, kospi: int, kosdaq: int) -> None:
    assert tick(price, OLD, "KOSPI") == kospi
    assert tick(price, OLD, "KOSDAQ") == kosdaq


def test_funds_and_notes_have_ticks_of_their_own() -> None:
    assert tick(1500, date(2023, 12, 8), "ETP") == 5
    assert tick(1500, date(2023, 12, 11), "ETP") == 1
    assert tick(60_000, date(2023, 12, 11), "ETP") == 5


@pytest.mark.parametrize(("base", "upper", "lower"), [(77_500, 100_500, 54_300), (1225, 1590, 860)])
def test_limits_are_those_that_the_broker_has_shown(base: int, upper: int, lower: int) -> None:
    assert limits(base, OLD, "KOSPI") == (upper, lower)


@pytest.mark.parametrize(
    ("day", "where", "percent"),
    [
        ("1998-12-04", "KOSPI", 12),
        ("1998-12-07", "KOSPI", 15),
        ("2015-06-12", "KOSPI", 15),
        ("2015-06-15", "KOSPI", 30),
        ("2005-03-25", "KOSDAQ", 12),
        ("2005-03-28", "KOSDAQ", 15),
        ("2015-06-15", "KOSDAQ", 30),
        ("2026-01-02", "KONEX", 15),
        ("2026-01-02", "ETP", 30),
    ],
)
def test_the_limit_has_widened(day: str, where: str, percent: int) -> None:
    assert rules(date.fromisoformat(day), where).percent == percent


def test_a_price_can_always_move_by_a_tick() -> None:
    assert limits(2, NEW, "KOSPI") == (3, 1)
    assert limits(1, NEW, "KOSPI") == (2, 1)


def test_a_board_that_does_not_exist_is_named() -> None:
    with pytest.raises(LookupError, match=r"NASDAQ.*KOSPI"):
        tick(100, NEW, "NASDAQ")


@pytest.mark.parametrize(
    ("market", "kind", "where"),
    [
        ("KOSDAQ", "stock", "KOSDAQ"),
        ("KOSPI", "reit", "KOSPI"),
        ("KOSPI", "etf", "ETP"),
        ("KOSPI", "etn", "ETP"),
    ],
)
def test_an_issue_has_its_board(market: str, kind: str, where: str) -> None:
    assert board(Issue("000000", "", market, kind, 1, OLD, 0, "")) == where


@given(all_rules, prices)
def test_limits_lie_on_the_grid_around_the_base(held: PriceRules, base: int) -> None:
    base = max(held.floor(base), held.ticks[0])
    upper, lower = held.limits(base)
    assert upper % held.tick(upper) == lower % held.tick(lower) == 0
    assert 0 < lower <= base < upper
    room = max(base * held.percent // 100, held.tick(base))
    assert upper - base <= room
    assert base - lower <= room


@given(all_rules, prices)
def test_floor_and_ceil_are_the_neighbours_on_the_grid(held: PriceRules, price: int) -> None:
    low, high = held.floor(price), held.ceil(price)
    assert low <= price <= high
    assert low % held.tick(low) == high % held.tick(high) == 0
    assert high - low in (0, held.tick(price))


@given(all_rules, st.lists(prices, min_size=1, max_size=20))
def test_many_prices_at_once_are_as_one_by_one(held: PriceRules, given_prices: list[int]) -> None:
    many = np.array(given_prices)
    assert held.tick_array(many).tolist() == [held.tick(price) for price in given_prices]
    upper, lower = held.limits_array(many)
    assert list(zip(upper.tolist(), lower.tolist(), strict=True)) == [
        held.limits(price) for price in given_prices
    ]


@given(all_rules, st.lists(st.floats(0.1, 5e6), min_size=2, max_size=20))
def test_the_nearest_price_is_on_the_grid_and_keeps_the_order(held: PriceRules, exact: list[float]) -> None:
    placed = held.nearest_array(np.array(sorted(exact)))
    assert (placed % held.tick_array(placed) == 0).all()
    assert (placed > 0).all()
    assert (np.diff(placed) >= 0).all()
    for price, found in zip(sorted(exact), placed.tolist(), strict=True):
        assert abs(found - price) <= max(held.tick(found) / 2 + 0.5, held.ticks[0])


@given(
    st.sampled_from(BOARDS), st.lists(st.dates(date(1986, 1, 4), date(2030, 1, 1)), unique=True, min_size=1)
)
def test_spans_cover_the_days_with_the_rules_of_each(where: str, given_days: list[date]) -> None:
    given_days.sort()
    days = np.array(given_days, "datetime64[D]").view(np.int64)
    found = [held for part, held in spans(days, where) for _ in days[part]]
    assert found == [rules(day, where) for day in given_days]
