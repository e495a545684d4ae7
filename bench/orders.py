"""Orders of a session: reading what an account has, and an order's round trip against a bare OrderCall."""

from __future__ import annotations

import tempfile
import time
from datetime import datetime
from pathlib import Path

from bench import timing
from bench.timing import Row
from kernel_server import simulated
from kernel_server.clock import KST, RunningClock
from kernel_server.control.seam import Control
from kernel_server.control.thread import PlainThread
from kernel_server.scheduler import PRESETS
from kernel_server.server import BackgroundServer, ServerSettings
from koalab.sessions.session import Session
from koalab.transport.base import OrderRequest
from koalab.transport.remote import RemoteTransport

ACCOUNT, CODE = "8000000011", "005930"
READS, ORDERS = 2_000, 30
_MORNING = datetime(2026, 11, 17, 10, tzinfo=KST).timestamp()
# An order a second is far below the broker's limit, so that none waits for its turn.
_SPEED = 20.0


def run() -> list[Row]:
    clock, thread = RunningClock(_SPEED, _MORNING), PlainThread()
    settings = simulated.BrokerSettings(
        limited=False, latency=0.0, deposit=10**12, accounts=(simulated.AccountSetting(ACCOUNT),)
    )

    def make() -> Control:
        return simulated.build(None, 1, clock, settings, thread.hand_over)

    server = BackgroundServer(make, clock, ServerSettings(PRESETS["official"], port=0), thread)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Session(RemoteTransport(server.address), Path(folder)) as kw,
        ):
            kw.login()
            kw.guards.duplicates_within = None
            return _measure(kw)
    finally:
        server.stop(0)


def _measure(kw: Session) -> list[Row]:
    price = int(str(kw.call.GetMasterLastPrice(CODE))) * 8 // 10 // 1000 * 1000
    kw.buy(CODE, 10)
    state = kw.positions

    def read() -> None:
        nonlocal state
        for _ in range(READS):
            state = kw.positions

    def order() -> None:
        kw.buy(CODE, 1, price)

    def bare() -> None:
        kw._link.order(OrderRequest(ACCOUNT, 1, CODE, 1, price, "00"), 30.0)

    reads = timing.rounds([read], 5)[0]
    trips: list[list[float]] = [[], []]
    for _ in range(ORDERS):
        for place, send in enumerate((order, bare)):
            time.sleep(1 / _SPEED * 2)  # by the broker's clock two seconds
            begun = time.perf_counter()
            send()
            trips[place].append(time.perf_counter() - begun)
    mine, floor = trips
    return [
        Row("kw.positions", timing.duration(timing.median(reads) / READS), f"{len(state)} position"),
        Row(
            "an order, from kw.buy to its number",
            timing.duration(timing.median(mine)),
            f"{timing.ratio(mine, floor):.2f} times a bare OrderCall",
        ),
        Row("  a bare OrderCall", timing.duration(timing.median(floor))),
    ]
