"""A real server over the simulated broker, with clients that speak only KOAPY's wire."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from kernel_server import simulated
from kernel_server.clock import SteppedClock
from kernel_server.control.thread import PlainThread
from kernel_server.scheduler import PRESETS, Limits
from kernel_server.server import BackgroundServer, ServerSettings
from kernel_server.simulated.control import SimulatedControl
from tests.support.koapy_client import KoapyClient
from tests.support.quiet_market import quiet
from tests.support.simulated_broker import moment
from tests.support.waiting import HANGS_AFTER

T = TypeVar("T")

ACCOUNT = "8000000011"


@dataclass
class Served:
    """The server; ``control`` may be read and given faults on ``thread``, ``clock`` moves its day on."""

    server: BackgroundServer
    clock: SteppedClock
    control: SimulatedControl
    thread: PlainThread

    @contextmanager
    def client(self) -> Iterator[KoapyClient]:
        with KoapyClient(self.server.address) as client:
            client.login()
            yield client

    def on_thread(self, work: Callable[[], T]) -> T:
        """The result of ``work`` on the control's thread."""
        return self.thread.post(work).result(HANGS_AFTER)

    @contextmanager
    def running(self, step: float = 0.2) -> Iterator[None]:
        """Advance the day as fast as possible while the block runs."""
        over = threading.Event()

        def run() -> None:
            while not over.is_set():
                self.clock.advance(step)
                # What came due has been done, on both threads, and what followed from it has begun.
                for _ in range(2):
                    self.thread.post(lambda: None).result(HANGS_AFTER)
                    passed = threading.Event()
                    self.server._loop.call_soon_threadsafe(passed.set)
                    passed.wait(HANGS_AFTER)
                time.sleep(0.0005)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(HANGS_AFTER)


@contextmanager
def served(
    at: str = "2026-11-20 10:00",
    settings: simulated.BrokerSettings | None = None,
    limits: Limits | None = None,
    custom_code: bool = False,
    seed: int = 1,
    **more: Any,
) -> Iterator[Served]:
    """A server whose broker's time is ``at`` (Seoul), on a clock that leaps over waits.

    ``more`` are further fields of the server's settings.
    """
    clock = SteppedClock(moment(at), jump=True)
    thread = PlainThread()
    made: list[SimulatedControl] = []

    def make() -> SimulatedControl:
        made.append(simulated.build(None, seed, clock, quiet(settings), thread.hand_over))
        return made[0]

    chosen = ServerSettings(limits or PRESETS["official"], port=0, custom_code=custom_code, **more)
    with BackgroundServer(make, clock, chosen, thread) as server:
        yield Served(server, clock, made[0], thread)
