"""Collects minute bars from the live stream, for a list of codes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.errors import KoalabError
from koalab.live.collecting.archive import CollectedMinutes, MinuteArchive
from koalab.live.collecting.connected_intervals import MARGIN, ConnectedIntervals
from koalab.live.collecting.minute_builder import (
    CompleteMinutes,
    MinuteBuilder,
    SessionMinutes,
    holes,
    minute_count,
)
from koalab.live.collecting.trades import read_trades
from koalab.live.collecting.trading_minutes import trading_minutes
from koalab.live.gap import Gap
from koalab.live.hub import Hub, Subscription
from koalab.live.wall_time import DAY, MINUTE, SECOND, wall_micros
from koalab.store import coverage
from koalab.store.coverage import Coverage
from koalab.store.disk import CacheUnavailable
from koalab.transport.base import TickBatch

log = logging.getLogger(__name__)

# 체결강도: of an issue's real-time types, only 주식체결 has it, so it registers that type alone.
_REGISTERED_FIDS: Final = (228,)
# A flush of t seconds is followed by at least this many times t without one.
_FLUSH_PAUSE: Final = 20
_CODES_PER_TRANSACTION: Final = 50


@dataclass(frozen=True, slots=True)
class CodeProgress:
    """Progress of one code: complete minutes, past minutes that are not, the last trade's time or 0.

    ``outside`` counts the trades that stand in no minute.
    """

    complete: int
    holes: int
    last: int
    outside: int = 0


class MinuteCollector:
    """Subscribes to the trades of some codes and stores minute bars that are provably complete.

    Methods may be called from any thread; the ``Subscriber`` callbacks run on the hub's.

    Args:
        hub: the session's live stream.
        archive: stores the minutes.
        sessions: of the exchange.
        now: the broker's time.
        codes: to collect.
    """

    def __init__(
        self,
        hub: Hub,
        archive: MinuteArchive,
        sessions: Callable[[], Sessions],
        now: Callable[[], float],
        codes: Sequence[str],
    ) -> None:
        self.codes = tuple(dict.fromkeys(codes))
        self.gaps: list[Gap] = []
        self.error: KoalabError | None = None
        self._archive = archive
        self._sessions = sessions
        self._now = now
        self._lock = threading.RLock()
        self._connected = ConnectedIntervals()
        self._day = -1  # that of the session, since the epoch
        self._short_charts: set[str] = set()  # codes whose charts are known to lack the after-market
        self._builders: dict[str, MinuteBuilder] = {}
        self._stored: dict[str, Coverage] = {}
        self._taken_back: dict[str, Coverage] = {}  # of the cache, which has not let go of them yet
        self._flush_at = 0
        self._no_flush_before = float("-inf")
        self._enter_session(wall_micros(now()))
        self._subscription: Subscription | None = hub.subscribe(self.codes, _REGISTERED_FIDS, self)
        self._hub = hub

    # -- Subscriber, on the hub's thread

    def on_start(self, at: float) -> None:
        with self._lock:
            self._connected.start(at)
            if self.gaps and self.gaps[-1].until is None:
                last = self.gaps[-1]
                self.gaps[-1] = Gap(last.since, wall_micros(at), last.why)

    def on_batch(self, batch: TickBatch) -> None:
        found = read_trades(batch)
        if found is None:
            return
        newest = int(found.trades.time[-1])
        with self._lock:
            self._enter_session(newest)
            self._connected.trade(found.arrived, newest)
            for code, trades, base_price in found.by_code():
                builder = self._builders.get(code)
                if builder is not None:
                    self._take_back(code, builder.add(trades))
                    builder.base_price = base_price

    def on_progress(self, until: float) -> None:
        with self._lock:
            self._connected.advance(until)
            self._enter_session(wall_micros(until))
            if self._connected.until >= self._flush_at and time.monotonic() >= self._no_flush_before:
                self._flush()

    def on_gap(self, since: float, why: str) -> None:
        with self._lock:
            self._connected.end(since)
            self.gaps.append(Gap(wall_micros(since), None, why))

    def on_error(self, error: KoalabError) -> None:
        with self._lock:
            self.error = error

    # -- any thread

    def wait(self, timeout: float) -> None:
        """Waits until the codes are registered; errors as ``Subscription.wait``."""
        assert self._subscription is not None
        self._subscription.wait(timeout)

    @property
    def subscribed(self) -> bool:
        """Whether ``stop`` has not been called."""
        return self._subscription is not None

    @property
    def running(self) -> bool:
        return self.subscribed and self.error is None

    @property
    def until(self) -> int:
        """Up to here everything has been received, gaps aside."""
        with self._lock:
            return self._connected.until

    @property
    def over(self) -> bool:
        """Whether today's or the latest session has been received to its end, or there is none."""
        with self._lock:
            return all(self._connected.until > each.session.last for each in self._builders.values())

    def sync(self, timeout: float) -> bool:
        """Waits until every event fired before this call is processed; False on a timeout."""
        return self._hub.sync(timeout) if self.running else False

    def stop(self) -> None:
        """Unsubscribes and stores what is complete; idempotent."""
        one, self._subscription = self._subscription, None
        if one is not None:
            one.close()
            with self._lock:
                self._flush(everything=True)

    def flush(self) -> None:
        """Stores what is complete; after ``stop`` without waiting for a later trade as confirmation."""
        with self._lock:
            self._flush(everything=not self.subscribed)

    def progress(self) -> Mapping[str, CodeProgress]:
        """Progress of each code in today's or the latest session."""
        with self._lock:
            now = max(self._connected.until - MARGIN, 0)
            found = {code: CodeProgress(0, 0, 0) for code in self.codes}
            for code, builder in self._builders.items():
                complete = self._complete(code)
                missing = holes(builder.session, complete, now)
                counts = minute_count(complete), minute_count(missing)
                found[code] = CodeProgress(*counts, builder.last_trade, len(builder.outside))
            return found

    def holes(self, until: int) -> dict[str, tuple[SessionMinutes, Coverage]]:
        """The codes with holes up to ``until`` that charts may fill, with today's or the latest session of each."""
        with self._lock:
            found = {}
            for code, builder in self._builders.items():
                missing = holes(builder.session, self._complete(code), until)
                for part in builder.session.uncharted if code in self._short_charts else ():
                    missing = coverage.without(missing, *part)
                if missing:
                    found[code] = (builder.session, missing)
            return found

    def charts_end_early(self, code: str) -> None:
        """Its charts lack the after-market, whose holes stay."""
        with self._lock:
            self._short_charts.add(code)

    def fill(self, code: str, session: SessionMinutes, minutes: CompleteMinutes) -> None:
        """Stores minutes from another source.

        Raises:
            CacheUnavailable: the cache cannot be written now.
        """
        with self._lock:
            builder = self._builders.get(code)
            same = builder is not None and builder.session == session
            base_price = builder.base_price if builder is not None and same else 0
            self._forget_taken_back()
            self._archive.store([CollectedMinutes(code, session, minutes, base_price)])
            if same:
                self._mark_stored(code, minutes.covered)

    # -- with the lock held

    def _complete(self, code: str) -> Coverage:
        found = self._stored[code]
        for part in self._builders[code].complete(self._connected.all()).covered:
            found = coverage.add(found, part)
        return found

    def _take_back(self, code: str, late: Coverage) -> None:
        """Stored minutes of which a trade came afterwards are holes, until charts have filled them."""
        for part in late:
            for first, last in coverage.intersect(self._stored[code], *part):
                moment = np.datetime64(first, "us")
                log.warning("%s: a trade of %s came after its minute was stored: it is a hole", code, moment)
                self._stored[code] = coverage.without(self._stored[code], first, last)
                self._taken_back[code] = coverage.add(self._taken_back.get(code, ()), (first, last))
        self._let_go()

    def _let_go(self) -> None:
        """Deletes from the cache what was taken back; what the cache does not let go of now is tried again."""
        try:
            self._forget_taken_back()
        except CacheUnavailable as error:
            log.warning("wrong minutes are still in the cache, and will be tried again: %s", error)

    def _forget_taken_back(self) -> None:
        for code, parts in list(self._taken_back.items()):
            self._archive.take_back(code, parts)
            del self._taken_back[code]

    def _mark_stored(self, code: str, covered: Coverage) -> None:
        for part in covered:
            self._stored[code] = coverage.add(self._stored[code], part)

    def _enter_session(self, now: int) -> None:
        """Switches to the session of the day of ``now``, if there is one; flushes the one before."""
        if now // DAY <= self._day:
            return
        sessions = self._sessions()
        day = np.datetime64(now // DAY, "D")
        index = int(np.searchsorted(sessions.dates, day))
        if index == len(sessions) or sessions.dates[index] != day:
            return
        self._flush(everything=True)
        self._day, self._short_charts = now // DAY, set()
        self._builders = {code: MinuteBuilder(trading_minutes(code, index, sessions)) for code in self.codes}
        try:
            self._stored = {
                code: self._archive.stored(code, each.session) for code, each in self._builders.items()
            }
        except CacheUnavailable as error:
            log.warning("stored minutes cannot be looked up: %s", error)
            self._stored = dict.fromkeys(self.codes, ())

    def _flush(self, everything: bool = False) -> None:
        """Stores complete minutes: of each code those before its newest trade, or ``everything``."""
        began = time.monotonic()
        self._let_go()
        connected = self._connected.all()
        found: list[tuple[CollectedMinutes, int]] = []
        for code, builder in self._builders.items():
            session = builder.session
            over = everything or self._connected.until > session.last
            until = session.last + 1 if over else builder.confirmed_until()
            if until <= builder.stored_until:
                continue
            complete = builder.complete(connected)
            covered = coverage.intersect(complete.covered, builder.stored_until, until - 1)
            if covered:
                minutes = CompleteMinutes(complete.bars, covered)
                found.append((CollectedMinutes(code, session, minutes, builder.base_price), until))
            else:
                builder.discard(until)
        for start in range(0, len(found), _CODES_PER_TRANSACTION):
            part = found[start : start + _CODES_PER_TRANSACTION]
            try:
                self._archive.store(one for one, _ in part)
            except CacheUnavailable as error:
                log.warning("collected minutes could not be kept, and will be tried again: %s", error)
                continue
            for one, until in part:
                self._mark_stored(one.code, one.minutes.covered)
                self._builders[one.code].discard(until)
        self._flush_at = (self._connected.until // MINUTE + 1) * MINUTE + 5 * SECOND
        taken = time.monotonic() - began
        self._no_flush_before = time.monotonic() + _FLUSH_PAUSE * taken
