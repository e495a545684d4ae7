"""Calls, pages and events through COM, on the OCX host under Wine, against the simulated control."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc

from bench.timing import Row, duration, median, ratio, rounds
from kernel_server.clock import RunningClock
from kernel_server.scheduler import PRESETS
from kernel_server.server import BackgroundServer, ServerSettings
from kernel_server.wire import kernel_pb2, kernel_pb2_grpc, openapi_pb2
from scripts.ocx import wine
from scripts.ocx.machine import FOLDER, Machine
from tests.conformance.broker import START, Broker, LocalBroker
from tests.ocx.host import BrokerProcess, OcxHost

CALLS, MANY, PAGES, ROUNDS, SECONDS, MEMORY_CALLS = 100, 500, 5, 9, 60.0, 100_000
DAILY = {"종목코드": "005930", "기준일자": "20261126", "수정주가구분": "1"}
NAME = openapi_pb2.CallRequest(
    name="GetMasterCodeName", arguments=[openapi_pb2.Argument(string_value="005930")]
)


class Served:
    """A server that is measured, logged in."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)])
        self.stub: Any = kernel_pb2_grpc.KernelStub(self.channel)
        list(self.stub.Login(openapi_pb2.LoginRequest(), timeout=60))

    def calls(self) -> None:
        for _ in range(CALLS):
            self.stub.Call(NAME, timeout=20)

    def many(self) -> None:
        answer = self.stub.CallMany(kernel_pb2.CallManyRequest(calls=[NAME] * MANY), timeout=60)
        assert len(answer.return_values) == MANY

    def page(self) -> float:
        """Seconds of a page of 600 rows, after a pause in which the broker's limit is free again."""
        time.sleep(0.3)
        request = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY, max_pages=1)
        began = time.perf_counter()
        rows = [page.rows for page in self.stub.Pages(request, timeout=60) if page.rows]
        assert rows == [600]
        return time.perf_counter() - began

    def events(self, broker: Broker) -> float:
        """Events of a hundred issues a second, as many as the broker sends in a minute of its time."""
        answer = self.stub.Call(
            openapi_pb2.CallRequest(
                name="GetCodeListByMarket", arguments=[openapi_pb2.Argument(string_value="0")]
            )
        )
        codes = answer.return_value.string_value.split(";")[:100]
        over = threading.Event()

        def requests() -> Iterator[kernel_pb2.TicksRequest]:
            yield kernel_pb2.TicksRequest(add=codes, fids=[10, 41], capacity=1_000_000)
            over.wait()

        stream = self.stub.Ticks(requests(), timeout=300)
        while not next(stream).carried_out:
            pass
        began = time.perf_counter()
        broker.advance(SECONDS)
        broker.fault("cut")  # what says so comes behind all that was fired
        count = 0
        for batch in stream:
            count += len(batch.type)
            if batch.HasField("connected") and not batch.connected:
                break
        took = time.perf_counter() - began
        over.set()
        stream.cancel()
        return count / took


@contextmanager
def simulated() -> Iterator[Served]:
    """The server over the simulated control, in a process."""
    command = [sys.executable, "-m", "kernel_server", "--control", "simulated", "--port", "0"]
    clock = ["--clock", f"fast:1@{START.replace(' ', 'T')}", "--parent", str(os.getpid())]
    with subprocess.Popen([*command, *clock], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Served(json.loads(process.stdout.readline())["listening"])
        process.stdin.close()


def run() -> Iterator[Row]:
    if not (FOLDER / "machine").exists():  # a benchmark installs nothing
        yield Row("the OCX host under Wine", "skipped", "make test-ocx makes it")
        return
    machine = Machine.require()
    with ExitStack() as stack:
        display = stack.enter_context(wine.display())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        def hosted(name: str, **variables: str) -> tuple[OcxHost, BrokerProcess]:
            broker = BrokerProcess()
            stack.callback(broker.close)
            host = OcxHost(machine, display, broker, folder / name, **variables)
            stack.callback(host.close)
            return host, broker

        host, broker = hosted("array")
        by_array, by_cells = Served(host.address), Served(hosted("cells", KOALAB_TABLE="none")[0].address)
        floor = stack.enter_context(simulated())
        yield from _calls(by_array, floor)
        yield from _pages(by_array, by_cells, floor)
        yield _memory(by_array, host.program.process.pid)
        yield _events(by_array, broker)


def _calls(mine: Served, floor: Served) -> Iterator[Row]:
    measured: list[tuple[str, int, Callable[[], object], Callable[[], object]]] = [
        ("Call, through COM", CALLS, mine.calls, floor.calls),
        (f"CallMany of {MANY}, through COM", MANY, mine.many, floor.many),
    ]
    for what, count, one, other in measured:
        times, floors = rounds([one, other], ROUNDS)
        figure = f"{count / median(times):,.0f} calls/s"
        yield Row(what, figure, f"{ratio(times, floors):.1f} times the simulated control's time")


def _pages(by_array: Served, by_cells: Served, floor: Served) -> Iterator[Row]:
    times = [[one.page() for one in (by_array, by_cells, floor)] for _ in range(PAGES + 1)][1:]
    array, cells, least = zip(*times, strict=True)
    yield Row(
        "a page of 600 × 15 by array", duration(statistics.median(array)), f"{ratio(array, least):.1f} times"
    )
    yield Row(
        "the same cell by cell",
        duration(statistics.median(cells)),
        f"{ratio(cells, array):.0f} times by array",
    )


def _memory(mine: Served, pid: int) -> Row:
    for _ in range(20):
        mine.many()
    before = resident(pid)
    for _ in range(MEMORY_CALLS // MANY):
        mine.many()
    return Row(
        f"memory after {MEMORY_CALLS:,} calls", f"{resident(pid) - before:+.1f} MB", f"of {before:.0f} MB"
    )


def resident(pid: int) -> float:
    """MB of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _events(mine: Served, broker: BrokerProcess) -> Row:
    local = LocalBroker()
    with BackgroundServer(
        lambda: local.control, RunningClock(), ServerSettings(PRESETS["official"], port=0), local.thread
    ) as server:
        floor = Served(server.address).events(local)
    figure = mine.events(broker)
    return Row(
        "events of a hundred issues, through COM",
        f"{figure:,.0f}/s",
        f"the simulated control: {floor:,.0f}/s",
    )
