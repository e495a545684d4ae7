"""The link of a session to its broker: the transport, kept logged in, with the broker's own time and a count of TRs."""

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
# So long a load waits for a server that went away, before it says so and keeps what it has.
RECOVER_TIMEOUT = 30.0
# So long it waits for a server that is there, and waits for its broker: the nightly restart takes minutes.
BROKER_TIMEOUT = 1800.0
_LOOK_EVERY = 0.5
# So long it waits to hear the time, where it has a good guess.
_TIME_TIMEOUT = 2.0


class QueueObserver(Protocol):
    """Whoever wants to hear how long the next page takes."""

    def waiting(self, place: QueuePosition) -> None: ...


class Link:
    """One session's way to its broker, for any number of threads.

    Args:
        transport: the way itself.
        monotonic: seconds of a clock that only goes forward.
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
        """Names the prices behind the answers; it stays what it was when the session began."""
        return self._status.source

    @property
    def cache_source(self) -> str:
        """Names the cache of those prices. Where a clock was told to begin there may be splits still to come, and
        adjusted prices are others before them."""
        moment = self._status.clock.partition("@")[2]
        return f"{self.source}@{moment}" if moment else self.source

    @property
    def simulated(self) -> bool:
        return self._status.control == "simulated"

    def status(self, timeout: float = CALL_TIMEOUT, trs: int = 0) -> Status:
        """Asks the server, which has so many seconds to answer, also for the wait of so many more TRs."""
        status = self.transport.status(timeout, trs)
        self._keep(status)
        return status

    def last_status(self) -> Status:
        """What the server said when it was last asked."""
        return self._status

    def now(self) -> float:
        """The broker's time, seconds since the epoch, whether or not the server is there."""
        status = self._status
        if status.speed == 0.0:  # stepped: it moves by leaps, so that only the server knows
            try:
                return self.status().now
            except KoalabError:
                return self._status.now
        now = status.now + (self._monotonic() - self._read_at) * status.speed
        if 0.0 < status.clock_leaps_at <= now:  # it has leapt by now, and only the server knows where to
            try:
                return self.status(_TIME_TIMEOUT).now
            except KoalabError:
                pass
        return now

    def forecast(self) -> WaitForecast:
        """What one load may expect to wait for its TRs under the broker's limits."""
        return WaitForecast(lambda trs: self.status(_TIME_TIMEOUT, trs), self.now, self._monotonic)

    def login(self, timeout: float = LOGIN_TIMEOUT) -> None:
        """CommConnect, and waits for its OnEventConnect; nothing where somebody is logged in already."""
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
        """The pages of a TR; the wait for each is shown. Closing the iterator ends the request at the server.

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
        """The user's conditions by number, from the broker where ``reload`` says so. No TR."""
        self.require_login()
        return dict(self.transport.conditions(reload))

    def search(self, index: int, name: str, progress: Progress) -> list[str]:
        """The codes that fulfil a condition now. It counts as a TR; the wait for it is shown.

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
        """After ``error``: waits for the server, or starts the embedded one again, and logs in as before.

        Of several loads that lost it together the first brings it back, for all of them.

        Args:
            progress: is told of it.
            error: how the server was lost.
            epoch: the link's, when what failed was begun.

        Raises:
            ServerLost: it did not come back, or it is another broker's now.
        """
        with self._recovering:
            progress.say("서버 재연결 중")
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
        """Waits while the server is about to log in again by itself; how things stand then."""
        until = self._monotonic() + BROKER_TIMEOUT
        while not status.connected and status.next_login and self._monotonic() < until:
            progress.say("증권사 재접속 대기 중")
            time.sleep(_LOOK_EVERY)
            status = self.status()
        return status

    def require_login(self) -> None:
        """Logs in on the simulated broker, where it costs nothing.

        Raises:
            NotConnected: the real broker, and nobody is logged in.
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
            # The prices' name stays: a cache belongs to it.
            if status.source != self._status.source:
                log.warning("the server's prices changed from %s to %s", self._status.source, status.source)
            self._status = status
            self._read_at = self._monotonic()
