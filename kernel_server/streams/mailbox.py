"""Thread-to-asyncio queue with batched wake-ups.

Waking the event loop costs a system call. So a mailbox that has not been emptied since its last wake-up causes
none, and all mailboxes that fill before the loop runs share one.
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
"""Capacity of a mailbox that must not drop items; when it is full, its stream ends with an error."""

WAKES_A_TURN = 16
"""Readers woken in one turn of the loop: each sends a message, and unary calls get their turn in between."""


@dataclass(frozen=True)
class Taken(Generic[T]):
    """Items of a mailbox, oldest first, how many were dropped before them, and whether they are the last."""

    items: list[T]
    dropped: int
    over: bool


class Waker:
    """Wakes the event loop once for all mailboxes that have items."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._mailboxes: list[Mailbox[object]] = []

    def wake(self, mailbox: Mailbox[T]) -> None:
        """Schedules a wake-up of the mailbox's reader; from any thread."""
        with self._lock:
            first = not self._mailboxes
            self._mailboxes.append(mailbox)  # type: ignore[arg-type]  # its items are not used
        if first:
            call_in_loop(self._loop, self._run)

    def _run(self) -> None:
        with self._lock:
            mailboxes, self._mailboxes = self._mailboxes[:WAKES_A_TURN], self._mailboxes[WAKES_A_TURN:]
            more = bool(self._mailboxes)
        for mailbox in mailboxes:
            mailbox.on_wake()
        if more:
            self._loop.call_soon(self._run)


class Mailbox(Generic[T]):
    """A queue with one reader, on the event loop, and writers on other threads.

    Args:
        waker: of the reader's loop.
        capacity: how many items may wait; the oldest is dropped for a new one. None: nothing is dropped, and with
            ``LOSSLESS`` items waiting the mailbox ends with an error.
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
        """The number of items dropped so far."""
        return self._lost

    def put(self, item: T) -> None:
        """Adds an item; from any thread. A full mailbox drops its oldest item."""
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
        """Accepts no more items; from any thread. ``take`` returns what is left, then raises ``error`` if given."""
        with self._lock:
            if self._over:
                return
            self._over, self._error = True, error
            wake, self._awake = not self._awake, True
        if wake:
            self._waker.wake(self)

    def poke(self) -> None:
        """Makes ``take`` return, even without items; from any thread."""
        with self._lock:
            self._poked = True
            wake, self._awake = not self._awake, True
        if wake:
            self._waker.wake(self)

    def on_wake(self) -> None:
        """Called by the waker, on the loop."""
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def take(self, limit: int | None = None) -> Taken[T]:
        """Waits for items and returns all of them, at most ``limit``.

        Raises:
            Exception: the error given to ``end``, once the mailbox is empty.
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
