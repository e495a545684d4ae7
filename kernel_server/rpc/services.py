"""The services: KOAPY's path for clients we did not write, and our own for ours, over the same scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

from kernel_server import failure
from kernel_server.observe import logs
from kernel_server.rpc import (
    call,
    condition,
    conveniences,
    custom,
    fault,
    listen,
    login,
    order,
    real,
    status,
    ticks,
    transaction,
)
from kernel_server.rpc.context import (
    Context,
    Parts,
    answered,
    client_of,
    ready_of,
    streamed,
    to_argument,
    to_scalar,
)
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.streams import event_codec
from kernel_server.streams.event_codec import Response
from kernel_server.wire import kernel_pb2, openapi_pb2

T = TypeVar("T")


class _Shared:
    """What both services offer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def Call(self, request: openapi_pb2.CallRequest, context: Context) -> openapi_pb2.CallResponse:
        arguments = [to_scalar(argument) for argument in request.arguments]
        work = conveniences.call_any(self._parts, context, request.name, arguments, QueueMetadata(context))
        return openapi_pb2.CallResponse(return_value=to_argument(await answered(context, work)))

    async def _order(self, request: openapi_pb2.OrderRequest, context: Context) -> AsyncIterator[bytes]:
        responses = order.order_call(self._parts, context, request, QueueMetadata(context))
        async for response in self._stream(context, responses):
            yield response

    async def _condition(
        self, request: openapi_pb2.ConditionRequest, context: Context
    ) -> AsyncIterator[bytes]:
        responses = condition.condition_call(self._parts, context, request, QueueMetadata(context))
        async for response in self._stream(context, responses):
            yield response

    async def _login(self, context: Context) -> AsyncIterator[Response]:
        event = await answered(context, login.login(self._parts, self._parts.caller(context)))
        yield event_codec.plain(event.name, event.arguments)

    async def _stream(self, context: Context, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """The items of a stream, which is counted while it is open."""
        self._parts.streams += 1
        try:
            async for item in streamed(context, items):
                yield item
        finally:
            self._parts.streams -= 1


class KoapyService(_Shared):
    """The RPCs under KOAPY's service path."""

    async def LoginCall(
        self, _request: openapi_pb2.LoginRequest, context: Context
    ) -> AsyncIterator[Response]:
        async for response in self._login(context):
            yield response

    async def TransactionCall(
        self, request: openapi_pb2.TransactionRequest, context: Context
    ) -> AsyncIterator[Response]:
        responses = transaction.transaction_call(
            self._parts, client_of(context), request, QueueMetadata(context)
        )
        async for response in self._stream(context, responses):
            yield response

    async def Listen(self, request: openapi_pb2.ListenRequest, context: Context) -> AsyncIterator[bytes]:
        async for response in self._stream(
            context, listen.listen(self._parts, client_of(context), request.slots, ready_of(context))
        ):
            yield response

    async def BidirectionalListen(
        self, requests: AsyncIterator[openapi_pb2.BidirectionalListenRequest], context: Context
    ) -> AsyncIterator[bytes]:
        responses = listen.bidirectional_listen(self._parts, client_of(context), requests, ready_of(context))
        async for response in self._stream(context, responses):
            yield response

    async def OrderListen(
        self, _request: openapi_pb2.ListenRequest, context: Context
    ) -> AsyncIterator[bytes]:
        async for response in self._stream(context, listen.order_listen(self._parts, ready_of(context))):
            yield response

    async def RealCall(self, request: openapi_pb2.RealRequest, context: Context) -> AsyncIterator[bytes]:
        async for response in self._stream(context, real.real_call(self._parts, request, ready_of(context))):
            yield response

    async def BidirectionalRealCall(
        self, requests: AsyncIterator[openapi_pb2.BidirectionalRealRequest], context: Context
    ) -> AsyncIterator[bytes]:
        responses = real.bidirectional_real_call(self._parts, requests)
        async for response in self._stream(context, responses):
            yield response

    async def OrderCall(self, request: openapi_pb2.OrderRequest, context: Context) -> AsyncIterator[bytes]:
        async for response in self._order(request, context):
            yield response

    async def LoadConditionCall(
        self, _request: openapi_pb2.LoadConditionRequest, context: Context
    ) -> AsyncIterator[Response]:
        yield await answered(context, condition.load(self._parts))

    async def ConditionCall(
        self, request: openapi_pb2.ConditionRequest, context: Context
    ) -> AsyncIterator[bytes]:
        async for response in self._condition(request, context):
            yield response

    async def CustomListen(
        self, request: openapi_pb2.ListenRequest, context: Context
    ) -> AsyncIterator[bytes]:
        async for response in self._stream(
            context, custom.custom_listen(self._parts, request, ready_of(context))
        ):
            yield response

    async def CustomCallAndListen(
        self, request: openapi_pb2.CallAndListenRequest, context: Context
    ) -> AsyncIterator[bytes]:
        responses = custom.custom_call_and_listen(self._parts, context, request)
        async for response in self._stream(context, responses):
            yield response

    async def SetLogLevel(
        self, request: openapi_pb2.SetLogLevelRequest, _context: Context
    ) -> openapi_pb2.SetLogLevelResponse:
        """Python's levels: 10 DEBUG, 20 INFO, 30 WARNING, 40 ERROR; no name is all of the server."""
        try:
            logs.set_level(request.level, request.logger)
        except ValueError as error:
            raise failure.bad_input(str(error)) from None
        return openapi_pb2.SetLogLevelResponse()


class KernelService(_Shared):
    """The RPCs of our own client."""

    async def CallMany(
        self, request: kernel_pb2.CallManyRequest, context: Context
    ) -> kernel_pb2.CallManyResponse:
        calls = [(one.name, [to_scalar(argument) for argument in one.arguments]) for one in request.calls]
        values = await answered(context, call.call_many(self._parts, calls))
        return kernel_pb2.CallManyResponse(return_values=[to_argument(value) for value in values])

    async def Login(
        self, _request: openapi_pb2.LoginRequest, context: Context
    ) -> AsyncIterator[openapi_pb2.ListenResponse]:
        async for response in self._login(context):
            yield response

    async def Pages(
        self, request: kernel_pb2.PagesRequest, context: Context
    ) -> AsyncIterator[kernel_pb2.Page]:
        pages = transaction.pages(self._parts, client_of(context), request)
        async for page in self._stream(context, pages):
            yield page

    async def Ticks(
        self, requests: AsyncIterator[kernel_pb2.TicksRequest], context: Context
    ) -> AsyncIterator[kernel_pb2.TickBatch]:
        async for batch in self._stream(context, ticks.ticks(self._parts, requests)):
            yield batch

    async def Order(self, request: openapi_pb2.OrderRequest, context: Context) -> AsyncIterator[bytes]:
        async for response in self._order(request, context):
            yield response

    async def Events(self, request: openapi_pb2.ListenRequest, context: Context) -> AsyncIterator[bytes]:
        async for response in self._stream(
            context, listen.listen(self._parts, client_of(context), request.slots, ready_of(context))
        ):
            yield response

    async def Conditions(
        self, request: kernel_pb2.ConditionsRequest, context: Context
    ) -> kernel_pb2.ConditionsResponse:
        return await answered(context, condition.conditions(self._parts, request))

    async def Condition(
        self, request: openapi_pb2.ConditionRequest, context: Context
    ) -> AsyncIterator[bytes]:
        async for response in self._condition(request, context):
            yield response

    async def Fault(self, request: kernel_pb2.FaultRequest, context: Context) -> kernel_pb2.FaultResponse:
        await answered(context, fault.fault(self._parts, request))
        return kernel_pb2.FaultResponse()

    async def Status(self, request: kernel_pb2.StatusRequest, context: Context) -> kernel_pb2.StatusResponse:
        return await answered(context, status.status(self._parts, request, self._parts.caller(context)))
