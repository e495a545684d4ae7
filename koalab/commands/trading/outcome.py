"""What became of an order, as the end of a command."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from koalab.commands.runner import CommandRunner
from koalab.errors import BadInput, NoAnswer
from koalab.inputs.arguments import seconds

if TYPE_CHECKING:
    from koalab.orders.order import Order

REJECTED: Final = 3
UNFINISHED: Final = 4
UNKNOWN: Final = 5
"""Exit codes: the broker refused; not filled, or not wholly; it is not known whether the broker has it."""

# Longer than the broker's lists are read for an order whose answer was lost.
_FATE: Final = 90.0
_CANCELLED_WITHIN: Final = 10.0
_POLL: Final = 0.2


def check_wait(wait: bool, timeout: float | None) -> None:
    """Refuses a time without ``--wait``, and one that is none.

    Raises:
        BadInput: before anything is sent.
    """
    if timeout is not None:
        seconds("--timeout", timeout)
        if not wait:
            raise BadInput("--timeout says how long --wait takes at most: give --wait too, or leave it out")


def settle(runner: CommandRunner, order: Order, wait: bool, timeout: float | None) -> Order:
    """Waits as asked, and while nothing is known of the order; returns it.

    Raises:
        NoAnswer: in a notebook, where it has not come to the end that was asked for.
    """
    try:
        _await_fate(order)
        if wait and order.status != "unknown":
            order.wait(timeout)
    except NoAnswer as error:
        runner.unfinished(UNFINISHED, str(error))
        return order
    except KeyboardInterrupt as stopped:
        stopped.add_note(f"the order stays at the broker: {order!r}")
        raise
    if order.status == "unknown":
        runner.unfinished(UNKNOWN, f"whether the broker has it is not known, do not send it again: {order!r}")
    elif order.status == "rejected":
        runner.unfinished(REJECTED, f"{order!r}")
    elif wait and order.status != "filled":
        runner.unfinished(UNFINISHED, f"it ended otherwise: {order!r}")
    return order


def await_cancelled(runner: CommandRunner, order: Order) -> None:
    """Waits a moment for the end of an order whose cancellation the broker has accepted."""
    try:
        order.wait(_CANCELLED_WITHIN)
    except NoAnswer as error:
        runner.unfinished(UNFINISHED, str(error))


def _await_fate(order: Order) -> None:
    until = time.monotonic() + _FATE
    while order.status == "unknown" and time.monotonic() < until:
        time.sleep(_POLL)
