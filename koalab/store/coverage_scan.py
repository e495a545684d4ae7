"""What is held of many series at once: which time, in which adjustment, and none of their bars."""

from __future__ import annotations

from collections.abc import Iterable

from koalab.errors import CacheDamaged
from koalab.store.disk import Shelf
from koalab.store.meta import Meta
from koalab.store.records import record_of
from koalab.store.series import Series


def series_records(shelf: Shelf, wanted: Iterable[Series]) -> list[Meta]:
    """The record of each series, in their order; an empty one where it cannot be read.

    A look at a record is a query of some microseconds, so that a whole market is a matter of a few of them
    times a thousand, and no writer waits for it.

    Raises:
        CacheUnavailable: the folder cannot be used now.
    """
    return [_record(shelf, series) for series in wanted]


def _record(shelf: Shelf, series: Series) -> Meta:
    try:
        return record_of(shelf, series)
    except CacheDamaged:
        return Meta()  # whoever reads its bars is told
