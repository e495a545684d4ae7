"""RealCall and BidirectionalRealCall: real-time data, one message an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from kernel_server import failure
from kernel_server.observe.metrics import Metrics
from kernel_server.rpc.context import Context, confirm
from kernel_server.streams import event_codec
from kernel_server.streams.event_codec import Options
from kernel_server.streams.subscriptions import RealTimeSource, RealTimeSubscription
from kernel_server.wire import openapi_pb2


class RealTimeStreams:
    """Streams of real-time events.

    Args:
        source: makes the subscriptions.
        metrics: where dropped events are counted.
    """

    def __init__(self, source: RealTimeSource, metrics: Metrics) -> None:
        self._source = source
        self._metrics = metrics

    async def real_call(self, request: openapi_pb2.RealRequest, context: Context) -> AsyncIterator[bytes]:
        """RealCall: events of the request's codes. Its screens and opt_type are ignored: the server has its own."""
        flags = request.flags
        options = Options(tuple(request.fid_list), flags.infer_fids, flags.readable_names)
        if not request.code_list:
            raise failure.bad_input('no codes: give at least one, or "" for what belongs to no code')
        async with self._source.subscribe() as subscription:
            await subscription.register(request.code_list, request.fid_list)
            await confirm(context, self._source.host)
            while True:
                taken = await subscription.box.take()
                if taken.dropped:
                    self._metrics.events_dropped(taken.dropped)
                    yield event_codec.dropped(taken.dropped)
                for item in taken.items:
                    yield event_codec.serialized(item, options)
                if taken.over:
                    return

    async def bidirectional_real_call(
        self, requests: AsyncIterator[openapi_pb2.BidirectionalRealRequest], _context: Context
    ) -> AsyncIterator[bytes]:
        """BidirectionalRealCall: the same, with codes that come and go while the stream stays."""
        async with self._source.subscribe() as subscription:
            registration = _Registration(subscription)
            task = asyncio.ensure_future(registration.follow(requests))
            try:
                while True:
                    taken = await subscription.box.take()
                    if taken.dropped:
                        self._metrics.events_dropped(taken.dropped)
                        yield event_codec.dropped(taken.dropped)
                    for item in taken.items:
                        yield event_codec.serialized(item, registration.options)
                    if taken.over:
                        return
            finally:
                # Not awaited: gRPC lets go of a request that is being read only when the stream is over.
                task.cancel()


class _Registration:
    """What the requests of a stream have registered so far, and in which form they want its events."""

    def __init__(self, subscription: RealTimeSubscription) -> None:
        self.options = Options((), infer=True, readable=False)
        self._subscription = subscription
        self._fids: tuple[int, ...] = ()
        self._codes: set[str] = set()

    async def follow(self, requests: AsyncIterator[openapi_pb2.BidirectionalRealRequest]) -> None:
        """Carries requests out, one after the other. The end of the requests does not end the stream."""
        subscription = self._subscription
        try:
            async for request in requests:
                kind = request.WhichOneof("request")
                if kind == "initialize_request":
                    await subscription.remove(self._codes)
                    self._codes.clear()
                    self._fids = tuple(request.initialize_request.fid_list)
                    readable = request.initialize_request.flags.readable_names
                    self.options = Options((), infer=True, readable=readable)
                elif kind == "register_request":
                    asked = request.register_request
                    await subscription.register(asked.code_list, tuple(asked.fid_list) or self._fids)
                    self._codes.update(asked.code_list)
                elif kind == "remove_request":
                    await subscription.remove(request.remove_request.code_list)
                    self._codes.difference_update(request.remove_request.code_list)
                elif kind == "stop_request":
                    subscription.box.end()
                    return
                else:
                    raise failure.bad_input("an empty request: it initializes, registers, removes or stops")
        except Exception as error:  # noqa: BLE001 - it belongs to the stream's client
            subscription.box.end(error)
