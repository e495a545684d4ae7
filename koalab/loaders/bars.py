"""Bars of one issue: out of the cache what it holds, from the broker what is missing, a page a TR.

Every page is kept in the cache as it comes, so that whatever ends a load, the next one goes on from there.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING
from koalab.errors import ServerLost
from koalab.frames.bars import BarColumns, kind_of, parse
from koalab.link import Link
from koalab.loaders.expectation import expected_trs, with_unfinal
from koalab.loaders.intervals import Interval
from koalab.progress import Progress
from koalab.store.bars import BarStore, BasisChanged
from koalab.store.disk import CacheUnavailable
from koalab.store.finality import Gap, final_until, needs_fetch
from koalab.store.series import Series
from koalab.transport.base import Page, Priority, Stop

log = logging.getLogger(__name__)

_INSTANT = np.timedelta64(1, "us")
# How far beside a gap its neighbours in the cache are looked for: longer than any closure of the exchange.
_NEIGHBOUR = np.timedelta64(30, "D")
_RECOVERIES = 3


@dataclass
class Loaded:
    """What a load gave: the bars, how many of them the cache had, and what the rest cost."""

    bars: BarColumns
    hits: int = 0
    trs: int = 0
    fetched_at: float = 0.0
    messages: list[str] = field(default_factory=list)


@dataclass
class _Load:
    """One load under way."""

    series: Series
    interval: Interval
    first: np.datetime64
    last: np.datetime64
    final: np.datetime64
    priority: Priority
    result: Loaded
    parts: list[BarColumns] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)


class BarLoader:
    """Loads bars through a store; without one (None) every load goes to the broker.

    Args:
        link: to the broker.
        store: of final bars.
        sessions: of the exchange, read when they are first needed.
    """

    def __init__(self, link: Link, store: BarStore | None, sessions: Callable[[], Sessions]) -> None:
        self._link = link
        self._store = store
        self._sessions = sessions

    def load(
        self,
        code: str,
        interval: Interval,
        first: np.datetime64,
        last: np.datetime64,
        adjusted: bool,
        progress: Progress,
        priority: Priority = "interactive",
    ) -> Loaded:
        """The bars from ``first`` to ``last`` (naive Seoul wall time, both included), the unfinished one too.

        Raises:
            koalab.errors.KoalabError: as the link does; pages that came before that are in the cache.
        """
        now = self._link.now()
        final = final_until(interval.name, now, self._sessions())
        # Ticks of one second can lie on two pages, so that no moment says what is held: they are not kept.
        store = self._store if interval.unit != "tick" else None
        series = Series(code, interval.name, adjusted)
        for fresh in (False, True):
            load = _Load(series, interval, first, last, final, priority, Loaded(self._none(interval)))
            try:
                return self._run(load, store, now, progress)
            except BasisChanged as changed:
                if fresh or store is None:
                    raise
                # A split or the like: what is held is in old prices, and no frame may have both.
                log.info("%s; it is loaded anew", changed)
                store.drop(series)
        raise AssertionError("the second round returns or raises")

    def _run(self, load: _Load, store: BarStore | None, now: float, progress: Progress) -> Loaded:
        gaps: Sequence[Gap] = [(load.first, load.last)]
        if store is not None:
            held, missing = self._known(store, load)
            gaps = needs_fetch(missing, load.interval.name, now, self._sessions())
            load.parts.append(held)
            load.result.hits = len(held)
        if gaps:
            progress.expect(expected_trs(load.interval, gaps, self._sessions()))
        for gap in reversed(gaps):
            self._fetch(load, store, gap, progress)
        none = self._none(load.interval)
        # Ticks of one second stand on both sides of a page's edge: only all pages together tell them apart.
        ticks = load.interval.unit == "tick"
        bars = parse(load.interval.tr, load.pages) if ticks else _joined(load.parts, none)
        load.result.bars = bars.slice(load.first, load.last)
        load.result.fetched_at = self._link.now() if load.result.trs else now
        return load.result

    def _fetch(self, load: _Load, store: BarStore | None, gap: Gap, progress: Progress) -> None:
        """Loads one gap, newest page first."""
        floor, ceiling = self._reach(load, store, gap)
        upper = ceiling
        with closing(self._pages(load, floor, ceiling, progress)) as found:
            for page, bars, low, ended in found:
                load.pages.append(page)
                load.parts.append(bars)
                load.result.messages += page.messages
                progress.page(str(bars.time[0])[:10] if len(bars) else "")
                if store is not None:
                    self._keep(store, load, bars, (low, min(upper, load.final)), ended)
                upper = low - _INSTANT

    def _known(self, store: BarStore, load: _Load) -> tuple[BarColumns, list[Gap]]:
        """What is held of the range and final by now, and the rest of it."""
        # A simulated broker may have been ahead of this one: what it saw has not happened here yet.
        known = min(load.last, load.final)
        held, missing = self._held(store, load, load.first, known)
        return held, with_unfinal(missing, known, load.first, load.last)

    def _held(
        self, store: BarStore, load: _Load, first: np.datetime64, last: np.datetime64
    ) -> tuple[BarColumns, list[Gap]]:
        try:
            return store.read(load.series, first, last)
        except CacheUnavailable as error:
            log.warning("bars of %s cannot be looked up: %s", load.series, error)
            return self._none(load.interval), [(first, last)]

    def _keep(self, store: BarStore, load: _Load, bars: BarColumns, covered: Gap, ended: bool) -> None:
        low, high = covered
        if low > high:
            return
        try:
            store.add(load.series, bars.slice(low, high), covered, history_ended=ended)
        except CacheUnavailable as error:
            log.warning("bars of %s could not be kept: %s", load.series, error)

    def _reach(self, load: _Load, store: BarStore | None, gap: Gap) -> Gap:
        """The gap, and for adjusted prices one bar more on each side: they show whether the basis is the same."""
        first, last = gap
        if store is None or not load.series.adjusted:
            return gap
        earliest = max(first, BEGINNING + _NEIGHBOUR) - _NEIGHBOUR
        before, _ = self._held(store, load, earliest, first - _INSTANT)
        after, _ = self._held(store, load, last + _INSTANT, last + _NEIGHBOUR)
        return (before.time[-1] if len(before) else first), (after.time[0] if len(after) else last)

    def _pages(
        self, load: _Load, floor: np.datetime64, ceiling: np.datetime64, progress: Progress
    ) -> Generator[tuple[Page, BarColumns, np.datetime64, bool], None, None]:
        """Pages down to ``floor``: each with its bars, the oldest moment it covers, and whether the history ends.

        A server that went away is waited for, and the load goes on behind the last page that came.
        """
        recoveries = 0
        upper = ceiling
        while True:
            try:
                with closing(self._ask(load, floor, upper, progress)) as answers:
                    for page in answers:
                        load.result.trs += 1
                        recoveries = 0
                        bars = parse(load.interval.tr, [page])
                        ended = page.prev_next.strip() != "2" and not page.stopped
                        low = floor if page.stopped or ended or not len(bars) else bars.time[0]
                        yield page, bars, low, ended
                        if ended or page.stopped:
                            return
                        upper = low - _INSTANT
            except ServerLost as error:
                recoveries += 1
                if recoveries > _RECOVERIES:
                    raise
                self._link.recover(progress, error)
                # Its clock may have been set back, and then less is final than there was.
                now = self._link.now()
                load.final = min(load.final, final_until(load.interval.name, now, self._sessions()))
                if not load.interval.end_input:
                    upper = ceiling  # its TR has no end to ask for: the newest page comes first again
                    load.pages.clear()
                continue
            return

    def _ask(
        self, load: _Load, floor: np.datetime64, upper: np.datetime64, progress: Progress
    ) -> Generator[Page, None, None]:
        inputs = load.interval.inputs(load.series.code, load.series.adjusted)
        if load.interval.end_input:
            newest = upper >= load.last and load.last > load.final
            inputs[load.interval.end_input] = "" if newest else _digits(upper)[:8]
        stop = None
        if floor > BEGINNING:
            text = _digits(floor)
            stop = Stop(load.interval.time, text[:8] if load.interval.dated else text, "<")
        return self._link.pages(load.interval.tr, inputs, progress, stop=stop, priority=load.priority)

    def _none(self, interval: Interval) -> BarColumns:
        return BarColumns.empty(kind_of(interval.tr))


def _digits(when: np.datetime64) -> str:
    """YYYYMMDDHHMMSS of that moment, what is less than a second cut off."""
    text = str(when.astype("datetime64[s]"))
    return "".join(letter for letter in text if letter.isdigit())


def _joined(parts: Sequence[BarColumns], none: BarColumns) -> BarColumns:
    """All parts as one, oldest first; of a bar that stands in several the one that came last."""
    held = [part for part in parts if len(part)]
    if not held:
        return none
    ordered = sorted(held, key=lambda part: part.time[0])
    if all(older.time[-1] < newer.time[0] for older, newer in itertools.pairwise(ordered)):
        return BarColumns.concat(ordered)
    times = np.concatenate([part.time for part in held])
    # np.unique keeps the first of equals, so it is given them last first.
    _, index = np.unique(times[::-1], return_index=True)
    keep = len(times) - 1 - index
    whole: dict[str, Any] = {}
    for name in ("time", "open", "high", "low", "close", "volume", "value", "event", "ratio"):
        arrays = [getattr(part, name) for part in held]
        whole[name] = None if any(array is None for array in arrays) else np.concatenate(arrays)[keep]
    return replace(held[0], **whole)
