"""A rate-limited call: one object from the RPC to the control thread."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from kernel_server.control.seam import Control
from kernel_server.scheduler.limits import Window
from kernel_server.scheduler.rate_windows import RateWindows


class Priority(IntEnum):
    """Orders before interactive work before bulk, which gets at least every tenth call."""

    ORDER = 0
    INTERACTIVE = 1
    BULK = 2


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where a call stands: how many go before it, and in how many seconds it is expected to start."""

    ahead: int
    wait: float


class RateLimitedCall(ABC):
    """A call of a control function whose rate the broker limits. A subclass says how it is made (``send``).

    Args:
        kind: what it counts as, ``tr`` or ``order``.
        client: the client that it is for; clients take turns.
        priority: of the queue.
        keys: further windows that it counts in if the broker takes it (``scheduler.keys`` makes them).
        success: the return code that says that the broker took it.

    Attributes:
        done: settles with the control's return code; cancelling it withdraws the call.
        number: order of arrival.
        since: clock time at which it was submitted.
        windows: those of its keys, beside that of its kind.
        waited: seconds from ``since`` until the call was made.
        made: whether the control was called by the last attempt.
        refusals: how often the broker refused it for no visible reason.
    """

    def __init__(
        self, kind: str, client: str, priority: Priority, keys: Sequence[str] = (), success: int = 0
    ) -> None:
        self.kind = kind
        self.client = client
        self.priority = priority
        self.keys = tuple(keys)
        self.success = success
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.number = 0
        self.since = 0.0
        self.windows: tuple[KeyWindows, ...] = ()
        self.waited = 0.0
        self.made = False
        self.refusals = 0

    @property
    def urgency(self) -> tuple[Priority, int]:
        return self.priority, self.number

    def execute(self, control: Control) -> int:
        """Sends the call and returns its return code, on the control thread.

        A call that was withdrawn on its way there is not sent; ``made`` then stays False.
        """
        if self.done.done():
            return 0
        self.made = True
        return self.send(control)

    @abstractmethod
    def send(self, control: Control) -> int:
        """Calls the control function, on the control thread; may run again after a refusal."""

    def fail(self, error: Exception) -> None:
        """Settles ``done`` with the error, unless the caller has withdrawn the call."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # retrieved here: a caller that is gone must not cause a warning in the log


class KeyWindows(RateWindows):
    """The windows of one key, and the calls that wait for them beside those of their kind."""

    def __init__(self, key: str, windows: Iterable[Window], times: Iterable[float] = ()) -> None:
        super().__init__(key, windows, times)
        self.waiting: dict[RateLimitedCall, None] = {}
