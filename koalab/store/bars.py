"""The cache of bars: which time of a series is covered, and its bars.

Each series has a record (``Meta``) under one key and its bars in segments under others. They change in one
transaction of the database, so that after a killed process the next one finds the old state or the new.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from koalab.errors import KoalabError
from koalab.frames.attrs import frame_attrs
from koalab.frames.bars import BarColumns
from koalab.inputs.arguments import path
from koalab.store import coverage, upkeep
from koalab.store.claims import Claims
from koalab.store.disk import TIMEOUT, Shelf, Transaction, source_folder
from koalab.store.finality import Gap
from koalab.store.merging import checked, disagreement, merged
from koalab.store.meta import Meta, Segment
from koalab.store.packing import pack, unpack
from koalab.store.records import (
    damaged,
    forget,
    listed,
    outdated,
    record_of,
    renewed,
    segment_of,
    store_record,
)
from koalab.store.series import Moment, Series, microseconds, moment

if TYPE_CHECKING:
    import pandas as pd

_TRIES: Final = 3


class AdjustmentChanged(KoalabError):
    """Stored adjusted prices differ from those that came, or may: a split or the like since they were stored.

    Nothing was stored. If the prices are the same after all call ``renew``, else ``drop`` the series.
    """

    def __init__(self, series: Series, time: Moment) -> None:
        super().__init__(
            f"{series}: the prices of {time} are not those the cache holds, so its adjustment is out of date; "
            "load the whole series again"
        )
        self.series = series
        self.time = time


@dataclass(frozen=True, slots=True)
class CachedRange:
    """What a store has of a range, read as of one moment.

    Attributes:
        bars: oldest first.
        gaps: for which no final bars are stored.
        adjustment: of adjusted prices, see ``finality.adjustment_at``; None where it was not given.
        any_cached: whether the series has any coverage, in the range or outside it.
        oldest_of_all: the time of the series' first bar; None where older ones may be missing.
        lost: gaps from before the broker's history, of minutes and ticks.
    """

    bars: BarColumns
    gaps: list[Gap]
    adjustment: Moment | None = None
    any_cached: bool = False
    oldest_of_all: Moment | None = None
    lost: list[Gap] = field(default_factory=list)


class BarStore:
    """The final bars of one source of prices. Any thread, any number of processes.

    Args:
        folder: of all caches; each source has its own folder in it.
        source: names the prices (a server, a market's data); two sources never share anything.
        timeout: seconds to wait for another process's write.

    All methods raise CacheUnavailable where the folder cannot be used now, and CacheDamaged where its content is
    inconsistent.
    """

    def __init__(self, folder: str | os.PathLike[str], source: str, timeout: float = TIMEOUT) -> None:
        self.source = source
        self.shelf = Shelf(source_folder(folder, source), timeout)
        self.claims = Claims(self.shelf.folder.parent / "claims" / self.shelf.folder.name)

    def __dir__(self) -> list[str]:
        """What completion offers after ``kw.cache.``: the methods for users; the others belong to the loaders."""
        return ["clear", "export", "info", "verify"]

    def __repr__(self) -> str:
        return f"BarStore({str(self.shelf.folder)!r}, source={self.source!r})"

    def read(self, series: Series, first: Moment, last: Moment) -> tuple[BarColumns, list[Gap]]:
        """The stored bars from ``first`` to ``last``, and the gaps for which no final bars are stored.

        Args:
            series: which.
            first: naive Seoul wall time, included.
            last: naive Seoul wall time, included; a bare day is its midnight.

        Returns:
            Bars, oldest first, as read-only arrays; and (first, last) pairs, ascending, both ends included.
            A range that ends before it starts has neither bars nor gaps.
        """
        found = self.cached_range(series, first, last)
        return found.bars, found.gaps

    def cached_range(self, series: Series, first: Moment, last: Moment) -> CachedRange:
        """The result of ``read`` with the adjustment of those bars."""
        low, high = microseconds(first), microseconds(last)
        for _ in range(_TRIES):
            meta = record_of(self.shelf, series)
            parts = _parts(self.shelf, series, meta, low, high)
            if parts is not None:
                break
        else:
            # It is being written or it is damaged; a read without writers shows which.
            with self.shelf.snapshot() as frozen:
                meta = record_of(frozen, series)
                parts = _parts(frozen, series, meta, low, high)
            if parts is None:
                raise damaged(series)
        bars = BarColumns.concat(parts).slice(first, last) if parts else BarColumns.empty(series.kind)
        gaps = coverage.missing(meta.coverage, low, high)
        adjustment = None if meta.adjustment is None else moment(meta.adjustment)
        oldest = meta.oldest_of_all
        return CachedRange(
            bars,
            [(moment(start), moment(end)) for start, end in gaps],
            adjustment,
            bool(meta.coverage),
            None if oldest is None else moment(oldest),
        )

    def add(
        self,
        series: Series,
        bars: BarColumns,
        covered: Gap,
        history_ended: bool = False,
        adjustment: Moment | None = None,
    ) -> None:
        """Stores final bars, and that there are no others in the time covered.

        Args:
            series: to which.
            bars: oldest first, all inside ``covered``.
            covered: (first, last), both included. Stored bars in it are replaced; of adjusted prices one stored
                bar in it reveals a change of the adjustment. A range that ends before it starts stores nothing.
            history_ended: the broker has nothing older than ``first``.
            adjustment: of adjusted prices: ``finality.adjustment_at`` the moment at which they came. None: only
                the overlap is compared.

        Raises:
            AdjustmentChanged: the prices differ from the stored ones, or those have another adjustment.
            ValueError: bars out of order or outside ``covered``.
        """
        if checked(series, bars, covered):
            with self.shelf.transaction() as change:
                _merge(change, series, renewed(change, series), bars, covered, history_ended, adjustment)

    def replace(
        self,
        series: Series,
        bars: BarColumns,
        covered: Gap,
        history_ended: bool = False,
        adjustment: Moment | None = None,
    ) -> None:
        """Replaces the whole series by those bars, in one transaction. Arguments as for ``add``."""
        some = checked(series, bars, covered)
        with self.shelf.transaction() as change:
            forget(change, series)
            if some:
                _merge(change, series, Meta(), bars, covered, history_ended, adjustment)

    def withdraw(self, series: Series, covered: Gap) -> None:
        """Forgets the bars of a time, which turned out not to be final, so that it is a gap again.

        Args:
            series: of which.
            covered: (first, last), both included; nothing else changes.
        """
        with self.shelf.transaction() as change:
            meta = renewed(change, series)
            low, high = microseconds(covered[0]), microseconds(covered[1])
            left = coverage.without(meta.coverage, low, high)
            if left != meta.coverage:
                segments = _with_bars(change, series, meta, BarColumns.empty(series.kind), covered)
                store_record(change, series, replace(meta, coverage=left, segments=segments))

    def renew(self, series: Series, old: Moment | None, new: Moment) -> bool:
        """Records that the stored prices of the ``old`` adjustment are those of the ``new`` one too.

        Returns:
            False, and nothing is changed, where they have another adjustment by now.
        """
        with self.shelf.transaction() as change:
            meta = renewed(change, series)
            if not meta.coverage or meta.adjustment != (None if old is None else microseconds(old)):
                return False
            store_record(change, series, replace(meta, adjustment=microseconds(new)))
            return True

    def drop(self, series: Series) -> bool:
        """Deletes a series; whether anything of it was stored."""
        with self.shelf.transaction() as change:
            return forget(change, series)

    def drop_adjustment(self, series: Series, adjustment: Moment | None) -> bool:
        """Deletes a series that has that adjustment; False where it has another one by now."""
        with self.shelf.transaction() as change:
            meta = renewed(change, series)
            if meta.adjustment != (None if adjustment is None else microseconds(adjustment)):
                return False
            return forget(change, series)

    def drop_before(self, code: str, adjustment: Moment) -> int:
        """Deletes the adjusted series of a code that have an earlier adjustment; returns how many."""
        limit = microseconds(adjustment)
        with self.shelf.transaction() as change:
            old = [
                series
                for series in listed(change)
                if series.code == code
                and series.adjusted
                and (renewed(change, series).adjustment or 0) < limit
            ]
            return sum(forget(change, series) for series in old)

    def complete_from_start(self, series: Series) -> bool:
        """Whether the broker has nothing older than what is stored."""
        return record_of(self.shelf, series).complete_from_start

    def series(self) -> list[Series]:
        """The stored series, in order of code and interval.

        Raises:
            CacheDamaged: the record of one of them cannot be read.
        """
        return [series for series in listed(self.shelf) if not outdated(self.shelf, series)]

    def clear(self, code: str | None = None, interval: str | None = None) -> int:
        """Deletes all series, or those of one code, one interval or both; returns how many.

        Without an argument everything goes, the day's listing and indices, ``info`` and ``quotes`` too, also what this
        session has of them in memory, and is asked for anew when next needed. That also repairs a damaged cache: a
        database that cannot be read is replaced.

        Raises:
            BadInput: no code or interval can be called so.
        """
        return upkeep.clear(self.shelf, code, interval)

    def info(self) -> pd.DataFrame:
        """One row a series: ``code interval adjusted first last bars bytes``.

        ``first`` and ``last`` are the times of its first and last bar, naive Seoul wall time; NaT without bars.
        """
        found = upkeep.info(self.shelf)
        found.attrs = frame_attrs(self.source, "", time.time())
        return found

    def verify(self) -> list[str]:
        """The inconsistencies of the cache, a sentence each; empty where there are none. Reads everything."""
        return upkeep.verify(self.shelf)

    def export(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Writes all series as Parquet into a folder; returns the files. See ``koalab.store.parquet.export``.

        Raises:
            BadInput: ``folder`` is no path, or cannot be written.
        """
        from koalab.store.parquet import export

        return export(self, path("folder", folder))

    def close(self) -> None:
        """Closes the database; the next use opens it again."""
        self.shelf.close()


def _parts(
    source: Shelf | Transaction, series: Series, meta: Meta, low: int, high: int
) -> list[BarColumns] | None:
    """The segments with bars in that time; None where one does not match its digest in the record."""
    parts = []
    for name, segment in meta.between(low, high):
        data = segment_of(source, series, name, segment)
        if data is None:
            return None
        parts.append(unpack(data))
    return parts


def _merge(
    change: Transaction,
    series: Series,
    meta: Meta,
    bars: BarColumns,
    covered: Gap,
    history_ended: bool,
    adjustment: Moment | None = None,
) -> None:
    stamp = meta.adjustment if adjustment is None or not series.adjusted else microseconds(adjustment)
    if meta.coverage and meta.adjustment != stamp:
        raise AdjustmentChanged(series, covered[0])
    segments = _with_bars(change, series, meta, bars, covered, compared=series.adjusted)
    low, high = microseconds(covered[0]), microseconds(covered[1])
    extended = coverage.add(meta.coverage, (coverage.BEGINNING if history_ended else low, high))
    store_record(change, series, Meta(extended, segments, stamp))


def _with_bars(
    change: Transaction, series: Series, meta: Meta, bars: BarColumns, covered: Gap, compared: bool = False
) -> dict[str, Segment]:
    """Writes the segments in which those bars take the place of the stored ones in that time; all segments then.

    Raises:
        AdjustmentChanged: they are ``compared``, and one differs from the stored one of its time.
    """
    low, high = microseconds(covered[0]), microseconds(covered[1])
    fresh = {name: bars.slice(*span) for name, span in series.cut(bars.time)}
    segments = dict(meta.segments)
    for name in sorted(fresh.keys() | {name for name, _ in meta.between(low, high)}):
        new = fresh.get(name, BarColumns.empty(series.kind))
        stored = segments.pop(name, None)
        if stored is not None:
            data = segment_of(change, series, name, stored)
            if data is None:
                raise damaged(series)
            old = unpack(data)
            changed = disagreement(old.slice(*covered), new) if compared else None
            if changed is not None:
                raise AdjustmentChanged(series, changed)
            new = merged(old, new, covered)
        if len(new):
            data = pack(new)
            segments[name] = Segment.of(data, new)
            change.set(series.segment_key(name), data)
        else:
            change.delete(series.segment_key(name))
    return segments
