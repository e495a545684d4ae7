"""The door: what every RPC passes on its way in and out, whichever service it is of.

In: who is asking and whether they may, how many they have open, how much the request holds. Out: the log and the
metrics. A refusal is told as any other failure is.

Services are added to the door and not to the server, which has nothing but the door. (An interceptor would do as
well, and cost every RPC a tenth of its time.)
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from kernel_server.failure import Failure
from kernel_server.observe.metrics import OTHER, Metrics
from kernel_server.observe.rpc_log import RpcLogEntry, short
from kernel_server.rpc.context import Context
from kernel_server.security import bounds, rights
from kernel_server.security.access import Access
from kernel_server.security.guard import STRANGER, Caller, Guard
from kernel_server.security.rights import Right

_CODES = {code.value[0]: code.name for code in grpc.StatusCode}
_KINDS = {
    (False, False): (grpc.unary_unary_rpc_method_handler, "unary_unary"),
    (False, True): (grpc.unary_stream_rpc_method_handler, "unary_stream"),
    (True, False): (grpc.stream_unary_rpc_method_handler, "stream_unary"),
    (True, True): (grpc.stream_stream_rpc_method_handler, "stream_stream"),
}


class RpcGateway(grpc.GenericRpcHandler):
    """One server's door, and all the services behind it.

    Args:
        guard: who may ask what.
        access: how many RPCs a client may have open, how long a stranger waits for an answer.
        metrics: where RPCs are counted.
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(
        self, guard: Guard, access: Access, metrics: Metrics, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.guard = guard
        self.access = access
        self.metrics = metrics
        self.monotonic = monotonic
        self.open: Counter[str] = Counter()
        self._inside: list[grpc.GenericRpcHandler] = []
        self._passing: dict[str, Any] = {}
        # Streams of callers who came with a token, and the tasks that they run in.
        self._streams: dict[RpcCall, asyncio.Task[Any] | None] = {}

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Adds a service; generated code calls it on what it takes for the server."""
        self._inside += handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Generated code would offer its methods a second time, by a way that does not ask the door."""

    def turn_out(self) -> None:
        """Ends the streams of callers who would not be let in any more: their token was taken out of the table."""
        for visit, task in list(self._streams.items()):
            if task is not None and not visit.welcome():
                self._streams[visit] = None
                task.cancel()

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        """The handler of an RPC, for gRPC. Whoever may not ask learns nothing, not even whether there is such a one."""
        method = str(details.method)
        if self.guard.asks:
            try:
                self.guard.admit(method, details.invocation_metadata)
            except Failure as failure:
                return self._refusing(method, failure)
        found = self._passing.get(method)
        if found is None:
            handlers = (inside.service(details) for inside in self._inside)
            handler = next((handler for handler in handlers if handler is not None), None)
            if handler is None:
                return None
            found = self._passing[method] = self._pass(method, handler)
        return found

    def _refusing(self, method: str, failure: Failure) -> Any:
        """A handler for any kind of RPC that answers with the failure, after a while: guessing has to be slow."""
        label = short(method) if method in rights.methods() else OTHER

        async def refuse(_requests: AsyncIterator[bytes], context: Context) -> None:
            seen = RpcCall(self, method, label, context, STRANGER)
            error: BaseException = failure
            try:
                await asyncio.sleep(self.access.refusal_delay)
            except BaseException as cancelled:
                error = cancelled
                raise
            finally:
                await seen.failed(error)

        return grpc.stream_stream_rpc_method_handler(refuse)

    def _pass(self, method: str, handler: Any) -> Any:
        """The handler of a service, seen through the door."""
        make, kind = _KINDS[handler.request_streaming, handler.response_streaming]
        inner, label = getattr(handler, kind), short(method)
        anybody = self.guard.anybody(method)

        async def once(request: Any, context: Context) -> Any:
            seen = RpcCall(self, method, label, context, anybody)
            try:
                response = await inner(seen.entering(request), context)
            except BaseException as error:
                await seen.failed(error)
                raise
            seen.action.answer = response
            code = context.code()
            seen.ended(_name(code, "OK") if code else "OK")
            return response

        async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
            seen = RpcCall(self, method, label, context, anybody)
            answered = seen.action.answered
            if anybody is None:
                self._streams[seen] = asyncio.current_task()
            try:
                async with contextlib.aclosing(inner(seen.entering(request), context)) as responses:
                    async for response in responses:
                        answered(response)
                        yield response
            except BaseException as error:
                await seen.failed(error)
                raise
            finally:
                self._streams.pop(seen, None)
            seen.ended(_name(context.code(), "OK"))

        # A handler of a stream that writes to its context itself is called as one of a single answer is.
        behaviour = stream if inspect.isasyncgenfunction(inner) else once
        return make(behaviour, handler.request_deserializer, handler.response_serializer)


class RpcCall:
    """One RPC inside the door, from its beginning to its end. ``caller``: None for whoever the metadata tell."""

    __slots__ = (
        "_caller",
        "_context",
        "_door",
        "_label",
        "_method",
        "_peer",
        "_refused",
        "_started",
        "action",
    )

    def __init__(
        self, door: RpcGateway, method: str, label: str, context: Context, caller: Caller | None
    ) -> None:
        self._door = door
        self._method = method
        self._label = label
        self._context = context
        self._caller = caller
        self._refused: Failure | None = None
        self._peer = str(context.peer())
        self.action = RpcLogEntry(method, self._peer, caller or STRANGER)
        self._started = door.monotonic()
        door.open[self._peer] += 1
        door.metrics.rpc_began(label)

    def ended(self, status: str, reason: str = "") -> None:
        """The RPC is over."""
        door, peer = self._door, self._peer
        door.open[peer] -= 1
        if not door.open[peer]:
            del door.open[peer]
        seconds = door.monotonic() - self._started
        door.metrics.rpc_ended(self._label, status, seconds)
        self.action.ended(status, seconds, reason)

    async def failed(self, error: BaseException) -> None:
        """It is over by an error; a failure is told to the caller, which raises gRPC's own error."""
        if self._refused is not None and isinstance(error, asyncio.CancelledError):
            error = self._refused
        if isinstance(error, Failure):
            self.ended(error.status.name, error.message)
            await self._context.abort(error.status, error.message, error.metadata())
        elif isinstance(error, (asyncio.CancelledError, GeneratorExit)):
            self.ended("CANCELLED")
        else:
            # Aborted by the scenario, which has set the code; whatever else it is, gRPC says UNKNOWN.
            self.ended(_name(self._context.code(), "UNKNOWN"))

    def entering(self, request: Any) -> Any:
        """The request, looked at; of a stream of requests each, when it comes.

        Raises:
            Failure: nobody we know; the client has too many RPCs open; the request holds too much, or asks for what
                is not allowed.
        """
        caller = self._caller
        if caller is None:
            caller = self._caller = self.action.caller = self._admitted()
        most = self._door.access.max_streams
        if self._door.open[self._peer] > most:
            raise Failure(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "RateLimited",
                f"this client has {most} RPCs open, which is the most that this server takes (--max-streams): end some",
            )
        if isinstance(request, Message):
            self._look(request, caller)
            return request
        return self._each(request, caller)

    def _admitted(self) -> Caller:
        return self._door.guard.admit(self._method, self._context.invocation_metadata())

    def welcome(self) -> bool:
        """Whether the caller would still be let in; if not, the RPC ends by being told so."""
        try:
            self._admitted()
        except Failure as failure:
            self._refused = failure
        return self._refused is None

    async def _each(self, requests: AsyncIterator[Message], caller: Caller) -> AsyncIterator[Message]:
        async for request in requests:
            self._look(request, caller)
            yield request

    def _look(self, request: Message, caller: Caller) -> None:
        # First the log: it tells what was refused, too.
        self.action.asked = request
        bounds.check(request)
        if caller.right is not Right.ADMIN:
            self._door.guard.check(caller, request)


def _name(code: Any, otherwise: str) -> str:
    """A status as gRPC's context has it: nothing, a number or a StatusCode."""
    if isinstance(code, grpc.StatusCode):
        return str(code.name)
    return _CODES.get(code, otherwise) if code else otherwise
