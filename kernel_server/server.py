"""A kernel server: composes its parts and listens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from kernel_server.clock import Clock
from kernel_server.control.host import ControlHost
from kernel_server.control.plain import PlainCalls
from kernel_server.control.screens import Screens
from kernel_server.control.seam import Control, Event, ReportsProblems
from kernel_server.control.thread import ControlThread, PlainThread
from kernel_server.observe import phase
from kernel_server.observe.health import HealthMonitor, HealthSettings
from kernel_server.observe.metrics import Metrics
from kernel_server.observe.scrape import Scrape
from kernel_server.reconnecting import Reconnector, ReconnectSettings, usually_open
from kernel_server.rpc.call import FunctionCalls
from kernel_server.rpc.chejan import ChejanStreams
from kernel_server.rpc.condition import ConditionSearches
from kernel_server.rpc.conveniences import Conveniences
from kernel_server.rpc.custom.custom_code import CustomCode
from kernel_server.rpc.fault import FaultInjection
from kernel_server.rpc.gateway import RpcGateway
from kernel_server.rpc.listen import EventStreams
from kernel_server.rpc.login import LoginFlow
from kernel_server.rpc.order import OrderStreams
from kernel_server.rpc.rate_limited_call import CallMaker
from kernel_server.rpc.real import RealTimeStreams
from kernel_server.rpc.services import KERNEL, KOAPY, Services
from kernel_server.rpc.status import StatusReport
from kernel_server.rpc.ticks import TickStreams
from kernel_server.rpc.transaction import TrStreams
from kernel_server.scheduler import BackOff, Limits, Scheduler
from kernel_server.security import connections
from kernel_server.security.access import Access
from kernel_server.security.guard import Guard
from kernel_server.security.orders import OrderRules
from kernel_server.security.tokens import Tokens
from kernel_server.streams.client_inputs import ClientInputs
from kernel_server.streams.logins import Logins
from kernel_server.streams.mailbox import Waker
from kernel_server.streams.order_tracker import OrderTracker
from kernel_server.streams.realtime import RealTimeRouter
from kernel_server.streams.snapshots import Snapshots
from kernel_server.streams.subscriptions import EventSource, RealTimeSource
from kernel_server.transactions import ANSWER_TIMEOUT, TrService

DEFAULT_PORT = 5943
# Seconds that open streams have to end when a server stops.
GRACE = 0.5
# A request is some names and values, so a larger one is a mistake; a page of answers may be larger.
_OPTIONS = [
    ("grpc.max_receive_message_length", 4 * 2**20),
    ("grpc.max_send_message_length", 64 * 2**20),
    # Two servers on one port would each get some of the calls; the second has to fail instead.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5000),
    connections.OPTION,
]


class PortTaken(OSError):
    """Another program listens on the address."""


@dataclass(frozen=True)
class ServerSettings:
    """How a server runs.

    Attributes:
        limits: the broker's windows.
        host: address to listen on.
        port: port to listen on, 0 for any that is free.
        state_dir: where the history of calls is stored over restarts; None: nowhere.
        back_off: what to do when the broker refuses all the same.
        answer_timeout: seconds (real ones) after which a TR without an answer fails.
        custom_code: whether clients may send code to be run here (CustomListen, CustomCallAndListen). It can do
            everything that this process can, so it is off unless every client is trusted with that.
        reconnect: what is done about lost connections and silence.
        is_open: whether the market is open at a moment, seconds since the epoch.
        market_phase: of a moment, the date of the session and its phase; None where there is no calendar.
        access: who may reach it, and what may be done on it.
        health: how its health is monitored.
        greeting_timeout: seconds (real ones) after which a connection that says nothing is closed.
        idle_timeout: the same of one without an RPC; gRPC's clients open another when they need it.
        metrics_port: port on 127.0.0.1 where Prometheus reads, 0 for any; None: nowhere.
    """

    limits: Limits
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    state_dir: Path | None = None
    back_off: BackOff = field(default_factory=BackOff)
    answer_timeout: float = ANSWER_TIMEOUT
    custom_code: bool = False
    reconnect: ReconnectSettings = field(default_factory=ReconnectSettings)
    is_open: Callable[[float], bool] = usually_open
    market_phase: Callable[[float], tuple[str, str]] | None = None
    access: Access = field(default_factory=Access)
    health: HealthSettings = field(default_factory=HealthSettings)
    greeting_timeout: float = 10.0
    idle_timeout: float = 3600.0
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
        _, _, clock_start = clock.setting.name.partition("@")
        self._host = ControlHost(thread, make_control, self._on_event, clock_start)
        self._running: _Running | None = None
        self._grace = GRACE
        # What has to be closed, the last first.
        self._closing = AsyncExitStack()
        self._closing.callback(clock.close)
        self._closing.callback(self._host.close)
        self.port = 0

    @property
    def address(self) -> str:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        return f"{host}:{self.port}"

    @property
    def kind(self) -> str:
        return self._host.kind

    @property
    def host(self) -> ControlHost:
        return self._host

    @property
    def reconnector(self) -> Reconnector:
        assert self._running is not None, "the server has not been started"
        return self._running.reconnector

    @property
    def limits_name(self) -> str:
        return self._settings.limits.name

    @property
    def metrics_port(self) -> int:
        """Where the metrics are read, 0 where nowhere."""
        return self._running.metrics_port if self._running is not None else 0

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
            self._running = await self._start()
        except BaseException:
            await self.stop(0)
            raise

    async def _start(self) -> _Running:
        settings, host, clock, metrics = self._settings, self._host, self._clock, self.metrics
        access = settings.access
        access.check_host(settings.host)
        guard = Guard(None if access.tokens is None else Tokens(access.tokens))
        credentials = None if access.tls is None else access.tls.credentials()
        scheduler = Scheduler(
            host.run,
            clock,
            settings.limits,
            settings.back_off,
            settings.state_dir,
            on_refused=metrics.refused,
        )
        self._closing.push_async_callback(scheduler.close)
        realtime = RealTimeRouter(host.control, clock)
        reconnector = Reconnector(
            host, clock, realtime, settings.reconnect, settings.is_open, scheduler.logged_in
        )
        self._closing.callback(reconnector.close)
        transactions = TrService(
            host,
            scheduler,
            Screens(),
            clock,
            settings.answer_timeout,
            metrics,
            reconnecting=reconnector.reconnecting,
        )
        inputs = ClientInputs(connections.open_now)
        gateway = RpcGateway(guard, access, metrics)
        health_service = HealthService(("", KOAPY.full_name, KERNEL.full_name))

        def on_check() -> None:
            gateway.evict()
            inputs.sweep()
            reconnector.look_soon()

        monitor = HealthMonitor(
            host,
            scheduler,
            metrics,
            health_service.report,
            settings.health,
            None if access.tls is None else access.tls.not_after,
            lambda: [*reconnector.problems(), *_problems_of(host.control)],
            on_check,
        )
        waker = Waker(asyncio.get_running_loop())
        tracker = OrderTracker()
        logins = Logins(host.control)
        snapshots = Snapshots()
        events = EventSource(host, waker, logins)
        real_time = RealTimeSource(host, waker, realtime)
        plain = PlainCalls(host.control)
        rules = OrderRules(access, clock.now)
        maker = CallMaker(host, scheduler, clock, metrics)
        calls = FunctionCalls(host, plain, maker, rules, logins, snapshots, inputs)
        login = LoginFlow(host, guard, scheduler)
        conditions = ConditionSearches(host, events, maker, rules, transactions)
        services = Services(
            calls=calls,
            chejan=ChejanStreams(host, events, clock),
            conditions=conditions,
            conveniences=Conveniences(host, calls, login, conditions),
            custom_code=CustomCode(host, plain, calls, events, settings.custom_code),
            events=EventStreams(events, snapshots, metrics),
            faults=FaultInjection(host),
            login=login,
            orders=OrderStreams(host, maker, rules, clock, waker, tracker),
            real_time=RealTimeStreams(real_time, metrics),
            status=StatusReport(
                host,
                scheduler,
                clock,
                reconnector,
                guard,
                access,
                settings.market_phase,
                monitor.problems,
                lambda: gateway.open_streams,
            ),
            ticks=TickStreams(real_time, metrics),
            transactions=TrStreams(transactions, clock),
        )

        def listen() -> None:
            # The reconnector comes first: the other listeners find everything registered again.
            reconnector.start()
            host.router.listen("OnReceiveRealData", realtime)
            host.router.listen("OnReceiveChejanData", tracker)
            for listener in (tracker.on_connect, conditions.on_connect, logins.on_connect):
                host.router.listen("OnEventConnect", listener)

        host.thread.hand_over(listen)
        services.add_to(gateway)
        health_service.add_to(gateway)
        server = self._grpc_server(gateway, credentials)
        scrape = None if settings.metrics_port is None else Scrape(metrics, settings.metrics_port)
        await server.start()
        self._closing.push_async_callback(lambda: server.stop(self._grace))
        self._closing.push_async_callback(health_service.close)
        if scrape is not None:
            self._closing.push_async_callback(asyncio.to_thread, scrape.close)
        await health_service.report(serving=True)
        self._closing.push_async_callback(_cancelled, asyncio.ensure_future(monitor.run()))
        return _Running(reconnector, 0 if scrape is None else scrape.port)

    def _grpc_server(
        self, gateway: RpcGateway, credentials: grpc.ServerCredentials | None
    ) -> grpc.aio.Server:
        """A server that has taken the address."""
        # The gateway refuses a client with too many RPCs; one that goes on all the same is held up by gRPC.
        options = [
            *_OPTIONS,
            ("grpc.max_concurrent_streams", 2 * self._settings.access.max_streams),
            ("grpc.server_handshake_timeout_ms", int(self._settings.greeting_timeout * 1000)),
            ("grpc.max_connection_idle_ms", int(self._settings.idle_timeout * 1000)),
        ]
        server = grpc.aio.server(handlers=[gateway], options=options)
        self.port = self._settings.port
        wanted = self.address
        taken = f"cannot listen on {wanted}: another program does, or the address is not ours"
        try:
            if credentials is None:
                self.port = server.add_insecure_port(wanted)
            else:
                self.port = server.add_secure_port(wanted, credentials)
        except RuntimeError as error:
            raise PortTaken(taken) from error
        if not self.port:
            raise PortTaken(taken)
        return server

    async def stop(self, grace: float = GRACE) -> None:
        """Ends every stream, the scheduler and the control; streams have ``grace`` seconds to end."""
        self._grace = grace
        await self._closing.aclose()


class _Running(NamedTuple):
    """What can be looked at while a server runs."""

    reconnector: Reconnector
    metrics_port: int


class HealthService:
    """The standard health service, and reflection beside it.

    Args:
        names: the services whose health is reported, "" for all.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._servicer = health.aio.HealthServicer()

    def add_to(self, gateway: RpcGateway) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, gateway)
        names = [*filter(None, self._names), health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            reflection.aio.ReflectionServicer(names), gateway
        )

    async def report(self, serving: bool) -> None:
        """Sets the state that the service gives."""
        states = health_pb2.HealthCheckResponse
        for name in self._names:
            await self._servicer.set(name, states.SERVING if serving else states.NOT_SERVING)

    async def close(self) -> None:
        await self._servicer.enter_graceful_shutdown()


def _problems_of(control: Control) -> Sequence[str]:
    return control.problems() if isinstance(control, ReportsProblems) else ()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class BackgroundServer:
    """A server on an event loop in its own thread, for programs that have none.

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
        """The control and its thread, for a program that embeds the server."""
        return self._server.host

    @property
    def reconnector(self) -> Reconnector:
        """The state of the login."""
        return self._server.reconnector

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
    """Lets the handlers of cancelled streams finish, as asyncio.run would."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=2)
