"""Chejan: the events of all orders for our own client, with the times that put them in order with a TR's page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from kernel_server.clock import Clock
from kernel_server.control.event_context import EventContext
from kernel_server.control.host import ControlHost
from kernel_server.rpc.context import Context, require_expected
from kernel_server.streams.subscriptions import EventSource
from kernel_server.wire import kernel_pb2

EVERY = 1.0
"""Seconds, by the wall clock, between two batches of a quiet stream."""

_UNLISTED = (819,)
"""FIDs that the broker gives without listing them in the event on some versions."""


class ChejanStreams:
    """Streams of the events of all orders.

    Args:
        host: the control.
        events: the control's events.
        clock: gives events their times.
    """

    def __init__(self, host: ControlHost, events: EventSource, clock: Clock) -> None:
        self._host = host
        self._events = events
        self._clock = clock

    async def chejan(
        self, _request: kernel_pb2.ChejanRequest, context: Context
    ) -> AsyncIterator[kernel_pb2.ChejanBatch]:
        """Chejan: batches of events; an empty one first, and after every second without an event.

        Raises:
            failure.Failure: its client means another server.
        """
        require_expected(context, self._host.origins.last)
        names = ("OnReceiveChejanData", "OnEventConnect")
        async with self._events.subscribe(names, self._event) as subscription:
            box = subscription.box
            loop = asyncio.get_running_loop()
            yield kernel_pb2.ChejanBatch(until=self._clock.now())
            while True:
                timer = loop.call_later(EVERY, box.poke)
                try:
                    taken = await box.take()
                finally:
                    timer.cancel()
                batch = kernel_pb2.ChejanBatch(until=self._clock.now())
                # What was fired before that moment is in the box by now.
                more = await box.take() if len(box) else None
                for item in [*taken.items, *(more.items if more is not None else ())]:
                    if isinstance(item, bool):
                        if batch.events or batch.HasField("connected"):
                            yield batch
                            batch = kernel_pb2.ChejanBatch(until=batch.until)
                        batch.connected = item
                    else:
                        batch.events.append(item)
                yield batch
                if taken.over or (more is not None and more.over):
                    return

    def _event(self, context: EventContext) -> kernel_pb2.ChejanEvent | bool | None:
        """On the control thread, inside the event."""
        if context.name == "OnEventConnect":
            return context.arguments[0] == 0
        values = dict(context.chejan)
        for fid in _UNLISTED:
            if fid not in values and context.arguments[0] == "0":
                values[fid] = context.chejan_value(fid)
        return kernel_pb2.ChejanEvent(
            kind=str(context.arguments[0]),
            fids=list(values),
            values=list(values.values()),
            time=self._clock.now(),
        )
