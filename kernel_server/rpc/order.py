"""OrderCall, Order and CreditOrder: an order, and the events that follow it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncGenerator, AsyncIterator

from kernel_server import failure
from kernel_server.clock import Clock
from kernel_server.control.host import ControlHost, Router
from kernel_server.control.seam import Control, Scalar
from kernel_server.rpc.context import Context, require_expected
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.rpc.rate_limited_call import CallMaker, ClientCall
from kernel_server.rpc.values import checked
from kernel_server.security.orders import OrderRules
from kernel_server.streams.mailbox import Mailbox, Waker
from kernel_server.streams.order_tracker import OrderTracker, SentOrder, TrackedOrder, send_order_arguments
from kernel_server.wire import kernel_pb2, openapi_pb2

SCREENS = [f"{number:04d}" for number in range(5191, 5200)]
"""Orders take turns on these. A screen identifies an order only until its number is known."""


class SendOrderCall(ClientCall):
    """SendOrder or SendOrderCredit, with the tracking of the order."""

    def __init__(
        self,
        arguments: tuple[Scalar, ...],
        context: Context,
        rules: OrderRules,
        order: TrackedOrder,
        tracker: OrderTracker,
        router: Router,
    ) -> None:
        super().__init__(order.sent.function, arguments, context, rules)
        self._order = order
        self._tracker = tracker
        self._router = router

    def call(self, control: Control) -> int:
        if self.done.done():
            return 0  # withdrawn while its permit was checked
        # Its events may come before SendOrder returns.
        self._tracker.add(self._order)
        sent = self._order.sent
        self._router.expect(sent.screen, sent.name, self._order.on_answer)
        code = super().call(control)
        if code == 0:
            self._order.on_sent()
        else:
            self._tracker.remove(self._order)
            self._router.forget(sent.screen, sent.name)
        return code


class OrderStreams:
    """Sends orders and streams their events.

    Args:
        host: the control.
        maker: makes the calls in their turn.
        rules: which orders may be sent.
        clock: of the timeouts of an order's events.
        waker: wakes the loop of the streams.
        tracker: gets the Chejan events of all orders.
    """

    def __init__(
        self,
        host: ControlHost,
        maker: CallMaker,
        rules: OrderRules,
        clock: Clock,
        waker: Waker,
        tracker: OrderTracker,
    ) -> None:
        self._host = host
        self._maker = maker
        self._rules = rules
        self._clock = clock
        self._waker = waker
        self._tracker = tracker
        self._numbers = itertools.count(1)

    async def credit_order(
        self, request: kernel_pb2.CreditOrderRequest, context: Context
    ) -> AsyncIterator[bytes]:
        """CreditOrder: as ``order``, by SendOrderCredit."""
        events = self.order(request.order, context, (request.credit_type, request.loan_date))
        async with contextlib.aclosing(events):
            async for event in events:
                yield event

    async def order(
        self, request: openapi_pb2.OrderRequest, context: Context, credit: tuple[str, ...] = ()
    ) -> AsyncGenerator[bytes, None]:
        """OrderCall and Order: sends the order and streams its events until it is filled, confirmed, cancelled or
        refused.

        An order that its caller withdraws before it is sent is not sent; one that is withdrawn later stays at the
        exchange. It is never sent twice.

        Raises:
            failure.Failure: OrderRejected with the broker's message; NoAnswer and ServerLost where its fate is not
                known; Forbidden where it is for real money and not both sides allow that, or is worth too much;
                OtherPrices and NotConnected where its client means another server, and nothing was sent.
        """
        require_expected(context, self._host.origins.last)
        number = next(self._numbers)
        sent = SentOrder(
            request.account_no,
            request.code,
            request.order_type,
            request.original_order_no.strip(),
            SCREENS[number % len(SCREENS)],
            f"o{number:06d}",
            request.screen_no,
            request.request_name,
            credit,
        )
        arguments = checked(sent.function, send_order_arguments(sent, request))
        box: Mailbox[bytes] = Mailbox(self._waker)
        tracked = TrackedOrder(sent, box, self._clock, self._host.thread.hand_over, self._on_order_end)
        call = SendOrderCall(arguments, context, self._rules, tracked, self._tracker, self._host.router)
        try:
            waits = QueueMetadata(context, self._host.origins.last)
            code = await self._maker.make(call, waits)
            if code != 0:
                raise failure.returned(sent.function, code)
            await waits.confirm()
            while True:
                taken = await box.take()
                for item in taken.items:
                    yield item
                if taken.over:
                    return
        finally:
            self._host.thread.hand_over(tracked.stop)

    def _on_order_end(self, order: TrackedOrder) -> None:
        """On the control thread: stops the delivery of events."""
        self._tracker.remove(order)
        self._host.router.forget(order.sent.screen, order.sent.name)
