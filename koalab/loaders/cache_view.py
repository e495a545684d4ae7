"""What the cache has for a load: which bars, whether they are in its adjustment, and what is still to be asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING
from koalab.frames.bars import BarColumns
from koalab.frames.chart_pages import kind_of
from koalab.loaders.page_requests import INSTANT, Load
from koalab.loaders.tr_estimate import with_unfinal
from koalab.store import coverage
from koalab.store.bars import BarStore, CachedRange
from koalab.store.disk import CacheUnavailable
from koalab.store.finality import Gap, needs_fetch, seconds
from koalab.store.series import Moment, microseconds, moment

log = logging.getLogger(__name__)

# How far beside a gap its neighbours are looked for; minutes lie in many segments.
_NEIGHBOUR = np.timedelta64(30, "D")
_EVER = np.timedelta64(200 * 365, "D")


class CacheView:
    """A store as a load sees it; one that cannot be used now holds nothing.

    Args:
        store: of final bars; None where nothing is kept.
        sessions: of the exchange, read when they are first needed.
    """

    def __init__(self, store: BarStore | None, sessions: Callable[[], Sessions]) -> None:
        self._store = store
        self._sessions = sessions

    def store_of(self, load: Load) -> BarStore | None:
        # Ticks of one second can lie on two pages, so that no moment says what is held: they are not kept.
        return None if load.interval.unit == "tick" or load.past_store else self._store

    def look(self, load: Load) -> CachedRange:
        """What is held of the range and final by now; its gaps are what neither that nor this load has."""
        # A simulated broker may have been ahead of this one: what it saw has not happened here yet.
        known = min(load.last, load.final)
        held = self.held(load, load.first, known)
        missing = with_unfinal(held.gaps, known, load.first, load.last)
        gaps = [
            (moment(low), moment(high))
            for first, last in missing
            for low, high in coverage.missing(load.covered, microseconds(first), microseconds(last))
        ]
        return replace(held, gaps=self._worth(load, gaps))

    def held(self, load: Load, first: Moment, last: Moment) -> CachedRange:
        store = self.store_of(load)
        if store is not None:
            try:
                return store.cached_range(load.series, first, last)
            except CacheUnavailable as error:
                log.warning("bars of %s cannot be looked up: %s", load.series, error)
        return CachedRange(
            BarColumns.empty(kind_of(load.interval.tr)), [(first, last)] if first <= last else []
        )

    def record(self, load: Load) -> object:
        store = self.store_of(load)
        try:
            return None if store is None else store.shelf.get(load.series.key)
        except CacheUnavailable:
            return None

    def trusted(self, load: Load, held: CachedRange) -> bool:
        """Whether what is held is known to be in the adjustment of what comes now."""
        if not load.series.adjusted or not held.any_cached:
            return True
        return held.adjustment is not None and held.adjustment in (load.adjustment, load.taken)

    def complete(self, load: Load, held: CachedRange) -> bool:
        """Whether nothing is left to ask for: all of the range is there, in one adjustment.

        What is held whole may be in an earlier day's; beside what this load asked for itself it may not.
        """
        if held.gaps:
            return False
        if not len(held.bars) or self.trusted(load, held):
            return True
        earlier = held.adjustment is None or load.adjustment is None or held.adjustment < load.adjustment
        return not load.own and bool(earlier)

    def reach(self, load: Load, held: CachedRange, gap: Gap) -> Gap:
        """The gap, and for adjusted prices one bar more on each side: they show whether the adjustment is the same."""
        first, last = gap
        if not load.series.adjusted or not held.any_cached:
            return gap
        far = _EVER if load.interval.dated else _NEIGHBOUR
        before = self.held(load, max(first, BEGINNING + far) - far, first - INSTANT)
        floor, holes = first, self._worth(load, before.gaps)
        beside = before.bars.slice(holes[-1][1] if holes else None)
        if len(beside):
            floor = beside.time[-1]
        if load.result.trs and self.trusted(load, held):
            return floor, last  # its page before this one has shown it
        after = self.held(load, last + INSTANT, min(last + far, load.final))
        holes = self._worth(load, after.gaps)
        beside = after.bars.slice(None, holes[0][0] if holes else None)
        return floor, (beside.time[0] if len(beside) else last)

    def _worth(self, load: Load, gaps: Sequence[Gap]) -> list[Gap]:
        return needs_fetch(gaps, load.interval.name, seconds(load.now), self._sessions())
