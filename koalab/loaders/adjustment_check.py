"""Whether cached adjusted prices are still those that the broker gives.

A split, a bonus or a rights issue rescales all earlier prices, and no control function that costs no TR is known to
report one. So before cached and new prices share a frame they are compared: in the days that both have, else with
one TR. A fully cached range is served as it is: it has one adjustment, that of the day which the frame names.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Protocol

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING, wall_of
from koalab.errors import KoalabError
from koalab.frames.bars import BarColumns
from koalab.link import Link, QueueObserver
from koalab.loaders.cache_view import CacheView
from koalab.loaders.intervals import interval
from koalab.loaders.load import Load, empty_bars, final_part
from koalab.loaders.page_requests import INSTANT, BarRequest, bar_pages
from koalab.store.bars import AdjustmentChanged, BarStore, CachedRange
from koalab.store.disk import CacheUnavailable
from koalab.store.finality import adjustment_at
from koalab.store.merging import disagreement, joined
from koalab.store.series import Series

log = logging.getLogger(__name__)

# How many bars or days one TR compares. A small step may leave a single price as it is, by rounding.
_COMPARED = 20
_DAY = np.timedelta64(1, "D")


class PageObserver(QueueObserver, Protocol):
    """Shows the wait for pages, and counts them."""

    def page(self, note: str = "") -> None: ...


class AdjustmentCheck:
    """Keeps a load to one adjustment: cached bars of another one are dropped, or bypassed if it is a later day's.

    Args:
        link: to the broker.
        cache: the cached bars.
        sessions: of the exchange, read on first use.
    """

    def __init__(self, link: Link, cache: CacheView, sessions: Callable[[], Sessions]) -> None:
        self._link = link
        self._cache = cache
        self._sessions = sessions

    def check_page(self, load: Load, came: BarColumns, observer: PageObserver) -> Load:
        """Compares bars that came with the cached ones of the same time; drops those where they differ."""
        if (
            self._cache.store_of(load) is None
            or not load.request.series.adjusted
            or load.request.interval.unit == "tick"
        ):
            return load
        cached = self._cache.cached(load, *final_part(load, came))
        if not cached.any_cached:
            return load
        agree = same_prices(cached.bars, came)
        if agree is not None:
            return self._conclude(load, cached, agree)
        return (
            load if self._cache.same_adjustment(load, cached) else self.check_cached(load, cached, observer)
        )

    def check_cached(self, load: Load, cached: CachedRange, observer: PageObserver) -> Load:
        """Requests cached bars of the series, of any range, once more: one TR shows whether prices are the same."""
        store = self._cache.store_of(load)
        bars = cached.bars if len(cached.bars) else self._cache.cached(load, BEGINNING, load.final).bars
        if not len(bars):
            # Nothing can differ; but coverage from a later day says nothing about this broker.
            return self._conclude(load, cached, not _later(load, cached))
        try:
            agree, trs = _compare_again(self._link, load, store, bars, observer)
        except KoalabError as error:
            if cached.gaps or load.fetched.bars:
                raise
            # A fully cached range needs no server.
            log.warning(
                "whether the prices of %s were adjusted since cannot be asked: %s", load.request.series, error
            )
            return replace(load, confirmed=cached.adjustment or load.adjustment)
        load = self._conclude(load.spent(trs), cached, agree)
        observer.page()
        return load

    def check_day(self, load: Load, observer: PageObserver) -> Load:
        """Checks that what was fetched still has the adjustment in force; the same load where it is no other day's."""
        if load.adjustment is None or not load.fetched.bars:
            return load
        now = self._link.now()
        adjustment = adjustment_at(now, self._sessions())
        if adjustment <= load.adjustment:
            return load
        came = joined(load.fetched.bars, empty_bars(load.request))
        load = replace(load, adjustment=adjustment, confirmed=None, now=wall_of(now))
        if not len(came):
            return load
        agree, trs = _compare_again(self._link, load, None, came, observer)
        load = load.spent(trs)
        if agree:
            return load
        store = self._cache.store_of(load)
        if store is not None:
            store.drop_before(load.request.series.code, adjustment)
        return _started_over(load)

    def in_force_at(self, load: Load, received_at: float) -> bool:
        """Whether a page of that moment (seconds since the epoch) has the adjustment in which the load began."""
        return load.adjustment is None or adjustment_at(received_at, self._sessions()) == load.adjustment

    def _conclude(self, load: Load, cached: CachedRange, agree: bool) -> Load:
        """Renews, drops or bypasses the cached bars, whose prices agree with those that come now or not."""
        store, series, adjustment = self._cache.store_of(load), load.request.series, load.adjustment
        if store is None or adjustment is None:
            return load
        try:
            if agree and _later(load, cached):
                return replace(load, confirmed=cached.adjustment)
            if agree:
                if cached.adjustment != adjustment:
                    store.renew(series, cached.adjustment, adjustment)
                return load
            if _later(load, cached):
                return replace(load, bypasses_cache=True)
            log.info("the prices of %s were adjusted since they were kept: they are loaded anew", series)
            if self._cache.same_adjustment(load, cached):
                # Prices changed within one adjustment: which of the fetched pages are new is unknown.
                load = _started_over(load)
            store.drop_adjustment(series, cached.adjustment)
            # A corporate action concerns all series of the code.
            store.drop_before(series.code, adjustment)
        except CacheUnavailable as error:
            log.warning("the cached bars of %s are not used: %s", series, error)
            return replace(load, bypasses_cache=True)
        return load


def _later(load: Load, cached: CachedRange) -> bool:
    """Whether the cached bars have the adjustment of a day that has not come here yet."""
    if cached.adjustment is None or load.adjustment is None:
        return False
    return bool(cached.adjustment > load.adjustment)


def _started_over(load: Load) -> Load:
    request = load.request
    return load.changed(AdjustmentChanged(request.series, request.first)).without_fetched()


def same_prices(cached: BarColumns, came: BarColumns) -> bool | None:
    """Whether cached prices are those that came; None where the two have no time in common."""
    if not np.isin(cached.time, came.time, assume_unique=True).any():
        return None
    return disagreement(cached, came) is None


def _compare_again(
    link: Link, load: Load, store: BarStore | None, bars: BarColumns, observer: QueueObserver
) -> tuple[bool, int]:
    """Requests bars once more, one TR's worth of them: whether prices are the same, and the TRs spent.

    Days and longer are compared with themselves, minutes with the closes of their days: pages of minutes begin
    with the newest, and the bars may lie far behind. What cannot be compared counts as changed.
    """
    request = load.request
    if request.interval.dated:
        newest = bars.slice(bars.time[-_COMPARED:][0])
        return bool(same_prices(newest, _one_page(link, load, request, newest, observer))), 1
    closes = _closes(load, store, bars)
    if closes is None:
        return False, 0
    days = interval("D")
    asked = replace(request, interval=days, series=Series(request.series.code, days.name, True))
    came = _one_page(link, load, asked, closes, observer)
    _, here, there = np.intersect1d(closes.time, came.time, return_indices=True)
    return bool(len(here)) and np.array_equal(closes.close[here], came.close[there]), 1


def _one_page(
    link: Link, load: Load, request: BarRequest, bars: BarColumns, observer: QueueObserver
) -> BarColumns:
    pages = bar_pages(link, request, load.now, bars.time[0], bars.time[-1], observer, max_pages=1)
    with closing(pages):
        return next(pages).bars  # there is always a page, though it may be empty


def _closes(load: Load, store: BarStore | None, bars: BarColumns) -> BarColumns | None:
    """The last bars of the newest days that are fully there, at midnight; None where there is none."""
    days = bars.time.astype("datetime64[D]")
    last = np.append(np.flatnonzero(days[1:] != days[:-1]), len(days) - 1)[-_COMPARED:]
    if store is not None:
        full = []
        for place in last:
            end = min(days[place].astype("datetime64[us]") + _DAY - INSTANT, load.final)
            full.append(not store.cached_range(load.request.series, bars.time[place], end).gaps)
        last = last[full]
    if not len(last):
        return None
    prices = {name: getattr(bars, name)[last] for name in ("open", "high", "low", "close", "volume")}
    return BarColumns(days[last].astype("datetime64[us]"), **prices)
