"""Calls and real-time events through the server, against gRPC with nothing behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np

from bench import timing
from bench.timing import Row
from bench.wires import CODE, EVENT, OTHER, TYPE
from kernel_server import reference
from kernel_server.wire import kernel_pb2, kernel_pb2_grpc, openapi_pb2
from koalab.transport.access import NO_PROXY

# Short rounds, and many: what else the machine does comes and goes.
CALLS, EVENTS, ROUNDS, DELAYS = 200, 2_000, 41, 2_000
_KOAPY = "/koapy.backend.kiwoom_open_api_plus.grpc.KiwoomOpenApiPlusService"


@contextmanager
def _server(kind: str) -> Iterator[grpc.Channel]:
    command = [sys.executable, "-m", "bench.wires", kind, str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["listening"]
        with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1), NO_PROXY]) as channel:
            yield channel
    finally:
        process.communicate(timeout=10)


def _identity(message: bytes) -> bytes:
    return message


class _Kernel:
    def __init__(self, channel: grpc.Channel) -> None:
        self.stub: Any = kernel_pb2_grpc.KernelStub(channel)
        name = openapi_pb2.Argument(string_value=CODE)
        self._name = openapi_pb2.CallRequest(name="GetMasterCodeName", arguments=[name])
        self._real: Any = channel.unary_stream(
            f"{_KOAPY}/RealCall", openapi_pb2.RealRequest.SerializeToString, None
        )
        self._call: Any = channel.unary_unary(
            f"{_KOAPY}/Call", openapi_pb2.CallRequest.SerializeToString, None
        )

    def unary(self, count: int = CALLS) -> None:
        for _ in range(count):
            self._call(self._name)

    def burst(self, count: int, kind: str = "burst") -> None:
        arguments = [openapi_pb2.Argument(string_value=text) for text in (kind, str(count))]
        self.stub.Call(openapi_pb2.CallRequest(name="KOA_Functions", arguments=arguments))

    def per_event(self, code: str = CODE) -> Any:
        flags = openapi_pb2.RealRequestFlags(infer_fids=True, readable_names=True, fast_parse=True)
        fids = list(reference.realtype(TYPE).fids)
        stream = self._real(openapi_pb2.RealRequest(code_list=[code], fid_list=fids[:50], flags=flags))
        stream.initial_metadata()  # sent when the code is registered
        return stream

    def batched(self) -> Any:
        first = kernel_pb2.TicksRequest(add=[CODE], fids=[10], capacity=100_000)
        over = threading.Event()

        def requests() -> Iterator[kernel_pb2.TicksRequest]:
            yield first
            over.wait(60)

        stream = self.stub.Ticks(requests())
        next(stream)
        return stream


def _bytes_of(stream: Any, count: int) -> None:
    for _ in range(count):
        assert next(stream) == EVENT


def _columns_of_events(stream: Any, count: int) -> dict[str, Any]:
    """Prices and volumes of per-event messages, as a client of that wire comes by them."""
    names, price, volume = None, [], []
    for _ in range(count):
        event = openapi_pb2.ListenResponse.FromString(next(stream))
        values = dict(zip(event.single_data.names, event.single_data.values, strict=True))
        price.append(abs(int(values["현재가"])))
        volume.append(int(values["거래량"]))
        names = names or list(values)
    return {"price": np.array(price), "volume": np.array(volume)}


def _columns_of_batches(stream: Any, count: int) -> dict[str, Any]:
    fids = reference.realtype(TYPE).fids
    width, at_price, at_volume = len(fids), fids.index(10), fids.index(15)
    prices, volumes, seen = [], [], 0
    while seen < count:
        batch = next(stream)
        if not batch.type:
            continue
        cells = batch.data.replace("\n", "\t").split("\t")
        prices.append(np.abs(np.array(cells[at_price::width], np.int64)))
        volumes.append(np.array(cells[at_volume::width], np.int64))
        seen += len(batch.type)
    return {"price": np.concatenate(prices), "volume": np.concatenate(volumes)}


def _delays(mine: _Kernel, count: int) -> list[float]:
    """Seconds that each of so many unary calls takes, sorted."""
    found = []
    for _ in range(count):
        start = time.perf_counter()
        mine.unary(1)
        found.append(time.perf_counter() - start)
    return sorted(found)


def _tick_delays(mine: _Kernel, count: int) -> list[float]:
    """Seconds from an event's firing to its reader, sorted."""
    stream = mine.per_event(OTHER)
    found = []
    for number in range(count + 10):
        mine.burst(1, "stamp")
        event = openapi_pb2.ListenResponse.FromString(next(stream))
        if number >= 10:
            found.append(time.monotonic() - float(event.arguments[2].string_value))
    stream.cancel()
    return sorted(found)


@contextmanager
def _flood(mine: _Kernel) -> Iterator[None]:
    """One stream at full speed: events are fired as fast as its reader takes them."""
    over = threading.Event()
    stream = mine.per_event()

    def read() -> None:
        left = 0
        while not over.is_set():
            if left < 1_000:
                mine.burst(2_000)
                left += 2_000
            message = next(stream)
            left -= 1
            if message != EVENT:  # some were dropped, and this says how many
                told = openapi_pb2.ListenResponse.FromString(message)
                left -= int(told.arguments[3].string_value.split()[0]) - 1

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()
        stream.cancel()


def latencies() -> list[Row]:
    """How long a call and a tick take: alone, with five hundred streams open, and beside a stream at full speed."""
    with _server("kernel") as kernel, _server("kernel") as flooded:
        mine, busy = _Kernel(kernel), _Kernel(flooded)
        mine.unary()
        idle = _delays(mine, DELAYS)
        streams = [mine.per_event(f"{number:06d}") for number in range(500)]
        many = _delays(mine, DELAYS)
        ticks = _tick_delays(busy, DELAYS // 4)
        with _flood(busy):
            beside = _delays(busy, DELAYS // 4)
            ticks_beside = _tick_delays(busy, DELAYS // 4)
        for stream in streams:
            stream.cancel()
    return [
        _delay("a unary call, idle", idle),
        _delay("  with 500 streams open", many, idle, "at most 2"),
        _delay("  beside a stream at full speed", beside, idle),
        _delay("a tick, from the control to its reader", ticks),
        _delay("  beside a stream at full speed", ticks_beside, ticks),
    ]


def _delay(what: str, found: list[float], idle: list[float] | None = None, wanted: str = "") -> Row:
    middle, worst = found[len(found) // 2], found[len(found) * 99 // 100]
    against = ""
    if idle is not None:
        against = f"p99 {worst / idle[len(idle) * 99 // 100]:.1f} times idle" + (
            f" ({wanted})" if wanted else ""
        )
    return Row(what, f"p50 {timing.duration(middle)}, p99 {timing.duration(worst)}", against)


def run() -> list[Row]:
    return [*rates(), *latencies()]


def rates() -> list[Row]:
    """Calls and events in a second, against gRPC with nothing behind it."""
    with _server("kernel") as kernel, _server("bare") as bare:
        mine = _Kernel(kernel)
        echo: Any = bare.unary_unary("/bare.Bare/Echo", _identity, None)
        stream: Any = bare.unary_stream("/bare.Bare/Stream", _identity, None)
        request = mine._name.SerializeToString()

        def echoes() -> None:
            for _ in range(CALLS):
                echo(request)

        unary, floor = timing.rounds([mine.unary, echoes], ROUNDS)
        events, batches = mine.per_event(), mine.batched()

        def per_event() -> None:
            mine.burst(EVENTS)
            _bytes_of(events, EVENTS)

        def floor_stream() -> None:
            for message in stream(str(EVENTS).encode()):
                assert message == EVENT

        # The batched reader gets the same events; its own time comes afterwards, when the other has gone.
        batches.cancel()
        streamed, bare_stream = timing.rounds([per_event, floor_stream], ROUNDS)

        def columns_per_event() -> None:
            mine.burst(EVENTS)
            found = _columns_of_events(events, EVENTS)
            assert len(found["price"]) == EVENTS

        one = timing.rounds([columns_per_event], ROUNDS)[0]
        events.cancel()
        batches = mine.batched()

        def columns_batched() -> None:
            mine.burst(EVENTS)
            found = _columns_of_batches(batches, EVENTS)
            assert len(found["price"]) == EVENTS

        many = timing.rounds([columns_batched], ROUNDS)[0]
        batches.cancel()
    return [
        Row(
            "a unary call",
            timing.duration(timing.median(unary) / CALLS),
            f"{timing.ratio(floor, unary):.2f} of a bare echo's rate (at least 0.8)",
        ),
        Row(
            "RealCall, 43 fields an event",
            f"{EVENTS / timing.median(streamed):,.0f} events/s",
            f"{timing.ratio(bare_stream, streamed):.2f} of a bare stream of the same bytes (at least 0.75)",
        ),
        Row(
            "ticks into columns at the client, batched",
            f"{EVENTS / timing.median(many):,.0f} events/s",
            f"{timing.ratio(one, many):.1f} times a message an event (at least 10)",
        ),
    ]
