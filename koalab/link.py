"""A session's link to its broker: the transport, kept logged in, with the broker's time and a count of TRs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from math import ceil
from typing import Protocol, TypeVar

from koalab.dates import seoul
from koalab.errors import KoalabError, NoAnswer, NotConnected, ServerLost
from koalab.forecast import WaitForecast
from koalab.progress import Progress, duration
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

T = TypeVar("T")
log = logging.getLogger(__name__)

LOGIN_TIMEOUT = 120.0
# How long a load waits for a lost server before it raises; what it has stored by then stays.
RECOVER_TIMEOUT = 30.0
# How long it waits for a server that is waiting for its broker: the nightly restart takes minutes.
BROKER_TIMEOUT = 1800.0
_LOOK_EVERY = 0.5
RECOVERIES = 3
"""How often in a row a request is retried after the server or its broker was lost."""

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
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        transport: Transport,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.transport = transport
        self.trs = 0
        self.connection_epoch = 0
        """How often the server was brought back: requests from an older connection epoch retry."""
        self._monotonic = monotonic
        self._sleep = sleep
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
        if self.transport.forked:  # nothing updates a child's copy of the status
            self.transport.status()  # raises
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
            self.require_login()
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

    def retrying(self, ask: Callable[[], T], progress: Progress | None = None) -> T:
        """The result of ``ask``, which is called again after a lost server or broker is back. Never for orders.

        Args:
            ask: asks the server.
            progress: shows the wait; None: a bar of its own.

        Raises:
            ServerLost: it did not come back, see ``recover``.
        """
        for _ in range(RECOVERIES):
            epoch = self.connection_epoch
            try:
                return ask()
            except (ServerLost, NotConnected) as error:
                lost = self.lost(error)
                if progress is not None:
                    self.recover(progress, lost, epoch)
                    continue
                with Progress("연결") as bar:
                    bar.expect(0)
                    self.recover(bar, lost, epoch)
        return ask()

    def lost(self, error: ServerLost | NotConnected) -> ServerLost:
        """``error`` as one that a wait may mend; raises it again if none will."""
        if isinstance(error, ServerLost):
            return error
        status = self.status()
        if status.connected or status.next_login or self.simulated:
            return ServerLost(str(error))
        raise error

    def recover(self, progress: Progress, error: ServerLost, epoch: int) -> None:
        """After ``error``: waits for the server and its broker, and logs in as before.

        A server that answers has only lost its broker's connection, and nothing of it is touched. One that does not
        is connected to anew; a dead embedded one is restarted. Of several loads that lost it together the first brings
        it back; requests from an older connection epoch only retry.

        Args:
            progress: shows the wait, and may end it by raising.
            error: how the server was lost.
            epoch: ``connection_epoch`` when the failed request began.

        Raises:
            ServerLost: it or its broker did not come back in time, or it serves another source of prices now.
        """
        with self._turn(progress):
            progress.set_note("서버 재연결 중")
            before = self._status
            if epoch == self.connection_epoch and not self._answers():
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
            if self.simulated and not status.connected:
                self.login()

    @contextmanager
    def _turn(self, progress: Progress) -> Iterator[None]:
        """The lock of ``recover``; the wait for it is shown, and can be ended, like the rest of it."""
        while not self._recovering.acquire(timeout=_LOOK_EVERY):
            progress.set_note("서버 재연결 중")
        try:
            yield
        finally:
            self._recovering.release()

    def _answers(self) -> bool:
        try:
            self.transport.status(_TIME_TIMEOUT)
        except (ServerLost, NoAnswer):
            return False
        return True

    def _await_broker(self, status: Status, progress: Progress) -> Status:
        """Waits while the server is about to log in again by itself; returns the status after that.

        Raises:
            ServerLost: it has not within ``BROKER_TIMEOUT`` seconds.
        """
        until = self._monotonic() + BROKER_TIMEOUT
        while not status.connected and status.next_login:
            left, again = until - self._monotonic(), f"{seoul(status.next_login):%H:%M:%S}"
            if left <= 0:
                raise ServerLost(
                    f"the server at {self.transport.target} has been waiting for its broker for"
                    f" {BROKER_TIMEOUT / 60:.0f} minutes, and tries again at {again}: ask again later"
                )
            progress.set_note(f"증권사 재접속 대기 중: {again} 로그인, 최대 {duration(ceil(left))} 더")
            self._sleep(_LOOK_EVERY)
            status = self.status()
        return status

    def require_login(self) -> None:
        """Logs in on the simulated broker, where it costs nothing.

        Raises:
            ServerLost: the server has lost its broker and logs in again by itself; ``retrying`` waits for it.
            NotConnected: it is the real broker, and no user is logged in.
        """
        status = self.status()
        if status.connected:
            return
        if status.next_login:
            raise ServerLost(
                f"the server at {self.transport.target} has lost its broker, and logs in again at"
                f" {seoul(status.next_login):%H:%M:%S}"
            )
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
