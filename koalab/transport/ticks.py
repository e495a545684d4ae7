"""Real-time events over gRPC: ``Kernel.Ticks``, one stream for all codes, many events a message."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np

from kernel_server.wire import kernel_pb2
from koalab.errors import ServerLost
from koalab.transport.base import TickBatch

IDLE: Final = 1.0
"""Seconds after which a mark is sent, where nothing else was."""

CAPACITY: Final = 200_000
"""So many events may wait in the server for this reader: those of some seconds of the busiest market."""

_EVENTS: Final = 1_000  # in one message, at most
# The code of no issue. Taking it back does nothing, in the turn of all that the control has to do before.
_NOBODY: Final = "-"

_Request = kernel_pb2.TicksRequest


class RemoteTicks:
    """A stream of real-time events; see ``koalab.transport.base.TickStream``.

    Args:
        start: ``KernelStub.Ticks``.
        told: makes koalab's errors of gRPC's.
        now: the broker's time.
        idle: seconds between two marks.
    """

    def __init__(
        self,
        start: Callable[..., Any],
        told: Callable[[], AbstractContextManager[None]],
        now: Callable[[], float],
        idle: float = IDLE,
    ) -> None:
        self._told = told
        self._now = now
        self._idle = idle
        self._lock = threading.Lock()
        self._asked = 0
        self._waiting: queue.SimpleQueue[tuple[_Request, int] | None] = queue.SimpleQueue()
        # Requests that were not answered yet: the server's number, ours, and when each was sent.
        self._sent: deque[tuple[int, int, float]] = deque()
        self._over = False
        self._waiting.put((_Request(capacity=CAPACITY, flush_events=_EVENTS), 0))
        with told():
            self._stream = start(self._requests())

    def add(self, codes: Sequence[str], fids: Sequence[int]) -> int:
        return self._ask(_Request(add=codes, fids=fids))

    def remove(self, codes: Sequence[str]) -> int:
        return self._ask(_Request(remove=codes))

    def mark(self) -> int:
        return self._ask(_Request(remove=[_NOBODY]))

    def _ask(self, request: _Request) -> int:
        with self._lock:
            self._asked += 1
            self._waiting.put((request, self._asked))
            return self._asked

    def __iter__(self) -> Iterator[TickBatch]:
        until, carried_out, answered = float("-inf"), 0, 0
        try:
            with self._told():
                for batch in self._stream:
                    # A full message may be followed by what came before that request.
                    if len(batch.type) < _EVENTS:
                        answered = batch.carried_out
                    while self._sent and self._sent[0][0] <= answered:
                        _, carried_out, until = self._sent.popleft()
                    yield _batch(batch, until, carried_out)
            raise ServerLost("the server ended the stream of real-time events")
        finally:
            self.close()

    def close(self) -> None:
        self._over = True
        self._waiting.put(None)
        self._stream.cancel()

    def _requests(self) -> Iterator[_Request]:
        """On a thread of gRPC's own, which ends with the stream."""
        asked = number = 0
        while not self._over:
            try:
                waiting = self._waiting.get(timeout=self._idle)
            except queue.Empty:
                waiting = (_Request(remove=[_NOBODY]), asked)
            if waiting is None:
                return
            request, asked = waiting
            number += 1
            self._sent.append((number, asked, self._now()))
            yield request


def _batch(batch: kernel_pb2.TickBatch, until: float, carried_out: int) -> TickBatch:
    return TickBatch(
        types=tuple(batch.types),
        type=np.array(batch.type, np.intp),
        codes=tuple(batch.codes),
        code=np.array(batch.code, np.intp),
        data=batch.data,
        time=np.array(batch.time, np.float64),
        dropped=batch.dropped,
        until=until,
        carried_out=carried_out,
        connected=batch.connected if batch.HasField("connected") else None,
    )
