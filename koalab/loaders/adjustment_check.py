"""Whether adjusted prices that are held are still those that the broker gives.

A split, a bonus or a rights issue rescales all that lies before it, and no free function of the control is known to
tell of one. So before held prices and new ones come into one frame they are laid beside each other, where they have
a day in common, and else for one TR. What is held whole is given as it is: it has one adjustment, that of the day
which the frame names.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING, wall_of
from koalab.errors import KoalabError
from koalab.frames.bars import BarColumns
from koalab.link import Link, QueueObserver
from koalab.loaders.cache_view import CacheView
from koalab.loaders.intervals import interval
from koalab.loaders.page_requests import INSTANT, Load, bar_pages
from koalab.store.bars import AdjustmentChanged, BarStore, CachedRange
from koalab.store.disk import CacheUnavailable
from koalab.store.finality import Gap, adjustment_at
from koalab.store.merging import disagreement, joined
from koalab.store.series import Series

log = logging.getLogger(__name__)

# So many bars or days are compared where a TR is spent on it. A small step may leave one price as it is, by rounding.
_COMPARED = 20
CHANGES: Final = 2
"""So often a load begins anew because prices changed under it, before it says so."""
_DAY = np.timedelta64(1, "D")


class PageObserver(QueueObserver, Protocol):
    """Whoever counts the pages that come, too."""

    def page(self, note: str = "") -> None: ...


class AdjustmentCheck:
    """Keeps a load to one adjustment: cached bars of another one are dropped, or bypassed where it is a later day's."""

    def __init__(self, link: Link, known: CacheView, sessions: Callable[[], Sessions]) -> None:
        self._link = link
        self._known = known
        self._sessions = sessions

    def check(self, load: Load, came: BarColumns, shown: PageObserver) -> None:
        """Lays what came beside what is held; what is held and is not the same is dropped."""
        store = self._known.store_of(load)
        if store is None or not load.series.adjusted:
            return
        held = self._known.held(load, *_span(load, came))
        if not held.any_cached:
            return
        agrees = same(held.bars, came)
        if agrees is None and self._known.trusted(load, held):
            return
        if agrees is None:
            self.prove(load, held, shown)
        else:
            self._conclude(load, held, agrees)

    def prove(self, load: Load, held: CachedRange, shown: PageObserver) -> None:
        """Asks whether what is held of the series, which may be anything, is in the adjustment of what comes now."""
        store = self._known.store_of(load)
        bars = held.bars if len(held.bars) else self._known.held(load, BEGINNING, load.final).bars
        if not len(bars):
            # There is nothing that could differ; of a later day's, only nothing that this broker could know of.
            self._conclude(load, held, not self._ahead(load, held))
            return
        try:
            agrees = proof(self._link, load, store, bars, shown)
        except KoalabError as error:
            if held.gaps or load.own:
                raise
            # What is held whole can be had without a server, as it was when there was one.
            log.warning(
                "whether the prices of %s were adjusted since cannot be asked: %s", load.series, error
            )
            load.taken = held.adjustment or load.adjustment
            return
        self._conclude(load, held, agrees)
        shown.page()

    def _conclude(self, load: Load, held: CachedRange, agrees: bool) -> None:
        store = self._known.store_of(load)
        if store is None or load.adjustment is None:
            return
        ahead = self._ahead(load, held)
        try:
            if agrees and ahead:
                load.taken = held.adjustment
            elif agrees:
                if held.adjustment != load.adjustment:
                    store.renew(load.series, held.adjustment, load.adjustment)
            elif ahead:
                load.past_store = True
            else:
                log.info(
                    "the prices of %s were adjusted since they were kept: they are loaded anew", load.series
                )
                if self._known.trusted(load, held):
                    self._distrust(load)
                store.drop_adjustment(load.series, held.adjustment)
                # What one series shows is so of all others of its code.
                store.drop_before(load.series.code, load.adjustment)
        except CacheUnavailable as error:
            log.warning("what is held of %s is passed by: %s", load.series, error)
            load.past_store = True

    def _ahead(self, load: Load, held: CachedRange) -> bool:
        """Whether what is held is in the adjustment of a day that has not come here yet."""
        return (
            held.adjustment is not None
            and load.adjustment is not None
            and bool(held.adjustment > load.adjustment)
        )

    def _distrust(self, load: Load) -> None:
        """Forgets this load's pages: prices changed within one adjustment, and it is unclear which pages are new."""
        load.changes += 1
        if load.changes > CHANGES:
            raise AdjustmentChanged(load.series, load.first)
        load.forget_own()

    def of_load(self, load: Load, received_at: float) -> bool:
        """Whether a page of that moment (seconds since the epoch) is in the adjustment in which the load began."""
        return load.adjustment is None or adjustment_at(received_at, self._sessions()) == load.adjustment

    def still(self, load: Load, shown: PageObserver) -> bool:
        """Whether the adjustment is still the one in which the load began."""
        if load.adjustment is None or not load.own:
            return True
        now = self._link.now()
        adjustment = adjustment_at(now, self._sessions())
        if adjustment <= load.adjustment:
            return True
        came = joined(load.own, load.result.bars)
        load.adjustment, load.taken, load.now = adjustment, None, wall_of(now)
        if len(came) and not proof(self._link, load, None, came, shown):
            store = self._known.store_of(load)
            if store is not None:
                store.drop_before(load.series.code, adjustment)
            self._distrust(load)
        return False


def same(held: BarColumns, came: BarColumns) -> bool | None:
    """Whether bars that are held are those that came; None where they have no time in common."""
    if not np.isin(held.time, came.time, assume_unique=True).any():
        return None
    return disagreement(held, came) is None


def proof(link: Link, load: Load, store: BarStore | None, held: BarColumns, shows: QueueObserver) -> bool:
    """Asks for what is held once more, one TR's worth of it: whether it is the same.

    Days and longer are compared with themselves, minutes with the closes of their days: pages of minutes begin
    with the newest, and what is held may lie far behind it. What cannot be compared counts as changed.
    """
    if load.interval.dated:
        newest = held.slice(held.time[-_COMPARED:][0])
        return bool(same(newest, _page(link, load, newest, shows)))
    closes = _closes(load, store, held)
    if closes is None:
        return False
    days = interval("D")
    asking = replace(load, interval=days, series=Series(load.series.code, days.name, True))
    came = _page(link, asking, closes, shows)
    _, here, there = np.intersect1d(closes.time, came.time, return_indices=True)
    return bool(len(here)) and np.array_equal(closes.close[here], came.close[there])


def _page(link: Link, load: Load, bars: BarColumns, shows: QueueObserver) -> BarColumns:
    with closing(bar_pages(link, load, bars.time[0], bars.time[-1], shows, max_pages=1)) as found:
        return next(found).bars  # there is a page, though it may be empty


def _closes(load: Load, store: BarStore | None, held: BarColumns) -> BarColumns | None:
    """The last bars of the newest days that are held whole, at midnight; None where there is none."""
    days = held.time.astype("datetime64[D]")
    last = np.append(np.flatnonzero(days[1:] != days[:-1]), len(days) - 1)[-_COMPARED:]
    if store is not None:
        whole = []
        for place in last:
            day = days[place].astype("datetime64[us]")
            end = min(day + _DAY - INSTANT, load.final)
            whole.append(not store.cached_range(load.series, held.time[place], end).gaps)
        last = last[whole]
    if not len(last):
        return None
    prices = {name: getattr(held, name)[last] for name in ("open", "high", "low", "close", "volume")}
    return BarColumns(days[last].astype("datetime64[us]"), **prices)


def _span(load: Load, bars: BarColumns) -> Gap:
    """From the first to the last bar, as far as bars are final; nothing where there are none."""
    if not len(bars):
        return load.final, load.final - INSTANT
    return bars.time[0], min(bars.time[-1], load.final)
