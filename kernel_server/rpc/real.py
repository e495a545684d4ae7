"""RealCall and BidirectionalRealCall: real-time data, one message an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from kernel_server import failure
from kernel_server.failure import Failure
from kernel_server.rpc.context import Parts, Ready
from kernel_server.streams import event_codec, realtime
from kernel_server.streams.event_codec import Options
from kernel_server.streams.mailbox import Mailbox
from kernel_server.streams.realtime import Connection, RealEvent
from kernel_server.wire import openapi_pb2

CAPACITY = 10_000
"""So many events may wait for a slow reader; what comes then takes the place of the oldest."""


class Reader:
    """A stream's end on the control thread: real-time events, and how the connection stands."""

    def __init__(self, parts: Parts, capacity: int = 0) -> None:
        self._parts = parts
        self.box: Mailbox[RealEvent | Connection] = Mailbox(parts.waker, capacity or CAPACITY)
        self.heard = self.box.put
        self._stop: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Reader:
        def listen() -> None:
            self._stop = self._parts.host.router.listen(
                "OnEventConnect",
                lambda moment: self.box.put(Connection(int(moment.arguments[0]))),
            )

        try:
            await self._parts.host.run(lambda _: listen())
        except BaseException:
            self._go()  # the control thread may have come to it all the same
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._go()

    def _go(self) -> None:
        # Not awaited: whoever goes must not be kept, and the control thread does it in its turn.
        self._parts.host.thread.hand_over(self._leave)
        self.box.end()

    def _leave(self) -> None:
        self._stop()
        self._parts.realtime.drop(self)

    async def register(self, codes: Sequence[str], fids: Sequence[int]) -> None:
        """A hundred codes at a time, so that others get their turn on the control thread."""
        realtime.check(codes, fids)
        await self._logged_in()
        wanted = list(dict.fromkeys(codes))
        for start in range(0, len(wanted), realtime.CODES_A_SCREEN):
            part = wanted[start : start + realtime.CODES_A_SCREEN]
            await self._parts.host.run(lambda _, part=part: self._parts.realtime.add(self, part, fids))  # type: ignore[misc]

    async def remove(self, codes: Iterable[str]) -> None:
        part = list(codes)
        await self._parts.host.run(lambda _: self._parts.realtime.remove(self, part))

    async def _logged_in(self) -> None:
        if await self._parts.host.run(lambda control: control.call("GetConnectState", ())) != 1:
            raise failure.not_connected()


async def real_call(parts: Parts, request: openapi_pb2.RealRequest, ready: Ready) -> AsyncIterator[bytes]:
    """Events of the request's codes until the reader goes. Its screens and opt_type are the server's business."""
    flags = request.flags
    options = Options(tuple(request.fid_list), flags.infer_fids, flags.readable_names)
    if not request.code_list:
        raise failure.bad_input('no codes: give at least one, or "" for what belongs to no code')
    async with Reader(parts) as reader:
        await reader.register(request.code_list, request.fid_list)
        await ready()
        while True:
            taken = await reader.box.take()
            if taken.dropped:
                parts.metrics.events_dropped(taken.dropped)
                yield event_codec.lost(taken.dropped)
            for item in taken.items:
                yield event_codec.packed(item, options)
            if taken.over:
                return


async def bidirectional_real_call(
    parts: Parts, requests: AsyncIterator[openapi_pb2.BidirectionalRealRequest]
) -> AsyncIterator[bytes]:
    """The same, with codes that come and go while the stream stays."""
    state = _Wanted()
    async with Reader(parts) as reader:
        follow = asyncio.ensure_future(_follow(reader, state, requests))
        try:
            while True:
                taken = await reader.box.take()
                if taken.dropped:
                    parts.metrics.events_dropped(taken.dropped)
                    yield event_codec.lost(taken.dropped)
                for item in taken.items:
                    yield event_codec.packed(item, state.options)
                if taken.over:
                    return
        finally:
            # Not awaited: gRPC lets go of a request that is being read only when the stream is over.
            follow.cancel()


class _Wanted:
    """What the requests of a stream have asked for so far."""

    def __init__(self) -> None:
        self.fids: tuple[int, ...] = ()
        self.options = Options((), infer=True, readable=False)
        self.codes: set[str] = set()


async def _follow(
    reader: Reader, state: _Wanted, requests: AsyncIterator[openapi_pb2.BidirectionalRealRequest]
) -> None:
    """Carries requests out, one after the other. The end of the requests does not end the stream."""
    try:
        async for request in requests:
            kind = request.WhichOneof("request")
            if kind == "initialize_request":
                await reader.remove(state.codes)
                state.codes.clear()
                state.fids = tuple(request.initialize_request.fid_list)
                readable = request.initialize_request.flags.readable_names
                state.options = Options((), infer=True, readable=readable)
            elif kind == "register_request":
                asked = request.register_request
                await reader.register(asked.code_list, tuple(asked.fid_list) or state.fids)
                state.codes.update(asked.code_list)
            elif kind == "remove_request":
                await reader.remove(request.remove_request.code_list)
                state.codes.difference_update(request.remove_request.code_list)
            elif kind == "stop_request":
                reader.box.end()
                return
            else:
                raise failure.bad_input("an empty request: it initializes, registers, removes or stops")
    except Failure as error:
        reader.box.end(error)
