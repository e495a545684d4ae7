"""The records of many series at once: coverage and adjustment, without bars."""

from __future__ import annotations

from collections.abc import Iterable

from koalab.errors import CacheDamaged
from koalab.store.disk import Shelf
from koalab.store.meta import Meta
from koalab.store.records import record_of
from koalab.store.series import Series


def series_records(shelf: Shelf, wanted: Iterable[Series]) -> list[Meta]:
    """The record of each series, in their order; an empty one where it cannot be read.

    A record is one query of some microseconds, so that a whole market takes milliseconds, and no writer waits.

    Raises:
        CacheUnavailable: the folder cannot be used now.
    """
    return [_record(shelf, series) for series in wanted]


def _record(shelf: Shelf, series: Series) -> Meta:
    try:
        return record_of(shelf, series)
    except CacheDamaged:
        return Meta()  # reading its bars raises
