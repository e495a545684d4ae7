"""``EventReader``: one consumer of a feed, with a place of its own in its log."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Final, Generic, TypeVar, cast

from koalab.errors import NoAnswer
from koalab.inputs.arguments import seconds
from koalab.live.event_frames import objects
from koalab.live.events import LiveEvent
from koalab.live.feed import EventFeed
from koalab.transport.forking import require_process

E = TypeVar("E", bound=LiveEvent)

# Rows made into Python objects at a time.
_OBJECTS: Final = 1_024
# A wait is cut so that Ctrl-C is noticed on every system.
_WAIT: Final = 0.2
_keys = itertools.count()


class EventReader(Generic[E]):
    """An iterator and asynchronous iterator over the events of a feed. One thread or task at a time.

    Iteration ends when the stream is closed, with the error that ended it if there was one.

    Args:
        feed: of the events.
        start: the number of the first row to read.

    Attributes:
        dropped: events that were kept no more when their turn came.
    """

    def __init__(self, feed: EventFeed, start: int) -> None:
        self._feed = feed
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
            raise NoAnswer(f"no {self._feed.realtype} within {timeout:g} s")
        return found

    def __aiter__(self) -> AsyncIterator[E]:
        return self

    async def __anext__(self) -> E:
        if not self._ready and not self._fill():
            await self._wait_async()
        if not self._ready:
            self._raise_end(StopAsyncIteration)
        return self._ready.popleft()

    def skip(self) -> int:
        """Goes on with the next event to come; returns the number of events skipped."""
        with self._feed.changed:
            skipped = self._feed.log.end - self._position + len(self._ready)
            self._position = self._feed.log.end
        self._ready.clear()
        return skipped

    def _take(self, timeout: float | None) -> E | None:
        until = None if timeout is None else time.monotonic() + timeout
        while not self._ready and not self._fill():
            with self._feed.changed:
                if self._feed.log.end > self._position:
                    continue
                if self._feed.over:
                    self._raise_end(StopIteration)
                left = _WAIT if until is None else min(_WAIT, until - time.monotonic())
                if left <= 0:
                    return None
                self._feed.changed.wait(left)
        return self._ready.popleft()

    def _fill(self) -> bool:
        """Makes objects of the next rows, if there are any."""
        require_process(self._process)
        feed = self._feed
        with feed.changed:
            if self._position < feed.log.first:
                self.dropped += feed.log.first - self._position
                self._position = feed.log.first
            stop = min(feed.log.end, self._position + _OBJECTS)
            parts, codes = list(feed.log.rows(self._position, stop)), tuple(feed.codes)
            self._position = stop
        for part in parts:
            self._ready.extend(cast("list[E]", objects(feed.realtype, part, codes)))
        return bool(self._ready)

    async def _wait_async(self) -> None:
        """Waits until there are rows or the feed is over."""
        loop, wakened, key = asyncio.get_running_loop(), asyncio.Event(), next(_keys)

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(wakened.set)

        self._feed.add_waker(key, wake)
        try:
            while not self._fill() and not self._feed.over:
                await wakened.wait()
                wakened.clear()
            self._fill()
        finally:
            self._feed.remove_waker(key)

    def _raise_end(self, end: type[StopIteration] | type[StopAsyncIteration]) -> None:
        error = self._feed.error
        if error is not None:
            raise error
        raise end
