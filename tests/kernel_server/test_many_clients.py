"""Many clients at once: nobody waits for another, and who goes leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kernel_server.streams import subscriptions
from kernel_server.wire import kernel_pb2
from tests.support.canned_server import CannedServer, calls, canned_server, daily_rows
from tests.support.examples import examples
from tests.support.waiting import HANGS_AFTER, wait_until

pytestmark = pytest.mark.slow  # a process with many clients each, and no code that one client does not run
PAGES = {"opt10081": [({"종목코드": "005930"}, daily_rows(30)) for _ in range(3)]}


def crowd(server: CannedServer, scenario: str, *arguments: int) -> Any:
    """What the scenario of ``many_clients.py`` found, with the server as it is."""
    program = [sys.executable, "-m", "tests.support.many_clients"]
    done = subprocess.run(
        [*program, server.address, scenario, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=5 * HANGS_AFTER,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def bursts(server: CannedServer, padding: str = "1") -> None:
    """KOA_Functions("burst", "first,count") fires events for 005930."""

    def burst(_name: str, argument: str) -> str:
        first, count = map(int, argument.split(","))
        for number in range(first, first + count):
            server.control.fire("OnReceiveRealData", "005930", "주식우선호가", f"{number}\t{padding}")
        return ""

    server.control.KOA_Functions = burst  # type: ignore[attr-defined]


def status(server: CannedServer) -> kernel_pb2.StatusResponse:
    found: kernel_pb2.StatusResponse = server.stub.Status(kernel_pb2.StatusRequest(), timeout=HANGS_AFTER)
    return found


def left(server: CannedServer) -> tuple[int, ...]:
    """Streams, queued calls, expectations and listeners that are there now."""
    now = status(server)
    expected, listeners = server.thread.post(server.server.host.router.counts).result(HANGS_AFTER)
    return now.streams, now.queued, expected, listeners


def held(server: CannedServer) -> set[str]:
    """The screens on which the control has something registered, going by what it was told."""
    screens: set[str] = set()
    for name, arguments in list(server.control.calls):
        if name == "SetRealReg":
            screens.add(str(arguments[0]))
        elif name == "DisconnectRealData":
            screens.discard(str(arguments[0]))
    return screens


@pytest.mark.parametrize("streams", [60, pytest.param(500, marks=pytest.mark.long)])
def test_with_many_streams_open_calls_are_answered_and_every_stream_hears_everything(streams: int) -> None:
    with canned_server({}) as server:
        bursts(server)
        before = left(server)
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                status(server)

        with ThreadPoolExecutor(1) as beside:
            asking = beside.submit(ask)
            try:
                found = crowd(server, "listeners", streams, 5)
            finally:
                over.set()
            asking.result(HANGS_AFTER)
        wait_until(lambda: left(server) == before)
        assert found == {"open": streams, "good": streams * 5}
        assert len(calls(server, "SetRealReg")) == 1
        wait_until(lambda: not held(server))


def test_one_that_stops_reading_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "CAPACITY", 300)
    with canned_server({}) as server:
        bursts(server, "x" * 10_000)  # so that what the connection itself holds is soon full
        found = crowd(server, "idler", 20, 10, 100)
    assert found["whole"] == 20 * 10
    assert found["lost"] > 0
    assert found["seen"] + found["lost"] == 10 * 100
    assert found["last"] == "999"


def test_thousands_of_rpcs_that_are_cancelled_at_any_point_leave_nothing_behind() -> None:
    count = examples(1000, 10_000)
    with canned_server(PAGES) as server:
        threads = threading.active_count()
        before = left(server)
        assert crowd(server, "quitters", count, 7) == count
        wait_until(lambda: left(server) == before)
        wait_until(lambda: not held(server))
        assert server.thread.post(lambda: None).result(HANGS_AFTER) is None  # the control thread is alive
        wait_until(lambda: threading.active_count() <= threads)
