"""Sessions over the simulated broker, through a real gRPC server in this process, on a clock that leaps over waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from kernel_server import simulated
from kernel_server.clock import KST, Clock, RunningClock, SteppedClock
from kernel_server.control.thread import PlainThread
from kernel_server.scheduler import PRESETS
from kernel_server.server import BackgroundServer, ServerSettings
from kernel_server.simulated.market.market_phase import market_phase
from koalab.calendar import table
from koalab.sessions.session import Session
from koalab.transport.access import Access
from koalab.transport.remote import RemoteTransport
from tests.support import shared_clock
from tests.support.quiet_market import quiet
from tests.support.waiting import HANGS_AFTER

T = TypeVar("T")
# A Saturday: the week's sessions are over and settled.
SATURDAY = datetime(2026, 11, 21, 12, tzinfo=KST)


@dataclass
class Market:
    """A server over the simulated broker, and sessions with it."""

    clock: Any
    server: BackgroundServer
    folder: Path
    thread: PlainThread
    broker: simulated.SimulatedControl
    sessions: list[Session] = field(default_factory=list)

    def connect(self, cache: str = "cache", access: Access | None = None) -> Session:
        """A logged-in session; sessions with the same ``cache`` share one."""
        session = Session(RemoteTransport(self.server.address, access), self.folder / cache)
        session.login()
        self.sessions.append(session)
        return session

    def look(self, into: Callable[[Any], T]) -> T:
        """The result of reading the broker on its own thread."""
        return self.thread.post(lambda: into(self.broker)).result(HANGS_AFTER)

    def close(self) -> None:
        for session in self.sessions:
            session.close()
        shared_clock.keep(self.server.address)
        self.server.stop(0)


def start(
    folder: Path,
    now: datetime = SATURDAY,
    seed: int = 1,
    market_data: Path | None = None,
    running: bool = False,
    clock: Clock | None = None,
    account_file: Path | None = None,
    settings: simulated.BrokerSettings | None = None,
    port: int = 0,
    limits: str = "official",
    **server_settings: Any,
) -> Market:
    """``settings`` are the broker's; ``server_settings`` further fields of the server's Settings."""
    if clock is None:
        clock = RunningClock(start=now.timestamp()) if running else SteppedClock(now.timestamp(), jump=True)
    thread = PlainThread()

    made: list[simulated.SimulatedControl] = []

    def make() -> simulated.SimulatedControl:
        made.append(build())
        return made[-1]

    def build() -> simulated.SimulatedControl:
        return simulated.build(
            market_data,
            seed,
            clock,
            quiet(settings),
            thread.hand_over,
            account_file=account_file,
        )

    serving = ServerSettings(
        PRESETS[limits], port=port, market_phase=lambda now: market_phase(table(), now), **server_settings
    )
    server = BackgroundServer(make, clock, serving, thread)
    shared_clock.share(server.address, clock)
    return Market(clock, server, folder, thread, made[-1])
