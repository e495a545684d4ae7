"""A session's connection: the transport, with the server's status, the broker's time and the login.

The origin of every answer is compared with the session's before anything is done with it: gRPC connects again by
itself, to any server that listens at the address by then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from koalab.dates import seoul
from koalab.errors import KoalabError, NotConnected, OtherPrices, ServerLost
from koalab.forecast import WaitForecast
from koalab.transport.base import CALL_TIMEOUT, Origin, Status, Transport

LOGIN_TIMEOUT: Final = 120.0
TIME_TIMEOUT = 2.0
"""Timeout of a status request for which there is a good estimate, or which only finds out whether a server answers."""


class Connection:
    """A session's connection to its broker, for any number of threads.

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
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.RLock()
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
        """The status of the server that is there now, and a sentence if its prices are not this session's."""
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
                return self.status(TIME_TIMEOUT).now
            except KoalabError:
                pass
        return now

    def forecast(self) -> WaitForecast:
        """The expected wait of one load for its TRs under the broker's limits."""
        return WaitForecast(lambda trs: self.status(TIME_TIMEOUT, trs), self.now, self._monotonic)

    def login(self, timeout: float = LOGIN_TIMEOUT) -> None:
        """Calls CommConnect and waits for OnEventConnect; does nothing where a user is logged in already."""
        self.transport.login(timeout)
        self.status()

    def require_login(self) -> None:
        """Logs in on the simulated broker, where it costs nothing.

        Raises:
            ServerLost: the server has lost its broker and logs in again by itself; ``retrying`` waits for it.
            NotConnected: it is the real broker, and no user is logged in.
        """
        status = self.status(CALL_TIMEOUT)
        if status.connected:
            return
        if status.next_login:
            raise ServerLost(
                f"the server at {self.transport.target} has lost its broker, and logs in again at"
                f" {seoul(status.next_login):%H:%M:%S}"
            )
        if not self.simulated:
            raise NotConnected(
                f"no user is logged in at {self.transport.target}: session.login() or %kiwoom login"
            )
        self.login()

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

    def close(self) -> None:
        self.transport.close()
