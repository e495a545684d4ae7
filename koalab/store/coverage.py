"""Which stretches of time are held: arithmetic of closed intervals of whole microseconds.

A coverage is a tuple of intervals ``(first, last)``, both ends included, ascending, and with at least one
microsecond that is not held between two of them, so that one set of moments has one coverage only.

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
"""Earlier than any bar. A coverage that starts here is complete from the start of the broker's history."""


def add(coverage: Coverage, interval: ClosedInterval) -> Coverage:
    """The coverage with that interval too. An interval that ends before it starts adds nothing."""
    first, last = interval
    if first > last:
        return coverage
    before = [held for held in coverage if held[1] < first - 1]
    after = [held for held in coverage if held[0] > last + 1]
    touching = coverage[len(before) : len(coverage) - len(after)]
    if touching:
        first, last = min(first, touching[0][0]), max(last, touching[-1][1])
    return (*before, (first, last), *after)


def intersect(coverage: Coverage, first: int, last: int) -> Coverage:
    """What of ``first`` to ``last`` is held."""
    return tuple(
        (max(held[0], first), min(held[1], last))
        for held in coverage
        if held[0] <= last and held[1] >= first and first <= last
    )


def missing(coverage: Coverage, first: int, last: int) -> Coverage:
    """What of ``first`` to ``last`` is not held."""
    gaps = []
    for held in intersect(coverage, first, last):
        if held[0] > first:
            gaps.append((first, held[0] - 1))
        first = held[1] + 1
    if first <= last:
        gaps.append((first, last))
    return tuple(gaps)


def is_sound(coverage: Coverage) -> bool:
    """Whether it is ascending, disjoint and merged, as every coverage made here is."""
    return all(first <= last for first, last in coverage) and all(
        held[1] + 1 < following[0] for held, following in pairwise(coverage)
    )
