"""Ticks: real-time events for our own client, many in a message.

A gRPC message costs some 50 µs in Python, be it short or long, and an event in a batch costs next to nothing: its
text is passed on as the control gave it. An event after a quiet time is sent at once; under load messages keep a
distance, and each has what has come by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from kernel_server.observe.metrics import Metrics
from kernel_server.rpc.context import Context
from kernel_server.rpc.values import to_origin
from kernel_server.streams.mailbox import Taken
from kernel_server.streams.realtime import Connection, RealEvent
from kernel_server.streams.subscriptions import RealTimeSource, RealTimeSubscription
from kernel_server.wire import kernel_pb2

_Item = RealEvent | Connection

FLUSH_SECONDS = 0.006
"""The distance of messages under load."""
FLUSH_EVENTS = 1_000
LARGEST_CAPACITY = 1_000_000

_QUIET = 4  # distances without an event
# Of a distance: so long an event soon after a message waits for others. With a sixth, a hundred events a second made a
# quarter more messages than a flush of 5 ms, and a client's CPU follows the number of messages.
_GATHERED = 2 / 3


class TickStreams:
    """Streams of batches of real-time events.

    Args:
        source: makes the subscriptions.
        metrics: where dropped events are counted.
    """

    def __init__(self, source: RealTimeSource, metrics: Metrics) -> None:
        self._source = source
        self._host = source.host
        self._metrics = metrics

    async def ticks(
        self, requests: AsyncIterator[kernel_pb2.TicksRequest], _context: Context
    ) -> AsyncIterator[kernel_pb2.TickBatch]:
        """Ticks: an event is sent at once, or under load with those of the next few milliseconds."""
        first = await anext(requests, None)
        if first is None:
            return
        pause = first.flush_milliseconds / 1000 or FLUSH_SECONDS
        most = first.flush_events or FLUSH_EVENTS
        async with self._source.subscribe(min(first.capacity, LARGEST_CAPACITY)) as subscription:
            follower = _RequestFollower(subscription, first, requests)
            begun, loop, sent_at = False, asyncio.get_running_loop(), float("-inf")
            try:
                while True:
                    parts = [await subscription.box.take(most)]
                    wait = _wait(loop.time() - sent_at, pause)
                    if wait and len(parts[0].items) < most and not parts[0].over and not follower.news:
                        await asyncio.sleep(wait)
                        if len(subscription.box):
                            more = await subscription.box.take(most - len(parts[0].items))
                            parts = _joined(parts[0], more)
                    for part in parts:
                        batch = self._batch(part, first=not begun)
                        begun = True
                        if part is parts[-1]:  # what was fired before a request may be in the last part
                            batch.carried_out = follower.done
                            follower.news = False
                        yield batch
                    if any(part.items for part in parts):
                        sent_at = loop.time()
                    if parts[-1].over:
                        return
            finally:
                follower.close()

    def _batch(self, taken: Taken[_Item], first: bool) -> kernel_pb2.TickBatch:
        """A batch; the stream's first, and one after another login or loss, have their origin."""
        batch = pack([item for item in taken.items if isinstance(item, RealEvent)])
        batch.dropped = taken.dropped
        self._metrics.events_dropped(taken.dropped)
        for item in taken.items:
            if isinstance(item, Connection):
                batch.connected = item.code == 0
        if first or batch.HasField("connected"):
            batch.origin.CopyFrom(to_origin(self._host.origins.last))
        return batch


def _wait(idle: float, pause: float) -> float:
    """Seconds to wait for more events, ``idle`` seconds after the last message with events; 0 for none.

    >>> [round(_wait(idle, 0.006), 3) for idle in (0.001, 0.0055, 0.010, 0.050)]
    [0.005, 0.004, 0.004, 0.0]
    """
    return 0.0 if idle >= _QUIET * pause else max(pause - idle, _GATHERED * pause)


def _joined(first: Taken[_Item], second: Taken[_Item]) -> list[Taken[_Item]]:
    """Both in one, unless something was dropped between them: a batch says what was dropped before it."""
    if second.dropped:
        return [first, second]
    return [replace(first, items=first.items + second.items, over=second.over)]


class _RequestFollower:
    """Carries out a stream's requests one after the other.

    Attributes:
        done: how many are carried out.
        news: one has been since the last batch.
    """

    def __init__(
        self,
        subscription: RealTimeSubscription,
        first: kernel_pb2.TicksRequest,
        rest: AsyncIterator[kernel_pb2.TicksRequest],
    ) -> None:
        self.done = 0
        self.news = False
        self._subscription = subscription
        self._task = asyncio.ensure_future(self._run(first, rest))

    async def _run(
        self, first: kernel_pb2.TicksRequest, rest: AsyncIterator[kernel_pb2.TicksRequest]
    ) -> None:
        try:
            await self._carry_out(first)
            async for request in rest:
                await self._carry_out(request)
        except Exception as error:  # noqa: BLE001 - it belongs to the stream's client
            self._subscription.box.end(error)

    async def _carry_out(self, request: kernel_pb2.TicksRequest) -> None:
        if request.remove:
            await self._subscription.remove(request.remove)
        if request.add:
            await self._subscription.register(request.add, request.fids)
        self.done += 1
        self.news = True
        self._subscription.box.poke()

    def close(self) -> None:
        # Not awaited: gRPC lets go of a request that is being read only when the stream is over.
        self._task.cancel()


def pack(events: Sequence[RealEvent]) -> kernel_pb2.TickBatch:
    """Events by column."""
    types: dict[str, int] = {}
    codes: dict[str, int] = {}
    data = [event.data for event in events]
    text = "\n".join(data)
    if text.count("\n") != max(len(data) - 1, 0):
        text = "\n".join([one.replace("\n", " ") for one in data])
    batch = kernel_pb2.TickBatch(
        type=[types.setdefault(event.realtype, len(types)) for event in events],
        code=[codes.setdefault(event.code, len(codes)) for event in events],
        data=text,
        time=[event.time for event in events],
    )
    batch.types.extend(types)
    batch.codes.extend(codes)
    return batch
