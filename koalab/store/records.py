"""The keys of a cache: records of series, and their segments."""

from __future__ import annotations

from collections.abc import Iterable

from koalab.errors import CacheDamaged
from koalab.store.disk import Shelf, Transaction
from koalab.store.meta import Meta, Segment
from koalab.store.series import Series, parse_key


def record_of(held: Shelf | Transaction, series: Series) -> Meta:
    """What is known of a series; an empty record where nothing is.

    Raises:
        CacheDamaged: its record cannot be read.
    """
    return _decoded(series, held.get(series.key)) or Meta()


def renewed(change: Transaction, series: Series) -> Meta:
    """The record of a series that is about to change; what another version of the format left is forgotten.

    Raises:
        CacheDamaged: its record cannot be read.
    """
    meta = _decoded(series, change.get(series.key))
    if meta is None:
        forget(change, series)
    return meta or Meta()


def segment_of(held: Shelf | Transaction, series: Series, name: str, segment: Segment) -> bytes | None:
    """The bytes of a segment; None where they are not those that the record speaks of."""
    data = held.get(series.segment_key(name))
    return data if isinstance(data, bytes) and segment.fits(data) else None


def listed(held: Shelf | Transaction) -> list[Series]:
    """Every series with a record, in order."""
    parsed = (parse_key(key) for key in held.all_keys())
    return sorted(found[0] for found in parsed if found is not None and found[1] is None)


def forget(change: Transaction, series: Series, known: Iterable[str] = ()) -> bool:
    """Deletes the record and the segments it names, and the ``known`` keys; whether there was any."""
    keys = set(known)
    try:
        stored = change.get(series.key)
        meta = _decoded(series, stored)
    except CacheDamaged:
        stored = meta = None
    if meta is None:
        # The record does not say which segments there are, so they are looked for.
        keys |= {key for key in change.all_keys() if (parse_key(key) or (None,))[0] == series}
    else:
        keys |= {series.segment_key(name) for name in meta.segments}
        keys |= set() if stored is None else {series.key}
    for key in keys:
        change.delete(key)
    return bool(keys)


def damaged(series: Series, why: str = "they are not those that were stored") -> CacheDamaged:
    """What to raise where the cached bars of a series are of no use."""
    return CacheDamaged(
        f"the cached bars of {series} cannot be used: {why}; "
        f"cache.verify() says more, cache.clear(code={series.code!r}) forgets them"
    )


def _decoded(series: Series, stored: object) -> Meta | None:
    """The record; an empty one where there is none, None where it is of another version of the format."""
    if stored is None:
        return Meta()
    try:
        return Meta.decode(stored)
    except ValueError as error:
        raise damaged(series, f"the record of what is held cannot be read ({error})") from error
