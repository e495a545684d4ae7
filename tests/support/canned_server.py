"""A real server over the canned control, on a clock that only the test moves; its events, calls and requests."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from kernel_server import reference
from kernel_server.clock import SteppedClock
from kernel_server.control.seam import Table
from kernel_server.control.thread import PlainThread
from kernel_server.scheduler import PRESETS, BackOff, Limits
from kernel_server.server import BackgroundServer, ServerSettings
from kernel_server.wire import kernel_pb2, kernel_pb2_grpc
from tests.fakes.canned_control import CannedControl
from tests.support.waiting import HANGS_AFTER

NOW = 1_790_000_000.0
UNLIMITED = Limits("none", {})
Pages = Mapping[str, Sequence[tuple[Mapping[str, str], Table]]]


def daily_rows(count: int, newest: int = 20261119) -> Table:
    """So many rows of opt10081, newest first; days are only numbers here."""
    names = reference.tr("opt10081").multi_names
    rows = []
    for number in range(count):
        row = dict.fromkeys(names, "")
        row.update(
            일자=str(newest - number), 현재가=f" {70_000 + number} ", 거래량=str(1000 + number), 시가="70000"
        )
        row["종목코드"] = "005930" if number == 0 else ""
        rows.append([row[name] for name in names])
    return rows


@dataclass
class CannedServer:
    """The server with its control, its clock and a stub."""

    server: BackgroundServer
    control: CannedControl
    clock: SteppedClock
    thread: PlainThread
    stub: Any

    @property
    def address(self) -> str:
        return self.server.address

    def pages(self, code: str, inputs: Mapping[str, str], **more: Any) -> list[kernel_pb2.Page]:
        request = kernel_pb2.PagesRequest(transaction_code=code, inputs=dict(inputs), **more)
        return [
            page for page in self.stub.Pages(request, timeout=HANGS_AFTER) if not page.HasField("waiting")
        ]


@contextmanager
def canned_server(
    pages: Pages,
    limits: Limits | None = None,
    bulk: bool = True,
    connected: bool = True,
    answer_timeout: float = HANGS_AFTER,
    back_off: BackOff | None = None,
    clock: Any = None,
    state_dir: Path | None = None,
    **settings_more: Any,
) -> Iterator[CannedServer]:
    """``settings_more`` are further fields of the server's Settings."""
    clock = clock or SteppedClock(NOW)
    thread = PlainThread()
    made: list[CannedControl] = []

    def make() -> CannedControl:
        made.append(CannedControl(pages, thread.hand_over, bulk, connected))
        return made[0]

    settings = ServerSettings(
        limits or UNLIMITED,
        port=0,
        state_dir=state_dir,
        answer_timeout=answer_timeout,
        back_off=back_off or BackOff(),
        **settings_more,
    )
    with BackgroundServer(make, clock, settings, thread) as server:
        channel = grpc.insecure_channel(server.address)
        try:
            yield CannedServer(server, made[0], clock, thread, kernel_pb2_grpc.KernelStub(channel))
        finally:
            channel.close()


@contextmanager
def stepping(clock: SteppedClock) -> Iterator[None]:
    """Advance the clock to each timer as soon as something waits for it, while the block runs."""
    over = threading.Event()

    def step() -> None:
        while not over.wait(0.002):
            due = clock.next_foreground_due()
            if due is not None:
                clock.advance(due - clock.now())

    thread = threading.Thread(target=step, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def official() -> Limits:
    return PRESETS["official"]


def fire(server: CannedServer, name: str, *arguments: str | int) -> None:
    """Fire an event of the control on its thread; it has been delivered to the server when this returns."""
    server.thread.post(lambda: server.control.fire(name, *arguments)).result(HANGS_AFTER)


def calls(server: CannedServer, name: str) -> list[tuple[Any, ...]]:
    """The arguments of every call of that function so far."""
    return [arguments for called, arguments in list(server.control.calls) if called == name]


class RequestQueue:
    """The requests of a stream, one at a time."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, request: Any) -> None:
        self._queue.put(request)

    def end(self) -> None:
        self._queue.put(None)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._queue.get, None)
