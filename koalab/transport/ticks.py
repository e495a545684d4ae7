"""``RemoteTicks``: real-time events over ``Kernel.Ticks``, one stream for all codes, many events per message."""

from __future__ import annotations

import os
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
from koalab.transport.messages import origin_of

IDLE: Final = 1.0
"""Seconds without a request after which a mark is sent."""

CAPACITY: Final = 200_000
"""Events that the server buffers for this client: some seconds of the busiest market."""

_EVENTS_PER_MESSAGE: Final = 1_000
# Not a code: removing it changes nothing, but runs after everything queued for the control before.
_NO_CODE: Final = "-"

_Request = kernel_pb2.TicksRequest


class RemoteTicks:
    """A stream of real-time events; see ``koalab.transport.base.TickStream``.

    Args:
        start: ``KernelStub.Ticks``.
        translated_errors: context manager that raises koalab's errors in place of gRPC's.
        now: returns the broker's time.
        idle: seconds between two marks.
    """

    def __init__(
        self,
        start: Callable[..., Any],
        translated_errors: Callable[[], AbstractContextManager[None]],
        now: Callable[[], float],
        idle: float = IDLE,
    ) -> None:
        self._pid = os.getpid()
        self._translated_errors = translated_errors
        self._now = now
        self._idle = idle
        self._lock = threading.Lock()
        self._requested = 0
        self._outgoing: queue.SimpleQueue[tuple[_Request, int] | None] = queue.SimpleQueue()
        # Unanswered requests: the server's number, ours, and the time of sending.
        self._sent: deque[tuple[int, int, float]] = deque()
        self._closed = False
        self._outgoing.put((_Request(capacity=CAPACITY, flush_events=_EVENTS_PER_MESSAGE), 0))
        with translated_errors():
            self._stream = start(self._requests())

    def add(self, codes: Sequence[str], fids: Sequence[int]) -> int:
        return self._request(_Request(add=codes, fids=fids))

    def remove(self, codes: Sequence[str]) -> int:
        return self._request(_Request(remove=codes))

    def mark(self) -> int:
        return self._request(_Request(remove=[_NO_CODE]))

    def _request(self, request: _Request) -> int:
        with self._lock:
            self._requested += 1
            self._outgoing.put((request, self._requested))
            return self._requested

    def __iter__(self) -> Iterator[TickBatch]:
        until, carried_out, answered = float("-inf"), 0, 0
        try:
            with self._translated_errors():
                for batch in self._stream:
                    # After a full message, events from before that request may still follow.
                    if len(batch.type) < _EVENTS_PER_MESSAGE:
                        answered = batch.carried_out
                    while self._sent and self._sent[0][0] <= answered:
                        _, carried_out, until = self._sent.popleft()
                    yield _batch(batch, until, carried_out)
            raise ServerLost("the server ended the stream of real-time events")
        finally:
            self.close()

    def close(self) -> None:
        self._closed = True
        self._outgoing.put(None)
        if os.getpid() == self._pid:  # a call of the parent's would hang in a forked process
            self._stream.cancel()

    def _requests(self) -> Iterator[_Request]:
        """The requests of the stream. Runs on a thread of gRPC, which ends with the stream."""
        requested = number = 0
        while not self._closed:
            try:
                item = self._outgoing.get(timeout=self._idle)
            except queue.Empty:
                item = (_Request(remove=[_NO_CODE]), requested)
            if item is None:
                return
            request, requested = item
            number += 1
            self._sent.append((number, requested, self._now()))
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
        origin=origin_of(batch) if batch.HasField("origin") else None,
    )
