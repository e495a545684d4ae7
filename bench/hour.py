"""An hour of 1,000 ticks a second over 200 issues, through the real server: is every trade there, and memory flat?

The hour's 3.6 million trades are fired as fast as the client receives them, a minute at a time; then comes a minute at
the real rate, beside which another thread calls the server, and a bare gRPC server in turn.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc
import pandas as pd

from bench import timing
from bench.live import PACE, Client, client_of, server
from bench.soak import resident
from bench.timing import Row
from koalab.live.events import Tick
from koalab.live.stream import EventStream
from koalab.transport.access import NO_PROXY
from tests.support.busy_market import CODES

MINUTES: Final = 60
SECONDS_AT_PACE: Final = 60.0
WITHIN: Final = 0.020
"""Seconds in which another thread's call is answered."""

_A_MINUTE: Final = 60 * PACE
_PART: Final = 10_000
_KEPT: Final = 200_000
_SHOWN: Final = (5, 30, 60)
_CALL_EVERY: Final = 0.01
_Memory = dict[int, tuple[float, float]]


def run() -> list[Row]:
    """Raises RuntimeError where a trade is missing."""
    options = [("grpc.use_local_subchannel_pool", 1), NO_PROXY]
    with (
        server("busy") as (pid, address),
        server("bare") as (_, bare),
        grpc.insecure_channel(bare, options) as channel,
        client_of(address) as client,
    ):
        echo: Any = channel.unary_unary("/bare.Bare/Echo", None, None)
        return [*_hour(client, pid), *_at_pace(client, lambda: echo(b"005930"))]


def _hour(client: Client, pid: int) -> list[Row]:
    stream = client.open(_KEPT)
    totals = pd.Series(0, CODES)
    memory: _Memory = {}
    streamed = 0.0
    for minute in range(1, MINUTES + 1):
        begun = time.perf_counter()
        for count in range(_PART, _A_MINUTE + 1, _PART):
            client.fire("trades", _PART)
            while stream.received < (minute - 1) * _A_MINUTE + count:
                client.hub.sync(30)
        streamed += time.perf_counter() - begun
        totals = _require_every_trade(stream, totals)
        memory[minute] = resident(os.getpid()), resident(pid)
    stream.close()
    shown = [minute for minute in _SHOWN if minute in memory]
    return [
        Row(
            f"{MINUTES} minutes of {PACE:,} ticks/s over {len(CODES)} issues, every trade in to_frame()",
            f"{MINUTES * _A_MINUTE:,} trades",
            f"none missing by 누적거래량; {MINUTES * _A_MINUTE / streamed:,.0f} ticks/s into the server",
        ),
        *(
            Row(
                f"  memory of the {what} after {', '.join(map(str, shown))} minutes",
                f"{', '.join(f'{memory[minute][which]:.0f}' for minute in shown)} MB",
            )
            for which, what in enumerate(("client", "server"))
        ),
    ]


def _require_every_trade(stream: EventStream[Tick], before: pd.Series[int]) -> pd.Series[int]:
    """Compares a minute's trades with 누적거래량, from that ``before`` it on; returns that at its end."""
    frame = stream.to_frame(_A_MINUTE)
    volumes = frame["volume"].groupby(level="code").sum()
    steps = frame.groupby(level="code")["total_volume"].diff().fillna(frame["volume"]).astype("int64")
    totals = frame["total_volume"].groupby(level="code").last()
    if (
        len(frame) != _A_MINUTE
        or not (steps == frame["volume"]).all()
        or not (before + volumes == totals).all()
    ):
        raise RuntimeError(f"trades are missing in {stream!r}")
    if stream.dropped or stream.repeated or len(stream.gaps):
        raise RuntimeError(f"{stream!r} says that it has lost something")
    return totals


def _at_pace(client: Client, echo: Callable[[], object]) -> list[Row]:
    """CPU of a client at the real rate, and how long a call of another thread takes beside it, and a bare echo."""
    with _in_turn(client.call, echo) as (idle, _):
        time.sleep(SECONDS_AT_PACE / 4)
    with client.open() as stream:
        client.fire("pace", PACE)
        with _in_turn(client.call, echo) as (beside, floor):
            received, cpu, start = stream.received, time.process_time(), time.perf_counter()
            time.sleep(SECONDS_AT_PACE)
            used, took = time.process_time() - cpu, time.perf_counter() - start
            rate = (stream.received - received) / took
        client.fire("pace", 0)
        lost = stream.dropped + len(stream.gaps)
    return [
        Row(
            f"{took:.0f} s at {rate:,.0f} ticks/s, and calls beside them",
            f"{100 * used / took:.1f} % of a core",
            f"CPU of the client with the calls; {lost} lost",
        ),
        _row("  a call of another thread", beside, f"p99 {_p99(beside) / _p99(floor):.1f} times a bare echo"),
        _row("  a bare echo during it", floor),
        _row("  such a call, idle", idle),
    ]


@contextmanager
def _in_turn(
    call: Callable[[], object], echo: Callable[[], object]
) -> Iterator[tuple[list[float], list[float]]]:
    """Seconds of calls and of echos that another thread makes in turn during it, sorted at the end."""
    found: tuple[list[float], list[float]] = [], []
    over = threading.Event()

    def alternate() -> None:
        for ask, times in itertools.cycle(zip((call, echo), found, strict=True)):
            if over.wait(_CALL_EVERY):
                return
            start = time.perf_counter()
            ask()
            times.append(time.perf_counter() - start)

    caller = threading.Thread(target=alternate)
    caller.start()
    try:
        yield found
    finally:
        over.set()
        caller.join()
        for times in found:
            times.sort()


def _p99(found: list[float]) -> float:
    return found[len(found) * 99 // 100]


def _row(what: str, found: list[float], against: str = "") -> Row:
    late = sum(seconds > WITHIN for seconds in found)
    counted = f"{late} of {len(found):,} over {WITHIN * 1000:.0f} ms"
    figure = f"p50 {timing.duration(found[len(found) // 2])}, p99 {timing.duration(_p99(found))}"
    return Row(what, figure, f"{counted}; {against}" if against else counted)
