"""The connection of a session, as the parts of the simulated broker use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class BrokerConnection(Protocol):
    """Time, events and delayed answers of the connection to the broker."""

    def now(self) -> float: ...

    def fire(self, name: str, *arguments: str | int) -> None:
        """Fires an event, at once."""
        ...

    def answer_later(self, seconds: float, work: Callable[[], None], background: bool = False) -> None:
        """Does ``work`` on the control thread, never before the present call has returned; not after a cut."""
        ...
