"""A call that the broker counts: what it counts as, and how it comes to its turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kernel_server import failure, reference
from kernel_server.control.seam import Scalar
from kernel_server.rpc.context import Context, Parts, client_of
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.scheduler import Priority, Refused, WindowFull, keys
from kernel_server.security.orders import order_of, orders_allowed

# The calls that the broker counts, and as what.
LIMITED = {
    "CommRqData": "tr",
    "CommKwRqData": "tr",
    "SendCondition": "tr",
    "SendOrder": "order",
    "SendOrderFO": "order",
    "SendOrderCredit": "order",
}


@dataclass(frozen=True, slots=True)
class RateLimitClass:
    """As ``Scheduler.submit`` takes it."""

    kind: str
    priority: Priority
    also: tuple[str, ...] = ()
    success: int = 0


def counted(name: str, arguments: Sequence[Scalar]) -> RateLimitClass:
    """What a limited call counts as; its arguments have been checked.

    >>> counted("SendCondition", ("0101", "골든크로스", 3, 0))
    Counted(kind='tr', priority=<Priority.INTERACTIVE: 1>, also=('condition:3:골든크로스',), success=1)
    """
    kind = LIMITED[name]
    if kind == "order":
        return RateLimitClass(kind, Priority.ORDER)
    if name == "SendCondition":
        # The condition functions say 1 where others say 0.
        return RateLimitClass(
            kind, Priority.INTERACTIVE, keys.of_condition(int(arguments[2]), str(arguments[1])), 1
        )
    if name == "CommRqData":
        try:
            return RateLimitClass(kind, Priority.INTERACTIVE, keys.of_tr(reference.tr(str(arguments[1]))))
        except reference.UnknownReference:
            pass  # the control knows more TRs than the table, and will say so if it does not
    return RateLimitClass(kind, Priority.INTERACTIVE)


async def in_turn(
    parts: Parts,
    context: Context,
    name: str,
    arguments: Sequence[Scalar],
    send: Callable[[], int],
    waits: QueueMetadata | None = None,
) -> int:
    """Waits until it is that call's turn, makes it by ``send`` on the control thread, and gives its return code.

    A caller that goes before its turn is not called. ``waits`` tells it how long it waits. Orders come to the broker
    by this way only, so here it is that they are looked at.

    Raises:
        failure.Failure: the broker refuses for its rate; the order may not be sent.
    """
    what = counted(name, arguments)
    order = order_of(name, arguments)
    permit = None if order is None else await orders_allowed(parts, context, order)

    def call() -> int:
        if permit is not None:
            permit.check(parts.host.control)
        return send()

    client = client_of(context)
    job = parts.scheduler.submit(what.kind, client, what.priority, call, also=what.also, success=what.success)
    try:
        if waits is not None:
            await waits.begin(parts.scheduler.place(job), parts.clock.now())
        code = await job.done
    except Refused as refused:
        raise failure.rate_limited(name, refused.code, refused.retry_at) from None
    except WindowFull as full:
        raise failure.window_full(name, full.key, full.retry_at) from None
    finally:
        job.done.cancel()
        if waits is not None:
            waits.end(job.waited)
    if order is not None:
        parts.metrics.order_sent(order.action, code)
    elif name != "SendCondition" and code == what.success:
        parts.metrics.tr_sent(str(arguments[1]) if name == "CommRqData" else "OPTKWFID")
    return code
