"""Longer bars out of shorter ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.simulated.market.resample import grouped, intervals, months, run_starts, weeks, years
from tests.support.examples import examples
from tests.support.simulated_broker import bars, number


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=80, unique=True))
def test_week_month_and_year_numbers_agree_with_the_calendar(offsets: list[int]) -> None:
    days = [date(1980, 1, 1) + timedelta(n) for n in sorted(offsets)]
    numbers = np.array([number(day) for day in days], np.int64)
    mondays = [day - timedelta(day.weekday()) for day in days]
    week = weeks(numbers)
    assert [bool(a == b) for a, b in pairwise(week)] == [a == b for a, b in pairwise(mondays)]
    assert months(numbers).tolist() == [day.year * 100 + day.month for day in days]
    assert years(numbers).tolist() == [day.year for day in days]


@settings(max_examples=examples(50))
@given(
    st.lists(
        st.tuples(st.integers(1, 100), st.integers(0, 50), st.sampled_from([0, 0, 1, 8])),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 7),
)
def test_grouping_keeps_volume_value_and_extremes(rows: list[tuple[int, int, int]], size: int) -> None:
    held = bars(
        [(n, price, price + 2, price, price + 1, volume) for n, (price, volume, _) in enumerate(rows)]
    )
    held = replace(held, event=np.array([event for _, _, event in rows], np.int64))
    groups = np.arange(len(rows)) // size
    joined = grouped(held, groups, held.time[run_starts(groups)])
    assert len(joined) == -(-len(rows) // size)
    assert joined.volume.sum() == held.volume.sum()
    assert joined.value.sum() == held.value.sum()
    assert joined.high.max() == held.high.max()
    assert joined.low.min() == held.low.min()
    assert np.bitwise_or.reduce(joined.event) == np.bitwise_or.reduce(held.event)


def test_intervals_start_on_the_hour() -> None:
    times = np.array([20220117090000, 20220117094459, 20220117151900, 20220117153000], np.int64)
    assert intervals(times, 45).tolist() == [20220117090000, 20220117090000, 20220117150000, 20220117150000]
    assert intervals(times, 30).tolist()[-1] == 20220117153000
