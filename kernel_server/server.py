"""A kernel server: the parts put together, listening."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from kernel_server.clock import Clock
from kernel_server.control.event_context import EventContext
from kernel_server.control.host import ControlHost
from kernel_server.control.screens import Screens
from kernel_server.control.seam import Control, Event
from kernel_server.control.thread import ControlThread, PlainThread
from kernel_server.observe.health import HealthMonitor, HealthSettings
from kernel_server.observe.metrics import Metrics
from kernel_server.observe.phase import PhaseLag
from kernel_server.observe.scrape import Scrape
from kernel_server.reconnecting import Reconnector, ReconnectSettings, usually_open
from kernel_server.rpc import handlers
from kernel_server.rpc.context import Parts
from kernel_server.rpc.gateway import RpcGateway
from kernel_server.rpc.services import KernelService, KoapyService
from kernel_server.scheduler import BackOff, Limits, Scheduler
from kernel_server.security.access import Access
from kernel_server.security.guard import Guard
from kernel_server.security.tokens import Tokens
from kernel_server.streams.mailbox import Waker
from kernel_server.streams.order_tracker import OrderTracker
from kernel_server.streams.realtime import RealTimeRouter
from kernel_server.transactions import ANSWER_TIMEOUT, TrService
from kernel_server.wire import kernel_pb2, koapy_pb2

DEFAULT_PORT = 5943
# Until it stops, a server gives the streams that are open this long to end.
GRACE = 0.5
# A request is some names and values; what is larger is a mistake. A page of answers may be larger.
_OPTIONS = [
    ("grpc.max_receive_message_length", 4 * 2**20),
    ("grpc.max_send_message_length", 64 * 2**20),
    # Two servers on one port would each get some of the calls; the second has to fail instead.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5000),
]


class PortTaken(OSError):
    """Something else listens where the server was to listen."""


@dataclass(frozen=True)
class ServerSettings:
    """How a server runs.

    Attributes:
        limits: the broker's windows.
        host: address to listen on.
        port: port to listen on, 0 for any that is free.
        state_dir: where the history of calls is kept over restarts; None: nowhere.
        back_off: what to do when the broker refuses all the same.
        answer_timeout: seconds (real ones) after which a TR without an answer is given up.
        custom_code: whether clients may send code to be run here (CustomListen, CustomCallAndListen). It can do
            whatever this process can, so it is off unless every client is trusted with that.
        keeping: what is done about lost connections and silence.
        is_open: whether the market is open at a moment, seconds since the epoch.
        standing: of a moment, the date of the session whose day it is and its phase; None where nobody knows.
        access: how it may be reached, and what may be done on it.
        watching: how it looks after itself.
        metrics_port: port on 127.0.0.1 where Prometheus reads, 0 for any; None: nowhere.
    """

    limits: Limits
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    state_dir: Path | None = None
    back_off: BackOff = field(default_factory=BackOff)
    answer_timeout: float = ANSWER_TIMEOUT
    custom_code: bool = False
    keeping: ReconnectSettings = field(default_factory=ReconnectSettings)
    is_open: Callable[[float], bool] = usually_open
    standing: Callable[[float], tuple[str, str]] | None = None
    access: Access = field(default_factory=Access)
    watching: HealthSettings = field(default_factory=HealthSettings)
    metrics_port: int | None = None


class KernelServer:
    """One server over one control. ``start`` and ``stop`` belong to an event loop."""

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
        self._phases = PhaseLag(clock, self.metrics)
        self._control = ControlHost(thread, make_control, self._heard)
        self._watch: asyncio.Task[None] | None = None
        self._scrape: Scrape | None = None
        self._server: grpc.aio.Server | None = None
        self._scheduler: Scheduler | None = None
        self._keeper: Reconnector | None = None
        self._health: health.aio.HealthServicer | None = None
        self._names: tuple[str, ...] = ()
        self.port = 0

    @property
    def address(self) -> str:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"{host}:{self.port}"

    @property
    def kind(self) -> str:
        return self._control.kind

    @property
    def host(self) -> ControlHost:
        return self._control

    @property
    def keeper(self) -> Reconnector:
        assert self._keeper is not None, "the server has not been started"
        return self._keeper

    @property
    def limits_name(self) -> str:
        return self._settings.limits.name

    @property
    def metrics_port(self) -> int:
        """Where the metrics are read, 0 where nowhere."""
        return self._scrape.port if self._scrape is not None else 0

    def _heard(self, event: Event) -> None:
        self.metrics.event(event.name)
        self._phases.heard(event)

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

        def run(call: Callable[[], int]) -> asyncio.Future[int]:
            return asyncio.ensure_future(self._control.run(lambda _: call()))

        settings = self._settings
        access = settings.access
        access.check_host(settings.host)
        guard = Guard(None if access.tokens is None else Tokens(access.tokens))
        credentials = None if access.tls is None else access.tls.credentials()
        self._scheduler = Scheduler(
            run,
            self._clock,
            settings.limits,
            settings.back_off,
            settings.state_dir,
            refused=self.metrics.refused,
        )
        transactions = TrService(
            self._control, self._scheduler, Screens(), self._clock, settings.answer_timeout, self.metrics
        )
        realtime = RealTimeRouter(self._control.control, self._clock)
        keeper = Reconnector(
            self._control,
            self._clock,
            realtime,
            settings.keeping,
            settings.is_open,
            self._scheduler.logged_in,
        )
        self._keeper = keeper
        transactions.lost = lambda: bool(keeper.next_try)
        self._control.thread.hand_over(keeper.start)
        self._control.thread.hand_over(lambda: self._hear(realtime))
        door = RpcGateway(guard, access, self.metrics)
        watch = HealthMonitor(
            self._control,
            self._scheduler,
            self.metrics,
            self._tell,
            settings.watching,
            None if access.tls is None else access.tls.not_after,
            keeper.problems,
            door.turn_out,
        )
        parts = Parts(
            self._control,
            self._scheduler,
            transactions,
            self._clock,
            self._clock.now(),
            Waker(asyncio.get_running_loop()),
            realtime,
            self._orders(),
            Screens(first=5181, count=10),
            Screens(first=5200, count=10),
            keeper,
            custom_code=settings.custom_code,
            standing=settings.standing,
            access=access,
            guard=guard,
            metrics=self.metrics,
            problems=watch.problems,
        )
        self._control.thread.hand_over(lambda: self._follow_logins(parts))
        # The door tells a client with too many RPCs so; whoever goes on all the same is held up here.
        options = [*_OPTIONS, ("grpc.max_concurrent_streams", 2 * access.max_streams)]
        server = grpc.aio.server(handlers=[door], options=options)
        self._offer(door, parts)
        self._bind(server, credentials)
        if settings.metrics_port is not None:
            self._scrape = Scrape(self.metrics, settings.metrics_port)
        await server.start()
        await self._tell(well=True)
        self._server = server
        self._watch = asyncio.ensure_future(watch.run())

    def _offer(self, door: RpcGateway, parts: Parts) -> None:
        """Adds the services: KOAPY's path, our own, health and reflection."""
        koapy = koapy_pb2.DESCRIPTOR.services_by_name["KiwoomOpenApiPlusService"]
        kernel = kernel_pb2.DESCRIPTOR.services_by_name["Kernel"]
        handlers.add(door, koapy, KoapyService(parts))
        handlers.add(door, kernel, KernelService(parts))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, door)
        names = [koapy.full_name, kernel.full_name]
        self._names = ("", *names)
        listed = reflection.aio.ReflectionServicer([*names, health.SERVICE_NAME, reflection.SERVICE_NAME])
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(listed, door)

    def _bind(self, server: grpc.aio.Server, credentials: grpc.ServerCredentials | None) -> None:
        """Takes the address."""
        self.port = self._settings.port
        wanted = self.address
        try:
            if credentials is None:
                self.port = server.add_insecure_port(wanted)
            else:
                self.port = server.add_secure_port(wanted, credentials)
        except RuntimeError as error:
            raise PortTaken(
                f"cannot listen on {wanted}: another program does, or the address is not ours"
            ) from error
        if not self.port:
            raise PortTaken(f"cannot listen on {wanted}: another program does, or the address is not ours")

    async def _tell(self, well: bool) -> None:
        """Has the health service say how the server is."""
        assert self._health is not None
        health = health_pb2.HealthCheckResponse
        for name in self._names:
            await self._health.set(name, health.SERVING if well else health.NOT_SERVING)

    def _hear(self, realtime: RealTimeRouter) -> None:
        self._control.router.listen("OnReceiveRealData", realtime)

    def _orders(self) -> OrderTracker:
        desk, router = OrderTracker(), self._control.router

        def hear() -> None:
            router.listen("OnReceiveChejanData", desk)
            router.listen("OnEventConnect", desk.connected)

        self._control.thread.hand_over(hear)
        return desk

    def _follow_logins(self, parts: Parts) -> None:
        def changed(moment: EventContext) -> None:
            parts.conditions_loaded = False  # what had been downloaded belongs to the connection
            parts.logins.heard(moment)

        self._control.router.listen("OnEventConnect", changed)

    async def stop(self, grace: float = GRACE) -> None:
        """Ends every stream, the scheduler and the control."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._scrape is not None:
            await asyncio.to_thread(self._scrape.close)
        if self._health is not None:
            await self._health.enter_graceful_shutdown()
        if self._server is not None:
            await self._server.stop(grace)
        if self._keeper is not None:
            self._keeper.close()
        if self._scheduler is not None:
            await self._scheduler.close()
        self._control.close()
        self._clock.close()


class BackgroundServer:
    """A server on an event loop in a thread of its own, for programs that have none.

    >>> with BackgroundServer(make_control, clock, settings) as server:  # doctest: +SKIP
    ...     grpc.insecure_channel(server.address)
    """

    def __init__(
        self,
        make_control: Callable[[], Control],
        clock: Clock,
        settings: ServerSettings,
        thread: ControlThread | None = None,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server", daemon=True)
        self._thread.start()
        try:
            self._server = KernelServer(make_control, thread or PlainThread(), clock, settings)
            self._run(self._server.start())
        except BaseException:
            self._end_loop()
            raise

    def _run(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)  # type: ignore[arg-type]

    @property
    def address(self) -> str:
        return self._server.address

    @property
    def metrics_port(self) -> int:
        return self._server.metrics_port

    @property
    def host(self) -> ControlHost:
        """The control and its thread, for whoever runs the server in a process of theirs."""
        return self._server.host

    @property
    def keeper(self) -> Reconnector:
        """The state of the login."""
        return self._server.keeper

    def stop(self, grace: float = GRACE) -> None:
        if not self._loop.is_closed():
            self._run(self._server.stop(grace))
            self._run(_unwound())
            self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> BackgroundServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


async def _unwound() -> None:
    """Lets handlers whose streams have been cancelled finish what they were doing, as asyncio.run would."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=2)
