"""Removes rows that consecutive pages share, so that all rows together descend in time without a repeat.

The broker pages backwards by a key while the market adds bars, so a page can begin with rows that ended the previous
page. Any other overlap means that two answers were mixed, and raises.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from koalab.frames.errors import ConflictingBars
from koalab.frames.numbers import Moments, Numbers

Mask = NDArray[np.bool_]


def bars_to_keep(times: Moments, pages: Sequence[int]) -> Mask | None:
    """A mask for bars with unique times: a row that two pages share is kept in the first, newer page.

    Args:
        times: of all rows, pages one after another, newest first.
        pages: how many rows each page has.

    Returns:
        True where a row is kept; None if all are.

    Raises:
        ConflictingBars: a page does not descend in time, or has a bar that belongs into a previous page's range
            and is missing there.
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
    """A mask for ticks, many of which may share a time: only a run of entirely equal rows is an overlap.

    Two equal trades in one second, one ending a page and one beginning the next, are two trades. Only a page that
    begins later than the end of the previous page repeats rows.

    Raises:
        ConflictingBars: a page does not descend in time, or overlaps previous pages in time with other rows.
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
    """The number of the page's first rows that equal the last rows of the previous pages."""
    for start in np.flatnonzero(before[0] == page[0, 0]):
        width = min(int(before.shape[1] - start), int(page.shape[1]))
        if np.array_equal(before[:, start : start + width], page[:, :width]):
            return width
    raise ConflictingBars("a page of ticks overlaps the one before it with other ticks; load the range again")
