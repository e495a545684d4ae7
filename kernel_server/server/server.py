"""A kernel server: starts and stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from kernel_server.clock import Clock
from kernel_server.control.host import ControlHost
from kernel_server.control.seam import Control, Event
from kernel_server.control.thread import ControlThread
from kernel_server.observe import phase
from kernel_server.observe.metrics import Metrics
from kernel_server.observe.scrape import Scrape
from kernel_server.reconnecting import Reconnector
from kernel_server.server import grpc_server
from kernel_server.server.parts import ServerParts
from kernel_server.server.settings import ServerSettings

# Seconds that open streams have to end when a server stops.
GRACE = 0.5


class KernelServer:
    """One server over one control. ``start`` and ``stop`` belong to an event loop.

    Attributes:
        port: port on which it listens, 0 before.
        metrics_port: port where the metrics are read, 0 where nowhere.
    """

    def __init__(
        self,
        make_control: Callable[[], Control],
        thread: ControlThread,
        clock: Clock,
        settings: ServerSettings,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self.metrics = Metrics()
        _, _, clock_start = clock.setting.name.partition("@")
        self._host = ControlHost(thread, make_control, self._on_event, clock_start)
        self._parts: ServerParts | None = None
        self._grace = GRACE
        # What has to be closed, the last first.
        self._closing = AsyncExitStack()
        self._closing.callback(clock.close)
        self._closing.callback(self._host.close)
        self.port = 0
        self.metrics_port = 0

    @property
    def address(self) -> str:
        return grpc_server.address(self._settings.host, self.port)

    @property
    def kind(self) -> str:
        return self._host.kind

    @property
    def host(self) -> ControlHost:
        return self._host

    @property
    def reconnector(self) -> Reconnector:
        assert self._parts is not None, "the server has not been started"
        return self._parts.reconnector

    @property
    def limits_name(self) -> str:
        return self._settings.limits.name

    def _on_event(self, event: Event) -> None:
        """Counts an event of the control, on its thread."""
        self.metrics.event(event.name)
        if event.name == "OnReceiveRealData" and event.arguments[1] == phase.REALTYPE:
            lag = phase.lag(event, self._clock.now())
            if lag is not None:
                self.metrics.phase_lag(lag)

    async def start(self) -> None:
        """Listens from here on. Where it cannot, everything is closed again.

        Raises:
            PortTaken: the address is in use.
            MetricsPortTaken: that of the metrics is.
            Unprotected, BadTls, BadTokens: it would be open to others, or what protects it cannot be used.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop(0)
            raise

    async def _start(self) -> None:
        settings, closing = self._settings, self._closing
        settings.access.check_host(settings.host)
        tls = settings.access.tls
        credentials = None if tls is None else tls.credentials()
        parts = self._parts = ServerParts(self._host, self._clock, settings, self.metrics, closing)
        self._host.thread.hand_over(parts.listen)
        server, self.port = grpc_server.bind(parts.gateway, settings, credentials)
        scrape = None if settings.metrics_port is None else Scrape(self.metrics, settings.metrics_port)
        await server.start()
        closing.push_async_callback(lambda: server.stop(self._grace))
        closing.push_async_callback(parts.health_service.close)
        if scrape is not None:
            self.metrics_port = scrape.port
            closing.push_async_callback(asyncio.to_thread, scrape.close)
        await parts.health_service.report(serving=True)
        closing.push_async_callback(_cancelled, asyncio.ensure_future(parts.monitor.run()))

    async def stop(self, grace: float = GRACE) -> None:
        """Ends every stream, the scheduler and the control; streams have ``grace`` seconds to end."""
        self._grace = grace
        await self._closing.aclose()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
