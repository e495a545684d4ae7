"""What the tests of streams share: events fired by hand, requests one at a time, and waiting for another thread."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.canned_server import Rig


def fire(server: Rig, name: str, *arguments: str | int) -> None:
    """The control fires an event, on its thread; what it is told of is under way when this returns."""
    server.thread.post(lambda: server.control.fire(name, *arguments)).result(5)


def calls(server: Rig, name: str) -> list[tuple[Any, ...]]:
    """The arguments of every call of that function so far."""
    return [arguments for called, arguments in list(server.control.calls) if called == name]


def until(condition: Callable[[], bool]) -> None:
    """Waits for what another thread is about to do."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


class Asked:
    """The requests of a stream, one at a time."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, request: Any) -> None:
        self._queue.put(request)

    def end(self) -> None:
        self._queue.put(None)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._queue.get, None)
