"""For tests of streams: events fired at the control, its calls, and requests one at a time."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

from tests.support.canned_server import CannedServer


def fire(server: CannedServer, name: str, *arguments: str | int) -> None:
    """Fire an event of the control on its thread; it has been delivered to the server when this returns."""
    server.thread.post(lambda: server.control.fire(name, *arguments)).result(5)


def calls(server: CannedServer, name: str) -> list[tuple[Any, ...]]:
    """The arguments of every call of that function so far."""
    return [arguments for called, arguments in list(server.control.calls) if called == name]


class RequestQueue:
    """The requests of a stream, one at a time."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, request: Any) -> None:
        self._queue.put(request)

    def end(self) -> None:
        self._queue.put(None)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._queue.get, None)
