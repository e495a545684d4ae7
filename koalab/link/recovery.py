"""Recovery of a lost server or broker: requests are sent again, streams are opened again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Final, TypeVar

from koalab.dates import seoul
from koalab.errors import KoalabError, NoAnswer, NotConnected, OtherPrices, RateLimited, ServerLost
from koalab.link import connection
from koalab.link.connection import Connection
from koalab.progress import Progress, duration
from koalab.transport.base import Status, Transport

T = TypeVar("T")
log = logging.getLogger(__name__)

# How long a load waits for a lost server before it raises; what it has stored by then stays.
RECOVER_TIMEOUT = 30.0
# How long it waits for a server that is waiting for its broker: the nightly restart takes minutes.
BROKER_TIMEOUT = 1800.0
_LOOK_EVERY: Final = 0.5
RECOVERIES: Final = 3
"""How often in a row a request is retried after the server or its broker was lost."""

_TRANSIENT: Final = (ServerLost, NotConnected, NoAnswer, RateLimited)
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.2, 10.0


def transient(error: KoalabError) -> bool:
    """Whether a stream that ended with ``error`` can be opened again once server and broker are back."""
    return isinstance(error, _TRANSIENT) and not isinstance(error, OtherPrices)


class Backoff:
    """Exponential back-off between the attempts to open a stream again."""

    def __init__(self) -> None:
        self._seconds = _FIRST_BACKOFF

    def wait(self, stopped: threading.Event) -> bool:
        """Waits, longer each time; whether ``stopped`` was set by then."""
        seconds, self._seconds = self._seconds, min(2 * self._seconds, _LONGEST_BACKOFF)
        return stopped.wait(seconds)

    def reset(self) -> None:
        """Begins anew after the stream has brought something."""
        self._seconds = _FIRST_BACKOFF


class _UntilStopped(Progress):
    """Ends a wait for the server once the stream has been closed."""

    def __init__(self, stopped: threading.Event) -> None:
        super().__init__("", show=False)
        self._stopped = stopped

    def set_note(self, note: str) -> None:  # noqa: ARG002
        if self._stopped.is_set():
            raise ServerLost("the stream has been closed")


class RecoveringConnection(Connection):
    """A connection that is restored after its server or broker was lost; see ``Connection``.

    Attributes:
        connection_epoch: how often the server was brought back: requests from an older connection epoch retry.
    """

    def __init__(
        self,
        transport: Transport,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(transport, monotonic, sleep)
        self.connection_epoch = 0
        self._recovering = threading.Lock()

    def retrying(self, ask: Callable[[], T], progress: Progress | None = None) -> T:
        """The result of ``ask``, which is called again after a lost server or broker is back. Never for orders.

        Args:
            ask: asks the server.
            progress: shows the wait; None: a new bar.

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

    def restored(
        self,
        stream: str,
        stopped: threading.Event,
        backoff: Backoff,
        each_turn: Callable[[], None] = lambda: None,
    ) -> bool:
        """Retries until server and broker are back, for the thread of a lost stream; whether they are.

        Args:
            stream: its name, for the log.
            stopped: set when the stream is closed, which ends the wait.
            backoff: between the attempts.
            each_turn: called before each attempt.

        Returns:
            False if ``stopped`` was set, or if other prices are served: opening the stream raises ``OtherPrices``.
        """
        while not backoff.wait(stopped):
            each_turn()
            try:
                self._require_server(stopped)
            except OtherPrices:
                return False
            except KoalabError as error:
                log.warning("%s: %s", stream, error)
            else:
                return True
        return False

    def _require_server(self, stopped: threading.Event) -> None:
        """Returns once server and broker are available, which may take a recovery; raises if they are not."""
        epoch = self.connection_epoch
        try:
            self.status(connection.TIME_TIMEOUT)
        except KoalabError as error:
            lost = error if isinstance(error, ServerLost) else ServerLost(str(error))
            self.recover(_UntilStopped(stopped), lost, epoch)
        self.require_login()

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
            if epoch == self.connection_epoch and not self._answers():
                log.warning("%s; trying to get it back", error)
                try:
                    self.transport.recover(RECOVER_TIMEOUT)
                except NotConnected as failed:
                    raise ServerLost(str(failed)) from error
                self.connection_epoch += 1
            status = self._await_broker(self.status(), progress)
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
            self.transport.status(connection.TIME_TIMEOUT)
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
