"""The services: KOAPY's path for clients we did not write, and our own for ours, over the same scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from kernel_server.rpc import call, login, status, transaction
from kernel_server.rpc.context import Context, Parts, answered, client_of, streamed, to_argument, to_scalar
from kernel_server.wire import kernel_pb2, kernel_pb2_grpc, koapy_pb2_grpc, openapi_pb2


class _Shared:
    """What both services offer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def Call(self, request: openapi_pb2.CallRequest, context: Context) -> openapi_pb2.CallResponse:
        arguments = [to_scalar(argument) for argument in request.arguments]
        work = call.call(self._parts, client_of(context), request.name, arguments)
        return openapi_pb2.CallResponse(return_value=to_argument(await answered(context, work)))

    async def _login(self, context: Context) -> AsyncIterator[openapi_pb2.ListenResponse]:
        with self._stream():
            event = await answered(context, login.login(self._parts))
            yield openapi_pb2.ListenResponse(
                name=event.name, arguments=[to_argument(value) for value in event.arguments]
            )

    @contextmanager
    def _stream(self) -> Iterator[None]:
        self._parts.streams += 1
        try:
            yield
        finally:
            self._parts.streams -= 1


class KoapyService(_Shared, koapy_pb2_grpc.KiwoomOpenApiPlusServiceServicer):
    """The RPCs under KOAPY's service path."""

    async def LoginCall(
        self, _request: openapi_pb2.LoginRequest, context: Context
    ) -> AsyncIterator[openapi_pb2.ListenResponse]:
        async for response in self._login(context):
            yield response

    async def TransactionCall(
        self, request: openapi_pb2.TransactionRequest, context: Context
    ) -> AsyncIterator[openapi_pb2.ListenResponse]:
        with self._stream():
            responses = transaction.transaction_call(self._parts, client_of(context), request)
            async for response in streamed(context, responses):
                yield response


class KernelService(_Shared, kernel_pb2_grpc.KernelServicer):
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
        with self._stream():
            async for page in streamed(context, transaction.pages(self._parts, client_of(context), request)):
                yield page

    async def Status(self, _request: kernel_pb2.StatusRequest, context: Context) -> kernel_pb2.StatusResponse:
        return await answered(context, status.status(self._parts))
