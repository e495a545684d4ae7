"""조건검색 over gRPC: the conditions there are, and one search of one of them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Generator, Mapping
from typing import Any

import grpc

from kernel_server.wire import AHEAD_KEY, EXPECTED_WAIT_KEY, kernel_pb2, openapi_pb2
from koalab.transport.base import CALL_TIMEOUT, QueuePosition

_FOUND = "OnReceiveTrCondition"
# So often whoever waits is told that it still does.
_TELL_EVERY = 1.0
_OVER = object()


def conditions(stub: Any, reload: bool) -> dict[int, str]:
    """The user's conditions by number, downloaded again where ``reload`` says so."""
    found = stub.Conditions(kernel_pb2.ConditionsRequest(reload=reload), timeout=CALL_TIMEOUT)
    return {one.index: one.name for one in found.conditions}


def search(stub: Any, index: int, name: str) -> Generator[list[str] | QueuePosition, None, None]:
    """The codes that fulfil a condition now; before them, while it waits for its turn, where it stands.

    The server says once, at the beginning, how long that takes; from then on a clock of ours goes on. Closing the
    iterator takes the search out of the server's queue.
    """
    stream = stub.Condition(openapi_pb2.ConditionRequest(condition_name=name, condition_index=index))
    said: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(stream, said), name="koalab-condition", daemon=True).start()
    place, since = QueuePosition(0, 0.0), time.monotonic()
    try:
        while True:
            try:
                item = said.get(timeout=_TELL_EVERY)
            except queue.Empty:
                left = place.expected_wait - (time.monotonic() - since)
                yield QueuePosition(place.ahead, max(0.0, left))
                continue
            if item is _OVER:
                return
            if isinstance(item, grpc.RpcError):
                raise item
            if isinstance(item, QueuePosition):
                place, since = item, time.monotonic()
                yield item
            elif item.name == _FOUND:
                yield codes_of(item.arguments[1].string_value)
    finally:
        stream.cancel()


def codes_of(listed: str) -> list[str]:
    """The codes of OnReceiveTrCondition, with or without prices.

    >>> codes_of("005930;000660;"), codes_of("005930^77000;"), codes_of("")
    (['005930', '000660'], ['005930'], [])
    """
    return [item.split("^")[0].strip() for item in listed.split(";") if item.strip()]


def _read(stream: Any, said: queue.SimpleQueue[Any]) -> None:
    """Hands everything over that comes, so that whoever waits can be interrupted and told the time meanwhile."""
    try:
        said.put(_place(dict(stream.initial_metadata())))
        for response in stream:
            said.put(response)
        said.put(_OVER)
    except grpc.RpcError as error:
        said.put(error)


def _place(metadata: Mapping[str, str | bytes]) -> QueuePosition:
    return QueuePosition(int(metadata.get(AHEAD_KEY, 0)), int(metadata.get(EXPECTED_WAIT_KEY, 0)) / 1000)
