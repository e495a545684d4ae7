"""CustomListen and CustomCallAndListen: events handled by code that the client sends.

Such code can do everything that the server's process can, so it is refused unless the server was started to allow it.
It runs on the control thread, inside the events, as KOAPY's handlers do: the control answers it there, and all other
work waits for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc

from kernel_server import failure, reference
from kernel_server.control.event_context import EventContext
from kernel_server.control.host import ControlHost
from kernel_server.control.plain import PlainCalls
from kernel_server.failure import Failure
from kernel_server.rpc.call import FunctionCalls
from kernel_server.rpc.context import Context, confirm
from kernel_server.rpc.custom import api as custom_code_api
from kernel_server.rpc.listen import packed
from kernel_server.rpc.values import checked_plain, to_argument, to_scalar
from kernel_server.streams.mailbox import Mailbox
from kernel_server.streams.subscriptions import EventSource
from kernel_server.wire import openapi_pb2


class CustomCode:
    """Streams of what clients' code sends.

    Args:
        host: the control.
        plain: the functions that the code may call.
        calls: makes the call of CustomCallAndListen.
        events: the control's events.
        allowed: whether clients may send code.
    """

    def __init__(
        self,
        host: ControlHost,
        plain: PlainCalls,
        calls: FunctionCalls,
        events: EventSource,
        allowed: bool,
    ) -> None:
        self._host = host
        self._plain = plain
        self._calls = calls
        self._events = events
        self._allowed = allowed

    async def custom_listen(
        self, request: openapi_pb2.ListenRequest, context: Context
    ) -> AsyncIterator[bytes]:
        """CustomListen: events as the client's class handles them; without one, all events with their data.

        Raises:
            failure.Failure: Forbidden where the server does not allow it; BadInput where the code is not right.
        """
        async with self._listening(request) as box:
            await confirm(context, self._host)
            while True:
                taken = await box.take()
                for item in taken.items:
                    yield item
                if taken.over:
                    return

    async def custom_call_and_listen(
        self, request: openapi_pb2.CallAndListenRequest, context: Context
    ) -> AsyncIterator[bytes]:
        """CustomCallAndListen: begins to listen, then makes the call: its result comes first, the events follow."""
        name = request.call_request.name
        arguments = [to_scalar(argument) for argument in request.call_request.arguments]
        checked_plain(name, arguments)
        async with self._listening(request.listen_request) as box:
            value = await self._calls.call(context, name, arguments)
            response = openapi_pb2.CallAndListenResponse()
            response.call_response.return_value.CopyFrom(to_argument(value))
            yield response.SerializeToString()
            while True:
                taken = await box.take()
                for item in taken.items:
                    event = openapi_pb2.ListenResponse.FromString(item)
                    yield openapi_pb2.CallAndListenResponse(listen_response=event).SerializeToString()
                if taken.over:
                    return

    @asynccontextmanager
    async def _listening(self, request: openapi_pb2.ListenRequest) -> AsyncIterator[Mailbox[bytes]]:
        if not request.code:
            async with self._events.subscribe(list(reference.events()), packed) as subscription:
                yield subscription.box
            return
        if not self._allowed:
            raise failure.forbidden(
                "this server does not run code that clients send; its operator may start it with"
                " --allow-custom-code"
            )
        box: Mailbox[bytes] = Mailbox(self._events.waker)
        handler = _ClientHandler(self._host, self._plain, box)
        try:
            await self._host.run(lambda _: handler.start(request))
            yield box
        finally:
            self._host.thread.hand_over(handler.stop)
            box.end()


class Observer:
    """Takes what custom code sends to its client: ListenResponse messages."""

    def __init__(self, box: Mailbox[bytes]) -> None:
        self._box = box

    def on_next(self, response: Any) -> None:
        self._box.put(response.SerializeToString())

    def on_error(self, error: Exception) -> None:
        self._box.end(_raised(error))

    def on_completed(self) -> None:
        self._box.end()


class _ClientHandler:
    """An event handler that the client's code defines. It is used on the control thread only."""

    def __init__(self, host: ControlHost, plain: PlainCalls, box: Mailbox[bytes]) -> None:
        self._router = host.router
        self._plain = plain
        self._box = box
        self._stops: list[Callable[[], None]] = []
        self._handler: Any = None

    def start(self, request: openapi_pb2.ListenRequest) -> None:
        names = custom_code_api.namespace()
        try:
            exec(compile(request.code, "<client>", "exec"), names)  # noqa: S102 - what this RPC is for
            handler = names[request.class_name](custom_code_api.Functions(self._plain), request, None)
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
                self._stops.append(self._router.listen(name, self._listener(method)))
        self._guarded(getattr(self._handler, "on_enter", None))

    def stop(self) -> None:
        for stop in self._stops:
            stop()
        if self._handler is not None:
            for leave in (getattr(self._handler, "on_exit", None), *custom_code_api.callbacks(self._handler)):
                self._guarded(leave)

    def _listener(self, method: Callable[..., object]) -> Callable[[EventContext], None]:
        return lambda event: self._guarded(method, *event.arguments)

    def _guarded(self, method: Callable[..., object] | None, *arguments: object) -> None:
        if method is None:
            return
        try:
            method(*arguments)
        except Exception as error:  # noqa: BLE001 - of the client's own code: it ends the client's stream
            self._box.end(_raised(error))


def _raised(error: Exception) -> Failure:
    return Failure(
        grpc.StatusCode.ABORTED, "NoAnswer", f"the client's code raised {type(error).__name__}: {error}"
    )
