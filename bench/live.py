"""Live data at the client: rates into columns and objects, latency to a callback and a loop, consumers, and CPU.

The control fires 1,000 trades a second over 200 issues, in a process of its own; see ``tests.support.busy_market``.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np

from bench import timing
from bench.timing import Row
from kernel_server.reference.sessions import Sessions
from koalab.link import Link
from koalab.live.events import Tick
from koalab.live.hub import Hub
from koalab.live.open_streams import OpenStreams
from koalab.live.stream import EventStream
from koalab.transport.access import NO_PROXY
from koalab.transport.remote import RemoteTransport
from tests.support.busy_market import CODES

TYPE = "주식체결"
BURST, ROUNDS, CONSUMERS = 20_000, 7, 10
PACE, IDLE_PACE = 1_000, 20
SECONDS = 5.0
_NO_SESSIONS = Sessions(np.empty(0, "M8[D]"), np.empty(0, np.int64), np.empty(0, np.int64))


@contextmanager
def server(kind: str) -> Iterator[tuple[int, str]]:
    """A server of ``bench.wires``: its process and address."""
    command = [sys.executable, "-m", "bench.wires", kind, str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield process.pid, json.loads(process.stdout.readline())["listening"]
    finally:
        process.communicate(timeout=10)


class Client:
    """What a session has of live data, over the control that fires on demand."""

    def __init__(self, address: str) -> None:
        self.transport = RemoteTransport(address)
        link = Link(self.transport)
        self.hub = Hub(link)
        self._streams = OpenStreams(self.hub, lambda: _NO_SESSIONS, link.now)

    def open(self, keep: int | None = 100_000) -> EventStream[Tick]:
        return self._streams.open(TYPE, CODES, keep)

    def fire(self, name: str, count: int) -> None:
        self.transport.call("KOA_Functions", name, str(count))

    def call(self) -> None:
        self.transport.call("GetMasterCodeName", CODES[0])

    def close(self) -> None:
        self._streams.close()
        self.hub.close()
        self.transport.close()


@contextmanager
def client_of(address: str) -> Iterator[Client]:
    """A client, closed at the end."""
    found = Client(address)
    try:
        yield found
    finally:
        found.close()


def run() -> list[Row]:
    with server("busy") as (_, address), server("bare") as (_, bare), client_of(address) as client:
        return [*_rates(client), *_delays(client, bare), *_at_pace(client)]


def _rates(client: Client) -> list[Row]:
    """Ticks a second into columns and into objects, and ten consumers against one."""
    stream = client.open()

    def burst() -> None:
        received = stream.received
        client.fire("trades", BURST)
        while stream.received < received + BURST:
            client.hub.sync(30)

    def objects(readers: int) -> Callable[[], None]:
        def read() -> None:
            consumers = [stream.reader() for _ in range(readers)]
            burst()
            for consumer in consumers:
                for _ in range(BURST):
                    consumer.next(10)

        return read

    columns, one, ten = timing.rounds([burst, objects(1), objects(CONSUMERS)], ROUNDS)
    stream.close()
    return [
        Row("ticks into columns, all 23 fields", f"{BURST / timing.median(columns):,.0f} ticks/s"),
        Row(
            "  and into objects, one consumer",
            f"{BURST / timing.median(one):,.0f} ticks/s",
            f"{timing.ratio(one, columns):.1f} times columns alone",
        ),
        Row(
            f"  {CONSUMERS} consumers, each every tick",
            f"{BURST / timing.median(ten):,.0f} ticks/s",
            f"{timing.ratio(ten, one):.1f} times one",
        ),
    ]


def _delays(client: Client, bare: str) -> list[Row]:
    """From the control's event to a callback and to an ``async for``, against a bare stream of gRPC."""
    rows: list[Row] = []
    for what, pace in (("idle", IDLE_PACE), (f"at {PACE:,} ticks/s", PACE)):
        floor = _bare_delays(bare, pace)
        client.fire("pace", pace)
        called, looped = _callback_delays(client), asyncio.run(_loop_delays(client))
        client.fire("pace", 0)
        rows += [
            _row(f"a bare stream of gRPC, {what}", floor),
            _row(f"  from the event to a callback, {what}", called, floor),
            _row(f"  from the event to an async for, {what}", looped, floor),
        ]
    return rows


def _callback_delays(client: Client) -> list[float]:
    found: list[float] = []
    with client.open() as stream:
        stream.on(lambda tick: found.append(_age(tick)))
        time.sleep(SECONDS)
    return sorted(found)


async def _loop_delays(client: Client) -> list[float]:
    found: list[float] = []
    with client.open() as stream:
        over = time.monotonic() + SECONDS
        async for tick in stream:
            found.append(_age(tick))
            if time.monotonic() > over:
                break
    return sorted(found)


def _age(tick: Tick) -> float:
    return time.monotonic() - tick.value_change / 1e6


def _bare_delays(address: str, pace: int) -> list[float]:
    with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1), NO_PROXY]) as channel:
        stamps: Any = channel.unary_stream("/bare.Bare/Stamps", None, None)
        count = int(SECONDS * pace)
        return sorted(
            time.monotonic() - float(stamp) for stamp in stamps(json.dumps([count, 1 / pace]).encode())
        )


def _at_pace(client: Client) -> list[Row]:
    """CPU of a client that keeps a stream, and how long another thread's call takes meanwhile."""
    calls: list[float] = []
    over = threading.Event()

    def call() -> None:
        while not over.wait(0.02):
            start = time.perf_counter()
            client.call()
            calls.append(time.perf_counter() - start)

    with client.open() as stream:
        client.fire("pace", PACE)
        time.sleep(0.5)
        received, cpu, start = stream.received, time.process_time(), time.perf_counter()
        time.sleep(SECONDS)
        used, took = time.process_time() - cpu, time.perf_counter() - start
        rate = (stream.received - received) / took
        caller = threading.Thread(target=call)
        caller.start()
        time.sleep(SECONDS)
        over.set()
        caller.join()
        client.fire("pace", 0)
    return [
        Row(f"CPU of a client at {rate:,.0f} ticks/s", f"{100 * used / took:.1f} % of a core"),
        _row("  another thread's call meanwhile (p99 under 20 ms)", sorted(calls)),
    ]


def _row(what: str, found: list[float], floor: list[float] | None = None) -> Row:
    middle, worst = found[len(found) // 2], found[len(found) * 99 // 100]
    against = "" if floor is None else f"p50 {middle / floor[len(floor) // 2]:.1f} times the bare stream"
    return Row(what, f"p50 {timing.duration(middle)}, p99 {timing.duration(worst)}", against)
