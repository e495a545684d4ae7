"""The servers of ``bench.streams``, each a process of its own: ``python -m bench.wires kernel|busy|bare``.

The kernel server stands over a control that fires as many real-time events as it is told to. The bare one is
grpc.aio and nothing else: it answers with the bytes it was sent, and streams bytes as often as it is told to.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio

from bench.timing import one_core
from kernel_server import gc_tuning, parent, reference
from kernel_server.clock import RunningClock
from kernel_server.control.thread import PlainThread
from kernel_server.scheduler import Limits
from kernel_server.server import BackgroundServer, ServerSettings
from kernel_server.streams import event_codec
from kernel_server.streams.realtime import RealEvent
from tests.fakes.canned_control import CannedControl
from tests.support.busy_market import BusyControl

CODE, OTHER, TYPE = "005930", "000660", "주식체결"
# As long as what the broker sends: prices with signs, amounts, times.
DATA = "\t".join(
    {20: "133453", 14: "608869", 29: "-70033816000", 311: "4596733"}.get(fid, "-77000")
    for fid in reference.realtype(TYPE).fids
)
OPTIONS = event_codec.Options((), infer=True, readable=True)
EVENT = event_codec.real(RealEvent(CODE, TYPE, DATA, 0.0), OPTIONS).SerializeToString()


class BurstControl(CannedControl):
    """KOA_Functions("burst", n) fires n real-time events of one issue; ("stamp", n) n that say when they were fired."""

    def KOA_Functions(self, name: str, count: str) -> str:
        def burst() -> None:
            for _ in range(int(count)):
                self.fire("OnReceiveRealData", CODE, TYPE, DATA)

        def stamp() -> None:
            for _ in range(int(count)):
                self.fire("OnReceiveRealData", OTHER, TYPE, str(time.monotonic()))

        self._later(burst if name == "burst" else stamp)
        return name

    def GetMasterCodeName(self, code: str) -> str:
        return code


async def _echo(request: bytes, _context: object) -> bytes:
    return request


async def _stream(request: bytes, _context: object) -> AsyncIterator[bytes]:
    for _ in range(int(request)):
        yield EVENT


async def _stamps(request: bytes, _context: object) -> AsyncIterator[bytes]:
    count, interval = json.loads(request)
    due = time.monotonic()
    for _ in range(count):
        due += interval
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield str(time.monotonic()).encode()


def _bare() -> str:
    ready: list[int] = []
    started = threading.Event()

    async def serve() -> None:
        server = grpc.aio.server()
        handlers: dict[str, Any] = {
            "Echo": grpc.unary_unary_rpc_method_handler(_echo),
            "Stamps": grpc.unary_stream_rpc_method_handler(_stamps),
            "Stream": grpc.unary_stream_rpc_method_handler(_stream),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bare.Bare", handlers),))
        ready.append(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        started.set()
        await server.wait_for_termination()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    started.wait(10)
    return f"127.0.0.1:{ready[0]}"


def _kernel(make: Callable[[Callable[[Callable[[], None]], None]], CannedControl]) -> str:
    thread = PlainThread()
    settings = ServerSettings(Limits("none", {}), port=0)
    server = BackgroundServer(lambda: make(thread.hand_over), RunningClock(), settings, thread)
    _KEPT.append(server)
    return server.address


_KEPT: list[BackgroundServer] = []
_SERVERS: dict[str, Callable[[], str]] = {
    "kernel": lambda: _kernel(lambda later: BurstControl({}, later)),
    "busy": lambda: _kernel(BusyControl),
    "bare": _bare,
}


def main() -> None:
    if "--one-core" in sys.argv:
        one_core()
    gc_tuning.tune()  # as a server's own program does
    address = _SERVERS[sys.argv[1]]()
    over = threading.Event()
    parent.when_gone(int(sys.argv[2]), over.set)
    print(json.dumps({"listening": address}), flush=True)
    over.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
