"""Which rows of newest-first pages to keep, so that together they run backwards in time without a repeat.

The broker pages backwards by a key, and while it does so the market may add bars, so that a page can begin
with rows that the page before it ended with. Whatever overlaps otherwise is no overlap but a mix of two
answers, and is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from koalab.frames.errors import ConflictingBars
from koalab.frames.numbers import Moments, Numbers

Mask = NDArray[np.bool_]


def bars_to_keep(times: Moments, pages: Sequence[int]) -> Mask | None:
    """Bars, one a time: of a time on two pages the first page's row, which is the newer page's, is kept.

    Args:
        times: of all rows, pages one after another, newest first.
        pages: how many rows each page has.

    Returns:
        True where a row is kept, or None where all are.

    Raises:
        ConflictingBars: a page does not run backwards, or has a bar that the pages before it went past without.
    """
    if (times[1:] < times[:-1]).all():
        return None
    keep = np.ones(times.size, bool)
    start = 0
    for rows in pages:
        page, before = times[start : start + rows], times[:start][keep[:start]]
        if not (page[1:] < page[:-1]).all():
            raise ConflictingBars("a page of bars does not run from newer to older; load the range again")
        if before.size:
            again = page >= before[-1]
            if not np.isin(page[again], before).all():
                raise ConflictingBars(
                    f"a page that should continue before {before[-1]} holds other bars after it; "
                    "load the range again"
                )
            keep[start : start + rows] = ~again
        start += rows
    return keep


def ticks_to_keep(times: Moments, columns: Sequence[Numbers], pages: Sequence[int]) -> Mask | None:
    """Ticks, of which many may have one time: only a run of whole rows that comes again is an overlap.

    Two equal trades in one second, one ending a page and one beginning the next, are two trades. Only a page
    that begins after the end of the page before it must be repeating rows.

    Raises:
        ConflictingBars: a page does not run backwards, or overlaps the ones before it in time but not in rows.
    """
    if (times[1:] <= times[:-1]).all():
        return None
    rows = np.stack([times.astype(np.int64), *columns])
    keep = np.ones(times.size, bool)
    start = 0
    for count in pages:
        page, before = rows[:, start : start + count], rows[:, :start][:, keep[:start]]
        if not (page[0, 1:] <= page[0, :-1]).all():
            raise ConflictingBars("a page of ticks does not run from newer to older; load the range again")
        if before.size and page[0, 0] > before[0, -1]:
            keep[start : start + _repeated(before, page)] = False
        start += count
    return keep


def _repeated(before: NDArray[np.generic], page: NDArray[np.generic]) -> int:
    """How many of the page's first rows are the last rows before it."""
    for start in np.flatnonzero(before[0] == page[0, 0]):
        width = min(int(before.shape[1] - start), int(page.shape[1]))
        if np.array_equal(before[:, start : start + width], page[:, :width]):
            return width
    raise ConflictingBars("a page of ticks overlaps the one before it with other ticks; load the range again")
