"""Rate-limited control functions that a client calls, and the way to make them in their turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kernel_server import failure, reference
from kernel_server.clock import Clock
from kernel_server.control.host import ControlHost
from kernel_server.control.seam import Control, Scalar
from kernel_server.observe.metrics import Metrics
from kernel_server.rpc.context import Context, client_of
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.scheduler import Priority, RateLimitedCall, Refused, Scheduler, WindowFull, keys
from kernel_server.security.orders import OrderRules

LIMITED = {
    "CommRqData": "tr",
    "CommKwRqData": "tr",
    "SendCondition": "tr",
    "SendOrder": "order",
    "SendOrderFO": "order",
    "SendOrderCredit": "order",
}
"""The control functions whose rate the broker limits, and the kind that they count as."""


class RateLimitClass(NamedTuple):
    """What a call counts as: its kind and priority, further keys, and the return code with which it counts there."""

    kind: str
    priority: Priority
    keys: tuple[str, ...] = ()
    success: int = 0


def rate_limit_class(name: str, arguments: Sequence[Scalar]) -> RateLimitClass:
    """What a limited call counts as; its arguments have been checked.

    >>> rate_limit_class("SendCondition", ("0101", "골든크로스", 3, 0))
    RateLimitClass(kind='tr', priority=<Priority.INTERACTIVE: 1>, keys=('condition:3:골든크로스',), success=1)
    """
    kind = LIMITED[name]
    if kind == "order":
        return RateLimitClass(kind, Priority.ORDER)
    if name == "SendCondition":
        # The condition functions return 1 where others return 0.
        condition = keys.of_condition(int(arguments[2]), str(arguments[1]))
        return RateLimitClass(kind, Priority.INTERACTIVE, condition, success=1)
    if name == "CommRqData":
        try:
            return RateLimitClass(kind, Priority.INTERACTIVE, keys.of_tr(reference.tr(str(arguments[1]))))
        except reference.UnknownReference:
            pass  # the control may have TRs that the table has not, and returns an error if it has not either
    return RateLimitClass(kind, Priority.INTERACTIVE)


class ClientCall(RateLimitedCall):
    """A limited control function that a client calls. An order is sent only with a permit, checked here.

    Args:
        name: the control function.
        arguments: they have been checked.
        context: of the RPC.
        rules: which orders may be sent.
    """

    def __init__(self, name: str, arguments: tuple[Scalar, ...], context: Context, rules: OrderRules) -> None:
        limit = rate_limit_class(name, arguments)
        super().__init__(limit.kind, client_of(context), limit.priority, limit.keys, limit.success)
        self.name = name
        self.arguments = arguments
        self.permit = rules.permit(name, arguments, context.invocation_metadata())

    def send(self, control: Control) -> int:
        if self.permit is not None:
            self.permit.check(control)
        return self.call(control)

    def call(self, control: Control) -> int:
        """Calls the control function, on the control thread."""
        code = control.call(self.name, self.arguments)
        assert isinstance(code, int)
        return code


class CallMaker:
    """Makes clients' calls in their turn. All orders go this way.

    Args:
        host: the control.
        scheduler: grants the turns.
        clock: of the expected start times.
        metrics: where TRs and orders are counted.
    """

    def __init__(self, host: ControlHost, scheduler: Scheduler, clock: Clock, metrics: Metrics) -> None:
        self._host = host
        self._scheduler = scheduler
        self._clock = clock
        self._metrics = metrics

    async def make(self, call: ClientCall, waits: QueueMetadata | None = None) -> int:
        """Waits for the call's turn, makes it and gives its return code; cancelled before its turn, it is not made.

        ``waits`` sends the client its queue position.

        Raises:
            failure.Failure: the broker refuses for its rate; the order may not be sent.
        """
        if call.permit is not None:
            await self._host.run(call.permit.check)
        self._scheduler.submit(call)
        try:
            if waits is not None:
                await waits.begin(self._scheduler.position(call), self._clock.now())
            code = await call.done
        except Refused as refused:
            raise failure.rate_limited(call.name, refused.code, refused.retry_at) from None
        except WindowFull as full:
            raise failure.window_full(call.name, full.key, full.retry_at) from None
        finally:
            call.done.cancel()
            if waits is not None:
                waits.end(call.waited)
        if call.permit is not None:
            self._metrics.order_sent(call.permit.order.action, code)
        elif call.name != "SendCondition" and code == call.success:
            self._metrics.tr_sent(str(call.arguments[1]) if call.name == "CommRqData" else "OPTKWFID")
        return code
