"""``OrderFollower``: keeps the accounts' states in step with the broker, on one thread."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from koalab.errors import KoalabError, NoAnswer, NotConnected, RateLimited, ServerLost
from koalab.link import Link
from koalab.orders.reports import OrderReport, PositionReport, from_event
from koalab.orders.state import AccountState
from koalab.progress import Progress
from koalab.transport import forking
from koalab.transport.base import ChejanBatch, ChejanEvent, ChejanStream

log = logging.getLogger(__name__)

Lists = tuple[Sequence[OrderReport], Sequence[PositionReport], float]
"""The orders and positions of an account, and the server's time before which everything is in them."""

PATIENCE: Final = 20.0
"""Seconds after which an order that no list of the broker's has was not sent: longer than the server waits for one."""

_TRANSIENT: Final = (ServerLost, NotConnected, NoAnswer, RateLimited)
_STATUS_TIMEOUT: Final = 2.0
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.2, 10.0
_JOIN_TIMEOUT: Final = 5.0
_WAIT: Final = 0.2


class OrderFollower:
    """Follows the events of all orders, and reads the broker's lists at the start and after every gap.

    Args:
        link: to the broker.
        read_lists: reads the lists of an account.
    """

    def __init__(self, link: Link, read_lists: Callable[[str], Lists]) -> None:
        self._link = link
        self._read_lists = read_lists
        self._process = os.getpid()
        self._lock = threading.RLock()
        self._states: dict[str, AccountState] = {}
        self._stream: ChejanStream | None = None
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._backoff = _FIRST_BACKOFF
        self._broker_connected = True
        self.error: KoalabError | None = None
        forking.watch(self)

    def after_fork(self) -> None:
        """In a child there is no thread, and a lock of the parent's may be held for ever."""
        self._lock = threading.RLock()
        self._states = {}
        self._stream = self._thread = None
        self._stopped = threading.Event()
        self._stopped.set()

    def state(self, account: str, timeout: float) -> AccountState:
        """The state of an account, once it has been read.

        Raises:
            NoAnswer: not within ``timeout`` seconds.
            KoalabError: it cannot be read.
        """
        forking.require_process(self._process)
        with self._lock:
            state = self._states.get(account)
            if state is None:
                state = self._states[account] = AccountState(account)
                self.error = None
            if self._thread is None:
                self._stopped = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._stopped,), name="koalab-orders", daemon=True
                )
                self._thread.start()
        waited = 0.0
        with state.changed:
            while state.since is None:
                if self.error is not None:
                    raise self.error
                if waited >= timeout:
                    raise NoAnswer(f"the account's orders and positions were not read within {timeout:g} s")
                state.changed.wait(_WAIT)
                waited += _WAIT
        return state

    def known(self) -> Mapping[str, AccountState]:
        with self._lock:
            return dict(self._states)

    def close(self) -> None:
        """Ends the stream and its thread; the states stay as they are."""
        with self._lock:
            self._stopped.set()
            thread, stream = self._thread, self._stream
            self._thread = None
        if stream is not None:
            stream.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_TIMEOUT)

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
                if not isinstance(error, _TRANSIENT):
                    self.error = error
                    self._wake()
                    with self._lock:
                        self._thread = None
                    return
                self._recover(stopped)
            except ValueError:  # gRPC raises it for a closed channel: the session has ended
                return

    def _follow(self, stopped: threading.Event) -> None:
        self._link.require_login()
        stream = self._link.transport.chejan()
        try:
            with self._lock:
                if stopped.is_set():
                    return
                self._stream, self._broker_connected = stream, True
            for batch in stream:
                self._apply(batch)
                self._backoff = _FIRST_BACKOFF
                if self._broker_connected:
                    self._read_stale()
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

    def _apply_event(self, event: ChejanEvent) -> None:
        try:
            report = from_event(event)
        except KoalabError as error:
            log.warning("orders: %s; the account is read again", error)
            self._gap(str(error))
            return
        state = None if report is None else self.known().get(report.account)
        # What was fired before the lists were read is in them.
        if report is None or state is None or state.since is None or report.at < state.since:
            return
        if isinstance(report, OrderReport):
            state.on_order(report)
        else:
            state.on_position(report)

    def _read_stale(self) -> None:
        """Reads the lists of accounts that are not known, have a gap, or an order of unknown fate."""
        for account, state in self.known().items():
            unknown_due = state.has_unknown and self._link.now() >= state.look_again_at
            if not state.stale and not unknown_due:
                continue
            orders, positions, at = self._read_lists(account)
            state.on_lists(orders, positions, at)
            state.settle_unknown(at, PATIENCE)
            state.look_again_at = self._link.now() + PATIENCE / 4

    def _gap(self, why: str) -> None:
        for state in self.known().values():
            state.on_gap(self._link.now(), why)

    def _wake(self) -> None:
        for state in self.known().values():
            with state.changed:
                state.changed.notify_all()

    def _recover(self, stopped: threading.Event) -> None:
        """Retries with exponential backoff until server and broker are back."""
        while not stopped.wait(self._backoff):
            self._backoff = min(2 * self._backoff, _LONGEST_BACKOFF)
            try:
                epoch = self._link.connection_epoch
                try:
                    self._link.status(_STATUS_TIMEOUT)
                except KoalabError as gone:
                    lost = gone if isinstance(gone, ServerLost) else ServerLost(str(gone))
                    self._link.recover(Progress("", show=False), lost, epoch)
                self._link.require_login()
            except KoalabError as error:
                log.warning("orders: %s", error)
                continue
            return
