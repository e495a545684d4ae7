"""OrderCall: an order, and what becomes of it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

from kernel_server import failure
from kernel_server.rpc.call import checked
from kernel_server.rpc.context import Context, Parts
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.rpc.rate_limited_call import in_turn
from kernel_server.streams.mailbox import Mailbox
from kernel_server.streams.order_tracker import SentOrder, TrackedOrder, request_of
from kernel_server.wire import openapi_pb2

SCREENS = [f"{number:04d}" for number in range(5191, 5200)]
"""Orders take turns on these. A screen tells an order apart only until its number is known."""
_names = itertools.count(1)


async def order_call(
    parts: Parts, context: Context, request: openapi_pb2.OrderRequest, waits: QueueMetadata
) -> AsyncIterator[bytes]:
    """Sends the order and tells its events until it is filled, confirmed, cancelled or refused.

    An order that its caller gives up before it is sent is not sent; one that is given up later stays at the
    exchange. It is never sent twice.

    Raises:
        failure.Failure: OrderRejected with the broker's message; NoAnswer and ServerLost where its fate is not known;
            Forbidden where it is for real money and not both sides allow that, or is worth too much.
    """
    number = next(_names)
    ticket = SentOrder(
        request.account_no,
        request.code,
        request.order_type,
        request.original_order_no.strip(),
        SCREENS[number % len(SCREENS)],
        f"o{number:06d}",
        request.screen_no,
        request.request_name,
    )
    arguments = checked("SendOrder", request_of(ticket, request))
    box: Mailbox[bytes] = Mailbox(parts.waker)
    host = parts.host

    def over(watch: TrackedOrder) -> None:
        parts.orders.remove(watch)
        host.router.forget(ticket.screen, ticket.name)

    given_up = False
    watch = TrackedOrder(ticket, box, parts.clock, host.thread.hand_over, over)

    def send() -> int:
        if given_up:
            return 0
        # Its events may come before SendOrder returns.
        parts.orders.add(watch)
        host.router.expect(ticket.screen, ticket.name, watch.answered)
        code = host.control.call("SendOrder", arguments)
        assert isinstance(code, int)
        if code == 0:
            watch.sent()
        else:
            over(watch)
        return code

    try:
        code = await in_turn(parts, context, "SendOrder", arguments, send, waits)
        if code != 0:
            raise failure.returned("SendOrder", code)
        while True:
            taken = await box.take()
            for item in taken.items:
                yield item
            if taken.over:
                return
    finally:
        given_up = True
        host.thread.hand_over(watch.stop)
