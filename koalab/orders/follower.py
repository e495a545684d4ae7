"""``OrderFollower``: keeps the accounts' states in step with the broker, on one thread."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from koalab.errors import KoalabError, NoAnswer, RateLimited
from koalab.link import Backoff, Link, transient
from koalab.orders.reports import Lists, OrderReport, from_event
from koalab.orders.state import AccountState
from koalab.transport import forking
from koalab.transport.base import ChejanBatch, ChejanEvent, ChejanStream
from koalab.transport.problems import session_closed

log = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds after which an order that no list of the broker's has was not sent: longer than anything waits for one."""
LOOK_EVERY: Final = 600.0
"""Seconds between two readings of the lists when nothing seems wrong: of a lost event nothing else may show."""

# Seconds between two readings of the lists where something has to be settled; doubled each time.
_FIRST_PAUSE: Final = 5.0
# The same where events are missing.
_STALE_PAUSE: Final = 1.0

_JOIN_TIMEOUT: Final = 5.0
_WAIT: Final = 0.2


class _Look:
    """When the lists of one account are read next, by the server's time."""

    def __init__(self) -> None:
        self._last = self._next = float("-inf")
        self._pause = _FIRST_PAUSE

    def due(self, now: float, state: AccountState) -> bool:
        return now >= self._next or (bool(state.stale) and now >= self._last + _STALE_PAUSE)

    def done(self, now: float, state: AccountState) -> None:
        self._last = now
        if state.unsettled:
            self._next = now + self._pause
            self._pause = min(2 * self._pause, LOOK_EVERY)
        else:
            self._next, self._pause = now + LOOK_EVERY, _FIRST_PAUSE

    def failed(self, now: float) -> None:
        self._last = self._next = now + self._pause
        self._pause = min(2 * self._pause, LOOK_EVERY)


class OrderFollower:
    """Follows the events of all orders, and reads the broker's lists at the start and after every gap.

    Args:
        link: to the broker.
        read_lists: reads the lists of an account.
        day_of: the trading day of a moment.
    """

    def __init__(
        self, link: Link, read_lists: Callable[[str], Lists], day_of: Callable[[float], date]
    ) -> None:
        self._link = link
        self._read_lists = read_lists
        self._day_of = day_of
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._states: dict[str, AccountState] = {}
        self._stream: ChejanStream | None = None
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._closed = False
        self._backoff = Backoff()
        self._broker_connected = True
        self._looks: dict[str, _Look] = {}
        forking.watch(self)

    def after_fork(self) -> None:
        """In a child there is no thread, and a lock of the parent's may be held for ever."""
        self._lock = threading.RLock()
        self._states = {}
        self._stream = self._thread = None
        self._stopped = threading.Event()
        self._stopped.set()

    def follows(self, account: str) -> bool:
        """Whether the state of an account has been read, so that it costs no TR."""
        with self._lock:
            state = self._states.get(account)
        return state is not None and state.since is not None

    def state(self, account: str, timeout: float) -> AccountState:
        """The state of an account, once it has been read.

        Raises:
            NoAnswer: not within ``timeout`` seconds.
            NotConnected: the session is closed.
            KoalabError: it cannot be read.
        """
        forking.require_process(self._process)
        with self._lock:
            if self._closed:
                raise session_closed()
            state = self._states.get(account)
            if state is None:
                state = self._states[account] = AccountState(account, self._day_of, self._link.source)
            if self._thread is None:
                self._stopped = threading.Event()
                for one in self._states.values():
                    one.ended = None
                self._thread = threading.Thread(
                    target=self._run, args=(self._stopped,), name="koalab-orders", daemon=True
                )
                self._thread.start()
        until = time.monotonic() + timeout
        with state.changed:
            while state.since is None:
                if state.ended is not None:
                    raise state.ended
                if time.monotonic() >= until:
                    raise NoAnswer(f"the account's orders and positions were not read within {timeout:g} s")
                state.changed.wait(_WAIT)
        return state

    def known(self) -> Mapping[str, AccountState]:
        with self._lock:
            return dict(self._states)

    def close(self) -> None:
        """Ends the stream, its thread, and every wait for what would come of it."""
        with self._lock:
            self._closed = True
            self._stopped.set()
            thread, stream = self._thread, self._stream
            self._thread = None
        if stream is not None:
            stream.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_TIMEOUT)
        for state in self.known().values():
            state.on_end(session_closed())

    # -- on the thread

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            try:
                self._follow(stopped)
            except KoalabError as error:
                if stopped.is_set():
                    return
                log.warning("orders: %s", error)
                self._gap(str(error))
                if not transient(error):
                    self._fail(error)
                    return
                self._link.restored("orders", stopped, self._backoff)
            except ValueError as error:
                if stopped.is_set():  # gRPC raises it for a closed channel: the session has ended
                    return
                self._fail(error)
                return
            except Exception as error:  # noqa: BLE001 - a state that stands still must say so
                self._fail(error)
                return

    def _fail(self, error: Exception) -> None:
        """Ends the thread; the next use of a state starts another."""
        if not isinstance(error, KoalabError):
            log.error("orders: %s", error, exc_info=error)
            error = KoalabError(f"the account cannot be followed: {type(error).__name__}: {error}")
        with self._lock:
            self._thread = None
        self._gap(str(error))
        for state in self.known().values():
            state.on_end(error)

    def _follow(self, stopped: threading.Event) -> None:
        self._link.require_login()
        stream = self._link.chejan()  # refused by any other server that the connection below is made anew to
        try:
            with self._lock:
                if stopped.is_set():
                    return
                self._stream, self._broker_connected = stream, True
            for batch in stream:
                self._apply(batch)
                self._backoff.reset()
                if self._broker_connected:
                    self._read_lists_where_due(batch.until)
        finally:
            stream.close()
            with self._lock:
                self._stream = None

    def _apply(self, batch: ChejanBatch) -> None:
        if batch.connected is not None:
            self._broker_connected = batch.connected
            self._gap("the broker's connection was lost")
        for event in batch.events:
            self._apply_event(event)
        for state in self.known().values():
            if state.since is not None:
                state.on_time(batch.until)

    def _apply_event(self, event: ChejanEvent) -> None:
        try:
            report = from_event(event)
        except KoalabError as error:
            log.warning("orders: %s; the account is read again", error)
            self._gap(str(error))
            return
        state = None if report is None else self.known().get(report.account)
        if report is None or state is None or state.since is None:
            return
        if isinstance(report, OrderReport):
            state.on_order(report)
        else:
            state.on_position(report)

    def _read_lists_where_due(self, now: float) -> None:
        """Reads the lists of accounts that are not known, miss events or have something to settle, else now and then.

        Every event before has been applied, and none after.
        """
        for account, state in self.known().items():
            look = self._looks.setdefault(account, _Look())
            if not look.due(now, state):
                continue
            with state.changed:
                known = set(state.orders)
            try:
                lists = self._read_lists(account)
            except (NoAnswer, RateLimited) as error:  # the stream goes on
                log.warning("orders: %s", error)
                state.on_gap(now, str(error))
                if state.since is None:
                    raise
                look.failed(now)
                continue
            state.on_lists(lists, known)
            state.settle_unknown(now, PATIENCE)  # what was sent while they were read may be missing in them
            look.done(now, state)

    def _gap(self, why: str) -> None:
        for state in self.known().values():
            state.on_gap(self._link.now(), why)
