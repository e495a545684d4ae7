"""Interval arithmetic against the plainest model there is: the set of all moments that are held."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koalab.store.coverage import BEGINNING, ClosedInterval, Coverage, add, intersect, is_sound, missing

POINTS = st.integers(-12, 40)
INTERVALS = st.tuples(POINTS, POINTS)


def moments(coverage: Coverage) -> set[int]:
    return {point for first, last in coverage for point in range(first, last + 1)}


def built(intervals: list[ClosedInterval]) -> Coverage:
    return reduce(add, intervals, ())


@given(st.lists(INTERVALS))
def test_adding_holds_what_was_added_and_nothing_else(intervals: list[ClosedInterval]) -> None:
    coverage = built(intervals)
    assert moments(coverage) == moments(tuple(intervals))
    assert is_sound(coverage)


@given(st.lists(INTERVALS), st.randoms())
def test_the_order_of_adding_does_not_matter(intervals: list[ClosedInterval], random: object) -> None:
    shuffled = list(intervals)
    random.shuffle(shuffled)
    assert built(shuffled) == built(intervals)


@given(st.lists(INTERVALS), POINTS, POINTS)
def test_a_range_is_what_is_held_of_it_and_what_is_missing(
    intervals: list[ClosedInterval], first: int, last: int
) -> None:
    coverage = built(intervals)
    asked = set(range(first, last + 1))
    held, gaps = intersect(coverage, first, last), missing(coverage, first, last)
    assert moments(held) == moments(coverage) & asked
    assert moments(gaps) == asked - moments(coverage)
    assert is_sound(held)
    assert is_sound(gaps)


def test_neighbours_become_one_and_a_moment_between_keeps_them_apart() -> None:
    assert add(((0, 4),), (5, 9)) == ((0, 9),)
    assert add(((0, 4),), (6, 9)) == ((0, 4), (6, 9))


def test_nothing_is_missing_before_a_history_that_is_complete_from_its_start() -> None:
    assert missing(add((), (BEGINNING, 10)), -(10**18), 12) == ((11, 12),)


@pytest.mark.parametrize("coverage", [((3, 2),), ((0, 4), (5, 9)), ((5, 9), (0, 2)), ((0, 6), (4, 9))])
def test_what_no_adding_makes_is_not_sound(coverage: Coverage) -> None:
    assert not is_sound(coverage)
