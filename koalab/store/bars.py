"""The cache of bars: which time of a series is held, and its bars.

Each series has a record (``Meta``) under one key and its bars in segments under others. They change together,
inside one transaction of the database, so that at whatever point a process is killed the next one finds the
old state or the new.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from koalab.errors import BadInput, KoalabError
from koalab.frames.bars import BarColumns
from koalab.store import coverage, upkeep
from koalab.store.claims import Claims
from koalab.store.disk import TIMEOUT, Shelf, Transaction, source_folder
from koalab.store.finality import Gap
from koalab.store.merging import checked, disagreement, merged
from koalab.store.meta import Meta, Segment
from koalab.store.packing import pack, unpack
from koalab.store.records import damaged, forget, listed, record_of, renewed, segment_of
from koalab.store.series import Moment, Series, microseconds, moment

if TYPE_CHECKING:
    import pandas as pd

_TRIES: Final = 3


class AdjustmentChanged(KoalabError):
    """Adjusted prices that are held differ from those that came, or may: a split or the like since they were stored.

    Nothing was stored. Where the prices are the same all the same, ``renew`` says so; else ``drop`` the series.
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
    """What a store has of a range, all of one moment.

    Attributes:
        bars: oldest first.
        gaps: for which final bars are not held.
        adjustment: of adjusted prices; None where nobody said.
        any_cached: whether anything is held of the series, in the range or outside it.
    """

    bars: BarColumns
    gaps: list[Gap]
    adjustment: Moment | None = None
    any_cached: bool = False


class BarStore:
    """The final bars of one source of prices. Any thread, any number of processes.

    Args:
        folder: of all caches; each source has a folder of its own in it.
        source: names the prices (a server, a market's data); two sources never share anything.
        timeout: seconds to wait for another process's write.

    All methods raise CacheUnavailable where the folder cannot be used now, and CacheDamaged where what lies in
    it does not add up.
    """

    def __init__(self, folder: str | os.PathLike[str], source: str, timeout: float = TIMEOUT) -> None:
        self.source = source
        self.shelf = Shelf(source_folder(folder, source), timeout)
        self.claims = Claims(self.shelf.folder.parent / "claims" / self.shelf.folder.name)

    def __repr__(self) -> str:
        return f"BarStore({str(self.shelf.folder)!r}, source={self.source!r})"

    def read(self, series: Series, first: Moment, last: Moment) -> tuple[BarColumns, list[Gap]]:
        """The bars held from ``first`` to ``last``, and the gaps for which final bars are not held.

        Args:
            series: which.
            first: naive Seoul wall time, included.
            last: naive Seoul wall time, included; a bare day is its midnight.

        Returns:
            Bars, oldest first, as read-only arrays; and (first, last) pairs, ascending, both ends included.
            A range that ends before it starts holds nothing and lacks nothing.
        """
        held = self.cached_range(series, first, last)
        return held.bars, held.gaps

    def cached_range(self, series: Series, first: Moment, last: Moment) -> CachedRange:
        """As ``read``, and with it the adjustment that those bars are in."""
        low, high = microseconds(first), microseconds(last)
        for _ in range(_TRIES):
            meta = record_of(self.shelf, series)
            parts = _parts(self.shelf, series, meta, low, high)
            if parts is not None:
                break
        else:
            # Either it is written all the time or it is damaged; with the writers locked out, that shows.
            with self.shelf.transaction() as change:
                meta = record_of(change, series)
                parts = _parts(change, series, meta, low, high)
            if parts is None:
                raise damaged(series)
        bars = BarColumns.concat(parts).slice(first, last) if parts else BarColumns.empty(series.kind)
        gaps = coverage.missing(meta.coverage, low, high)
        adjustment = None if meta.adjustment is None else moment(meta.adjustment)
        return CachedRange(
            bars, [(moment(start), moment(end)) for start, end in gaps], adjustment, bool(meta.coverage)
        )

    def add(
        self,
        series: Series,
        bars: BarColumns,
        covered: Gap,
        history_ended: bool = False,
        adjustment: Moment | None = None,
    ) -> None:
        """Keeps final bars, and that there are no others in the time covered.

        Args:
            series: whose.
            bars: oldest first, all inside ``covered``.
            covered: (first, last), both included. What was held in there is replaced. Reach over a bar that
                is held already, and a change of the adjustment shows. An empty one, which ends before it
                starts, keeps nothing.
            history_ended: the broker has nothing older than ``first``.
            adjustment: of adjusted prices: ``finality.basis_of`` the moment at which they came. None where only the
                overlap is to be looked at.

        Raises:
            AdjustmentChanged: the prices differ from the cached ones, or those have another adjustment.
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
        """Puts those bars in place of all that is held of the series, in one step. Arguments as for ``add``."""
        some = checked(series, bars, covered)
        with self.shelf.transaction() as change:
            forget(change, series)
            if some:
                _merge(change, series, Meta(), bars, covered, history_ended, adjustment)

    def renew(self, series: Series, old: Moment | None, new: Moment) -> bool:
        """Notes that the prices held in the ``old`` adjustment are those of the ``new`` one too.

        Returns:
            False, and nothing is changed, where they are in another adjustment by now.
        """
        with self.shelf.transaction() as change:
            meta = renewed(change, series)
            if not meta.coverage or meta.adjustment != (None if old is None else microseconds(old)):
                return False
            change.set(series.key, replace(meta, adjustment=microseconds(new)).encode())
            return True

    def drop(self, series: Series) -> bool:
        """Forgets a series; whether anything was held of it."""
        with self.shelf.transaction() as change:
            return forget(change, series)

    def drop_adjustment(self, series: Series, adjustment: Moment | None) -> bool:
        """Forgets a series that is held in that adjustment; False where it is in another one by now."""
        with self.shelf.transaction() as change:
            meta = renewed(change, series)
            if meta.adjustment != (None if adjustment is None else microseconds(adjustment)):
                return False
            return forget(change, series)

    def drop_before(self, code: str, adjustment: Moment) -> int:
        """Forgets the adjusted series of a code that are in an earlier adjustment than that; how many those were."""
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
        """Whether there is nothing older to ask for than what is held."""
        return record_of(self.shelf, series).complete_from_start

    def series(self) -> list[Series]:
        """What is held, in order of code and interval."""
        return listed(self.shelf)

    def clear(self, code: str | None = None, interval: str | None = None) -> int:
        """Forgets all series, or those of one code, one interval or both; how many series that were.

        Without an argument it also mends a cache that is damaged: where the database cannot be read any more, a
        new one takes its place.

        Raises:
            BadInput: no code or interval can be called so.
        """
        return upkeep.clear(self.shelf, code, interval)

    def info(self) -> pd.DataFrame:
        """One row a series: ``code interval adjusted first last bars bytes``.

        ``first`` and ``last`` are the times of its first and last bar, naive Seoul wall time; NaT without any.
        """
        return upkeep.info(self.shelf)

    def verify(self) -> list[str]:
        """What is wrong with what is held, a sentence each; none where all is well. Reads everything."""
        return upkeep.verify(self.shelf)

    def export(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Writes all that is held as Parquet into a folder; returns the files. See ``koalab.store.parquet.export``.

        Raises:
            BadInput: ``folder`` is no path, or cannot be written.
        """
        from koalab.store.parquet import export

        if not isinstance(folder, (str, os.PathLike)) or not os.fspath(folder):
            raise BadInput(f'a folder is a path like "bars", not {folder!r}')
        return export(self, Path(folder).expanduser())

    def close(self) -> None:
        """Gives the database back; the next use opens it again."""
        self.shelf.close()


def _parts(
    held: Shelf | Transaction, series: Series, meta: Meta, low: int, high: int
) -> list[BarColumns] | None:
    """The segments with bars in that time; None where one is not the one that the record speaks of."""
    parts = []
    for name, segment in meta.between(low, high):
        data = segment_of(held, series, name, segment)
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
    low, high = microseconds(covered[0]), microseconds(covered[1])
    fresh = {name: bars.slice(*span) for name, span in series.cut(bars.time)}
    segments = dict(meta.segments)
    for name in sorted(fresh.keys() | {name for name, _ in meta.between(low, high)}):
        new = fresh.get(name, BarColumns.empty(series.kind))
        held = segments.pop(name, None)
        if held is not None:
            data = segment_of(change, series, name, held)
            if data is None:
                raise damaged(series)
            old = unpack(data)
            changed = disagreement(old.slice(*covered), new) if series.adjusted else None
            if changed is not None:
                raise AdjustmentChanged(series, changed)
            new = merged(old, new, covered)
        if len(new):
            data = pack(new)
            segments[name] = Segment.of(data, new)
            change.set(series.segment_key(name), data)
        else:
            change.delete(series.segment_key(name))
    extended = coverage.add(meta.coverage, (coverage.BEGINNING if history_ended else low, high))
    change.set(series.key, Meta(extended, segments, stamp).encode())
