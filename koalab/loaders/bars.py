"""Bars of one issue: out of the cache what it holds, from the broker what is missing, a page a TR.

Every page is kept in the cache as it comes, so that whatever ends a load, the next one goes on from there. Whoever
asks for a page has the claim on its series, so that no page is asked for twice.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING
from koalab.errors import KoalabError, NotConnected, ServerLost
from koalab.frames.bars import BarColumns, kind_of, parse
from koalab.link import Link
from koalab.loaders.asking import INSTANT, Load, Loaded, Part, parts
from koalab.loaders.basis import proof, same
from koalab.loaders.intervals import Interval
from koalab.progress import Progress
from koalab.store import coverage
from koalab.store.bars import BarStore, BasisChanged, Held
from koalab.store.claims import Claim
from koalab.store.disk import CacheUnavailable
from koalab.store.finality import Gap, basis_of, final_until, needs_fetch, seconds, wall
from koalab.store.series import Moment, Series, microseconds, moment
from koalab.transport.base import Priority, Waiting

log = logging.getLogger(__name__)

# How far beside a gap of minutes its neighbours in the cache are looked for.
_NEIGHBOUR = np.timedelta64(30, "D")
_EVER = np.timedelta64(200 * 365, "D")
_RECOVERIES = 3
_CHANGES = 2


@dataclass
class _Shown:
    """The progress of a load that holds a claim: each sign of the server's is one of its own."""

    progress: Progress
    claim: Claim | None

    def waiting(self, place: Waiting) -> None:
        if self.claim is not None:
            self.claim.beat()
        self.progress.waiting(place)


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

        A week, month or year is in the range where its label is, and always whole.

        Raises:
            koalab.errors.KoalabError: as the link does; pages that came before that are in the cache.
        """
        now = self._link.now()
        final = final_until(interval.name, now, self._sessions())
        basis = basis_of(now, self._sessions()) if adjusted else None
        series = Series(code, interval.name, adjusted)
        none = BarColumns.empty(kind_of(interval.tr))
        load = Load(series, interval, first, last, final, wall(now), basis, priority, Loaded(none))
        recoveries = trs = 0
        while True:
            try:
                held = self._step(load, progress)
            except ServerLost as error:
                recoveries = 1 if load.result.trs > trs else recoveries + 1
                trs = load.result.trs
                if recoveries > _RECOVERIES:
                    raise
                self._recover(load, progress, error)
            except NotConnected as error:
                # Between two pages the broker went away, and the server is about to log in again, or has by now.
                status = self._link.status()
                if load.result.trs == trs or not (status.connected or status.next_login):
                    raise
                trs = load.result.trs
                self._recover(load, progress, ServerLost(str(error)))
            except BasisChanged as changed:
                # Somebody else's page came in between, in another basis.
                load.changes += 1
                if load.changes > _CHANGES:
                    raise
                log.info("%s", changed)
            else:
                if held is not None:
                    break
        return self._result(load, held, now)

    def _result(self, load: Load, held: BarColumns, now: float) -> Loaded:
        own = load.own
        if load.pages:
            # Ticks of one second stand on both sides of a page's edge: only all pages together tell them apart.
            own = [parse(load.interval.tr, load.pages)]
        load.result.bars = _joined([held, *own], load.result.bars).slice(load.first, load.last)
        mine = coverage.intersect(load.covered, microseconds(load.first), microseconds(load.last))
        load.result.hits = len(held) - sum(len(held.slice(moment(low), moment(high))) for low, high in mine)
        load.result.fetched_at = self._link.now() if load.result.trs else now
        return load.result

    def _step(self, load: Load, progress: Progress) -> BarColumns | None:
        """One page nearer; the bars held of the range, where all of it is there."""
        held = self._look(load)
        if self._complete(load, held):
            return held.bars if self._still(load, progress) else None
        store = self._store_of(load)
        if store is None:
            self._fetch(load, held, _Shown(progress, None))
            return None
        seen = self._record(load)
        with store.claims.of(load.series, lambda: self._record(load) != seen) as claim:
            # What was missing may have been stored while this one waited.
            held = self._look(load)
            if claim is not None and not self._complete(load, held):
                self._fetch(load, held, _Shown(progress, claim))
        return None

    # ---- what is held

    def _store_of(self, load: Load) -> BarStore | None:
        # Ticks of one second can lie on two pages, so that no moment says what is held: they are not kept.
        return None if load.interval.unit == "tick" or load.past_store else self._store

    def _look(self, load: Load) -> Held:
        """What is held of the range and final by now; its gaps are what neither that nor this load has."""
        # A simulated broker may have been ahead of this one: what it saw has not happened here yet.
        known = min(load.last, load.final)
        held = self._held(load, load.first, known)
        missing = list(held.gaps)
        if known < load.last:
            ahead = max(load.first, known + INSTANT)
            if missing and missing[-1][1] == known:
                ahead = missing.pop()[0]
            missing.append((ahead, load.last))
        gaps = [
            (moment(low), moment(high))
            for first, last in missing
            for low, high in coverage.missing(load.covered, microseconds(first), microseconds(last))
        ]
        return replace(held, gaps=self._worth(load, gaps))

    def _held(self, load: Load, first: Moment, last: Moment) -> Held:
        store = self._store_of(load)
        if store is not None:
            try:
                return store.held(load.series, first, last)
            except CacheUnavailable as error:
                log.warning("bars of %s cannot be looked up: %s", load.series, error)
        return Held(BarColumns.empty(kind_of(load.interval.tr)), [(first, last)] if first <= last else [])

    def _record(self, load: Load) -> object:
        store = self._store_of(load)
        try:
            return None if store is None else store.shelf.get(load.series.key)
        except CacheUnavailable:
            return None

    def _trusted(self, load: Load, held: Held) -> bool:
        """Whether what is held is known to be in the basis of what comes now."""
        if not load.series.adjusted or not held.anything:
            return True
        return held.basis is not None and held.basis in (load.basis, load.taken)

    def _complete(self, load: Load, held: Held) -> bool:
        return not held.gaps and (not len(held.bars) or self._trusted(load, held))

    # ---- what is not

    def _fetch(self, load: Load, held: Held, shown: _Shown) -> None:
        """The next page, or for minutes and ticks, whose pages begin with the newest, all of them."""
        if not load.result.trs:
            shown.progress.expect(self._expected(load, held.gaps) if held.gaps else 1)
        if not held.gaps:
            self._prove(load, held, shown)
            return
        gap = held.gaps[-1]
        paged = bool(load.interval.end_input)
        floor, upper = self._reach(load, held, gap)
        with closing(parts(self._link, load, floor, upper, shown, max_pages=1 if paged else 0)) as found:
            for part in found:
                if shown.claim is not None:
                    shown.claim.beat()
                shown.progress.page(str(part.bars.time[0])[:10] if len(part.bars) else "")
                self._accept(load, part, shown)
                if not paged and not any(low < part.covers[0] for low, _ in self._look(load).gaps):
                    return

    def _accept(self, load: Load, part: Part, shown: _Shown) -> None:
        load.result.messages += part.page.messages
        if load.interval.unit == "tick":
            load.pages.append(part.page)
        self._check(load, part.bars, shown)
        load.own.append(part.bars)
        low, high = part.covers
        beginning = coverage.BEGINNING if part.ended else microseconds(low)
        load.covered = coverage.add(load.covered, (beginning, microseconds(high)))
        high = min(high, load.final)
        store = self._store_of(load)
        if store is None or low > high:
            return
        try:
            store.add(
                load.series,
                part.bars.slice(low, high),
                (low, high),
                history_ended=part.ended,
                basis=load.taken or load.basis,
            )
        except CacheUnavailable as error:
            log.warning("bars of %s could not be kept: %s", load.series, error)

    def _reach(self, load: Load, held: Held, gap: Gap) -> Gap:
        """The gap, and for adjusted prices one bar more on each side: they show whether the basis is the same."""
        first, last = gap
        if not load.series.adjusted or not held.anything:
            return gap
        far = _EVER if load.interval.dated else _NEIGHBOUR
        before = self._held(load, max(first, BEGINNING + far) - far, first - INSTANT)
        floor, holes = first, self._worth(load, before.gaps)
        beside = before.bars.slice(holes[-1][1] if holes else None)
        if len(beside):
            floor = beside.time[-1]
        if load.result.trs and self._trusted(load, held):
            return floor, last  # its page before this one has shown it
        after = self._held(load, last + INSTANT, min(last + far, load.final))
        holes = self._worth(load, after.gaps)
        beside = after.bars.slice(None, holes[0][0] if holes else None)
        return floor, (beside.time[0] if len(beside) else last)

    def _worth(self, load: Load, gaps: Sequence[Gap]) -> list[Gap]:
        return needs_fetch(gaps, load.interval.name, seconds(load.now), self._sessions())

    # ---- the basis

    def _check(self, load: Load, came: BarColumns, shown: _Shown) -> None:
        """Lays what came beside what is held; what is held and is not the same is dropped."""
        store = self._store_of(load)
        if store is None or not load.series.adjusted:
            return
        held = self._held(load, *_span(load, came))
        if not held.anything:
            return
        agrees = same(held.bars, came)
        if agrees is None and self._trusted(load, held):
            return
        if agrees is None:
            self._prove(load, held, shown)
        else:
            self._conclude(load, held, agrees)

    def _prove(self, load: Load, held: Held, shown: _Shown) -> None:
        """Asks whether what is held of the series, which may be anything, is in the basis of what comes now."""
        store = self._store_of(load)
        bars = held.bars if len(held.bars) else self._held(load, BEGINNING, load.final).bars
        try:
            agrees = not len(bars) or proof(self._link, load, store, bars, shown)
        except KoalabError as error:
            if held.gaps or load.own:
                raise
            # What is held whole can be had without a server, as it was when there was one.
            log.warning(
                "whether the prices of %s were adjusted since cannot be asked: %s", load.series, error
            )
            load.taken = held.basis or load.basis
            return
        shown.progress.page()
        self._conclude(load, held, agrees)

    def _conclude(self, load: Load, held: Held, agrees: bool) -> None:
        store = self._store_of(load)
        if store is None or load.basis is None:
            return
        ahead = held.basis is not None and held.basis > load.basis
        try:
            if agrees and ahead:
                load.taken = held.basis
            elif agrees:
                if held.basis != load.basis:
                    store.renew(load.series, held.basis, load.basis)
            elif ahead:
                load.past_store = True
            else:
                log.info(
                    "the prices of %s were adjusted since they were kept: they are loaded anew", load.series
                )
                if self._trusted(load, held):
                    self._distrust(load)
                store.drop_basis(load.series, held.basis)
        except CacheUnavailable as error:
            log.warning("what is held of %s is passed by: %s", load.series, error)
            load.past_store = True

    def _distrust(self, load: Load) -> None:
        """Prices changed within what has one basis, where there is no telling which of this load's pages are new."""
        load.changes += 1
        if load.changes > _CHANGES:
            raise BasisChanged(load.series, load.first)
        load.forget_own()

    def _still(self, load: Load, progress: Progress) -> bool:
        """Whether the basis is still the one in which the load began."""
        if load.basis is None or not load.own:
            return True
        now = self._link.now()
        basis = basis_of(now, self._sessions())
        if basis <= load.basis:
            return True
        came = _joined(load.own, load.result.bars)
        load.basis, load.taken, load.now = basis, None, wall(now)
        if len(came) and not proof(self._link, load, None, came, progress):
            self._distrust(load)
        return False

    def _recover(self, load: Load, progress: Progress, error: ServerLost) -> None:
        self._link.recover(progress, error)
        # Its clock may have been set back, and then less is final than there was.
        now = self._link.now()
        load.final = min(load.final, final_until(load.interval.name, now, self._sessions()))
        if wall(now) < load.now or load.interval.unit == "tick":
            load.forget_own()
        load.now = min(load.now, wall(now))
        if load.basis is not None:
            load.basis = min(load.basis, basis_of(now, self._sessions()))

    def _expected(self, load: Load, gaps: Sequence[Gap]) -> int:
        """A guess at the TRs: what the calendar says of the gaps, over the rows a page holds."""
        rows = reference.tr(load.interval.tr).rows_per_page or 1
        dates = self._sessions().dates
        bars_a_day = {"D": 1.0, "W": 0.2, "M": 1 / 21, "Y": 1 / 245}.get(
            load.interval.unit, 381 / load.interval.size
        )
        trs = 0
        for first, last in gaps:
            low = np.searchsorted(dates, first.astype("datetime64[D]"))
            high = np.searchsorted(dates, last.astype("datetime64[D]"), side="right")
            days = int(high - low)
            if load.interval.unit in ("min", "tick"):
                days = min(days, 160)  # about what the broker keeps
            trs += max(1, -(-round(days * bars_a_day) // rows))
        return trs


def _span(load: Load, bars: BarColumns) -> Gap:
    """From the first to the last bar, as far as bars are final; nothing where there are none."""
    if not len(bars):
        return load.final, load.final - INSTANT
    return bars.time[0], min(bars.time[-1], load.final)


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
