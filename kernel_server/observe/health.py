"""Health of the server: what the gRPC health service and Status report, and the problems behind it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from kernel_server.clock import KST
from kernel_server.control.host import ControlHost
from kernel_server.control.seam import Control
from kernel_server.observe.logs import say
from kernel_server.observe.metrics import Metrics
from kernel_server.scheduler import Scheduler

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class HealthSettings:
    """Settings of the health checks.

    Attributes:
        every: real seconds between two checks.
        patience: real seconds that the control thread may take to answer.
        notice: how long before its expiry the server's certificate is reported as a problem.
    """

    every: float = 1.0
    patience: float = 10.0
    notice: timedelta = timedelta(days=30)


class HealthMonitor:
    """Checks one server periodically, on the event loop, without ever waiting for the control thread.

    Args:
        host: the control, whose thread is pinged.
        scheduler: has the queues and bans.
        metrics: get the results.
        publish: called with whether the server is healthy when that changes; it starts healthy.
        settings: intervals and timeouts.
        expires: returns the expiry of the server's certificate, ValueError if unreadable; None: no certificate.
        more_problems: returns problems that other components have.
        on_check: called at every check.
        monotonic: seconds of a clock that only goes forward.
        today: the time now, by which certificates expire.
    """

    def __init__(
        self,
        host: ControlHost,
        scheduler: Scheduler,
        metrics: Metrics,
        publish: Callable[[bool], Awaitable[None]],
        settings: HealthSettings,
        expires: Callable[[], datetime] | None = None,
        more_problems: Callable[[], Sequence[str]] = tuple,
        on_check: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._host = host
        self._scheduler = scheduler
        self._metrics = metrics
        self._publish = publish
        self._settings = settings
        self._expires = expires
        self._on_check = on_check
        self._more_problems = more_problems
        self._monotonic = monotonic
        self._today = today
        self._connected: bool | None = None
        self._was_connected = False
        self._failing = ""
        self._ping: asyncio.Future[int] | None = None
        self._asked_at = 0.0
        self._asked_on = today()
        self._healthy = True
        self._logged: frozenset[str] = frozenset()

    def faults(self) -> list[str]:
        """Problems for which the server is not healthy, a sentence each."""
        found = []
        silent = self._monotonic() - self._asked_at if self._ping is not None else 0.0
        if silent > self._settings.patience:
            # A point in time, not a duration: the text of a problem must stay the same while it lasts.
            since = self._asked_on.astimezone(KST).strftime("%H:%M:%S")
            found.append(
                f"the control thread has not answered since {since} (Seoul): a window may be open over there"
            )
        if self._failing:
            found.append(f"the control fails: {self._failing}")
        if self._was_connected and self._connected is False:
            found.append("no user is logged in at the broker any more")
        if code := self._scheduler.ban():
            found.append(f"the broker refuses everything until the next login ({code}): restart its session")
        return found

    def problems(self) -> list[str]:
        """The faults, and problems that are not faults yet."""
        found = [*self.faults(), *self._more_problems()]
        if self._expires is not None:
            try:
                end = self._expires()
            except ValueError as error:
                return [*found, f"the server's certificate cannot be read any more: {error}"]
            left, day = end - self._today(), end.date().isoformat()
            if left < timedelta(0):
                found.append(f"the server's certificate expired on {day}: clients refuse it; make a new one")
            elif left < self._settings.notice:
                found.append(
                    f"the server's certificate expires on {day}, in {left.days} days: make a new one"
                )
        return found

    async def run(self) -> None:
        """Checks and publishes until it is cancelled."""
        try:
            while True:
                self._start_ping()
                await asyncio.sleep(self._settings.every)
                try:
                    self._on_check()
                    await self._report()
                except Exception:
                    # If this loop ended, the server would be reported as healthy for ever.
                    log.exception("the server could not be looked after; it is tried again")
        finally:
            if self._ping is not None:
                self._ping.cancel()

    def _start_ping(self) -> None:
        """Posts a ping unless one is under way."""
        if self._ping is None:
            self._asked_at, self._asked_on = self._monotonic(), self._today()
            self._ping = asyncio.ensure_future(self._host.run(_connected))
            self._ping.add_done_callback(self._on_pong)

    def _on_pong(self, ping: asyncio.Future[int]) -> None:
        self._ping = None
        if ping.cancelled():
            return
        error = ping.exception()
        self._failing = "" if error is None else f"{type(error).__name__}: {error}"
        if error is None:
            self._connected = ping.result() == 1
            self._was_connected = self._was_connected or self._connected
            self._metrics.connected(self._connected)
        self._metrics.control_answered(self._monotonic() - self._asked_at)

    async def _report(self) -> None:
        for kind, length in self._scheduler.lengths().items():
            self._metrics.queued(kind, length)
        problems = frozenset(self.problems())
        for text in sorted(problems - self._logged):
            say(log, logging.WARNING, "problem", what=text)
        self._logged = problems
        healthy = not self.faults()
        if healthy != self._healthy:
            self._healthy = healthy
            self._metrics.serving(healthy)
            say(log, logging.INFO if healthy else logging.ERROR, "health", serving=healthy)
            await self._publish(healthy)


def _connected(control: Control) -> int:
    state = control.call("GetConnectState", ())
    assert isinstance(state, int)
    return state
