"""From the control thread to a stream: what one puts in, the other takes out on the event loop, many at a time.

Waking the loop costs a system call, so a box that has not been emptied yet wakes nobody again, and all boxes
that got something meanwhile share one call.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

import grpc

from kernel_server.control.thread import call_in_loop
from kernel_server.failure import Failure

T = TypeVar("T")

LOSSLESS = 20_000
"""So many items that must not be lost may wait for a reader; then its stream is ended, and it is told."""

AT_ONCE = 16
"""So many readers are woken in one go of the loop: each costs a message, and calls come in between."""


@dataclass(frozen=True)
class Taken(Generic[T]):
    """What was in a box: the items, oldest first, how many were lost before them, and whether more can come."""

    items: list[T]
    dropped: int
    over: bool


class Waker:
    """Tells the event loop that boxes have something, once for however many there are."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._boxes: list[Mailbox[object]] = []

    def wake(self, box: Mailbox[T]) -> None:
        """From any thread."""
        with self._lock:
            first = not self._boxes
            self._boxes.append(box)  # type: ignore[arg-type]  # a box is woken, not looked into
        if first:
            call_in_loop(self._loop, self._run)

    def _run(self) -> None:
        with self._lock:
            boxes, self._boxes = self._boxes[:AT_ONCE], self._boxes[AT_ONCE:]
            more = bool(self._boxes)
        for box in boxes:
            box.woken()
        if more:
            self._loop.call_soon(self._run)


class Mailbox(Generic[T]):
    """A queue with one reader, on the event loop, and a writer on another thread.

    Args:
        waker: of the reader's loop.
        capacity: how many items may wait. None: as many as come, because none may be lost; a reader that has
            left ``LOSSLESS`` of them lying gets no more, and its ``take`` fails.
    """

    def __init__(self, waker: Waker, capacity: int | None = None) -> None:
        self._waker = waker
        self._capacity = capacity
        self._lock = threading.Lock()
        self._items: deque[T] = deque()
        self._dropped = 0
        self._lost = 0
        self._awake = False
        self._over = False
        self._error: Exception | None = None
        self._poked = False
        self._reader: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def lost(self) -> int:
        """How many items have been dropped in all."""
        return self._lost

    def put(self, item: T) -> None:
        """From any thread. In a full box it takes the place of the oldest item."""
        with self._lock:
            if self._over:
                return
            if self._capacity is not None and len(self._items) >= self._capacity:
                self._items.popleft()
                self._dropped += 1
                self._lost += 1
            elif self._capacity is None and len(self._items) >= LOSSLESS:
                self._over, self._error = True, _too_slow()
            if not self._over:
                self._items.append(item)
            wake, self._awake = not self._awake, True
        if wake:
            self._waker.wake(self)

    def end(self, error: Exception | None = None) -> None:
        """From any thread: nothing more comes. ``take`` gives what is left, then raises ``error`` if there is one."""
        with self._lock:
            if self._over:
                return
            self._over, self._error = True, error
            wake, self._awake = not self._awake, True
        if wake:
            self._waker.wake(self)

    def poke(self) -> None:
        """From any thread: ``take`` returns, even with nothing."""
        with self._lock:
            self._poked = True
            wake, self._awake = not self._awake, True
        if wake:
            self._waker.wake(self)

    def woken(self) -> None:
        """On the loop, from the waker."""
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def take(self, limit: int | None = None) -> Taken[T]:
        """Everything that is there, as soon as anything is (no more than ``limit`` of it).

        Raises:
            Exception: what ``end`` was given, once the box is empty.
        """
        while True:
            with self._lock:
                if self._items or self._over or self._poked:
                    return self._taken(limit)
                self._awake = False
                self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None

    def _taken(self, limit: int | None) -> Taken[T]:
        self._poked = False
        if not self._items and self._error is not None:
            raise self._error
        if limit is None or limit >= len(self._items):
            items = list(self._items)
            self._items.clear()
        else:
            items = [self._items.popleft() for _ in range(limit)]
        dropped, self._dropped = self._dropped, 0
        over = self._over and not self._items and self._error is None
        return Taken(items, dropped, over)


def _too_slow() -> Failure:
    return Failure(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "ServerLost",
        f"{LOSSLESS:,} events wait for a reader that does not read; none may be lost, so the stream ends here:"
        " listen again, and ask what happened since (the order and balance TRs)",
    )
