"""Coverage of time: arithmetic of closed intervals of whole microseconds.

A coverage is a tuple of intervals ``(first, last)``, both ends included, ascending, with at least one uncovered
microsecond between two of them, so that a set of moments has exactly one coverage.

>>> add(((0, 4), (10, 20)), (5, 7))
((0, 7), (10, 20))
>>> missing(((0, 7), (10, 20)), 5, 30)
((8, 9), (21, 30))
>>> intersect(((0, 7), (10, 20)), 5, 12)
((5, 7), (10, 12))
"""

from __future__ import annotations

from itertools import pairwise

ClosedInterval = tuple[int, int]
Coverage = tuple[ClosedInterval, ...]

BEGINNING = -(2**63) + 1
"""Earlier than any bar. A coverage that starts here reaches back to the start of the broker's history."""


def add(coverage: Coverage, interval: ClosedInterval) -> Coverage:
    """The coverage with that interval too. An interval that ends before it starts adds nothing."""
    first, last = interval
    if first > last:
        return coverage
    before = [one for one in coverage if one[1] < first - 1]
    after = [one for one in coverage if one[0] > last + 1]
    touching = coverage[len(before) : len(coverage) - len(after)]
    if touching:
        first, last = min(first, touching[0][0]), max(last, touching[-1][1])
    return (*before, (first, last), *after)


def intersect(coverage: Coverage, first: int, last: int) -> Coverage:
    """The covered part of ``first`` to ``last``."""
    return tuple(
        (max(low, first), min(high, last))
        for low, high in coverage
        if low <= last and high >= first and first <= last
    )


def missing(coverage: Coverage, first: int, last: int) -> Coverage:
    """The part of ``first`` to ``last`` that is not covered."""
    gaps = []
    for low, high in intersect(coverage, first, last):
        if low > first:
            gaps.append((first, low - 1))
        first = high + 1
    if first <= last:
        gaps.append((first, last))
    return tuple(gaps)


def without(coverage: Coverage, first: int, last: int) -> Coverage:
    """The coverage without ``first`` to ``last``."""
    if first > last:
        return coverage
    return (*intersect(coverage, BEGINNING, first - 1), *intersect(coverage, last + 1, 2**63 - 1))


def is_sound(coverage: Coverage) -> bool:
    """Whether it is ascending, disjoint and merged, as every coverage made here is."""
    return all(first <= last for first, last in coverage) and all(
        one[1] + 1 < following[0] for one, following in pairwise(coverage)
    )
