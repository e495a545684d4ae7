"""One piece of work on its way to the control thread, and its result on the way back to the event loop."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from kernel_server.control.seam import Control

T = TypeVar("T")
HandOver = Callable[[Callable[[], None]], None]

_LOOK = 0.0002
"""So many seconds the loop looks whether the result is there already. Most functions take a few microseconds, and a
turn of the loop fifty; what takes longer than this is told in a turn of its own."""

_AWAKE = 40_000
"""For so many of its nanoseconds it does not go to sleep: a thread that sleeps takes some forty thousand to wake."""
_YIELD: Callable[[], None] | None = getattr(os, "sched_yield", None)  # Windows has none


class Errand(Generic[T]):
    """``work(control)`` on the control thread; the result goes to ``future``, which belongs to the running loop."""

    __slots__ = ("_control", "_error", "_left", "_loop", "_result", "_there", "_work", "future")

    def __init__(self, work: Callable[[Control], T], control: Control) -> None:
        self._work = work
        self._control = control
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()

    def leave(self, hand_over: HandOver) -> None:
        """Hands the work over and goes on."""
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
        if self._there.acquire(timeout=seconds) or not self._takes():
            self._settle()

    def _takes(self) -> bool:
        try:
            self._left.pop()
        except IndexError:
            return False
        return True

    def _do_and_tell(self) -> None:
        if not self.future.cancelled():
            self._do()
            hand_back(self._loop, self._settle)

    def _do_and_show(self) -> None:
        if self.future.cancelled():
            return
        self._do()
        if self._takes():
            self._there.release()
        else:
            hand_back(self._loop, self._settle)

    def _do(self) -> None:
        self._error: BaseException | None = None
        try:
            self._result = self._work(self._control)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked, not to this thread
            self._error = error

    def _settle(self) -> None:
        future, error = self.future, self._error
        if future.done():
            return
        if error is None:
            future.set_result(self._result)
        elif isinstance(error, Exception):
            future.set_exception(error)
        else:
            future.set_exception(RuntimeError(f"{type(error).__name__} on the control thread: {error}"))


def hand_back(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    """``call(*arguments)`` on the event loop, from any thread; nothing where the loop is closed by now."""
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise
