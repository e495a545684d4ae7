"""A session's link to its broker: the transport, kept logged in, with the broker's time and a count of TRs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from typing import Protocol

from koalab.errors import KoalabError, NotConnected, ServerLost
from koalab.forecast import WaitForecast
from koalab.progress import Progress
from koalab.transport.base import (
    CALL_TIMEOUT,
    Page,
    Priority,
    QueuePosition,
    Scalar,
    Status,
    StopCondition,
    Transport,
)

log = logging.getLogger(__name__)

LOGIN_TIMEOUT = 120.0
# How long a load waits for a lost server before it raises; what it has stored by then stays.
RECOVER_TIMEOUT = 30.0
# How long it waits for a server that is waiting for its broker: the nightly restart takes minutes.
BROKER_TIMEOUT = 1800.0
_LOOK_EVERY = 0.5
# Timeout of a request for the time, of which there is a good estimate.
_TIME_TIMEOUT = 2.0


class QueueObserver(Protocol):
    """Shows the wait for the next page."""

    def waiting(self, place: QueuePosition) -> None: ...


class Link:
    """One session's connection to its broker, for any number of threads.

    Args:
        transport: that carries it.
        monotonic: seconds of a monotonic clock.
    """

    def __init__(self, transport: Transport, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.transport = transport
        self.trs = 0
        self.connection_epoch = 0
        """How often the server was brought back: requests from an older connection epoch retry."""
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._recovering = threading.Lock()
        self._status = transport.status()
        self._read_at = monotonic()

    @property
    def source(self) -> str:
        """Name of the source of prices; it does not change during the session."""
        return self._status.source

    @property
    def cache_source(self) -> str:
        """Name of the cache of those prices, with the start of the clock where one was set.

        After that moment there may be splits still to come, before which adjusted prices are different.
        """
        moment = self._status.clock.partition("@")[2]
        return f"{self.source}@{moment}" if moment else self.source

    @property
    def simulated(self) -> bool:
        return self._status.control == "simulated"

    def status(self, timeout: float = CALL_TIMEOUT, trs: int = 0) -> Status:
        """Requests the server's status, with the expected wait of so many more TRs; ``timeout`` in seconds."""
        status = self.transport.status(timeout, trs)
        self._keep(status)
        return status

    def last_status(self) -> Status:
        """The last status that the server sent."""
        return self._status

    def now(self) -> float:
        """The broker's time, seconds since the epoch, whether or not the server is reachable."""
        status = self._status
        if status.speed == 0.0:  # stepped: it leaps, so only the server has the time
            try:
                return self.status().now
            except KoalabError:
                return self._status.now
        now = status.now + (self._monotonic() - self._read_at) * status.speed
        if 0.0 < status.clock_leaps_at <= now:  # it has leapt by now, and only the server has the time
            try:
                return self.status(_TIME_TIMEOUT).now
            except KoalabError:
                pass
        return now

    def forecast(self) -> WaitForecast:
        """The expected wait of one load for its TRs under the broker's limits."""
        return WaitForecast(lambda trs: self.status(_TIME_TIMEOUT, trs), self.now, self._monotonic)

    def login(self, timeout: float = LOGIN_TIMEOUT) -> None:
        """Calls CommConnect and waits for OnEventConnect; does nothing where a user is logged in already."""
        self.transport.login(timeout)
        self.status()

    def call(self, name: str, *arguments: Scalar) -> Scalar | list[list[str]] | None:
        return self.transport.call(name, *arguments)

    def call_many(self, calls: Sequence[tuple[str, tuple[Scalar, ...]]]) -> list[Scalar | None]:
        return self.transport.call_many(calls)

    def pages(
        self,
        tr: str,
        inputs: Mapping[str, str],
        progress: QueueObserver,
        *,
        stop: StopCondition | None = None,
        priority: Priority = "interactive",
        max_pages: int = 0,
    ) -> Generator[Page, None, None]:
        """The pages of a TR; ``progress`` shows the wait for each. Closing the iterator cancels the request.

        Raises:
            ServerLost: the server went away; ``recover`` may bring it back.
        """
        if self.simulated and not self._status.connected:
            self.login()
        found = self.transport.pages(tr, inputs, stop=stop, priority=priority, max_pages=max_pages)
        with closing(found):
            for item in found:
                if isinstance(item, QueuePosition):
                    progress.waiting(item)
                else:
                    with self._lock:
                        self.trs += 1
                    yield item

    def conditions(self, reload: bool) -> dict[int, str]:
        """The user's conditions by number; ``reload`` downloads them from the broker. No TR."""
        self.require_login()
        return dict(self.transport.conditions(reload))

    def search(self, index: int, name: str, progress: Progress) -> list[str]:
        """The codes that fulfil a condition now. Counts as a TR; ``progress`` shows the wait.

        Raises:
            ServerLost: the server went away; ``recover`` may bring it back.
        """
        self.require_login()
        codes: list[str] = []
        with closing(self.transport.search(index, name)) as found:
            for item in found:
                if isinstance(item, QueuePosition):
                    progress.waiting(item)
                else:
                    codes += item
        with self._lock:
            self.trs += 1
        return codes

    def recover(self, progress: Progress, error: ServerLost, epoch: int) -> None:
        """After ``error``: waits for the server, or restarts the embedded one, and logs in as before.

        Of several loads that lost it together the first brings it back; requests from an older connection epoch
        only retry.

        Args:
            progress: shows the wait.
            error: how the server was lost.
            epoch: ``connection_epoch`` when the failed request began.

        Raises:
            ServerLost: it did not come back, or serves another source of prices now.
        """
        with self._recovering:
            progress.set_note("서버 재연결 중")
            before = self._status
            if epoch == self.connection_epoch:
                log.warning("%s; trying to get it back", error)
                try:
                    self.transport.recover(RECOVER_TIMEOUT)
                except NotConnected as failed:
                    raise ServerLost(str(failed)) from error
                self.connection_epoch += 1
            status = self.status()
            if status.source != before.source:
                raise ServerLost(
                    f"the server at {self.transport.target} came back with other prices ({status.source}): "
                    "kl.connect() makes a new session"
                ) from error
            status = self._await_broker(status, progress)
            if self.simulated and before.connected and not status.connected:
                self.login()

    def _await_broker(self, status: Status, progress: Progress) -> Status:
        """Waits while the server is about to log in again by itself; returns the status after that."""
        until = self._monotonic() + BROKER_TIMEOUT
        while not status.connected and status.next_login and self._monotonic() < until:
            progress.set_note("증권사 재접속 대기 중")
            time.sleep(_LOOK_EVERY)
            status = self.status()
        return status

    def require_login(self) -> None:
        """Logs in on the simulated broker, where it costs nothing.

        Raises:
            NotConnected: it is the real broker, and no user is logged in.
        """
        if self._status.connected or self.status().connected:
            return
        if not self.simulated:
            raise NotConnected(
                f"nobody is logged in at {self.transport.target}: session.login() or %kiwoom login"
            )
        self.login()

    def close(self) -> None:
        self.transport.close()

    def _keep(self, status: Status) -> None:
        with self._lock:
            # ``source`` keeps its name: the cache belongs to it.
            if status.source != self._status.source:
                log.warning("the server's prices changed from %s to %s", self._status.source, status.source)
            self._status = status
            self._read_at = self._monotonic()
