"""Bars of one issue: out of the cache what it holds, from the broker what is missing, a page a TR.

Every page is kept in the cache as it comes, so that whatever ends a load, the next one goes on from there. Whoever
asks for a page has the claim on its series, so that no page is asked for twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import wall_of
from koalab.errors import NotConnected, ServerLost
from koalab.frames.bars import BarColumns
from koalab.frames.chart_pages import kind_of, parse
from koalab.link import Link
from koalab.loaders.adjustment_check import CHANGES, AdjustmentCheck
from koalab.loaders.cache_view import CacheView
from koalab.loaders.intervals import Interval
from koalab.loaders.page_requests import BarPage, Load, LoadResult, bar_pages
from koalab.loaders.tr_estimate import TrEstimate, requested_gaps
from koalab.progress import Progress
from koalab.store import coverage
from koalab.store.bars import AdjustmentChanged, BarStore, CachedRange
from koalab.store.claims import Claim
from koalab.store.disk import CacheUnavailable
from koalab.store.finality import Gap, adjustment_at, final_until, seconds
from koalab.store.merging import joined
from koalab.store.series import Series, microseconds, moment
from koalab.transport.base import Priority, QueuePosition

log = logging.getLogger(__name__)

_RECOVERIES = 3


@dataclass
class _Shown:
    """The progress of a load that holds a claim: each sign of the server's is one of its own."""

    progress: Progress
    claim: Claim | None

    def waiting(self, place: QueuePosition) -> None:
        if self.claim is not None:
            self.claim.beat()
        self.progress.waiting(place)

    def page(self, note: str = "") -> None:
        if self.claim is not None:
            self.claim.beat()
        self.progress.page(note)


class BarLoader:
    """Loads bars through a store; without one (None) every load goes to the broker.

    Args:
        link: to the broker.
        store: of final bars.
        sessions: of the exchange, read when they are first needed.
    """

    def __init__(self, link: Link, store: BarStore | None, sessions: Callable[[], Sessions]) -> None:
        self._link = link
        self._sessions = sessions
        self._known = CacheView(store, sessions)
        self._adjustments = AdjustmentCheck(link, self._known, sessions)

    def load(
        self,
        code: str,
        interval: Interval,
        first: np.datetime64,
        last: np.datetime64,
        adjusted: bool,
        progress: Progress,
        priority: Priority = "interactive",
    ) -> LoadResult:
        """The bars from ``first`` to ``last`` (naive Seoul wall time, both included), the unfinished one too.

        A week, month or year is in the range where its label is, and always whole.

        Raises:
            koalab.errors.KoalabError: as the link does; pages that came before that are in the cache.
        """
        now = self._link.now()
        (load,) = self._loads([code], interval, first, last, adjusted, priority, now)
        recoveries = trs = 0
        while True:
            epoch = self._link.connection_epoch
            try:
                held = self._step(load, progress)
            except ServerLost as error:
                recoveries = 1 if load.result.trs > trs else recoveries + 1
                trs = load.result.trs
                if recoveries > _RECOVERIES:
                    raise
                self._recover(load, progress, error, epoch)
            except NotConnected as error:
                # Between two pages the broker went away, and the server is about to log in again, or has by now.
                status = self._link.status()
                if load.result.trs == trs or not (status.connected or status.next_login):
                    raise
                trs = load.result.trs
                self._recover(load, progress, ServerLost(str(error)), epoch)
            except AdjustmentChanged as changed:
                # Somebody else's page came in between, in another adjustment.
                load.changes += 1
                if load.changes > CHANGES:
                    raise
                log.info("%s", changed)
            else:
                if held is not None:
                    break
        return self._result(load, held, now)

    def cached(
        self,
        codes: Sequence[str],
        interval: Interval,
        first: np.datetime64,
        last: np.datetime64,
        adjusted: bool,
    ) -> dict[str, LoadResult]:
        """Of those codes the ones whose bars the cache has whole, as ``load`` would give them. Costs no TR."""
        now = self._link.now()
        found = {}
        for load in self._loads(codes, interval, first, last, adjusted, "interactive", now):
            held = self._known.look(load)
            if self._known.complete(load, held):
                found[load.series.code] = self._result(load, held, now)
        return found

    def _loads(
        self,
        codes: Sequence[str],
        interval: Interval,
        first: np.datetime64,
        last: np.datetime64,
        adjusted: bool,
        priority: Priority,
        now: float,
    ) -> Iterator[Load]:
        sessions = self._sessions()
        final, here = final_until(interval.name, now, sessions), wall_of(now)
        adjustment = adjustment_at(now, sessions) if adjusted else None
        none = BarColumns.empty(kind_of(interval.tr))
        for code in codes:
            series = Series(code, interval.name, adjusted)
            yield Load(series, interval, first, last, final, here, adjustment, priority, LoadResult(none))

    def _result(self, load: Load, found: CachedRange, now: float) -> LoadResult:
        own, held = load.own, found.bars
        load.result.adjustment = found.adjustment if len(held) and not own else load.adjustment
        if load.pages:
            # Ticks of one second stand on both sides of a page's edge: only all pages together tell them apart.
            own = [parse(load.interval.tr, load.pages)]
        bars = joined([held, *own], load.result.bars) if own else held
        load.result.bars = bars.slice(load.first, load.last) if own else bars
        if not load.own:
            load.result.hits, load.result.fetched_at = len(held), now
            return load.result
        mine = coverage.intersect(load.covered, microseconds(load.first), microseconds(load.last))
        load.result.hits = len(held) - sum(len(held.slice(moment(low), moment(high))) for low, high in mine)
        load.result.fetched_at = self._link.now() if load.result.trs else now
        return load.result

    def _step(self, load: Load, progress: Progress) -> CachedRange | None:
        """One page nearer; what is held of the range, where all of it is there."""
        held = self._known.look(load)
        if self._known.complete(load, held):
            return held if self._adjustments.still(load, progress) else None
        store = self._known.store_of(load)
        if store is None:
            self._fetch(load, held, _Shown(progress, None))
            return None
        seen = self._known.record(load)
        with store.claims.of(load.series, lambda: self._known.record(load) != seen) as claim:
            # What was missing may have been stored while this one waited.
            held = self._known.look(load)
            if claim is not None and not self._known.complete(load, held):
                self._fetch(load, held, _Shown(progress, claim))
        return None

    def _fetch(self, load: Load, held: CachedRange, shown: _Shown) -> None:
        """The next page, or for minutes and ticks, whose pages begin with the newest, all of them."""
        if not load.result.trs:
            shown.progress.expect(self._expected(load, held.gaps) if held.gaps else 1)
        if not held.gaps:
            self._adjustments.prove(load, held, shown)
            return
        gap = requested_gaps(held.gaps, load.interval)[-1]
        paged = bool(load.interval.end_input)
        floor, upper = self._known.reach(load, held, gap)
        with closing(bar_pages(self._link, load, floor, upper, shown, max_pages=1 if paged else 0)) as found:
            for part in found:
                try:
                    self._accept(load, part, shown)
                finally:
                    # What is told here may end the load: the page is kept by now.
                    shown.page(str(part.bars.time[0])[:10] if len(part.bars) else "")
                if not paged and not any(low < part.covers[0] for low, _ in self._known.look(load).gaps):
                    return

    def _expected(self, load: Load, gaps: Sequence[Gap]) -> int:
        return TrEstimate(load.interval, self._sessions(), seconds(load.now)).trs(
            requested_gaps(gaps, load.interval)
        )

    def _accept(self, load: Load, part: BarPage, shown: _Shown) -> None:
        load.result.messages += part.page.messages
        if load.interval.unit == "tick":
            load.pages.append(part.page)
        self._adjustments.check(load, part.bars, shown)
        load.own.append(part.bars)
        low, high = part.covers
        beginning = coverage.BEGINNING if part.ended else microseconds(low)
        load.covered = coverage.add(load.covered, (beginning, microseconds(high)))
        high = min(high, load.final)
        store = self._known.store_of(load)
        if part.doubtful:  # it may be a load, an outage, a code; whatever it is, it may be over tomorrow
            return
        if store is None or low > high or not self._adjustments.of_load(load, part.page.received_at):
            return
        try:
            store.add(
                load.series,
                part.bars.slice(low, high),
                (low, high),
                history_ended=part.ended,
                adjustment=load.taken or load.adjustment,
            )
        except CacheUnavailable as error:
            load.result.unstored = error
            log.warning("bars of %s could not be kept: %s", load.series, error)

    def _recover(self, load: Load, progress: Progress, error: ServerLost, epoch: int) -> None:
        self._link.recover(progress, error, epoch)
        # Its clock may have been set back, and then less is final than there was.
        now = self._link.now()
        load.final = min(load.final, final_until(load.interval.name, now, self._sessions()))
        if wall_of(now) < load.now or load.interval.unit == "tick":
            load.forget_own()
        load.now = min(load.now, wall_of(now))
        if load.adjustment is not None:
            load.adjustment = min(load.adjustment, adjustment_at(now, self._sessions()))
