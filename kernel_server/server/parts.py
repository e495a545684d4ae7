"""The parts of a server, composed over one control."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from kernel_server.clock import Clock
from kernel_server.control.host import ControlHost
from kernel_server.control.plain import PlainCalls
from kernel_server.control.screens import Screens
from kernel_server.control.seam import ReportsProblems
from kernel_server.observe.health import HealthMonitor
from kernel_server.observe.metrics import Metrics
from kernel_server.reconnecting import Reconnector
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
from kernel_server.scheduler import Scheduler
from kernel_server.security import connections
from kernel_server.security.guard import Guard
from kernel_server.security.orders import OrderRules
from kernel_server.security.tokens import Tokens
from kernel_server.server.health_service import HealthService
from kernel_server.server.settings import ServerSettings
from kernel_server.streams.client_inputs import ClientInputs
from kernel_server.streams.logins import Logins
from kernel_server.streams.mailbox import Waker
from kernel_server.streams.order_tracker import OrderTracker
from kernel_server.streams.realtime import RealTimeRouter
from kernel_server.streams.snapshots import Snapshots
from kernel_server.streams.subscriptions import EventSource, RealTimeSource
from kernel_server.transactions import TrService


class ServerParts:
    """The parts of a server. They are made on its event loop.

    Args:
        host: the control.
        clock: of the broker.
        settings: how the server runs.
        metrics: counts what it does.
        closing: gets what has to be closed.

    Attributes:
        reconnector: the state of the login.
        gateway: handles all RPCs.
        health_service: gives the server's health.
        monitor: checks it.

    Raises:
        BadTokens: the tokens cannot be used.
        StateTaken: another server uses the state folder.
    """

    def __init__(
        self,
        host: ControlHost,
        clock: Clock,
        settings: ServerSettings,
        metrics: Metrics,
        closing: AsyncExitStack,
    ) -> None:
        self._host = host
        self._clock = clock
        self._settings = settings
        self._metrics = metrics
        access = settings.access
        self._guard = Guard(None if access.tokens is None else Tokens(access.tokens))
        self._scheduler = Scheduler(
            host.run,
            clock,
            settings.limits,
            settings.back_off,
            settings.state_dir,
            on_refused=metrics.refused,
        )
        closing.push_async_callback(self._scheduler.close)
        self._real_time = RealTimeRouter(host.control, clock)
        self.reconnector = Reconnector(
            host,
            clock,
            self._real_time,
            settings.reconnect,
            settings.is_open,
            self._scheduler.logged_in,
        )
        closing.callback(self.reconnector.close)
        self._inputs = ClientInputs(connections.open_now)
        self._tracker = OrderTracker()
        self._logins = Logins(host.control)
        self.gateway = RpcGateway(self._guard, access, metrics)
        self.health_service = HealthService(("", KOAPY.full_name, KERNEL.full_name))
        self.monitor = HealthMonitor(
            host,
            self._scheduler,
            metrics,
            self.health_service.report,
            settings.health,
            None if access.tls is None else access.tls.not_after,
            self._problems,
            self._on_check,
        )
        services = self._services()
        self._conditions = services.conditions
        services.add_to(self.gateway)
        self.health_service.add_to(self.gateway)

    def listen(self) -> None:
        """Listens to the control's events; on the control thread."""
        router = self._host.router
        on_connect = self._settings.on_connect
        if on_connect is not None:
            router.listen("OnEventConnect", lambda event: on_connect(int(event.arguments[0])))
        # The reconnector comes first: the other listeners find everything registered again.
        self.reconnector.start()
        router.listen("OnReceiveRealData", self._real_time)
        router.listen("OnReceiveChejanData", self._tracker)
        for listener in (self._tracker.on_connect, self._conditions.on_connect, self._logins.on_connect):
            router.listen("OnEventConnect", listener)

    def _services(self) -> Services:
        """The handlers of all RPCs."""
        host, clock, settings, metrics = self._host, self._clock, self._settings, self._metrics
        scheduler, access = self._scheduler, settings.access
        transactions = TrService(
            host,
            scheduler,
            Screens(),
            clock,
            settings.answer_timeout,
            metrics,
            reconnecting=self.reconnector.reconnecting,
        )
        waker = Waker(asyncio.get_running_loop())
        snapshots = Snapshots()
        events = EventSource(host, waker, self._logins)
        real_time = RealTimeSource(host, waker, self._real_time)
        plain = PlainCalls(host.control)
        rules = OrderRules(access, clock.now)
        maker = CallMaker(host, scheduler, clock, metrics)
        calls = FunctionCalls(host, plain, maker, rules, self._logins, snapshots, self._inputs)
        login = LoginFlow(host, self._guard, scheduler)
        conditions = ConditionSearches(host, events, maker, rules, transactions)
        return Services(
            calls=calls,
            chejan=ChejanStreams(host, events, clock),
            conditions=conditions,
            conveniences=Conveniences(host, calls, login, conditions),
            custom_code=CustomCode(host, plain, calls, events, settings.custom_code),
            events=EventStreams(events, snapshots, metrics),
            faults=FaultInjection(host),
            login=login,
            orders=OrderStreams(host, maker, rules, clock, waker, self._tracker),
            real_time=RealTimeStreams(real_time, metrics),
            status=StatusReport(
                host,
                scheduler,
                clock,
                self.reconnector,
                self._guard,
                access,
                settings.market_phase,
                self.monitor.problems,
                lambda: self.gateway.open_streams,
            ),
            ticks=TickStreams(real_time, metrics),
            transactions=TrStreams(transactions, clock),
        )

    def _problems(self) -> Sequence[str]:
        control = self._host.control
        reported = control.problems() if isinstance(control, ReportsProblems) else ()
        return [*self.reconnector.problems(), *reported]

    def _on_check(self) -> None:
        """With each check of the health."""
        self.gateway.evict()
        self._inputs.sweep()
        self.reconnector.look_soon()
