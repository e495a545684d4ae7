"""Random numbers by position: what the quick ways of drawing them have to come out as."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kernel_server.simulated.base import hash_random

keys = st.integers(0, 2**64 - 1)
places = st.lists(st.integers(0, 2**40), max_size=40).map(lambda found: np.array(found, np.int64))


@given(keys, places)
def test_a_bell_is_the_sum_of_four_draws_of_sixteen_bits(key: int, index: np.ndarray) -> None:
    drawn = hash_random.bits(key, index).tolist()
    sums = [sum(one >> shift & 0xFFFF for shift in (0, 16, 32, 48)) for one in drawn]
    assert hash_random.normal(key, index).tolist() == [(one - 2 * 65535) * (3**0.5 / 65536) for one in sums]


@given(keys, places, st.integers(1, 200))
def test_a_drift_is_a_line_between_the_draws_at_its_ends(key: int, index: np.ndarray, period: int) -> None:
    # Far apart, each has a block of its own; a day's index is a count of days.
    near = index % 50_000
    block = near // period
    first, second = hash_random.normal(key, block), hash_random.normal(key, block + 1)
    expected = first + (second - first) * ((near - block * period) / period)
    assert hash_random.smooth_normal(key, near, period).tolist() == expected.tolist()


@given(keys, st.integers(1, 5), st.integers(1, 7))
def test_a_table_of_places_is_drawn_as_its_rows_are(key: int, count: int, width: int) -> None:
    index = np.arange(count * width).reshape(count, width)
    for draw in (hash_random.uniform, hash_random.normal):
        assert draw(key, index).tolist() == [draw(key, row).tolist() for row in index]


@given(keys, places)
def test_a_uniform_draw_is_between_nought_and_one(key: int, index: np.ndarray) -> None:
    drawn = hash_random.uniform(key, index)
    assert ((drawn > 0) & (drawn < 1)).all()
