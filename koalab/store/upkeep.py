"""Maintenance of a cache: overview, consistency check, deletion."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from koalab.errors import BadInput, CacheDamaged
from koalab.inputs.issue_codes import written_code
from koalab.inputs.text import shown
from koalab.store import coverage, history
from koalab.store.disk import CacheUnavailable, Shelf, Transaction
from koalab.store.memo import MEMO, clear_memos, wrong_memos
from koalab.store.meta import Meta, Segment
from koalab.store.packing import unpack
from koalab.store.records import forget, listed, outdated, record_of, segment_of
from koalab.store.series import Series, moment, parse_key, unit_of

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

_PROBE: Final = "probe"


def clear(shelf: Shelf, code: str | None, interval: str | None) -> int:
    """Deletes the series of that code and interval (None: any), each in one transaction.

    Without both the memos go too, and it repairs a damaged cache and makes room on a full disk, with a new database
    if necessary.
    """
    if interval is not None and not isinstance(interval, str):
        raise BadInput(f'an interval is a text like "D" or "5min", not {shown(interval)}')
    if code is not None:
        written = written_code(code) if isinstance(code, str) else None
        code = written.text if written is not None else code
        Series(code, "D" if interval is None else interval, False)  # raises BadInput for either
    elif interval is not None:
        unit_of(interval)
    if code is None and interval is None:
        try:
            return _clear_all(shelf)
        finally:
            shelf.cleared += 1  # afterwards: what is read before is not kept
    return _forget_some(shelf, code, interval)


def _clear_all(shelf: Shelf) -> int:
    count = 0
    try:
        count = len(listed(shelf))
        count = _forget_some(shelf, None, None)
        clear_memos(shelf)
        if not verify(shelf):
            _write_once(shelf)
            return count
    except CacheDamaged as error:
        log.warning("%s", error)
    except CacheUnavailable as error:
        # SQLite writes in order to delete.
        if not error.no_room:
            raise
        log.warning("%s", error)
    shelf.begin_anew()
    return count


def _write_once(shelf: Shelf) -> None:
    """Stores, changes and deletes a value: what was damaged may be run by SQLite only when it writes."""
    with shelf.transaction() as change:
        change.set(_PROBE, 1)
        change.set(_PROBE, 2)
        change.delete(_PROBE)


def _forget_some(shelf: Shelf, code: str | None, interval: str | None) -> int:
    found = defaultdict(list)
    for key in shelf.all_keys():
        parsed = parse_key(key)
        if parsed is not None and code in (None, parsed[0].code) and interval in (None, parsed[0].interval):
            found[parsed[0]].append(key)
    for series, keys in found.items():
        with shelf.transaction() as change:
            forget(change, series, keys)
    history.forget(shelf, code, interval)
    return len(found)


def info(shelf: Shelf) -> pd.DataFrame:
    """One row a series: ``code interval adjusted first last bars bytes``."""
    import pandas as pd

    rows = []
    for series in listed(shelf):
        if outdated(shelf, series):
            continue  # it counts as not stored
        parts = list(record_of(shelf, series).segments.values())
        rows.append(
            (
                series.code,
                series.interval,
                series.adjusted,
                moment(parts[0].first) if parts else None,
                moment(parts[-1].last) if parts else None,
                sum(part.rows for part in parts),
                sum(part.size for part in parts),
            )
        )
    columns = ["code", "interval", "adjusted", "first", "last", "bars", "bytes"]
    types = ["str", "str", "bool", "datetime64[us]", "datetime64[us]", "int64", "int64"]
    return pd.DataFrame(rows, columns=columns).astype(dict(zip(columns, types, strict=True)))


def verify(shelf: Shelf) -> list[str]:
    """The inconsistencies, a sentence each."""
    try:
        problems = shelf.check()
        for series in listed(shelf):
            # A transaction a series, so that writers wait no longer than it takes to read one.
            with shelf.snapshot() as frozen:
                problems += [f"{series}: {what}" for what in _wrong_series(frozen, series)]
        with shelf.snapshot() as frozen:
            problems += wrong_memos(frozen)
            problems += _strays(frozen)
    except CacheDamaged as error:
        # Not even the keys can be read.
        return [str(error)]
    return problems


def _wrong_series(change: Transaction, series: Series) -> Iterator[str]:
    try:
        if outdated(change, series):
            yield "it was stored in another format, by another version of koalab; it is loaded anew"
            return
        meta = record_of(change, series)
    except CacheDamaged as error:
        yield str(error)
        return
    for name, segment in meta.segments.items():
        try:
            data = segment_of(change, series, name, segment)
            wrong = ["its bytes are not those that were stored"]
            if data is not None:
                wrong = list(_wrong_segment(series, meta, name, segment, data))
        except CacheDamaged as error:
            wrong = [str(error)]
        yield from (f"segment {name}: {what}" for what in wrong)


def _wrong_segment(series: Series, meta: Meta, name: str, segment: Segment, data: bytes) -> Iterator[str]:
    bars = unpack(data)
    if Segment.of(data, bars) != segment:
        yield "its bars are not those of the record"
    if series.kind != "tick" and not (bars.time[1:] > bars.time[:-1]).all():
        yield "two bars have one time"
    if [part for part, _ in series.cut(bars.time)] != [name]:
        yield "bars of another segment lie in it"
    covered = coverage.intersect(meta.coverage, segment.first, segment.last)
    inside = sum(len(bars.slice(moment(first), moment(last))) for first, last in covered)
    if inside != len(bars):
        yield f"{len(bars) - inside} bars lie outside the time covered"


def _strays(change: Transaction) -> Iterator[str]:
    """Keys that no record names."""
    named: dict[Series, set[str] | None] = {}
    for key in change.all_keys():
        parsed = parse_key(key)
        if parsed is None:
            if not key.startswith(MEMO):
                yield f"the key {key!r} is none of koalab's"
            continue
        series, segment = parsed
        if segment is None:
            continue
        if series not in named:
            try:
                known = None if outdated(change, series) else record_of(change, series)
            except CacheDamaged:
                known = None
            named[series] = None if known is None else set(known.segments)
        there = named[series]  # None: the series has been reported
        if there is not None and segment not in there:
            yield f"{series}: segment {segment}: no record speaks of it"
