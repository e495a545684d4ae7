"""A day of the broker's through the OCX host under Wine, with faults: calls, logins, events and memory."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import grpc

from bench.ocx_host.calls import DAILY, Served, resident
from bench.timing import Row
from kernel_server.wire import kernel_pb2
from scripts.ocx import wine
from scripts.ocx.machine import FOLDER, Machine
from tests.ocx.host import BrokerProcess, OcxHost

START: Final = "2026-11-26 18:00"
STEP: Final = 900.0
"""Seconds of the broker's between two looks; ninety-six of them are a day."""
STEPS: Final = 96
RESTORED_WITHIN: Final = 90.0
CODES: Final = ("005930", "000660", "035420", "005380", "051910")

FAULTS: Final[tuple[Callable[[BrokerProcess], None], ...]] = (
    lambda broker: broker.fault("cut"),
    lambda broker: broker.fault("lose", event="OnReceiveTrData", times=1),
    lambda broker: broker.fault("restart", seconds=180),
    lambda broker: broker.fault("double", event="OnReceiveTrData", times=1),
    lambda broker: broker.fault("slow_down", extra=2.0, seconds=60),
)


def run() -> Iterator[Row]:
    if not (FOLDER / "machine").exists():  # a benchmark installs nothing
        yield Row("a day through the OCX host", "skipped", "make test-ocx makes the machine")
        return
    with ExitStack() as stack:
        display = stack.enter_context(wine.display())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = BrokerProcess(START)
        stack.callback(broker.close)
        host = OcxHost(Machine.require(), display, broker, folder)
        stack.callback(host.close)
        served = Served(host.address)
        day = Day(served, broker, host.program.process.pid)
        day.run()
        yield Row(
            "calls of a day under faults",
            f"{day.answered}",
            f"{day.failed} failed and were answered when asked again",
        )
        yield Row(
            "faults", f"{day.faults}", f"the longest until a TR was answered again: {day.longest:.1f} s"
        )
        yield Row("events", f"{day.events}", f"{day.dropped} dropped, {day.logins} logins heard of")
        yield Row(
            "memory over the day", f"{day.grown:+.1f} MB", f"of {day.first:.0f} MB after its first hour"
        )


class Day:
    """The day, and what has been counted.

    Args:
        served: the server.
        broker: the broker behind it.
        pid: of the server's process.
    """

    def __init__(self, served: Served, broker: BrokerProcess, pid: int) -> None:
        self._served = served
        self._broker = broker
        self._pid = pid
        self._over = threading.Event()
        self._stream: Any = None
        self.answered = self.failed = self.faults = self.events = self.dropped = self.logins = 0
        self.longest = self.first = self.grown = 0.0

    def run(self) -> None:
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()
        for step in range(STEPS):
            self._broker.advance(STEP)
            if step % 4 == 3:
                FAULTS[self.faults % len(FAULTS)](self._broker)
                self.faults += 1
            self._until_answered()
            if step == 3:
                self.first = resident(self._pid)
        self.grown = resident(self._pid) - self.first
        self._over.set()
        self._stream.cancel()
        reader.join(30)

    def _until_answered(self) -> None:
        """Asks for a page until it comes; the broker's time goes on while it waits."""
        began = time.monotonic()
        request = kernel_pb2.PagesRequest(transaction_code="opt10081", inputs=DAILY, max_pages=1)
        while True:
            try:
                rows = [page.rows for page in self._served.stub.Pages(request, timeout=60) if page.rows]
                assert rows == [600]
            except grpc.RpcError:
                self.failed += 1
                self._broker.advance(30)
                time.sleep(1)
            else:
                self.answered += 1
                self.longest = max(self.longest, time.monotonic() - began)
                return
            if time.monotonic() - began > RESTORED_WITHIN:
                raise RuntimeError(f"no TR was answered within {RESTORED_WITHIN:.0f} s after a fault")

    def _read(self) -> None:
        def requests() -> Iterator[kernel_pb2.TicksRequest]:
            yield kernel_pb2.TicksRequest(add=CODES, fids=[10, 41], capacity=100_000)
            self._over.wait()

        self._stream = self._served.stub.Ticks(requests())
        with contextlib.suppress(grpc.RpcError):  # it is cancelled in the end
            for batch in self._stream:
                self.events += len(batch.type)
                self.dropped += batch.dropped
                self.logins += batch.HasField("connected") and batch.connected
