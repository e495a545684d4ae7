"""Whether the server is well, and what is wrong where it is not: what the health service and Status say."""

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
    """How a server is watched.

    Attributes:
        every: seconds (real ones) between two looks.
        patience: seconds (real ones) that the control thread may take to answer.
        notice: so long before it expires, the server's certificate is a problem.
    """

    every: float = 1.0
    patience: float = 10.0
    notice: timedelta = timedelta(days=30)


class HealthMonitor:
    """Looks after one server. It lives on the event loop, and nothing of it waits on the control thread.

    Args:
        host: whose control thread is asked for a sign of life.
        scheduler: its queues and bans.
        metrics: what is found is counted there.
        tell: is told whether the server is well whenever that changes; at first it is taken for well.
        watching: how often, how long.
        expires: says when the server's certificate does; ValueError where that cannot be read. None where it has none.
        besides: what else is to be looked after, each time.
        further: problems that others know of.
        monotonic: seconds of a clock that only goes forward.
        today: the time now, by which certificates expire.
    """

    def __init__(
        self,
        host: ControlHost,
        scheduler: Scheduler,
        metrics: Metrics,
        tell: Callable[[bool], Awaitable[None]],
        watching: HealthSettings,
        expires: Callable[[], datetime] | None = None,
        further: Callable[[], Sequence[str]] = tuple,
        besides: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._host = host
        self._scheduler = scheduler
        self._metrics = metrics
        self._tell = tell
        self._watching = watching
        self._expires = expires
        self._besides = besides
        self._further = further
        self._monotonic = monotonic
        self._today = today
        self._connected: bool | None = None
        self._was_connected = False
        self._failing = ""
        self._ping: asyncio.Future[int] | None = None
        self._asked_at = 0.0
        self._asked_on = today()
        self._well = True
        self._said: frozenset[str] = frozenset()

    def faults(self) -> list[str]:
        """What keeps the server from its work, a sentence each."""
        found = []
        silent = self._monotonic() - self._asked_at if self._ping is not None else 0.0
        if silent > self._watching.patience:
            # No seconds that pass: a problem is the same one as long as it lasts.
            since = self._asked_on.astimezone(KST).strftime("%H:%M:%S")
            found.append(
                f"the control thread has not answered since {since} (Seoul): a window may be open over there"
            )
        if self._failing:
            found.append(f"the control fails: {self._failing}")
        if self._was_connected and self._connected is False:
            found.append("nobody is logged in at the broker any more")
        if code := self._scheduler.ban():
            found.append(f"the broker refuses everything until the next login ({code}): restart its session")
        return found

    def problems(self) -> list[str]:
        """The faults, and what will be one."""
        found = [*self.faults(), *self._further()]
        if self._expires is not None:
            try:
                end = self._expires()
            except ValueError as error:
                return [*found, f"the server's certificate cannot be read any more: {error}"]
            left, day = end - self._today(), end.date().isoformat()
            if left < timedelta(0):
                found.append(f"the server's certificate expired on {day}: clients refuse it; make a new one")
            elif left < self._watching.notice:
                found.append(
                    f"the server's certificate expires on {day}, in {left.days} days: make a new one"
                )
        return found

    async def run(self) -> None:
        """Looks and tells until it is cancelled."""
        try:
            while True:
                self._look()
                await asyncio.sleep(self._watching.every)
                try:
                    self._besides()
                    await self._report()
                except Exception:
                    # A watch that has ended says that all is well for ever.
                    log.exception("the server could not be looked after; it is tried again")
        finally:
            if self._ping is not None:
                self._ping.cancel()

    def _look(self) -> None:
        """Posts a ping, where the one before has come back."""
        if self._ping is None:
            self._asked_at, self._asked_on = self._monotonic(), self._today()
            self._ping = asyncio.ensure_future(self._host.run(_connected))
            self._ping.add_done_callback(self._heard)

    def _heard(self, ping: asyncio.Future[int]) -> None:
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
        for text in sorted(problems - self._said):
            say(log, logging.WARNING, "problem", what=text)
        self._said = problems
        well = not self.faults()
        if well != self._well:
            self._well = well
            self._metrics.serving(well)
            say(log, logging.INFO if well else logging.ERROR, "health", serving=well)
            await self._tell(well)


def _connected(control: Control) -> int:
    state = control.call("GetConnectState", ())
    assert isinstance(state, int)
    return state
