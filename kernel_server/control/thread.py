"""The control thread: the one thread that ever touches the control.

Everything else posts work to it. The simulated broker runs on a plain thread; the OCX on Qt's main thread
(``kernel_server.control.qt``), because COM delivers its events there.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)


class ControlThread(Protocol):
    """Runs work, one piece after another, in the order in which it was posted."""

    def post(self, work: Callable[[], T]) -> Future[T]:
        """Runs ``work()`` on the control thread. A future cancelled before its turn is not run."""
        ...

    def hand_over(self, work: Callable[[], None]) -> None:
        """Like ``post`` without a result; an exception is logged."""
        ...

    def stop(self) -> None:
        """Ends the thread after the work posted so far."""
        ...


def settle(future: Future[T], work: Callable[[], T]) -> None:
    """Runs ``work`` into ``future``. Nothing that ``work`` raises may end the control thread."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - SystemExit included: it would end Qt's loop
        future.set_exception(error)
    else:
        future.set_result(result)


def call_in_loop(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: object) -> None:
    """Calls ``function(*arguments)`` on the event loop, from any thread; does nothing if the loop is closed."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


class PlainThread:
    """A control thread for a control that needs no message pump."""

    def __init__(self, name: str = "control") -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def post(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._work.put(lambda: settle(future, work))
        return future

    def hand_over(self, work: Callable[[], None]) -> None:
        self._work.put(work)

    def stop(self) -> None:
        self._work.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join(5)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except BaseException:
                log.exception("work on the control thread failed")
