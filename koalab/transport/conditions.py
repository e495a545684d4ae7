"""조건검색 over gRPC: the list of conditions, and a single search."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import grpc

from kernel_server.wire import AHEAD_KEY, EXPECTED_WAIT_KEY, kernel_pb2, openapi_pb2
from koalab.errors import KoalabError, ServerLost
from koalab.transport.base import (
    CALL_TIMEOUT,
    UNKNOWN,
    ConditionChange,
    FoundCodes,
    ListedConditions,
    Origin,
    QueuePosition,
)
from koalab.transport.messages import expecting, origin_in, origin_of

_FOUND = "OnReceiveTrCondition"
_CHANGED = "OnReceiveRealCondition"
_ENTERED = "I"  # 편입; "D" is 이탈
_LIVE = 1  # nSearch
# Seconds between queue positions while the search waits.
_UPDATE_INTERVAL = 1.0
_END = object()


def conditions(stub: Any, reload: bool) -> ListedConditions:
    """The user's conditions by number; ``reload`` downloads them again from the broker."""
    found = stub.Conditions(kernel_pb2.ConditionsRequest(reload=reload), timeout=CALL_TIMEOUT)
    return ListedConditions({one.index: one.name for one in found.conditions}, origin_of(found))


def search(stub: Any, index: int, name: str) -> Generator[FoundCodes | QueuePosition, None, None]:
    """The codes that match a condition now; queue positions while the search waits.

    The server sends the expected wait once, at the beginning; later positions are computed from the elapsed time.
    Closing the iterator removes the search from the server's queue.
    """
    stream = stub.Condition(openapi_pb2.ConditionRequest(condition_name=name, condition_index=index))
    received: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(stream, received), name="koalab-condition", daemon=True).start()
    position, since, origin = QueuePosition(0, 0.0), time.monotonic(), UNKNOWN
    try:
        while True:
            try:
                item = received.get(timeout=_UPDATE_INTERVAL)
            except queue.Empty:
                left = position.expected_wait - (time.monotonic() - since)
                yield QueuePosition(position.ahead, max(0.0, left))
                continue
            if item is _END:
                return
            if isinstance(item, (grpc.RpcError, KoalabError)):
                raise item
            if isinstance(item, Origin):
                origin = item
                continue
            if isinstance(item, QueuePosition):
                position, since = item, time.monotonic()
                yield item
            elif item.name == _FOUND:
                yield FoundCodes(codes_of(item.arguments[1].string_value), origin)
    finally:
        stream.cancel()


class RemoteCondition:
    """A live condition; see ``koalab.transport.base.ConditionStream``.

    Args:
        start: ``KernelStub.Condition``.
        translated_errors: context manager that raises koalab's errors in place of gRPC's.
        index: the condition's number.
        name: its name.
        expected: the server that is to follow it; another refuses.
    """

    def __init__(
        self,
        start: Callable[..., Any],
        translated_errors: Callable[[], AbstractContextManager[None]],
        index: int,
        name: str,
        expected: Origin,
    ) -> None:
        self._translated_errors = translated_errors
        request = openapi_pb2.ConditionRequest(condition_name=name, condition_index=index, search_type=_LIVE)
        with translated_errors():
            self._stream = start(request, metadata=expecting(expected))

    def __iter__(self) -> Iterator[QueuePosition | list[str] | ConditionChange]:
        with self._translated_errors():
            try:
                yield _queue_position(dict(self._stream.initial_metadata()))
                for response in self._stream:
                    if response.name == _FOUND:
                        yield list(dict.fromkeys(codes_of(response.arguments[1].string_value)))
                    elif response.name == _CHANGED:
                        code, kind = (argument.string_value for argument in response.arguments[:2])
                        yield ConditionChange(code.strip(), kind == _ENTERED)
            finally:
                self.close()
        raise ServerLost("the server ended the live condition")

    def close(self) -> None:
        self._stream.cancel()


def codes_of(listed: str) -> list[str]:
    """The codes of OnReceiveTrCondition, with or without prices.

    >>> codes_of("005930;000660;"), codes_of("005930^77000;"), codes_of("")
    (['005930', '000660'], ['005930'], [])
    """
    return [item.split("^")[0].strip() for item in listed.split(";") if item.strip()]


def _read(stream: Any, received: queue.SimpleQueue[Any]) -> None:
    """Reads the stream on a thread, so that the caller can be interrupted and can report progress."""
    try:
        metadata = tuple(stream.initial_metadata())
        received.put(_queue_position(dict(metadata)))
        origin: Origin | None = None
        for response in stream:
            if origin is None:
                origin = origin_in(metadata)
                received.put(origin)
            received.put(response)
        received.put(_END)
    except (grpc.RpcError, KoalabError) as error:
        received.put(error)


def _queue_position(metadata: Mapping[str, str | bytes]) -> QueuePosition:
    return QueuePosition(int(metadata.get(AHEAD_KEY, 0)), int(metadata.get(EXPECTED_WAIT_KEY, 0)) / 1000)
