"""The gateway: what every RPC passes on its way in and out, whichever service it belongs to.

On the way in: authentication and authorization, the number of open RPCs of the client, the bounds of the request. On
the way out: failures become gRPC statuses, the RPC is logged and counted.

Services are added to the gateway and not to the server, which has only the gateway as its handler. (An interceptor
would do as well, and cost every RPC a tenth of its time.)
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from kernel_server.failure import Failure, bad_input, too_many, unexpected
from kernel_server.observe.metrics import OTHER, Metrics
from kernel_server.observe.rpc_log import RpcLogEntry, short
from kernel_server.rpc.context import Context
from kernel_server.security import bounds, rights
from kernel_server.security.access import Access
from kernel_server.security.guard import ANONYMOUS, Caller, Guard
from kernel_server.security.rights import Right

log = logging.getLogger(__name__)

Handler = Callable[[Any, Context], Any]
"""Handles an RPC: takes the request (or the requests) and the context; a coroutine function for one response, an
async generator function for a stream of them. It raises ``Failure``."""

_STATUS_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}
_KINDS = {
    (False, False): (grpc.unary_unary_rpc_method_handler, "unary_unary"),
    (False, True): (grpc.unary_stream_rpc_method_handler, "unary_stream"),
    (True, False): (grpc.stream_unary_rpc_method_handler, "stream_unary"),
    (True, True): (grpc.stream_stream_rpc_method_handler, "stream_stream"),
}


class RpcGateway(grpc.GenericRpcHandler):
    """The handler of all RPCs of a server.

    Args:
        guard: who may call what.
        access: how many RPCs a client may have open, and the delay of refusals.
        metrics: where RPCs are counted.
        monotonic: seconds of a clock that only goes forward.

    Attributes:
        open: the number of open RPCs by client.
        open_streams: the number of open streams of the services added by ``add_service``.
        evictable: streams of callers with a token, and the tasks that they run in.
    """

    def __init__(
        self, guard: Guard, access: Access, metrics: Metrics, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.guard = guard
        self.access = access
        self.metrics = metrics
        self.monotonic = monotonic
        self.open: Counter[str] = Counter()
        self.open_streams = 0
        self.evictable: dict[RpcCall, asyncio.Task[Any] | None] = {}
        self._methods: dict[str, Any] = {}
        self._generic_handlers: list[grpc.GenericRpcHandler] = []

    def add_service(self, service: ServiceDescriptor, handlers: Mapping[str, Handler]) -> None:
        """Adds a service: a handler for each of its methods, by name."""
        for method in service.methods:
            path = f"/{service.full_name}/{method.name}"
            make, _ = _KINDS[method.client_streaming, method.server_streaming]
            parse = GetMessageClass(method.input_type).FromString
            rpc = RpcMethod(self, path, handlers[method.name], parse, method.server_streaming, counted=True)
            self._methods[path] = make(
                rpc.handler,
                None,  # RpcCall parses: gRPC would log a traceback and answer UNKNOWN
                _serialized
                if method.server_streaming
                else GetMessageClass(method.output_type).SerializeToString,
            )

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Adds a service of a library (health, reflection); its generated code calls this as if on a server."""
        self._generic_handlers += handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Ignored: generated code would add its methods a second time, past the gateway."""

    def evict(self) -> None:
        """Ends the streams of callers who would not be admitted any more, as their token was taken away."""
        for call, task in list(self.evictable.items()):
            if task is not None and not call.still_admitted():
                self.evictable[call] = None
                task.cancel()

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        """The handler of an RPC, for gRPC. A caller who is not admitted does not learn whether the RPC exists."""
        path = str(details.method)
        if self.guard.needs_token:
            try:
                self.guard.admit(path, details.invocation_metadata)
            except Failure as failure:
                return self._refusal(path, failure)
        return self._methods.get(path) or self._generic_method(path, details)

    def _generic_method(self, path: str, details: grpc.HandlerCallDetails) -> Any:
        found = (handler.service(details) for handler in self._generic_handlers)
        inner = next((handler for handler in found if handler is not None), None)
        if inner is None:
            return None
        make, attribute = _KINDS[inner.request_streaming, inner.response_streaming]
        handler: Handler = getattr(inner, attribute)
        parse: Callable[[bytes], Any] = inner.request_deserializer or bytes
        rpc = RpcMethod(self, path, handler, parse, inner.response_streaming, counted=False)
        made: Any = make(rpc.handler, None, inner.response_serializer)
        self._methods[path] = made
        return made

    def _refusal(self, path: str, failure: Failure) -> Any:
        """A handler for any kind of RPC that fails after a delay, which makes guessing tokens slow."""
        label = short(path) if path in rights.methods() else OTHER

        async def refuse(_requests: AsyncIterator[bytes], context: Context) -> None:
            call = RpcCall(self, path, label, context, ANONYMOUS, bytes)
            try:
                await asyncio.sleep(self.access.refusal_delay)
            except BaseException as cancelled:
                await call.failed(cancelled)
                raise
            call.refused = failure
            await call.failed(failure)

        return grpc.stream_stream_rpc_method_handler(refuse)


class RpcMethod:
    """A method of a service behind the gateway.

    Args:
        gateway: the gateway.
        path: service and method.
        handler: of the service.
        parse: makes a message of a request's bytes.
        streams: whether its responses are a stream on the wire.
        counted: whether its streams count in ``RpcGateway.open_streams``.
    """

    def __init__(
        self,
        gateway: RpcGateway,
        path: str,
        handler: Handler,
        parse: Callable[[bytes], Any],
        streams: bool,
        counted: bool,
    ) -> None:
        self._gateway = gateway
        self._path = path
        self._handler = handler
        self._parse = parse
        self._writes = streams and counted
        self._counted = counted
        self._label = short(path)
        self._fixed_caller = gateway.guard.fixed_caller(path)
        self.handler = self.stream if inspect.isasyncgenfunction(handler) else self.single

    async def single(self, request: Any, context: Context) -> Any:
        """Handles an RPC with one response, on a unary or a streaming method."""
        call = RpcCall(self._gateway, self._path, self._label, context, self._fixed_caller, self._parse)
        try:
            response = await self._handler(call.enter(request), context)
            if self._writes:
                await context.write(response)
        except BaseException as error:
            await call.failed(error)
            raise
        call.entry.answer = response
        code = context.code()
        call.ended(_status_name(code, "OK") if code else "OK")
        return response

    async def stream(self, request: Any, context: Context) -> AsyncIterator[Any]:
        """Handles an RPC with a stream of responses."""
        gateway = self._gateway
        call = RpcCall(gateway, self._path, self._label, context, self._fixed_caller, self._parse)
        gateway.open_streams += self._counted
        if self._fixed_caller is None:
            gateway.evictable[call] = asyncio.current_task()
        answered = call.entry.answered
        try:
            async with aclosing(self._handler(call.enter(request), context)) as responses:
                async for response in responses:
                    answered(response)
                    yield response
        except BaseException as error:
            await call.failed(error)
            raise
        finally:
            gateway.evictable.pop(call, None)
            gateway.open_streams -= self._counted
        call.ended(_status_name(context.code(), "OK"))


class RpcCall:
    """One RPC in the gateway, from its beginning to its end.

    Attributes:
        entry: its entry in the log.
        refused: the failure with which the gateway itself refuses it; only its message goes into the log.
    """

    __slots__ = (
        "_caller",
        "_context",
        "_gateway",
        "_label",
        "_parse",
        "_path",
        "_peer",
        "_started",
        "entry",
        "refused",
    )

    def __init__(
        self,
        gateway: RpcGateway,
        path: str,
        label: str,
        context: Context,
        caller: Caller | None,
        parse: Callable[[bytes], Any],
    ) -> None:
        self._gateway = gateway
        self._path = path
        self._label = label
        self._context = context
        self._caller = caller  # None: the metadata says who
        self._parse = parse
        self._peer = str(context.peer())
        self._started = gateway.monotonic()
        self.entry = RpcLogEntry(path, self._peer, caller or ANONYMOUS)
        self.refused: Failure | None = None
        gateway.open[self._peer] += 1
        gateway.metrics.rpc_began(label)

    def enter(self, request: Any) -> Any:
        """The request, parsed and checked; of a stream of requests, each is when it comes.

        Raises:
            Failure: the caller is not known; the client has too many RPCs open; the request cannot be parsed, holds
                too much, or asks for what is not allowed.
        """
        try:
            caller = self._caller
            if caller is None:
                caller = self._caller = self.entry.caller = self._admitted()
            self._check_open()
            if isinstance(request, bytes):
                return self._checked(request, caller)
        except Failure as failure:
            self.refused = failure
            raise
        return self._each(request, caller)

    def still_admitted(self) -> bool:
        """Whether the caller would still be admitted; if not, the RPC ends with the reason."""
        try:
            self._admitted()
        except Failure as failure:
            self.refused = failure
        return self.refused is None

    def ended(self, status: str, reason: str = "") -> None:
        """Logs and counts the RPC, which is over."""
        gateway, peer = self._gateway, self._peer
        gateway.open[peer] -= 1
        if not gateway.open[peer]:
            del gateway.open[peer]
        seconds = gateway.monotonic() - self._started
        gateway.metrics.rpc_ended(self._label, status, seconds)
        self.entry.ended(status, seconds, reason)

    async def failed(self, error: BaseException) -> None:
        """Ends the RPC with the gRPC status of the error; it raises gRPC's own error, except for a cancellation."""
        if self.refused is not None and isinstance(error, asyncio.CancelledError):
            error = self.refused  # evicted
        if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
            self.ended("CANCELLED")
            return
        if isinstance(error, grpc.aio.BaseError):
            # Raised by a library's service, which has set the status; gRPC says UNKNOWN otherwise.
            self.ended(_status_name(self._context.code(), "UNKNOWN"))
            return
        if not isinstance(error, Failure):
            log.error("an RPC failed in the server", exc_info=error)
            error = unexpected(error)
        # The message of a failure may hold what must not go into the log; that of a refusal does not.
        self.ended(error.status.name, error.message if error is self.refused else "")
        await self._context.abort(error.status, error.message, error.metadata())

    def _admitted(self) -> Caller:
        return self._gateway.guard.admit(self._path, self._context.invocation_metadata())

    def _check_open(self) -> None:
        most = self._gateway.access.max_streams
        if self._gateway.open[self._peer] > most:
            raise too_many(
                f"this client has {most} RPCs open, which is the most that this server takes (--max-streams): end some"
            )

    async def _each(self, requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[Message]:
        async for request in requests:
            yield self._checked(request, caller)

    def _checked(self, raw: bytes, caller: Caller) -> Message:
        try:
            request: Message = self._parse(raw)
        except (DecodeError, ValueError):
            raise bad_input(
                f"{self._label}: the {len(raw):,} bytes of the request are no message of that RPC"
            ) from None
        self.entry.asked = request  # first: refused requests are logged, too
        bounds.check(request)
        if caller.right is not Right.ADMIN:
            self._gateway.guard.check(caller, request)
        return request


def _serialized(message: Message | bytes) -> bytes:
    """A response; a stream may send messages that are serialized already."""
    return message if isinstance(message, bytes) else message.SerializeToString()


def _status_name(code: Any, otherwise: str) -> str:
    """A status as gRPC's context has it: nothing, a number or a StatusCode."""
    if isinstance(code, grpc.StatusCode):
        return str(code.name)
    return _STATUS_NAMES.get(code, otherwise) if code else otherwise
