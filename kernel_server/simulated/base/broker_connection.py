"""The session's connection to the broker, as the parts of the simulated broker use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class BrokerConnection(Protocol):
    """Time, events and delayed answers."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def GetConnectState(self) -> int:
        """1 while a user is logged in, else 0."""
        ...

    def fire(self, name: str, *arguments: str | int) -> None:
        """Fire an event at once."""
        ...

    def answer_later(self, seconds: float, work: Callable[[], None], background: bool = False) -> None:
        """Run ``work`` on the control thread then, never inside this call or after a loss of the connection."""
        ...
