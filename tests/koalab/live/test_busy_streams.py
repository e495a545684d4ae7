"""A thousand trades a second over 200 issues, through the real server: every trade is in the frame, memory is flat."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from kernel_server.clock import RunningClock
from kernel_server.control.thread import PlainThread
from kernel_server.reference.sessions import Sessions
from kernel_server.scheduler import Limits
from kernel_server.server import BackgroundServer, ServerSettings
from koalab.link import Link
from koalab.live.hub import Hub
from koalab.live.open_streams import OpenStreams
from koalab.live.stream import EventStream
from koalab.transport.remote import RemoteTransport
from tests.support.busy_market import CODES, BusyControl
from tests.support.examples import THOROUGH
from tests.support.waiting import HANGS_AFTER

SECONDS = 3_600 if THOROUGH else 10
A_SECOND = 1_000
KEPT = 200_000 if THOROUGH else 4_000
NO_SESSIONS = Sessions(np.empty(0, "M8[D]"), np.empty(0, np.int64), np.empty(0, np.int64))


class Busy:
    """The server, and streams over it."""

    def __init__(self) -> None:
        thread = PlainThread()
        made: list[BusyControl] = []

        def make() -> BusyControl:
            made.append(BusyControl(thread.hand_over))
            return made[0]

        self.server = BackgroundServer(
            make, RunningClock(), ServerSettings(Limits("none", {}), port=0), thread
        )
        self.thread, self.control = thread, made[0]
        self.transport = RemoteTransport(self.server.address)
        link = Link(self.transport)
        self.hub = Hub(link)
        self.streams = OpenStreams(self.hub, lambda: NO_SESSIONS, link.now)

    def seconds(self, count: int) -> None:
        """So many seconds of trades, as fast as they are received."""
        for _ in range(count):
            self.thread.post(lambda: self.control.trade(A_SECOND)).result(HANGS_AFTER)
            assert self.hub.sync(HANGS_AFTER)

    def close(self) -> None:
        self.streams.close()
        self.hub.close()
        self.transport.close()
        self.server.stop(0)


@pytest.fixture
def busy() -> Iterator[Busy]:
    found = Busy()
    yield found
    found.close()


def require_every_trade(stream: EventStream[Any], last: int) -> None:
    frame = stream.to_frame(last)
    assert len(frame) == last
    steps = frame.groupby(level="code")["total_volume"].diff()
    assert (steps.isna() | (steps == frame["volume"])).all()
    assert len(frame.index.unique("code")) == len(CODES)


def test_every_trade_is_in_the_frame_and_memory_stays_flat(busy: Busy) -> None:
    stream = busy.streams.open("주식체결", CODES, KEPT)
    part = max(1, KEPT // A_SECOND)
    busy.seconds(part)
    tracemalloc.start()
    try:
        busy.seconds(part)
        before, _ = tracemalloc.get_traced_memory()
        received = 2 * part
        while received < SECONDS:
            busy.seconds(part)
            received += part
            require_every_trade(stream, KEPT)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stream.received == received * A_SECOND
    assert (len(stream), stream.dropped, stream.repeated, len(stream.gaps)) == (KEPT, 0, 0, 0)
    assert after - before < 8_192 * 24 * 8 + 1_000_000  # a block, and what is on its way


def test_each_of_ten_readers_gets_every_trade(busy: Busy) -> None:
    stream = busy.streams.open("주식체결", CODES, None)
    readers = [stream.reader() for _ in range(10)]
    busy.seconds(2)
    stream.close()
    expected = stream.to_frame()["total_volume"].sum()
    for reader in readers:
        assert sum(tick.total_volume for tick in reader) == expected
