"""``EventReader``: one consumer of a stream, with a separate position."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Final, Generic, TypeVar

from koalab.errors import NoAnswer
from koalab.inputs.arguments import seconds
from koalab.live.source import StreamSource
from koalab.transport.forking import require_process

E = TypeVar("E")

# Rows made into Python objects at a time.
_OBJECTS: Final = 1_024
# A wait is cut so that Ctrl-C is noticed on every system.
_WAIT: Final = 0.2
_keys = itertools.count()


class EventReader(Generic[E]):
    """An iterator and asynchronous iterator over the events of a stream. One thread or task at a time.

    Iteration ends when the stream is closed, with the error that ended it if there was one.

    Args:
        source: of the events.
        start: the number of the first row to read.

    Attributes:
        dropped: events that were kept no more when their turn came.
    """

    def __init__(self, source: StreamSource, start: int) -> None:
        self._source = source
        self._process = os.getpid()
        self._position = start
        self._ready: deque[E] = deque()
        self.dropped = 0

    def __iter__(self) -> Iterator[E]:
        return self

    def __next__(self) -> E:
        found = self._take(None)
        assert found is not None
        return found

    def next(self, timeout: float | None = None) -> E:
        """The next event, waiting for at most ``timeout`` seconds.

        Raises:
            NoAnswer: none came in time.
            StopIteration: the stream is closed and all events were read.
        """
        if timeout is not None:
            timeout = seconds("timeout", timeout)
        found = self._take(timeout)
        if found is None:
            raise NoAnswer(f"no {self._source.label} within {timeout:g} s")
        return found

    def __aiter__(self) -> AsyncIterator[E]:
        return self

    async def __anext__(self) -> E:
        if not self._ready:
            # A loop over events that are there already gives other tasks their turn all the same.
            await asyncio.sleep(0)
            if not self._ready and not self._fill():
                await self._wait_async()
        if not self._ready:
            self._raise_end(StopAsyncIteration)
        return self._ready.popleft()

    def skip(self) -> int:
        """Goes on with the next event to come; returns the number of events skipped."""
        with self._source.changed:
            skipped = self._source.stop - self._position + len(self._ready)
            self._position = self._source.stop
        self._ready.clear()
        return skipped

    def _take(self, timeout: float | None) -> E | None:
        until = None if timeout is None else time.monotonic() + timeout
        while not self._ready and not self._fill():
            with self._source.changed:
                if self._source.stop > self._position:
                    continue
                if self._source.over:
                    self._raise_end(StopIteration)
                left = _WAIT if until is None else min(_WAIT, until - time.monotonic())
                if left <= 0:
                    return None
                self._source.changed.wait(left)
        return self._ready.popleft()

    def _fill(self) -> bool:
        """Makes objects of the next rows, if there are any."""
        require_process(self._process)
        source = self._source
        with source.changed:
            if self._position < source.first:
                self.dropped += source.first - self._position
                self._position = source.first
            start, stop = self._position, min(source.stop, self._position + _OBJECTS)
            self._position = stop
        if start < stop:
            found = source.events(start, stop)
            self.dropped += stop - start - len(found)  # gone since the lock was released
            self._ready.extend(found)
        return bool(self._ready)

    async def _wait_async(self) -> None:
        """Waits until there are rows or the stream is over."""
        loop, wakened, key = asyncio.get_running_loop(), asyncio.Event(), next(_keys)

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(wakened.set)
            except RuntimeError:  # the loop was closed and its task left behind
                self._source.remove_waker(key)

        self._source.add_waker(key, wake)
        try:
            while not self._fill() and not self._source.over:
                await wakened.wait()
                wakened.clear()
            self._fill()
        finally:
            self._source.remove_waker(key)

    def _raise_end(self, end: type[StopIteration] | type[StopAsyncIteration]) -> None:
        error = self._source.error
        if error is not None:
            raise error
        raise end
