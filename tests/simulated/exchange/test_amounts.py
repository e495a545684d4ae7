"""거래대금: price times volume of a minute's trades is the minute's value, and minutes add up to their day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.reference import price_rules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange.generated_script import bar_trades, from_minutes, script_bars
from kernel_server.simulated.market.bar_value import usual_value, value_range
from kernel_server.simulated.market.model import Bars, board
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.market.trade_script import Script
from tests.support.examples import examples
from tests.support.market_calendar import at, weekdays
from tests.support.simulated_broker import Row, bars

OPENS, CLOSES = at("2026-03-18", "09:00"), at("2026-03-18", "15:30")
GRID = price_rules.rules(date(2026, 3, 18), "KOSPI")
NO_LIMITS = (0, 1 << 60)
FIRST = 20260318093000


def by_minute(script: Script) -> list[int]:
    """Price times volume of the trades of each minute."""
    first = np.unique(script.time // 60, return_index=True)[1]
    amounts: list[int] = np.add.reduceat(script.price.astype(np.int64) * script.volume, first).tolist()
    return amounts


@pytest.mark.parametrize("trade_size", [1.0, 20.0])
@pytest.mark.parametrize("code", ["005930", "000660", "035720", "069500", "247540", "071050"])
def test_price_times_volume_of_the_trades_is_the_value_of_the_minute_and_of_the_day(
    code: str, trade_size: float
) -> None:
    market = SyntheticMarket(7, weekdays)
    minutes, days = market.minute(code, False, CLOSES, 1), market.daily(code, False, CLOSES, 2)
    grid = price_rules.rules(date(2026, 3, 18), board(market.issues()[code]))
    key, turnover = hash_random.key(1, code), int(days.value[0])
    script = from_minutes(
        key, minutes, grid, NO_LIMITS, OPENS, CLOSES, turnover=turnover, trade_size=trade_size
    )
    assert by_minute(script) == minutes.value.tolist()
    assert (minutes.value.sum(), minutes.volume.sum()) == (days.value[-1], days.volume[-1])
    assert script.total_value == days.value[-1]


def test_minutes_of_issues_large_and_small_have_values_that_their_trades_can_add_up_to() -> None:
    market = SyntheticMarket(7, weekdays)
    count = beyond = 0
    for code, issue in list(market.issues().items())[::40]:
        minutes, days = market.minute(code, False, CLOSES, 1), market.daily(code, False, CLOSES, 1)
        if not len(minutes) or not len(days) or minutes.time[-1] // 1_000_000 != days.time[-1]:
            continue
        assert (minutes.value.sum(), minutes.volume.sum()) == (days.value[-1], days.volume[-1]), code
        grid = price_rules.rules(date(2026, 3, 18), board(issue))
        columns = minutes.open, minutes.high, minutes.low, minutes.close
        reach = value_range(grid, *columns, minutes.volume)
        steps = (minutes.value - reach.least) / reach.step
        count += len(minutes)
        beyond += int(np.sum((steps < 0) | (steps > reach.steps) | (steps % 1 != 0)))
    assert count > 5_000
    assert beyond <= count / 5_000  # where the tick changes within a day of few trades


@st.composite
def valued_bars(draw: st.DrawFn) -> Bars:
    """Minutes in any order of their prices, across a change of the tick size too, with any value that they can have."""
    tick = draw(st.integers(0, 2))
    start = (19_900, 49_500, 10_000)[tick]
    rows: list[Row] = []
    for minute in range(draw(st.integers(1, 4))):
        prices = [
            int(GRID.floor(start + 10 * step))
            for step in draw(st.lists(st.integers(0, 60), min_size=4, max_size=4))
        ]
        volume = draw(st.one_of(st.integers(1, 12), st.integers(1, 20_000)))
        few = prices[:1] * 4 if volume < 4 else prices
        rows.append((FIRST + 100 * minute, few[0], max(few), min(few), few[1], volume))
    found = bars(rows)
    reach = value_range(GRID, found.open, found.high, found.low, found.close, found.volume)
    steps = [draw(st.integers(0, int(most))) for most in reach.steps]
    # Of the values that there are, those near the mean price: one share alone at a price is no bar of many trades.
    usual = reach.nearest((found.open + found.high + found.low + found.close) / 4 * found.volume)
    near = (usual + (np.array(steps) - usual) // draw(st.sampled_from([1, 3]))).clip(0, reach.steps)
    return replace(found, value=reach.least + reach.step * near)


@settings(max_examples=examples(60, 600), deadline=None)
@given(valued_bars(), st.integers(0, 1 << 32), st.sampled_from([0, 10**9, 10**12]))
def test_trades_add_up_to_any_value_that_a_bar_can_have(minutes: Bars, key: int, turnover: int) -> None:
    trades = bar_trades(script_bars(key, minutes, NO_LIMITS, OPENS, CLOSES, turnover=turnover), GRID)
    first = np.cumsum(trades.count) - trades.count
    assert trades.value is None
    assert np.add.reduceat(trades.price * trades.volume, first).tolist() == minutes.value.tolist()
    assert np.add.reduceat(trades.volume, first).tolist() == minutes.volume.tolist()
    assert trades.volume.min() >= 1
    assert np.all(trades.price % GRID.tick_array(trades.price) == 0)
    last = first + trades.count - 1
    assert trades.price[first].tolist() == minutes.open.tolist()
    assert trades.price[last].tolist() == minutes.close.tolist()
    assert np.maximum.reduceat(trades.price, first).tolist() == minutes.high.tolist()
    assert np.minimum.reduceat(trades.price, first).tolist() == minutes.low.tolist()


@settings(max_examples=examples(20, 200), deadline=None)
@given(valued_bars(), st.integers(1, 10**9))
def test_what_recorded_values_have_beyond_that_is_carried_by_the_trades(minutes: Bars, value: int) -> None:
    minutes = replace(minutes, value=minutes.value + value)
    script = from_minutes(3, minutes, GRID, NO_LIMITS, OPENS, CLOSES)
    first = np.unique(script.time // 60, return_index=True)[1]
    assert np.add.reduceat(script.value, first).tolist() == minutes.value.tolist()
    assert script.value.min() >= 0
    assert script.total_value == script[:7].total_value + script[7:].total_value == minutes.value.sum()


def test_a_usual_value_is_one_that_trades_can_add_up_to() -> None:
    minutes = bars(
        [(FIRST, 10_000, 10_020, 9_990, 10_010, 1_003), (FIRST + 100, 49_950, 50_100, 49_900, 50_000, 77)]
    )
    columns = minutes.open, minutes.high, minutes.low, minutes.close
    value = usual_value(GRID, *columns, minutes.volume)
    script = from_minutes(3, replace(minutes, value=value), GRID, NO_LIMITS, OPENS, CLOSES)
    assert by_minute(script) == value.tolist()
    assert np.abs(value / (sum(columns) / 4 * minutes.volume) - 1).max() < 0.001
