"""Status: what this server is, and how much may still be asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kernel_server import __version__
from kernel_server.clock import Clock
from kernel_server.control.host import ControlHost
from kernel_server.control.origin import Origin
from kernel_server.control.seam import Control
from kernel_server.reconnecting import Reconnector
from kernel_server.rpc.context import Context
from kernel_server.rpc.values import to_origin
from kernel_server.scheduler import Scheduler
from kernel_server.security.access import Access
from kernel_server.security.guard import Guard
from kernel_server.wire import kernel_pb2

# Seconds to wait for the control thread; if it is stuck, Status reports what it found the time before.
PATIENCE = 5.0


class ControlState(NamedTuple):
    """The state at the control: its origin, the server and user of the login, and the market's session and phase."""

    origin: Origin
    simulation: bool
    user_id: str
    session: str
    phase: str


class StatusReport:
    """Reports the server's state.

    Args:
        host: the control.
        scheduler: its queues and windows.
        clock: the server's.
        reconnector: the state of the login.
        guard: says what a caller may do.
        access: what the operator allows.
        market_phase: of a moment, the date of the session and its phase; None where there is no calendar.
        problems: what is wrong with the server, in sentences.
        open_streams: the number of open streams.
    """

    def __init__(
        self,
        host: ControlHost,
        scheduler: Scheduler,
        clock: Clock,
        reconnector: Reconnector,
        guard: Guard,
        access: Access,
        market_phase: Callable[[float], tuple[str, str]] | None,
        problems: Callable[[], Sequence[str]],
        open_streams: Callable[[], int],
    ) -> None:
        self._host = host
        self._scheduler = scheduler
        self._clock = clock
        self._reconnector = reconnector
        self._guard = guard
        self._access = access
        self._market_phase = market_phase
        self._problems = problems
        self._open_streams = open_streams
        self._started_at = clock.now()
        self._last: ControlState | None = None

    async def status(self, request: kernel_pb2.StatusRequest, context: Context) -> kernel_pb2.StatusResponse:
        """Status; ``expected_wait`` is that of ``request.trs`` more TRs, as bulk work of a new client."""
        state = await self._control_state()
        setting, scheduler = self._clock.setting, self._scheduler
        quotas = [
            kernel_pb2.Quota(
                kind=one.key,
                limit=one.window.limit,
                seconds=one.window.seconds,
                used=one.used,
                next_free=round(one.next_free, 6),
                allowed=one.allowed,
            )
            for one in scheduler.quotas()
        ]
        waiting = scheduler.waiting()
        return kernel_pb2.StatusResponse(
            version=__version__,
            control=self._host.kind,
            source=self._host.source,
            connected=state.origin.connected,
            simulation=state.simulation,
            user_id=state.user_id,
            now=self._clock.now(),
            speed=self._clock.speed,
            limits=scheduler.limits.name,
            quotas=quotas,
            queued=sum(one.calls for one in waiting),
            streams=self._open_streams(),
            started_at=self._started_at,
            trs=scheduler.counts["tr"],
            clock=setting.name,
            clock_begins=setting.begins or 0.0,
            clock_replays=setting.replays,
            clock_leaps_at=setting.leaps_at or 0.0,
            session=state.session,
            phase=state.phase,
            waiting=[
                kernel_pb2.Queued(kind=one.kind, priority=one.priority.name.lower(), calls=one.calls)
                for one in waiting
            ],
            expected_wait=scheduler.expected_wait("tr", request.trs),
            problems=self._problems(),
            rights=str(self._guard.caller(context.invocation_metadata()).right),
            real_orders=self._access.allow_real_orders,
            max_order_value=self._access.max_order_value or 0,
            next_login=self._reconnector.next_try,
            origin=to_origin(state.origin),
        )

    async def _control_state(self) -> ControlState:
        """The state now, or the last known one if the control thread does not answer in time."""
        patience = None if self._last is None else PATIENCE
        try:
            self._last = await asyncio.wait_for(self._host.run(self._read), patience)
        except asyncio.TimeoutError:
            assert self._last is not None
        return self._last

    def _read(self, control: Control) -> ControlState:
        # The market's phase is read on this thread, too: the calendar may have to be loaded first.
        phase = self._market_phase(self._clock.now()) if self._market_phase else ("", "")
        self._reconnector.look()
        origin = self._host.origins.look()
        if not origin.connected:
            return ControlState(origin, control.always_paper, "", *phase)
        server = control.call("GetLoginInfo", ("GetServerGubun",))
        return ControlState(origin, server == "1", str(control.call("GetLoginInfo", ("USER_ID",))), *phase)
