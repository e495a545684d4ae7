"""The cache as a load sees it: the bars it has, their adjustment, and the gaps that are still to be requested."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING, epoch_seconds
from koalab.loaders.load import Load, empty_bars
from koalab.loaders.page_requests import INSTANT
from koalab.loaders.tr_estimate import with_unfinal
from koalab.store import coverage
from koalab.store.bars import BarStore, CachedRange
from koalab.store.disk import CacheUnavailable
from koalab.store.finality import DEFAULT, Finality, Gap, needs_fetch
from koalab.store.series import Moment, microseconds, moment

log = logging.getLogger(__name__)

# How far beside a gap its neighbours are looked for; minutes lie in many segments.
_NEIGHBOUR = np.timedelta64(30, "D")
_OPENING = 60.0
_EVER = np.timedelta64(200 * 365, "D")


class CacheView:
    """A store of bars, read for one load at a time; empty where it is unavailable.

    Args:
        store: of final bars; None: nothing is cached.
        sessions: of the exchange, read on first use.
        finality: when bars are final.
    """

    def __init__(
        self, store: BarStore | None, sessions: Callable[[], Sessions], finality: Finality = DEFAULT
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._finality = finality

    def store_of(self, load: Load) -> BarStore | None:
        """The store; None where this load does not use it."""
        # Of ticks of several trades nothing says that the broker will group the same trades again.
        grouped = load.request.interval.unit == "tick" and load.request.interval.size > 1
        return None if grouped or load.bypasses_cache else self._store

    def look(self, load: Load) -> CachedRange:
        """The final bars in the cache; its gaps are what neither the cache nor this load has."""
        request = load.request
        # A simulated broker may have been ahead of this one: what it has cached has not happened here yet.
        known = min(request.last, load.known)
        cached = self.cached(load, request.first, known)
        gaps = [
            (moment(low), moment(high))
            for first, last in with_unfinal(cached.gaps, known, request.first, request.last)
            for low, high in coverage.missing(load.fetched.covered, microseconds(first), microseconds(last))
        ]
        worth = self._worth_requesting(load, gaps)
        return replace(
            cached,
            gaps=self._worth_requesting(load, after_start(worth, load.begins)),
            lost=[
                gap
                for gap in self._worth_requesting(load, before_start(worth, load.begins))
                if load.request.interval.unit != "tick" or not self._within_opening(gap)
            ],
        )

    def cached(self, load: Load, first: Moment, last: Moment) -> CachedRange:
        """What the store has of a range, without what this load has fetched."""
        store = self.store_of(load)
        if store is not None:
            try:
                found = store.cached_range(load.request.series, first, last)
            except CacheUnavailable as error:
                log.warning("bars of %s cannot be looked up: %s", load.request.series, error)
            else:
                if found.adjustment == load.adjustment or load.request.interval.unit != "tick":
                    return found  # adjusted ticks are compared with nothing: they are kept for a day
        return CachedRange(empty_bars(load.request), [(first, last)] if first <= last else [])

    def record(self, load: Load) -> object:
        """The stored record of the series, to see whether it changes."""
        store = self.store_of(load)
        try:
            return None if store is None else store.shelf.get(load.request.series.key)
        except CacheUnavailable:
            return None

    def same_adjustment(self, load: Load, cached: CachedRange) -> bool:
        """Whether the cached prices are known to have the adjustment of those that come now."""
        if not load.request.series.adjusted or not cached.any_cached:
            return True
        return cached.adjustment is not None and cached.adjustment in (load.adjustment, load.confirmed)

    def complete(self, load: Load, cached: CachedRange) -> bool:
        """Whether nothing is left to request: the whole range is there, in one adjustment.

        A fully cached range may have an earlier day's adjustment; together with fetched bars it may not.
        """
        if cached.gaps:
            return False
        if not len(cached.bars) or self.same_adjustment(load, cached):
            return True
        earlier = cached.adjustment is None or load.adjustment is None or cached.adjustment < load.adjustment
        return not load.fetched.bars and bool(earlier)

    def with_overlap(self, load: Load, cached: CachedRange, gap: Gap) -> Gap:
        """The gap, and of adjusted prices one cached bar on each side, to compare their adjustment."""
        first, last = gap
        if not load.request.series.adjusted or not cached.any_cached or load.request.interval.unit == "tick":
            return gap
        far = _EVER if load.request.interval.dated else _NEIGHBOUR
        before = self.cached(load, max(first, BEGINNING + far) - far, first - INSTANT)
        floor, holes = first, self._worth_requesting(load, before.gaps)
        beside = before.bars.slice(holes[-1][1] if holes else None)
        if len(beside):
            floor = beside.time[-1]
        if load.trs and self.same_adjustment(load, cached):
            return floor, last  # the page before has compared the newer side
        after = self.cached(load, last + INSTANT, min(last + far, load.final))
        holes = self._worth_requesting(load, after.gaps)
        beside = after.bars.slice(None, holes[0][0] if holes else None)
        return floor, (beside.time[0] if len(beside) else last)

    def _within_opening(self, gap: Gap) -> bool:
        """Whether a gap ends with the first trades of a session and begins on its day: there is nothing to miss."""
        first, last = gap
        day, sessions = last.astype("datetime64[D]"), self._sessions()
        index = int(np.searchsorted(sessions.dates, day))
        if index == len(sessions) or sessions.dates[index] != day or first < day:
            return False
        return bool(epoch_seconds(last) < sessions.opens[index] + _OPENING)

    def _worth_requesting(self, load: Load, gaps: Sequence[Gap]) -> list[Gap]:
        if not gaps:  # as for nearly every code of a long list
            return []
        now, name = epoch_seconds(load.now), load.request.interval.name
        return needs_fetch(gaps, name, now, self._sessions(), self._finality.of(load.request.series.code))


def after_start(gaps: Sequence[Gap], begins: Moment | None) -> list[Gap]:
    """The gaps from where the broker's history begins."""
    if begins is None:
        return list(gaps)
    return [(max(first, begins), last) for first, last in gaps if last >= begins]


def before_start(gaps: Sequence[Gap], begins: Moment | None) -> list[Gap]:
    """The gaps from before the broker's history; none where its beginning is unknown."""
    if begins is None:
        return []
    return [(first, min(last, begins - INSTANT)) for first, last in gaps if first < begins]
