"""Listen, BidirectionalListen and OrderListen: the control's events as they come, by name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Generic, TypeVar

from kernel_server import failure, reference
from kernel_server.control.event_context import EventContext
from kernel_server.rpc.context import Parts, Ready
from kernel_server.rpc.real import CAPACITY
from kernel_server.streams import event_codec
from kernel_server.streams.logins import EVENT
from kernel_server.streams.mailbox import Mailbox
from kernel_server.streams.snapshots import Snapshot
from kernel_server.wire import openapi_pb2

T = TypeVar("T")
log = logging.getLogger(__name__)

ORDER_EVENTS = ("OnReceiveTrData", "OnReceiveMsg", "OnReceiveChejanData", "OnEventConnect")
ACKNOWLEDGED_WITHIN = 10.0
"""Seconds that a client has for an event, during which it may read its data."""


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


class EventSubscription(Generic[T]):
    """Listens to events by name while it is entered; each is made into an item inside the event.

    ``client``, where it is known, hears how the login ended that it asked for before.

    Real-time events are dropped where the reader is slow, and counted; none of the others is.
    """

    def __init__(
        self, parts: Parts, names: Sequence[str], make: Callable[[EventContext], T | None], client: str = ""
    ) -> None:
        self._parts = parts
        self._client = client
        self._names = names
        self._make = make
        self._stops: list[Callable[[], None]] = []
        self.box: Mailbox[T] = Mailbox(parts.waker)
        self.dropped = 0

    async def __aenter__(self) -> EventSubscription[T]:
        def listen() -> None:
            for name in self._names:
                heard = self._heard_real if name == "OnReceiveRealData" else self._heard
                self._stops.append(self._parts.host.router.listen(name, heard))
            if self._client and EVENT in self._names:
                self._stops.append(self._parts.logins.listens(self._client, self._heard))

        try:
            await self._parts.host.run(lambda _: listen())
        except BaseException:
            self._go()  # the control thread may have come to it all the same
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._go()

    def _go(self) -> None:
        self._parts.host.thread.hand_over(self._leave)
        self.box.end()

    def _leave(self) -> None:
        for stop in self._stops:
            stop()

    def _heard(self, moment: EventContext) -> None:
        item = self._make(moment)
        if item is not None:
            self.box.put(item)

    def _heard_real(self, moment: EventContext) -> None:
        if len(self.box) >= CAPACITY:
            self.dropped += 1
        else:
            self._heard(moment)

    def take_dropped(self) -> int:
        """How many real-time events were dropped since this was asked last."""
        dropped, self.dropped = self.dropped, 0
        return dropped


def packed(moment: EventContext) -> bytes:
    """The event with its data, serialized; on the control thread, inside the event."""
    return event_codec.with_data(moment).SerializeToString()


async def listen(parts: Parts, client: str, slots: Iterable[str], ready: Ready) -> AsyncIterator[bytes]:
    """Events of those names, with all data that is read inside them, until the reader goes.

    TRs, and messages about them, that belong to a call of somebody's are told to that call alone.
    """
    async with EventSubscription(parts, checked(slots), packed, client) as ear:
        await ready()
        while True:
            taken = await ear.box.take()
            if dropped := ear.take_dropped():
                parts.metrics.events_dropped(dropped)
                yield event_codec.lost(dropped)
            for item in taken.items:
                yield item
            if taken.over:
                return


async def order_listen(parts: Parts, ready: Ready) -> AsyncIterator[bytes]:
    """What happens to anybody's orders, those of other programs of the same user included."""

    def wanted(moment: EventContext) -> bytes | None:
        if moment.name == "OnReceiveTrData" and not _order_number(moment):
            return None
        if moment.name == "OnEventConnect" and moment.arguments[0] == 0:
            return None
        return packed(moment)

    async with EventSubscription(parts, ORDER_EVENTS, wanted) as ear:
        await ready()
        while True:
            taken = await ear.box.take()
            for item in taken.items:
                yield item
            if taken.over:
                return


def _order_number(moment: EventContext) -> str:
    names, values = moment.single
    return values[names.index("주문번호")].strip() if "주문번호" in names else ""


async def bidirectional_listen(
    parts: Parts,
    client: str,
    requests: AsyncIterator[openapi_pb2.BidirectionalListenRequest],
    ready: Ready,
) -> AsyncIterator[bytes]:
    """Events with their arguments only; each waits until the client has handled it, which may read its data meanwhile.

    One that is not acknowledged in time is over all the same, and the next one comes.
    """
    first = await anext(requests, None)
    if first is None:
        return
    if first.WhichOneof("request") != "listen_request":
        raise failure.bad_input("the first request of BidirectionalListen says what to listen to")
    async with EventSubscription(parts, checked(first.listen_request.slots), Snapshot, client) as ear:
        await ready()
        acknowledged = _Acknowledged(ear, requests)
        sent = 0
        try:
            while True:
                taken = await ear.box.take(1)
                for snapshot in taken.items:
                    sent += 1
                    parts.snapshots.open(client, snapshot)
                    try:
                        yield event_codec.plain(snapshot.name, snapshot.arguments).SerializeToString()
                        await acknowledged.wait(sent, snapshot.name)
                    finally:
                        parts.snapshots.close(client, snapshot)
                if taken.over:
                    return
        finally:
            acknowledged.close()


class _Acknowledged:
    """Counts what a client says it has handled. It handles events in their order."""

    def __init__(
        self,
        ear: EventSubscription[Snapshot],
        requests: AsyncIterator[openapi_pb2.BidirectionalListenRequest],
    ) -> None:
        self._ear = ear
        self._count = 0
        self._changed = asyncio.Condition()
        self._over = False
        self._task = asyncio.ensure_future(self._run(requests))

    async def _run(self, requests: AsyncIterator[openapi_pb2.BidirectionalListenRequest]) -> None:
        async for request in requests:
            kind = request.WhichOneof("request")
            if kind == "handled_request":
                async with self._changed:
                    self._count += 1
                    self._changed.notify_all()
                continue
            wrong = failure.bad_input("after its first request BidirectionalListen takes handled and stop")
            self._ear.box.end(None if kind == "stop_listen_request" else wrong)
            break
        async with self._changed:
            self._over = True
            self._changed.notify_all()

    async def wait(self, count: int, name: str) -> None:
        """Until so many are acknowledged, the client says nothing more, or its time is up."""

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
