"""Bars of one issue: cached bars from the store, missing ones from the broker, a page a TR.

Each page is stored as it comes, so that a load that was stopped goes on from there. A page is requested under the
claim on its series, so that no two processes request the same one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import epoch_seconds, text_of, wall_of
from koalab.errors import CacheDamaged, NotConnected, ServerLost
from koalab.link import RECOVERIES, Link
from koalab.loaders.adjustment_check import AdjustmentCheck
from koalab.loaders.cache_view import CacheView
from koalab.loaders.day_halves import HalvesStore
from koalab.loaders.intervals import Interval
from koalab.loaders.load import Load, LoadResult, assemble
from koalab.loaders.page_requests import BarPage, BarRequest, bar_pages
from koalab.loaders.tick_history import keep_ticks, pages_left
from koalab.loaders.tr_estimate import beyond_history, expected_trs, longest_minutes, requested_gaps
from koalab.progress import Progress
from koalab.store.bars import AdjustmentChanged, BarStore, CachedRange
from koalab.store.claims import Claim
from koalab.store.disk import CacheUnavailable
from koalab.store.finality import (
    DEFAULT,
    Finality,
    Gap,
    adjustment_at,
    final_until,
    final_with_quotes,
    provisional,
)
from koalab.store.history import HistoryStarts
from koalab.store.memo import Memo
from koalab.store.series import Moment, Series, unit_of
from koalab.transport.base import Priority, QueuePosition

log = logging.getLogger(__name__)

_NO_CLAIM = Claim(None)


@dataclass(frozen=True, slots=True)
class _ClaimProgress:
    """The progress of a load that holds a claim, which it refreshes with every sign of the server."""

    progress: Progress
    claim: Claim

    def waiting(self, place: QueuePosition) -> None:
        self.claim.beat()
        self.progress.waiting(place)

    def page(self, note: str = "") -> None:
        self.claim.beat()
        self.progress.page(note)


class BarLoader:
    """Loads bars through a store.

    Args:
        link: to the broker.
        store: of final bars; None: every load goes to the broker.
        sessions: of the exchange, read on first use.
        finality: when bars are final.
    """

    def __init__(
        self,
        link: Link,
        store: BarStore | None,
        sessions: Callable[[], Sessions],
        finality: Finality = DEFAULT,
    ) -> None:
        self._link = link
        self._sessions = sessions
        self._finality = finality
        self._cache = CacheView(store, sessions, finality)
        memo = None if store is None else Memo(store.shelf, link.now)
        self._starts = HistoryStarts(memo)
        self._halves = None if store is None or memo is None else HalvesStore(store.shelf, memo, finality)
        self._adjustments = AdjustmentCheck(link, self._cache, sessions)

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

        A week, month or year is in the range where its label is, and always in full.

        Raises:
            koalab.errors.KoalabError: as the link does; pages that came before that are stored.
        """
        now = self._link.now()
        (load,) = self._begin([code], interval, first, last, adjusted, priority, now)
        recoveries = trs = 0
        while True:
            epoch = self._link.connection_epoch
            try:
                cached = self._cache.look(load)
                if not self._cache.complete(load, cached):
                    with closing(self._fetch(load, progress)) as states:
                        for load in states:  # noqa: B007 - the last state is where the next step begins
                            pass
                    continue
                checked = self._adjustments.check_day(load, progress)
                if checked is load:
                    return self._result(load, cached, self._link.now() if load.fetched.bars else now)
                load = checked
            except (ServerLost, NotConnected) as error:
                lost = self._link.lost(error)
                recoveries = 1 if load.trs > trs else recoveries + 1
                trs = load.trs
                if recoveries > RECOVERIES:
                    raise
                load = self._recover(load, progress, lost, epoch)
            except AdjustmentChanged as error:
                # Another process has stored a page with another adjustment.
                load = load.changed(error)
                log.info("%s", error)

    def look_up(
        self,
        codes: Sequence[str],
        interval: Interval,
        first: np.datetime64,
        last: np.datetime64,
        adjusted: bool,
    ) -> tuple[dict[str, LoadResult], dict[str, list[Gap]]]:
        """What ``load`` finds in the cache. Costs no TR.

        Returns:
            The results of those codes whose bars are fully cached, and the gaps of the others; none of a code whose
            cached bars are damaged: ``load`` raises for it.
        """
        now = self._link.now()
        found: dict[str, LoadResult] = {}
        gaps: dict[str, list[Gap]] = {}
        for load in self._begin(codes, interval, first, last, adjusted, "interactive", now):
            code = load.request.series.code
            try:
                cached = self._cache.look(load)
            except CacheDamaged:
                gaps[code] = []
                continue
            if self._cache.complete(load, cached):
                found[code] = self._result(load, cached, now)
            else:
                gaps[code] = cached.gaps
        return found, gaps

    def kept(
        self,
        codes: Sequence[str],
        interval: Interval,
        first: np.datetime64,
        last: np.datetime64,
        adjusted: bool,
    ) -> dict[str, LoadResult]:
        """What the cache has of issues that are listed no more: the broker is not asked for what it lacks.

        Raises:
            CacheDamaged: their bars cannot be used.
        """
        now = self._link.now()
        found: dict[str, LoadResult] = {}
        for load in self._begin(codes, interval, first, last, adjusted, "interactive", now):
            cached = self._cache.look(load)
            result = assemble(load, cached, now)
            if cached.gaps:
                bars = result.bars
                has = (
                    f"the cache has its bars {text_of((bars.time[0], bars.time[-1]))}"
                    if len(bars)
                    else "the cache has none of these bars"
                )
                result = replace(result, failure=f"it is listed no more, and {has}")
            found[load.request.series.code] = result
        return found

    def expected_trs(
        self, gaps: Mapping[str, Sequence[Gap]], interval: Interval, listed: Mapping[str, Moment]
    ) -> dict[str, int]:
        """An estimate of the TRs that ``load`` takes for the gaps of each code.

        Args:
            gaps: by code, as ``look_up`` found them.
            interval: of the bars.
            listed: the dates of listing that are known, by code.
        """
        now, sessions, evening = self._link.now(), self._sessions(), not self._link.simulated
        series = [Series(code, interval.name, False) for code in gaps]
        starts = {one.code: begins for one, begins in self.history_starts(series, now).items()}
        return {
            code: _expected(one, interval, sessions, now, starts.get(code), listed.get(code), evening)
            for code, one in gaps.items()
        }

    def history_starts(self, wanted: Sequence[Series], now: float) -> dict[Series, Moment]:
        """Where the broker's history of minutes or ticks begins, of those of the series of which that is known."""
        within_days = [one for one in wanted if unit_of(one.interval) in ("min", "tick")]
        found = {one: self._starts.get(one, now) for one in within_days}
        return {one: begins for one, begins in found.items() if begins is not None}

    def _result(self, load: Load, cached: CachedRange, fetched_at: float) -> LoadResult:
        found = assemble(load, cached, fetched_at)
        name, now = load.request.interval.name, epoch_seconds(load.now)
        finality = self._finality.of(load.request.series.code)
        open_ended = provisional(found.bars.time, name, now, self._sessions(), finality)
        sure = cached.bars.time
        early = sure[-1] if len(sure) and sure[-1] > load.final else None
        if not len(open_ended) and early is None:
            return found
        return replace(found, provisional=tuple(time for time in open_ended if time not in sure), early=early)

    def _begin(
        self,
        codes: Sequence[str],
        interval: Interval,
        first: np.datetime64,
        last: np.datetime64,
        adjusted: bool,
        priority: Priority,
        now: float,
    ) -> Iterator[Load]:
        sessions, here = self._sessions(), wall_of(now)
        ends: dict[Finality, tuple[Moment, Moment]] = {}
        adjustment = adjustment_at(now, sessions) if adjusted else None
        for code in codes:
            request = BarRequest(Series(code, interval.name, adjusted), interval, first, last, priority)
            begins = None if interval.dated else self._starts.get(request.series, now)
            finality = self._finality.of(code)
            if finality not in ends:
                ends[finality] = (
                    final_until(interval.name, now, sessions, finality),
                    final_with_quotes(interval.name, now, sessions, finality),
                )
            yield Load(request, here, *ends[finality], adjustment, begins=begins)

    def _fetch(self, load: Load, progress: Progress) -> Generator[Load, None, None]:
        """Requests the next page, or of minutes and ticks, whose pages begin with the newest, all of them.

        Yields:
            Each state of the load, so that an error or an interrupt later loses none.
        """
        with self._claim(load) as claim:
            # Another process may have stored it during the wait.
            cached = self._cache.look(load)
            if claim is None or self._cache.complete(load, cached):
                return
            if not load.trs:
                now, sessions = epoch_seconds(load.now), self._sessions()
                wanted, evening = load.request.interval, not self._link.simulated
                progress.expect(_expected(cached.gaps, wanted, sessions, now, load.begins, None, evening))
            observer = _ClaimProgress(progress, claim)
            if not cached.gaps:
                yield self._adjustments.check_cached(load, cached, observer)
                return
            request = load.request
            paged = bool(request.interval.end_input)
            gap = requested_gaps(cached.gaps, request.interval)[-1]
            if load.begins is None and beyond_history(gap, request.interval, self._sessions(), load.now):
                load = yield from self._look_for_start(load, gap, observer)
                if load.begins is not None and load.begins > gap[1]:
                    return
            floor, upper = self._cache.with_overlap(load, cached, gap)
            pages = bar_pages(
                self._link, request, load.now, floor, upper, observer, max_pages=1 if paged else 0
            )
            with closing(pages), self._ticks_kept(lambda: load):
                for page in pages:
                    load = load.spent(1, tuple(page.page.messages))
                    yield load
                    try:
                        load = self._adjustments.check_page(load, page.bars, observer).with_page(page)
                        self._remember_start(load, page)
                        yield load
                        load = self._store(load, page)
                    finally:
                        # The observer may end the load, so the page is stored first.
                        if request.interval.unit == "tick":
                            progress.remaining(1 + pages_left(load, floor, self._sessions()))
                        observer.page(str(page.bars.time[0])[:10] if len(page.bars) else "")
                    yield load
                    if not paged and not any(low < page.covers[0] for low, _ in self._cache.look(load).gaps):
                        return

    def _look_for_start(self, load: Load, gap: Gap, observer: _ClaimProgress) -> Generator[Load, None, Load]:
        """Looks with the longest minutes, in one or two TRs, whether the history reaches back to a gap.

        No shorter minutes are kept for longer, and to reach an old gap takes all pages since.
        """
        request = load.request
        longest = longest_minutes(request.interval)
        series = replace(request.series, interval=longest.name)
        asked = replace(request, interval=longest, series=series)
        pages = bar_pages(self._link, asked, load.now, gap[1], gap[1], observer)
        with closing(pages):
            for page in pages:
                load = load.spent(1)
                yield load
                observer.page()
                if page.ended and not page.unexplained and page.covers[0] > gap[1]:
                    load = replace(load, begins=page.covers[0])
                    self._remember_start(load, page)
                    yield load
        return load

    def _remember_start(self, load: Load, page: BarPage) -> None:
        if load.begins is None or not page.ended or page.unexplained or load.request.interval.dated:
            return
        any_bars = bool(load.begins <= load.now)
        self._starts.put(load.request.series, load.begins, epoch_seconds(load.now), any_bars)

    def _claim(self, load: Load) -> AbstractContextManager[Claim | None]:
        store = self._cache.store_of(load)
        if store is None:
            return nullcontext(_NO_CLAIM)
        seen = self._cache.record(load)
        return store.claims.of(load.request.series, lambda: self._cache.record(load) != seen)

    def _store(self, load: Load, page: BarPage) -> Load:
        """Stores the page's final bars; empty pages with an unrecognised message are not cached."""
        store, request = self._cache.store_of(load), load.request
        if request.interval.unit == "tick":
            return load  # they are kept together, when the last page has come
        low, high = page.covers[0], min(page.covers[1], load.final)
        if self._halves is not None and request.interval.name == "D" and request.series.adjusted:
            code, at = request.series.code, page.page.received_at
            self._halves.note_page(code, page.bars, at, self._sessions())
        if page.unexplained or store is None or low > high:
            return load
        if not self._adjustments.in_force_at(load, page.page.received_at):
            return load
        try:
            store.add(
                request.series,
                page.bars.slice(low, high),
                (low, high),
                # Minutes that the broker keeps no longer may be in the cache.
                history_ended=page.ended and request.interval.dated,
                adjustment=load.confirmed or load.adjustment,
            )
        except CacheUnavailable as error:
            log.warning("bars of %s could not be kept: %s", request.series, error)
            return replace(load, unstored=error)
        return load

    @contextmanager
    def _ticks_kept(self, state: Callable[[], Load]) -> Iterator[None]:
        """Keeps the ticks that have come, also where the load is stopped."""
        try:
            yield
        finally:
            load = state()
            store = self._cache.store_of(load)
            if load.fetched.pages and store is not None:
                keep_ticks(store, load, self._sessions())

    def _recover(self, load: Load, progress: Progress, error: ServerLost, epoch: int) -> Load:
        self._link.recover(progress, error, epoch)
        # The server's clock may have been set back, and then less is final than before.
        now, sessions = self._link.now(), self._sessions()
        here, name = wall_of(now), load.request.interval.name
        if here < load.now or load.request.interval.unit == "tick":
            load = load.without_fetched()
        adjustment, finality = load.adjustment, self._finality.of(load.request.series.code)
        return replace(
            load,
            now=min(load.now, here),
            final=min(load.final, final_until(name, now, sessions, finality)),
            known=min(load.known, final_with_quotes(name, now, sessions, finality)),
            adjustment=None if adjustment is None else min(adjustment, adjustment_at(now, sessions)),
        )


def _expected(
    gaps: Sequence[Gap],
    interval: Interval,
    sessions: Sessions,
    now: float,
    begins: Moment | None,
    listed: Moment | None,
    evening: bool,
) -> int:
    if not gaps:
        return 1  # which compares cached prices with those of now
    requested = requested_gaps(gaps, interval)
    return expected_trs(requested, interval, sessions, now, begins, listed, evening=evening)
