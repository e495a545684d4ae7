"""Reading, writing and deleting the records of series and their segments."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from koalab.errors import CacheDamaged
from koalab.store.disk import Shelf, Transaction
from koalab.store.meta import Meta, Segment
from koalab.store.seal import OtherFormat, seal, unseal
from koalab.store.series import Series, parse_key

log = logging.getLogger(__name__)


def record_of(source: Shelf | Transaction, series: Series) -> Meta:
    """The record of a series; an empty one where there is none.

    Raises:
        CacheDamaged: its record cannot be read.
    """
    return _decoded(source, series, source.get(series.key)) or Meta()


def renewed(change: Transaction, series: Series) -> Meta:
    """The record of a series that is about to change; what another version of the format left is deleted.

    Raises:
        CacheDamaged: its record cannot be read.
    """
    meta = _decoded(change, series, change.get(series.key))
    if meta is None:
        forget(change, series)
    return meta or Meta()


def store_record(change: Transaction, series: Series, meta: Meta) -> None:
    """Stores the record of a series."""
    change.set(series.key, seal(change.place(series.key), meta.encode()))


def segment_of(source: Shelf | Transaction, series: Series, name: str, segment: Segment) -> bytes | None:
    """The bytes of a segment; None where they do not match its digest in the record."""
    data = source.get(series.segment_key(name))
    return data if isinstance(data, bytes) and segment.fits(data) else None


def listed(source: Shelf | Transaction) -> list[Series]:
    """Every series with a record, in order."""
    parsed = (parse_key(key) for key in source.all_keys())
    return sorted(found[0] for found in parsed if found is not None and found[1] is None)


def outdated(source: Shelf | Transaction, series: Series) -> bool:
    """Whether the series was stored in another version's format, so that it is loaded anew."""
    return _decoded(source, series, source.get(series.key)) is None


def forget(change: Transaction, series: Series, known: Iterable[str] = ()) -> bool:
    """Deletes the record, the segments it names, and the ``known`` keys; whether there was any."""
    keys = set(known)
    try:
        stored = change.get(series.key)
        meta = _decoded(change, series, stored)
    except CacheDamaged:
        stored = meta = None
    if meta is None:
        # Without a readable record the segments are found by their keys.
        keys |= {key for key in change.all_keys() if (parse_key(key) or (None,))[0] == series}
    else:
        keys |= {series.segment_key(name) for name in meta.segments}
        keys |= set() if stored is None else {series.key}
    for key in keys:
        change.delete(key)
    return bool(keys)


def damaged(series: Series, why: str = "they are not those that were stored") -> CacheDamaged:
    """The error for cached bars of a series that cannot be used."""
    return CacheDamaged(
        f"the cached bars of {series} cannot be used: {why}; "
        f"cache.verify() says more, cache.clear(code={series.code!r}) forgets them"
    )


def _decoded(source: Shelf | Transaction, series: Series, stored: object) -> Meta | None:
    """The record; an empty one where there is none, None where it has another version of the format."""
    if stored is None:
        return Meta()
    try:
        return Meta.decode(unseal(source.place(series.key), stored))
    except OtherFormat:
        source.say_once(
            log,
            "bars in %s were stored by another version of koalab, in another format: they are loaded anew",
        )
        return None
    except ValueError as error:
        raise damaged(series, f"the record of the cached bars cannot be read ({error})") from error
