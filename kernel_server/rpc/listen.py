"""Listen, Events, BidirectionalListen and OrderListen: the control's events by name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable

from kernel_server import failure, reference
from kernel_server.control.event_context import EventContext
from kernel_server.observe.metrics import Metrics
from kernel_server.rpc.context import Context, client_of, confirm
from kernel_server.streams import event_codec
from kernel_server.streams.snapshots import Snapshot, Snapshots
from kernel_server.streams.subscriptions import EventSource, EventSubscription
from kernel_server.wire import openapi_pb2

log = logging.getLogger(__name__)

ORDER_EVENTS = ("OnReceiveTrData", "OnReceiveMsg", "OnReceiveChejanData", "OnEventConnect")
ACKNOWLEDGED_WITHIN = 10.0
"""Seconds that a client has for an event, during which it may read its data."""


class EventStreams:
    """Streams of events by name.

    Args:
        events: the control's events.
        snapshots: holds the events that clients are handling.
        metrics: where dropped events are counted.
    """

    def __init__(self, events: EventSource, snapshots: Snapshots, metrics: Metrics) -> None:
        self._events = events
        self._snapshots = snapshots
        self._metrics = metrics

    async def listen(self, request: openapi_pb2.ListenRequest, context: Context) -> AsyncIterator[bytes]:
        """Listen and Events: events of those names, with all data that is read inside them.

        TRs, and messages about them, that belong to a call on this server go to that call alone.
        """
        names = checked(request.slots)
        async with self._events.subscribe(names, packed, client_of(context)) as subscription:
            await confirm(context, self._events.host)
            while True:
                taken = await subscription.box.take()
                if dropped := subscription.take_dropped():
                    self._metrics.events_dropped(dropped)
                    yield event_codec.dropped(dropped)
                for item in taken.items:
                    yield item
                if taken.over:
                    return

    async def order_listen(
        self, _request: openapi_pb2.ListenRequest, context: Context
    ) -> AsyncIterator[bytes]:
        """OrderListen: the events of all orders, those of other programs of the same user included."""
        async with self._events.subscribe(ORDER_EVENTS, _packed_order) as subscription:
            await confirm(context, self._events.host)
            while True:
                taken = await subscription.box.take()
                for item in taken.items:
                    yield item
                if taken.over:
                    return

    async def bidirectional_listen(
        self, requests: AsyncIterator[openapi_pb2.BidirectionalListenRequest], context: Context
    ) -> AsyncIterator[bytes]:
        """BidirectionalListen: events with their arguments only, each until the client acknowledges it.

        Until then the client may read the event's data. Without an acknowledgement in time the next event is sent.
        """
        first = await anext(requests, None)
        if first is None:
            return
        if first.WhichOneof("request") != "listen_request":
            raise failure.bad_input("the first request of BidirectionalListen says what to listen to")
        names, client = checked(first.listen_request.slots), client_of(context)
        async with self._events.subscribe(names, Snapshot, client) as subscription:
            await confirm(context, self._events.host)
            acknowledgements = _Acknowledgements(subscription, requests)
            sent = 0
            try:
                while True:
                    taken = await subscription.box.take(1)
                    for snapshot in taken.items:
                        sent += 1
                        self._snapshots.open(client, snapshot)
                        try:
                            yield event_codec.plain(snapshot.name, snapshot.arguments).SerializeToString()
                            await acknowledgements.wait(sent, snapshot.name)
                        finally:
                            self._snapshots.close(client, snapshot)
                    if taken.over:
                        return
            finally:
                acknowledgements.close()


class _Acknowledgements:
    """Counts the events that a client has acknowledged, in their order."""

    def __init__(
        self,
        subscription: EventSubscription[Snapshot],
        requests: AsyncIterator[openapi_pb2.BidirectionalListenRequest],
    ) -> None:
        self._subscription = subscription
        self._count = 0
        self._changed = asyncio.Condition()
        self._over = False
        self._task = asyncio.ensure_future(self._run(requests))

    async def _run(self, requests: AsyncIterator[openapi_pb2.BidirectionalListenRequest]) -> None:
        try:
            async for request in requests:
                kind = request.WhichOneof("request")
                if kind == "stop_listen_request":
                    self._subscription.box.end()
                    break
                if kind != "handled_request":
                    raise failure.bad_input(
                        "after its first request BidirectionalListen takes handled and stop"
                    )
                async with self._changed:
                    self._count += 1
                    self._changed.notify_all()
        except Exception as error:  # noqa: BLE001 - it belongs to the stream's client
            self._subscription.box.end(error)
        async with self._changed:
            self._over = True
            self._changed.notify_all()

    async def wait(self, count: int, name: str) -> None:
        """Until so many are acknowledged, the client sends nothing more, or its time is up."""

        async def reached() -> None:
            async with self._changed:
                await self._changed.wait_for(lambda: self._over or self._count >= count)

        try:
            await asyncio.wait_for(reached(), ACKNOWLEDGED_WITHIN)
        except asyncio.TimeoutError:
            log.warning("%s was not acknowledged within %g s; going on", name, ACKNOWLEDGED_WITHIN)

    def close(self) -> None:
        # Not awaited: gRPC lets go of a request that is being read only when the stream is over.
        self._task.cancel()


def checked(slots: Iterable[str]) -> list[str]:
    """The events' names.

    Raises:
        failure.Failure: BadInput: none, or one that there is not.
    """
    names = list(dict.fromkeys(slots))
    if not names:
        raise failure.bad_input(f"no slots: name the events to listen to, of {', '.join(reference.events())}")
    for name in names:
        try:
            reference.event(name)
        except reference.UnknownReference as error:
            raise failure.bad_input(str(error)) from None
    return names


def packed(event: EventContext) -> bytes:
    """The event with its data, serialized; on the control thread, inside the event."""
    return event_codec.with_data(event).SerializeToString()


def _packed_order(event: EventContext) -> bytes | None:
    """The same for events about orders, and for a lost connection."""
    if event.name == "OnReceiveTrData" and not _order_number(event):
        return None
    if event.name == "OnEventConnect" and event.arguments[0] == 0:
        return None
    return packed(event)


def _order_number(event: EventContext) -> str:
    names, values = event.single
    return values[names.index("주문번호")].strip() if "주문번호" in names else ""
