"""A day at the simulated broker, accelerated, under clients that come and go: does the server's memory stay flat?"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from bench.timing import Row
from kernel_server.wire import kernel_pb2, kernel_pb2_grpc, openapi_pb2
from koalab.transport.access import NO_PROXY

DAY, SPEED = "2026-11-20T08:25", 400
CODES = 50
_KOAPY = "/koapy.backend.kiwoom_open_api_plus.grpc.KiwoomOpenApiPlusService"
_HOURS = 9.75  # from then until 시간외 단일가 is over


@contextmanager
def _server() -> Iterator[tuple[int, str]]:
    options = ["--control", "simulated", "--port", "0", "--clock", f"fast:{SPEED}@{DAY}"]
    command = [sys.executable, "-m", "kernel_server", *options, "--parent", str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield process.pid, json.loads(process.stdout.readline())["listening"]
    finally:
        process.communicate(timeout=20)


def resident(pid: int) -> float:
    """MB of memory that the process holds; 0 where the system does not say."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _call(stub: Any, name: str, *arguments: str) -> Any:
    given = [openapi_pb2.Argument(string_value=text) for text in arguments]
    return stub.Call(openapi_pb2.CallRequest(name=name, arguments=given), timeout=30).return_value


class _Crowd:
    """One that listens all day, and one that opens streams, reads a TR, orders, and goes again."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.over = threading.Event()
        self.ticks = self.visits = 0
        self.dropped = 0
        self.leave: Callable[[], object] = lambda: None

    def listen(self, codes: list[str]) -> None:
        def requests() -> Iterator[kernel_pb2.TicksRequest]:
            yield kernel_pb2.TicksRequest(add=codes, fids=[10, 41], capacity=200_000)
            self.over.wait()

        with grpc.insecure_channel(self.address, [NO_PROXY]) as channel:
            stream = kernel_pb2_grpc.KernelStub(channel).Ticks(requests())
            self.leave = stream.cancel
            with contextlib.suppress(grpc.RpcError):  # how a stream that is left ends
                for batch in stream:
                    self.ticks += len(batch.type)
                    self.dropped += batch.dropped

    def visit(self, codes: list[str], account: str) -> None:
        while not self.over.is_set():
            with grpc.insecure_channel(
                self.address, [("grpc.use_local_subchannel_pool", 1), NO_PROXY]
            ) as channel:
                stub: Any = kernel_pb2_grpc.KernelStub(channel)
                request = openapi_pb2.RealRequest(code_list=codes[:10], fid_list=[10])
                real: Any = channel.unary_stream(
                    f"{_KOAPY}/RealCall", openapi_pb2.RealRequest.SerializeToString, None
                )(request)
                order = stub.Order(
                    openapi_pb2.OrderRequest(
                        account_no=account, code=codes[0], order_type=1, quantity=1, quote_type="03"
                    )
                )
                pages = stub.Pages(
                    kernel_pb2.PagesRequest(
                        transaction_code="opt10080",
                        inputs={"종목코드": codes[1], "틱범위": "1", "수정주가구분": "1"},
                        max_pages=1,
                    )
                )
                for _ in pages:
                    pass
                real.cancel()
                order.cancel()
            self.visits += 1
            time.sleep(0.2)


def run() -> list[Row]:
    with _server() as (pid, address), grpc.insecure_channel(address, [NO_PROXY]) as channel:
        stub: Any = kernel_pb2_grpc.KernelStub(channel)
        list(stub.Login(openapi_pb2.LoginRequest()))
        listed = _call(stub, "GetCodeListByMarket", "0").string_value.split(";")
        account = _call(stub, "GetLoginInfo", "ACCNO").string_value.split(";")[0]
        codes = [code for code in listed if code][:CODES]
        crowd = _Crowd(address)
        threads = [
            threading.Thread(target=crowd.listen, args=(codes,)),
            threading.Thread(target=crowd.visit, args=(codes, account)),
        ]
        for thread in threads:
            thread.start()
        begun, samples = time.monotonic(), []
        while time.monotonic() - begun < _HOURS * 3600 / SPEED:
            time.sleep(1)
            samples.append(resident(pid))
        now = stub.Status(kernel_pb2.StatusRequest(), timeout=60).now
        crowd.over.set()
        for thread in threads:
            thread.join(30)
        streams = stub.Status(kernel_pb2.StatusRequest(), timeout=60).streams
    hour = max(1, int(3600 / SPEED))
    early, late = samples[hour : 2 * hour], samples[-hour:]
    clock = time.strftime("%H:%M", time.gmtime(now + 9 * 3600))
    return [
        Row(
            f"a day of {CODES} codes, {SPEED} times as fast",
            f"{crowd.ticks:,} ticks",
            f"until {clock}; {crowd.dropped:,} dropped, {crowd.visits} clients came and went, {streams} streams left",
        ),
        Row(
            "  memory in its last hour",
            f"{max(late, default=0):.0f} MB",
            f"{max(late, default=0) / max(max(early, default=1), 1):.2f} of its second hour's",
        ),
    ]
