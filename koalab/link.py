"""A session's link to its broker: the transport, kept logged in, with the broker's time and a count of TRs.

Every answer passes here, and its origin is compared with the session's before anything is done with it: gRPC connects
again by itself, to whatever listens at the address by then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from math import ceil
from typing import Protocol, TypeVar

from koalab.dates import seoul
from koalab.errors import KoalabError, NoAnswer, NotConnected, OtherPrices, ServerLost
from koalab.forecast import WaitForecast
from koalab.progress import Progress, duration
from koalab.transport.base import (
    CALL_TIMEOUT,
    UNKNOWN,
    ChejanStream,
    ConditionStream,
    FoundCodes,
    OrderAnswer,
    OrderRequest,
    Origin,
    Page,
    Priority,
    QueuePosition,
    Scalar,
    Status,
    StopCondition,
    TickBatch,
    TickStream,
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
# So many calls go into one message: the server and others get their turn in between.
_CALLS_A_MESSAGE = 2_000

Call = tuple[str, tuple[Scalar, ...]]
CallMany = Callable[[Sequence[Call]], list[Scalar | None]]
"""Calls many control functions, and returns their values in order."""


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
        self._source, self._prices = self._status.source, self._status.origin.prices

    @property
    def source(self) -> str:
        """Name of the source of prices; it does not change during the session."""
        return self._source

    @property
    def cache_source(self) -> str:
        """Name of the cache of those prices, with the start of the clock where one was set.

        After that moment there may be splits still to come, before which adjusted prices are different.
        """
        return self._prices

    @property
    def simulated(self) -> bool:
        return self._status.control == "simulated"

    def status(self, timeout: float = CALL_TIMEOUT, trs: int = 0) -> Status:
        """Requests the server's status, with the expected wait of so many more TRs; ``timeout`` in seconds.

        Raises:
            OtherPrices: another server has taken its place, with prices of another source.
        """
        status = self.transport.status(timeout, trs)
        self._check_prices(status.origin)
        with self._lock:
            self._status = status
            self._read_at = self._monotonic()
        return status

    def any_status(self, timeout: float = CALL_TIMEOUT) -> tuple[Status, str]:
        """The status of whatever server is there now, and a sentence if its prices are not this session's."""
        try:
            return self.status(timeout), ""
        except OtherPrices as error:
            return self.transport.status(timeout), str(error)

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

    def call(
        self, name: str, *arguments: Scalar, needs_login: bool = False
    ) -> Scalar | list[list[str]] | None:
        """One control function; it is sent once.

        Args:
            name: the function.
            arguments: in its order.
            needs_login: a blank or 0 means nothing unless the broker's connection was up.

        Raises:
            NotConnected: it means nothing.
        """
        value, origin = self.transport.call(name, *arguments, expected=Origin("", 0, self._prices, False))
        self._check_prices(origin)
        if needs_login and not origin.connected and not value:
            raise NotConnected(
                f"{name} answers nothing, since the broker's connection was not up: session.login() or %kiwoom login"
                " where nobody is logged in, else ask again in a while"
            )
        return value

    def in_one_connection(
        self, ask: Callable[[CallMany], T], at_work: Callable[[], None] = lambda: None
    ) -> T:
        """The result of ``ask``, whose calls of master functions all fell into one connection with the broker.

        Args:
            ask: gets a function that calls many control functions.
            at_work: called with each message that comes.

        Raises:
            NotConnected: nobody is logged in, and the server does not log in by itself.
            ServerLost: the server or the connection was lost among the calls, and what they gave means nothing;
                ``retrying`` waits and asks again.
        """
        self.require_login()
        return ask(_OneConnection(self, at_work).call_many)

    def check(self, origin: Origin) -> None:
        """Checks the origin of an answer before anything is done with it.

        Raises:
            OtherPrices: it is of another source.
            ServerLost: it is of another process of the server, whose time and login have to be read first.
        """
        self._check_prices(origin)
        if origin.server != self._status.origin.server:
            raise ServerLost(f"the kernel server at {self.transport.target} was started anew")

    def _check_prices(self, origin: Origin) -> None:
        if origin.prices != self._prices:
            raise OtherPrices(
                f"the server at {self.transport.target} came back with other prices: {origin.prices or 'unknown'}, and"
                f" this session's are {self._prices}; nothing of its answer was used: kl.connect() makes a new session"
            )

    def _expected(self) -> Origin:
        """The server that the next order, call or stream is meant for: the one that was asked last."""
        return self._status.origin

    def order(self, request: OrderRequest, timeout: float) -> OrderAnswer:
        """Sends an order, once, to the server that was asked last and no other; see ``Transport.order``."""
        return self.transport.order(request, timeout, self._expected())

    def chejan(self) -> ChejanStream:
        """The events of all orders, of the server that was asked last and no other."""
        return self.transport.chejan(self._expected())

    def watch(self, index: int, name: str) -> ConditionStream:
        """A condition searched live, by the server that was asked last and no other."""
        return self.transport.watch(index, name, self._expected())

    def ticks(self) -> TickStream:
        """A stream of real-time events, at first without codes; see ``Transport.ticks``."""
        return _CheckedTicks(self.transport.ticks(self.now), self.check)

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
        first: Origin | None = None
        with closing(found):
            for item in found:
                if isinstance(item, QueuePosition):
                    progress.waiting(item)
                    continue
                first = first or item.origin
                self.check(item.origin)
                if item.origin != first or not item.origin.connected:
                    raise ServerLost(f"the connection to the broker was lost in the middle of {tr}")
                with self._lock:
                    self.trs += 1
                yield item

    def conditions(self, reload: bool) -> dict[int, str]:
        """The user's conditions by number; ``reload`` downloads them from the broker. No TR."""
        self.require_login()
        found = self.transport.conditions(reload)
        self.check(found.origin)
        return dict(found.names)

    def search(self, index: int, name: str, progress: Progress) -> list[str]:
        """The codes that fulfil a condition now. Counts as a TR; ``progress`` shows the wait.

        Raises:
            ServerLost: the server went away; ``recover`` may bring it back.
        """
        self.require_login()
        codes: list[str] = []
        with closing(self.transport.search(index, name)) as found:
            for item in found:
                if isinstance(item, FoundCodes):
                    self.check(item.origin)
                    codes += item.codes
                else:
                    progress.waiting(item)
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


class _OneConnection:
    """Calls of control functions that all fall into one connection of the broker, or raise.

    Args:
        link: to the broker.
        at_work: called with each message that comes.
    """

    def __init__(self, link: Link, at_work: Callable[[], None]) -> None:
        self._link = link
        self._at_work = at_work
        self._origin: Origin | None = None

    def call_many(self, calls: Sequence[Call]) -> list[Scalar | None]:
        values: list[Scalar | None] = []
        for start in range(0, len(calls), _CALLS_A_MESSAGE):
            part = calls[start : start + _CALLS_A_MESSAGE]
            answer = self._link.transport.call_many(part)
            self._link.check(answer.origin)
            self._origin = self._origin or answer.origin
            if not answer.origin.connected or answer.origin != self._origin:
                raise ServerLost(
                    "the connection to the broker was lost, and what master functions answered with it"
                )
            if len(answer.values) != len(part):
                raise NoAnswer(f"the server answered {len(answer.values)} of {len(part)} calls")
            values += answer.values
            self._at_work()
        return values


class _CheckedTicks:
    """A stream of real-time events whose origin is checked; see ``TickStream``.

    Args:
        stream: as the transport has it.
        check: raises for an origin that is not the session's.
    """

    def __init__(self, stream: TickStream, check: Callable[[Origin], None]) -> None:
        self._stream = stream
        self._check = check
        self.add, self.remove, self.mark = stream.add, stream.remove, stream.mark
        self.close = stream.close

    def __iter__(self) -> Iterator[TickBatch]:
        known = False
        for batch in self._stream:
            if batch.origin is not None or not known:
                self._check(batch.origin or UNKNOWN)
                known = True
            yield batch
