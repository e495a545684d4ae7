"""Minute bars out of the live stream, for a list of codes."""

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
from koalab.live import columns
from koalab.live.archive import Archive, Collected
from koalab.live.connected_intervals import MARGIN, ConnectedIntervals, wall
from koalab.live.hub import Hub, Subscription
from koalab.live.minute_builder import CompleteMinutes, MinuteBuilder, SessionMinutes, count, holes
from koalab.live.minutes import MINUTE, SECOND, Trades
from koalab.store import coverage
from koalab.store.coverage import Coverage
from koalab.store.disk import CacheUnavailable
from koalab.transport.base import TickBatch

log = logging.getLogger(__name__)

TRADE: Final = "주식체결"
_FIDS: Final = (20, 10, 11, 15, 13)  # 체결시간 현재가 전일대비 거래량 누적거래량
# 체결강도: of an issue's types, only 주식체결 has it.
_CHOOSING: Final = (228,)
# Trades of the closing auction may come some seconds after the close, those after hours ten minutes after it.
_AFTER_CLOSE: Final = 600
_DAY: Final = 86_400 * SECOND
# At most that share of the time goes into writing.
_WRITING: Final = 20
_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Gap:
    """Time in which something may be missing; microseconds of naive Seoul wall time."""

    since: int
    until: int | None
    why: str


@dataclass(frozen=True, slots=True)
class CodeProgress:
    """How one code stands: minutes that are complete, minutes that are over and are not, the last trade's time or 0."""

    complete: int
    holes: int
    last: int


class MinuteCollector:
    """Hears the trades of some codes and keeps the minutes that they surely make up.

    Any thread may ask; events come on the hub's.

    Args:
        hub: the session's live stream.
        archive: where minutes go.
        sessions: of the exchange.
        now: the broker's time.
        codes: which.
    """

    def __init__(
        self,
        hub: Hub,
        archive: Archive,
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
        self._stretches = ConnectedIntervals()
        self._hours: SessionMinutes | None = None
        self._tapes: dict[str, MinuteBuilder] = {}
        self._complete: dict[str, Coverage] = {}
        self._due = 0
        self._rest_until = float("-inf")
        self._turn(wall(now()))
        self._subscription: Subscription | None = hub.subscribe(self.codes, _CHOOSING, self)
        self._hub = hub

    # -- the stream, on the hub's thread

    def began(self, at: float) -> None:
        with self._lock:
            self._stretches.begin(at)
            if self.gaps and self.gaps[-1].until is None:
                last = self.gaps[-1]
                self.gaps[-1] = Gap(last.since, wall(at), last.why)

    def heard(self, batch: TickBatch) -> None:
        rows = columns.rows_of(batch, TRADE)
        if not len(rows):
            return
        clock, price, change, volume, total = columns.read(batch, TRADE, rows, _FIDS)
        came = batch.time[rows]
        happened = _moments(clock.astype(np.int64), wall(float(came[0])) // _DAY * _DAY)
        price = np.abs(price)
        trades = Trades(happened, price, np.abs(volume), total)
        code = batch.code[rows]
        order = np.argsort(code, kind="stable")
        edges = np.flatnonzero(np.diff(code[order], prepend=-1))
        with self._lock:
            self._turn(int(happened[-1]))
            if self._hours is None:
                return
            self._stretches.trade(float(came[-1]), int(happened[-1]))
            for part in np.split(order, edges[1:]):
                tape = self._tapes.get(batch.codes[code[part[0]]])
                if tape is not None:
                    tape.add(self._inside(trades[part]))
                    tape.base = int(price[part[-1]] - change[part[-1]])

    def seen(self, until: float) -> None:
        with self._lock:
            self._stretches.seen(until)
            self._turn(wall(until))
            if self._stretches.until >= self._due and time.monotonic() >= self._rest_until:
                self._flush()

    def missed(self, since: float, why: str) -> None:
        with self._lock:
            self._stretches.end(since)
            self.gaps.append(Gap(wall(since), None, why))

    def failed(self, error: KoalabError) -> None:
        with self._lock:
            self.error = error

    # -- whoever asks

    def wait(self, timeout: float) -> None:
        """Until the codes are registered; errors as ``Subscription.wait``."""
        assert self._subscription is not None
        self._subscription.wait(timeout)

    @property
    def listening(self) -> bool:
        """Whether nobody has stopped it."""
        return self._subscription is not None

    @property
    def running(self) -> bool:
        return self.listening and self.error is None

    @property
    def until(self) -> int:
        """Up to here everything has been heard, gaps aside."""
        with self._lock:
            return self._stretches.until

    @property
    def over(self) -> bool:
        """Whether the session of today, or the latest, has been heard to its end, or there is none today."""
        with self._lock:
            return self._hours is None or self._stretches.until > self._hours.last

    def sync(self, timeout: float) -> bool:
        """Waits for what has happened by now; False where it did not come in time."""
        return self._hub.sync(timeout) if self.running else False

    def stop(self) -> None:
        """Hears no more, and keeps what is complete; again does nothing."""
        one, self._subscription = self._subscription, None
        if one is not None:
            one.close()
            with self._lock:
                self._flush(all_of_it=True)

    def flush(self) -> None:
        """Keeps what is complete; where nobody listens any more, all of it."""
        with self._lock:
            self._flush(all_of_it=not self.listening)

    def progressed(self) -> Mapping[str, CodeProgress]:
        """How each code stands in the session of today, or the latest."""
        with self._lock:
            if self._hours is None:
                return {code: CodeProgress(0, 0, 0) for code in self.codes}
            now = max(self._stretches.until - MARGIN, 0)
            found = {}
            for code in self.codes:
                complete = self._known(code)
                open_ = holes(self._hours, complete, now)
                found[code] = CodeProgress(count(complete), count(open_), self._tapes[code].last)
            return found

    def open_holes(self, until: int) -> tuple[SessionMinutes, dict[str, Coverage]] | None:
        """The holes of each code up to ``until``, of the session of today or the latest; None before any."""
        with self._lock:
            if self._hours is None:
                return None
            found = {code: holes(self._hours, self._known(code), until) for code in self.codes}
            return self._hours, {code: one for code, one in found.items() if one}

    def fill(self, code: str, hours: SessionMinutes, piece: CompleteMinutes) -> None:
        """Keeps minutes that came another way.

        Raises:
            CacheUnavailable: the cache cannot be used now.
        """
        with self._lock:
            same = self._hours == hours
            self._archive.keep([Collected(code, hours, piece, self._tapes[code].base if same else 0)])
            if same:
                self._add(code, piece.covered)

    # -- inside, with the lock

    def _inside(self, trades: Trades) -> Trades:
        assert self._hours is not None
        return trades[np.flatnonzero((trades.time >= self._hours.first) & (trades.time <= self._hours.last))]

    def _known(self, code: str) -> Coverage:
        found = self._complete[code]
        for part in self._tapes[code].complete(self._stretches.all()).covered:
            found = coverage.add(found, part)
        return found

    def _add(self, code: str, covered: Coverage) -> None:
        for part in covered:
            self._complete[code] = coverage.add(self._complete[code], part)

    def _turn(self, moment: int) -> None:
        """Another session, once its day has come; the one before it is kept to its end first."""
        if self._hours is not None and moment // _DAY <= self._hours.first // _DAY:
            return
        sessions = self._sessions()
        day = np.datetime64(moment // _DAY, "D")
        index = int(np.searchsorted(sessions.dates, day))
        if index == len(sessions) or sessions.dates[index] != day:
            return
        if self._hours is not None:
            self._flush(all_of_it=True)
        opens, closes = float(sessions.opens[index]), float(sessions.closes[index])
        self._hours = hours = SessionMinutes(wall(opens), wall(closes + _AFTER_CLOSE) - 1)
        self._tapes = {code: MinuteBuilder(hours) for code in self.codes}
        try:
            self._complete = {code: self._archive.held(code, hours) for code in self.codes}
        except CacheUnavailable as error:
            log.warning("minutes that are held cannot be looked up: %s", error)
            self._complete = dict.fromkeys(self.codes, ())

    def _flush(self, all_of_it: bool = False) -> None:
        """Writes what is complete: up to each code's newest trade, all of it at the end."""
        if self._hours is None:
            return
        began = time.monotonic()
        stretches = self._stretches.all()
        over = all_of_it or self._stretches.until > self._hours.last
        found: list[tuple[Collected, int]] = []
        for code, tape in self._tapes.items():
            until = self._hours.last + 1 if over else tape.proven_until()
            if until <= tape.taken:
                continue
            piece = tape.complete(stretches)
            covered = coverage.intersect(piece.covered, tape.taken, until - 1)
            if covered:
                found.append(
                    (Collected(code, self._hours, CompleteMinutes(piece.bars, covered), tape.base), until)
                )
            else:
                tape.take(until)
        for start in range(0, len(found), _AT_ONCE):
            part = found[start : start + _AT_ONCE]
            try:
                self._archive.keep(one for one, _ in part)
            except CacheUnavailable as error:
                log.warning("collected minutes could not be kept, and will be tried again: %s", error)
                continue
            for one, until in part:
                self._add(one.code, one.piece.covered)
                self._tapes[one.code].take(until)
        self._due = (self._stretches.until // MINUTE + 1) * MINUTE + 5 * SECOND
        taken = time.monotonic() - began
        self._rest_until = time.monotonic() + _WRITING * taken


def _moments(
    clock: np.ndarray[tuple[int], np.dtype[np.int64]], day: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """HHMMSS on a day (its midnight)."""
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = (
        day + (clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100) * SECOND
    )
    return found
