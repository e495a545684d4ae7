"""One load of bars as an immutable value: what is requested, what came so far, and the result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from koalab.dates import BEGINNING
from koalab.frames.bars import BarColumns
from koalab.frames.chart_pages import kind_of, parse
from koalab.loaders.failures import complaints
from koalab.loaders.page_requests import INSTANT, BarPage, BarRequest
from koalab.store import coverage
from koalab.store.bars import AdjustmentChanged, CachedRange
from koalab.store.coverage import Coverage
from koalab.store.disk import CacheUnavailable
from koalab.store.merging import joined
from koalab.store.series import Moment, microseconds, moment
from koalab.transport.base import Page

CHANGES: Final = 2
"""How often a load starts over because prices changed during it, before it raises."""


@dataclass(frozen=True, slots=True, eq=False)
class FetchedBars:
    """What a load has requested itself.

    Attributes:
        bars: one part a page.
        covered: the time that those pages cover.
        pages: the pages themselves, of ticks only.
        as_of: when the newest of them came, seconds since the epoch.
    """

    bars: tuple[BarColumns, ...] = ()
    covered: Coverage = ()
    pages: tuple[Page, ...] = ()
    as_of: float = 0.0

    @property
    def newest(self) -> Moment | None:
        """The time of the newest bar; None without bars."""
        return max((part.time[-1] for part in self.bars if len(part)), default=None)

    @property
    def oldest_of_all(self) -> Moment | None:
        """The time of the oldest bar, if they reach back to the beginning of the broker's history."""
        if not self.covered or self.covered[0][0] != coverage.BEGINNING:
            return None
        reach = moment(self.covered[0][1])
        return min((part.time[0] for part in self.bars if len(part) and part.time[0] <= reach), default=None)


NOTHING_FETCHED: Final = FetchedBars()


@dataclass(frozen=True, slots=True, eq=False)
class LoadResult:
    """The bars of one load, and what they cost.

    Attributes:
        bars: oldest first.
        hits: how many of them were cached.
        trs: TRs spent.
        unstored: why pages could not be stored, where that failed.
        fetched_at: server time, seconds since the epoch.
        messages: the broker's messages with the pages.
        adjustment: of adjusted prices, see ``finality.adjustment_at``.
        failure: the broker's messages where it gave less than there may be; blank where it gave all.
        history_from: where the broker's history begins, if that is later than asked.
        as_of: when bars came that may not be final, seconds since the epoch; 0 where all are from the cache.
        newest: the time of the newest bar that came, in the range or after it.
        provisional: times of bars whose session has closed, but that are not final.
        early: time of the newest cached bar, where it is final though the broker's own is not yet.
    """

    bars: BarColumns
    hits: int = 0
    trs: int = 0
    unstored: CacheUnavailable | None = None
    fetched_at: float = 0.0
    messages: tuple[str, ...] = ()
    adjustment: Moment | None = None
    failure: str = ""
    history_from: Moment | None = None
    as_of: float = 0.0
    newest: Moment | None = None
    provisional: tuple[Moment, ...] = ()
    early: Moment | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """The state of one load. Each step takes one and returns the next.

    Attributes:
        request: which bars.
        now: naive Seoul wall time at which it began.
        final: up to when bars that come are final by now.
        known: up to when bars may be cached by now: daily bars are final earlier where quotes showed both halves.
        adjustment: of adjusted prices that come now, see ``finality.adjustment_at``; None for raw prices.
        fetched: what it has requested itself.
        trs: TRs spent.
        messages: the broker's messages with the pages.
        unstored: why pages could not be stored, where that failed.
        confirmed: another adjustment of the cached bars, whose prices proved to be the same.
        bypasses_cache: the cached bars are of no use: they have the adjustment of a day that has not come here yet.
        changes: how often prices changed during the load.
        failure: see ``LoadResult``.
        begins: of minutes and ticks: the broker has nothing older; None where that is unknown.
    """

    request: BarRequest
    now: Moment
    final: Moment
    known: Moment
    adjustment: Moment | None
    fetched: FetchedBars = NOTHING_FETCHED
    trs: int = 0
    messages: tuple[str, ...] = ()
    unstored: CacheUnavailable | None = None
    confirmed: Moment | None = None
    bypasses_cache: bool = False
    changes: int = 0
    failure: str = ""
    begins: Moment | None = None

    def spent(self, trs: int, messages: tuple[str, ...] = ()) -> Load:
        """With so many TRs more, and the broker's messages."""
        return replace(self, trs=self.trs + trs, messages=self.messages + messages)

    def with_page(self, page: BarPage) -> Load:
        """With the bars of one page more."""
        low, high = page.covers
        dated, had = self.request.interval.dated, self.fetched
        begins = coverage.BEGINNING if page.ended and dated else microseconds(low)
        newest = not had.covered or microseconds(high) >= had.covered[-1][1]
        fetched = FetchedBars(
            bars=(*had.bars, page.bars),
            covered=coverage.add(had.covered, (begins, microseconds(high))),
            pages=(*had.pages, page.page) if self.request.interval.unit == "tick" else (),
            as_of=page.page.received_at if newest else had.as_of,
        )
        said = " / ".join(complaints(page.page.messages)) if page.unexplained else self.failure
        history = low if page.ended and not dated else self.begins
        return replace(self, fetched=fetched, failure=said, begins=history)

    def without_fetched(self) -> Load:
        """Without what it has requested itself, so that it is requested again."""
        return replace(self, fetched=NOTHING_FETCHED, failure="", begins=None)

    def changed(self, error: AdjustmentChanged) -> Load:
        """With one change of prices more.

        Raises:
            AdjustmentChanged: ``error``, where prices have changed too often.
        """
        if self.changes >= CHANGES:
            raise error
        return replace(self, changes=self.changes + 1)


def assemble(load: Load, cached: CachedRange, fetched_at: float) -> LoadResult:
    """The result of a load of which nothing is missing any more."""
    request, fetched = load.request, load.fetched
    bars, hits = cached.bars, len(cached.bars)
    if fetched.pages:
        since = moment(fetched.covered[0][0]) if fetched.covered else BEGINNING
        bars = BarColumns.concat([bars.slice(None, since - INSTANT), ticks_of(load)])
        bars = bars.slice(request.first, request.last)
    elif fetched.bars:
        own = fetched.bars
        # Of a bar that is final already the broker may still give a provisional one.
        sure = bars.slice(load.final + INSTANT)
        bars = joined([bars, *own, sure], empty_bars(request)).slice(request.first, request.last)
    if fetched.bars:
        covered = coverage.intersect(fetched.covered, microseconds(request.first), microseconds(request.last))
        hits -= sum(len(cached.bars.slice(moment(low), moment(high))) for low, high in covered)
    from_cache = len(cached.bars) and not fetched.bars
    return LoadResult(
        bars=bars,
        hits=hits,
        trs=load.trs,
        unstored=load.unstored,
        fetched_at=fetched_at,
        messages=load.messages,
        adjustment=cached.adjustment if from_cache else load.adjustment,
        failure=load.failure,
        history_from=_history_from(load, cached, bars),
        as_of=fetched.as_of,
        newest=fetched.newest,
    )


def ticks_of(load: Load) -> BarColumns:
    """The ticks that a load has requested itself, of the time that its pages cover.

    Ticks of one second can lie on two pages: only all pages parsed together show which ones repeat.
    """
    found, covered = parse(load.request.interval.tr, load.fetched.pages), load.fetched.covered
    return found.slice(moment(covered[0][0])) if covered else found


def _history_from(load: Load, cached: CachedRange, bars: BarColumns) -> Moment | None:
    """Where the broker's history begins, if bars are asked for from before that."""
    first, dated = load.request.first, load.request.interval.dated
    if first <= BEGINNING:
        return None
    if dated:
        found = [when for when in (cached.oldest_of_all, load.fetched.oldest_of_all) if when is not None]
        return min(found) if found and min(found) > first else None
    if not cached.lost or load.failure:
        return None
    later = bars.slice(cached.lost[-1][1] + INSTANT)
    if len(later):
        found_bar: Moment = later.time[0]
        return found_bar
    # Later than now: there was no bar at all, so nothing is known.
    return load.begins if load.begins is not None and load.begins <= load.now else None


def empty_bars(request: BarRequest) -> BarColumns:
    """No bars, of the request's kind."""
    return BarColumns.empty(kind_of(request.interval.tr))


def final_part(load: Load, bars: BarColumns) -> tuple[Moment, Moment]:
    """From the first to the last of those bars, as far as bars are final; an empty range where there are none."""
    if not len(bars):
        return load.final, load.final - INSTANT
    return bars.time[0], min(bars.time[-1], load.final)
