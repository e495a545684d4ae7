"""One piece of work on its way to the control thread, and its result on the way back to the event loop."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from kernel_server.control.seam import Control

T = TypeVar("T")
HandOver = Callable[[Callable[[], None]], None]

_LOOK = 0.0002
"""So many seconds the loop looks whether the result is there already. Most functions take a few microseconds, and a
turn of the loop fifty; what takes longer than this is told in a turn of its own."""

_AWAKE = 40_000
"""For so many of its nanoseconds it does not go to sleep: a thread that sleeps takes some forty thousand to wake."""
_YIELD: Callable[[], None] | None = getattr(os, "sched_yield", None)  # Windows has none


class Errand(Awaitable[T]):
    """``work(control)`` on the control thread; whoever awaits it, on the loop that it was made on, has the result.

    Cancelled before its turn, it is not done.
    """

    __slots__ = ("_control", "_error", "_future", "_left", "_loop", "_result", "_there", "_work")

    def __init__(self, work: Callable[[Control], T], control: Control) -> None:
        self._work = work
        self._control = control
        self._loop = asyncio.get_running_loop()
        # None where the result is there.
        self._future: asyncio.Future[T] | None = None
        self._error: BaseException | None = None

    def leave(self, hand_over: HandOver) -> None:
        """Hands the work over and goes on."""
        self._future = self._loop.create_future()
        hand_over(self._do_and_tell)

    def look(self, hand_over: HandOver, seconds: float = _LOOK) -> None:
        """Hands the work over to a thread that is idle, and stays a moment: the result may be there at once."""
        self._there = threading.Lock()
        self._there.acquire()
        # Whoever takes it out decides on the way back: the control thread, or the loop that goes on.
        self._left = [None]
        hand_over(self._do_and_show)
        if seconds and _YIELD is not None:
            until = time.perf_counter_ns() + _AWAKE
            while self._there.locked() and time.perf_counter_ns() < until:
                _YIELD()
        if not self._there.acquire(timeout=seconds) and self._takes():
            self._future = self._loop.create_future()

    def __await__(self) -> Generator[Any, None, T]:
        future = self._future
        if future is not None:
            return (yield from future)
        if self._error is not None:
            raise _told(self._error)
        return self._result

    def done(self) -> bool:
        """Whether the result is there."""
        return self._future is None or self._future.done()

    def cancel(self) -> None:
        """Nobody wants it any more."""
        if self._future is not None:
            self._future.cancel()

    def _takes(self) -> bool:
        try:
            self._left.pop()
        except IndexError:
            return False
        return True

    def _do_and_tell(self) -> None:
        if self._do():
            hand_back(self._loop, self._settle)

    def _do_and_show(self) -> None:
        if not self._do():
            return
        if self._takes():
            self._there.release()
        else:
            hand_back(self._loop, self._settle)

    def _do(self) -> bool:
        future = self._future
        if future is not None and future.cancelled():
            return False
        try:
            self._result = self._work(self._control)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked, not to this thread
            self._error = error
        return True

    def _settle(self) -> None:
        future = self._future
        if future is None or future.done():
            return
        if self._error is None:
            future.set_result(self._result)
        else:
            future.set_exception(_told(self._error))


def _told(error: BaseException) -> Exception:
    """What the caller gets: not what would end the loop or the thread that it is raised on."""
    if isinstance(error, Exception):
        return error
    return RuntimeError(f"{type(error).__name__} on the control thread: {error}")


def hand_back(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    """``call(*arguments)`` on the event loop, from any thread; nothing where the loop is closed by now."""
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise
