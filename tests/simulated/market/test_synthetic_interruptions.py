"""Volatility interruptions in the synthetic market's minutes: trading stops before a price goes too far."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.reference import price_rules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.market_time import epoch_seconds
from kernel_server.simulated.market import vi_rules
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.market.synthetic.vi_prices import insert_interruptions
from kernel_server.simulated.market.vi_rules import ViRule
from tests.support.examples import examples
from tests.support.market_calendar import at, weekdays

TODAY = date(2026, 3, 18)
RULE = ViRule(10, 120, 30)
GRID = price_rules.rules(TODAY, "KOSDAQ")
COUNT = 60  # minutes of continuous trading of the days that are made up here

Row = list[int]  # minute, open, high, low, close, volume


@pytest.mark.parametrize(
    ("base", "triggers"),
    [(3_490, (3_840, 3_140)), (10_000, (11_000, 9_000)), (999, (1_099, 899)), (4, (5, 3))],
)
def test_the_triggers_are_the_first_prices_ten_percent_away(base: int, triggers: tuple[int, int]) -> None:
    assert RULE.triggers(base, GRID) == triggers


def test_there_are_interruptions_since_2015_and_none_on_konex() -> None:
    assert vi_rules.vi_rule(date(2015, 6, 12), "KOSPI") is None
    assert vi_rules.vi_rule(date(2015, 6, 15), "KOSPI") == RULE
    assert vi_rules.vi_rule(TODAY, "KONEX") is None


# What a day of minutes becomes


def shaped(rows: list[Row], closing: tuple[int, int] | None = None) -> list[Row]:
    """The minutes after room has been made, without the closing auction (price, volume)."""
    columns = [np.zeros(COUNT + 1, np.int64) for _ in range(5)]
    for minute, *values in rows:
        for column, value in zip(columns, values, strict=True):
            column[minute] = value
    if closing is not None:
        for column, value in zip(columns, (*[closing[0]] * 4, closing[1]), strict=True):
            column[COUNT] = value
    before = _day(columns)
    prices, volume = columns[:4], columns[4]
    made = insert_interruptions(RULE, GRID, hash_random.key("a day"), volume, *prices)
    assert made or all(np.array_equal(one, other) for one, other in zip(columns, before[1], strict=True))
    assert _day(columns)[0] == before[0]
    return [[minute, *(int(c[minute]) for c in columns)] for minute in np.flatnonzero(volume[:-1]).tolist()]


def _day(columns: list[Ints]) -> tuple[list[int], list[Ints]]:
    """Open, high, low, close and volume of the day; and its columns as they are."""
    open_, high, low, close, volume = columns
    there = np.flatnonzero(volume)
    day = [int(open_[there[0]]), int(high[there].max()), int(low[there].min()), int(close[there[-1]])]
    return [*day, int(volume.sum())], [column.copy() for column in columns]


def test_a_day_that_stays_within_its_triggers_stays_as_it_is() -> None:
    rows = [[0, 10_000, 10_500, 9_500, 10_500, 100], [1, 10_500, 10_990, 10_500, 10_900, 100]]
    assert shaped(rows) == rows


def test_before_a_price_beyond_the_trigger_there_is_a_pause() -> None:
    steady = [[minute, 10_000, 10_100, 9_900, 10_000, 10] for minute in range(20)]
    far = [[minute, 11_200, 11_300, 11_100, 11_200, 10] for minute in range(20, 30)]
    rows = shaped(steady + far)
    gone = sorted(set(range(30)) - {row[0] for row in rows})
    assert gone in ([19], [18, 19])
    assert rows[-10] == [20, 11_200, 11_300, 11_100, 11_200, 10 + 10 * len(gone)]


def test_a_bar_that_crosses_begins_with_the_price_of_the_auction() -> None:
    steady = [[minute, 10_000, 10_000, 10_000, 10_000, 10] for minute in range(10)]
    rows = shaped([*steady, [10, 10_800, 11_100, 10_700, 11_050, 100]])
    assert rows[-1][:5] == [10, 11_050, 11_100, 11_050, 11_050]
    falls = shaped([*steady, [10, 9_200, 9_300, 8_900, 9_100, 100]])
    assert falls[-1][:5] == [10, 8_900, 9_100, 8_900, 9_100]


def test_what_comes_too_soon_after_the_opening_waits() -> None:
    rows = shaped(
        [
            [0, 10_000, 10_100, 10_000, 10_100, 100],
            [1, 10_100, 11_200, 10_100, 11_200, 100],
            [2, 11_200, 11_300, 11_200, 11_300, 100],
            [3, 11_300, 11_400, 11_300, 11_400, 100],
            [4, 11_400, 11_400, 11_300, 11_300, 100],
        ]
    )
    first, second = rows[0], rows[1]
    assert first == [0, 10_000, 10_100, 10_000, 10_100, 100]
    assert second[:2] in ([2, 11_200], [3, 11_200])
    assert second[5] == 100 * second[0]


def test_an_opening_minute_that_goes_too_far_is_cut_where_it_gets_there() -> None:
    rows = shaped([[0, 10_000, 11_500, 10_000, 11_400, 100], [5, 11_400, 11_400, 11_400, 11_400, 7]])
    assert rows[0] == [0, 10_000, 10_990, 10_000, 10_990, 50]
    assert rows[1][1:] == [11_400, 11_500, 11_400, 11_400, 50]
    assert rows[1][0] in (2, 3)
    assert rows[2] == [5, 11_400, 11_400, 11_400, 11_400, 7]


def test_the_next_one_is_measured_from_the_auction_before() -> None:
    prices = [10_000, 10_500, 11_000, 11_500, 12_000, 12_200, 12_600, 13_000]
    rows = shaped([[5 * n, price, price, price, price, 10] for n, price in enumerate(prices)])
    assert [row[1] for row in rows] == prices  # five minutes are pause enough
    dense = shaped(
        [[n, 10_000 + 50 * n, 10_000 + 50 * n, 10_000 + 50 * n, 10_000 + 50 * n, 10] for n in range(COUNT)]
    )
    gaps = [(before, after) for before, after in pairwise(dense) if after[0] - before[0] > 1]
    assert [after[1] for _, after in gaps] == [11_000, 12_100]


def days() -> st.SearchStrategy[tuple[list[Row], tuple[int, int] | None]]:
    """Days with wild prices: any minute may go anywhere."""
    price = st.integers(700, 1300).map(lambda step: step * 10)
    bar = st.tuples(st.integers(0, COUNT - 1), st.lists(price, min_size=4, max_size=4), st.integers(1, 500))
    rows = st.lists(bar, min_size=1, max_size=COUNT, unique_by=lambda row: row[0]).map(
        lambda found: [
            [minute, drawn[0], max(drawn), min(drawn), drawn[1], volume]
            for minute, drawn, volume in sorted(found)
        ]
    )
    return st.tuples(rows, st.none() | st.tuples(price, st.integers(1, 500)))


@given(days())
@settings(max_examples=examples(100, 300))
def test_however_wild_a_day_is_it_adds_up_to_what_it_was(
    day: tuple[list[Row], tuple[int, int] | None],
) -> None:
    rows = shaped(*day)
    for _minute, open_, high, low, close, volume in rows:
        assert low <= min(open_, close) <= max(open_, close) <= high
        assert volume > 0


@given(st.lists(st.integers(-30, 30), min_size=30, max_size=COUNT), st.integers(8, 500))
@settings(max_examples=examples(80, 200))
def test_in_a_day_of_steps_every_price_beyond_a_trigger_comes_after_a_pause(
    steps: list[int], volume: int
) -> None:
    close = 10_000
    rows = []
    for minute, step in enumerate(steps):
        open_, close = close, max(7_000, min(13_000, close + 10 * step))
        rows.append([minute, open_, max(open_, close), min(open_, close), close, volume])
    left = shaped(rows, (close, 10))
    assert breaches(left) == []


def breaches(rows: list[Row]) -> list[Row]:
    """The bars that go beyond a trigger otherwise than with a first price after a pause."""
    found = []
    base, before = rows[0][1], rows[0][0]
    for row in rows:
        minute, open_, high, low, *_ = row
        up, down = RULE.triggers(base, GRID)
        if not down < open_ < up and minute - before >= 2:
            base = open_
            up, down = RULE.triggers(base, GRID)
        if not (down < low and high < up):
            found.append(row)
        before = minute
    return found


# In the market


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(3, weekdays)


def of_day(market: SyntheticMarket, code: str, day: str, clock: str = "15:30") -> Bars:
    bars = market.minute(code, False, at(day, clock), 1)
    assert int(bars.time[-1]) // 1_000_000 == int(day.replace("-", ""))
    return bars


def test_a_day_with_one_still_adds_up(market: SyntheticMarket) -> None:
    bars = of_day(market, "035420", "2026-03-18")
    day = market.daily("035420", False, at("2026-03-18", "18:00"), 1)
    made = (
        bars.open[0],
        bars.high.max(),
        bars.low.min(),
        bars.close[-1],
        bars.volume.sum(),
        bars.value.sum(),
    )
    assert made == tuple(
        int(getattr(day, name)[-1]) for name in ("open", "high", "low", "close", "volume", "value")
    )
    assert np.all(bars.high >= np.maximum(bars.open, bars.close))
    assert np.all(bars.low <= np.minimum(bars.open, bars.close))


def test_its_minutes_pause_before_the_price_that_is_too_far(market: SyntheticMarket) -> None:
    bars = of_day(market, "035420", "2026-03-18")
    up, _down = RULE.triggers(int(bars.open[0]), price_rules.rules(TODAY, "KOSPI"))
    first = int(np.argmax(bars.high >= up))
    assert int(bars.open[first]) >= up > int(bars.high[:first].max())
    start = epoch_seconds(bars.time)
    assert start[first] - start[first - 1] >= 120
    assert np.all(np.diff(start[: first - 5]) == 60)


def test_its_minutes_do_not_change_with_the_time_of_asking(market: SyntheticMarket) -> None:
    whole = of_day(market, "035420", "2026-03-18")
    for clock in ("13:37:30", "13:38:59", "13:39:30", "13:40:30", "13:41", "15:10"):
        seen = of_day(SyntheticMarket(3, weekdays), "035420", "2026-03-18", clock)
        for name in ("time", "open", "high", "low", "close", "volume", "value"):
            assert np.array_equal(getattr(seen, name), getattr(whole, name)[: len(seen)])
