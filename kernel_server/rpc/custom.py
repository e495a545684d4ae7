"""CustomListen and CustomCallAndListen: events handled by code that the client sends.

Such code can do whatever the server's process can, so it is refused unless the server was started to allow it.
It runs on the control thread, inside the events, as every handler of KOAPY's does: the control answers it there,
and everybody waits while it works.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc

from kernel_server import failure, reference
from kernel_server.control.event_context import EventContext
from kernel_server.failure import Failure
from kernel_server.rpc import call, handling
from kernel_server.rpc.context import Context, Parts, Ready, to_argument, to_scalar
from kernel_server.rpc.listen import EventSubscription, packed
from kernel_server.streams.mailbox import Mailbox
from kernel_server.wire import openapi_pb2


class Observer:
    """Where custom code leaves what its client is to get: ListenResponse messages."""

    def __init__(self, box: Mailbox[bytes]) -> None:
        self._box = box

    def on_next(self, response: Any) -> None:
        self._box.put(response.SerializeToString())

    def on_error(self, error: Exception) -> None:
        self._box.end(_raised(error))

    def on_completed(self) -> None:
        self._box.end()


async def custom_listen(
    parts: Parts, request: openapi_pb2.ListenRequest, ready: Ready
) -> AsyncIterator[bytes]:
    """Events as the client's class handles them; without one, all events with their data.

    Raises:
        failure.Failure: Forbidden where the server does not allow it; BadInput where the code is not right.
    """
    async with _listening(parts, request) as box:
        await ready()
        async for item in _items(box):
            yield item


async def custom_call_and_listen(
    parts: Parts, context: Context, request: openapi_pb2.CallAndListenRequest
) -> AsyncIterator[bytes]:
    """Begins to listen, then makes the call: its result comes first, the events after it."""
    arguments = [to_scalar(argument) for argument in request.call_request.arguments]
    call.checked_plain(request.call_request.name, arguments)
    async with _listening(parts, request.listen_request) as box:
        value = await call.call(parts, context, request.call_request.name, arguments)
        response = openapi_pb2.CallAndListenResponse()
        response.call_response.return_value.CopyFrom(to_argument(value))
        yield response.SerializeToString()
        async for item in _items(box):
            heard = openapi_pb2.ListenResponse.FromString(item)
            yield openapi_pb2.CallAndListenResponse(listen_response=heard).SerializeToString()


async def _items(box: Mailbox[bytes]) -> AsyncIterator[bytes]:
    while True:
        taken = await box.take()
        for item in taken.items:
            yield item
        if taken.over:
            return


@asynccontextmanager
async def _listening(parts: Parts, request: openapi_pb2.ListenRequest) -> AsyncIterator[Mailbox[bytes]]:
    if not request.code:
        async with EventSubscription(parts, list(reference.events()), packed) as ear:
            yield ear.box
        return
    if not parts.custom_code:
        raise Failure(
            grpc.StatusCode.PERMISSION_DENIED,
            "Forbidden",
            "this server does not run code that clients send; whoever runs it may start it with --allow-custom-code",
        )
    box: Mailbox[bytes] = Mailbox(parts.waker)
    running = _Running(parts, box)
    try:
        await parts.host.run(lambda _: running.start(request))
        yield box
    finally:
        parts.host.thread.hand_over(running.stop)
        box.end()


class _Running:
    """A handler of the client's, on the control thread alone."""

    def __init__(self, parts: Parts, box: Mailbox[bytes]) -> None:
        self._parts = parts
        self._box = box
        self._stops: list[Callable[[], None]] = []
        self._handler: Any = None

    def start(self, request: openapi_pb2.ListenRequest) -> None:
        space = handling.space()
        try:
            exec(compile(request.code, "<client>", "exec"), space)  # noqa: S102 - what this RPC is for
            handler = space[request.class_name](handling.Functions(self._parts.plain), request, None)
        except Exception as error:
            raise failure.bad_input(
                f"the code could not be run: {type(error).__name__}: {error}; it defines the class that class_name"
                f" ({request.class_name!r}) names, which takes control, request and context"
            ) from error
        handler.observer = Observer(self._box)
        self._handler = handler
        for name in reference.events():
            method = getattr(self._handler, name, None)
            if method is not None:
                self._stops.append(self._parts.host.router.listen(name, self._hearer(method)))
        self._guarded(getattr(self._handler, "on_enter", None))

    def stop(self) -> None:
        for stop in self._stops:
            stop()
        if self._handler is not None:
            for leave in (getattr(self._handler, "on_exit", None), *handling.callbacks(self._handler)):
                self._guarded(leave)

    def _hearer(self, method: Callable[..., object]) -> Callable[[EventContext], None]:
        return lambda moment: self._guarded(method, *moment.arguments)

    def _guarded(self, method: Callable[..., object] | None, *arguments: object) -> None:
        if method is None:
            return
        try:
            method(*arguments)
        except Exception as error:  # noqa: BLE001 - the client's own; it is told
            self._box.end(_raised(error))


def _raised(error: Exception) -> Failure:
    return Failure(
        grpc.StatusCode.ABORTED, "NoAnswer", f"the client's code raised {type(error).__name__}: {error}"
    )
