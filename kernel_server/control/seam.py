"""The seam: everything the server knows of the control.

Its functions are those of ``reference/data/function.tsv``, its events those of ``event.tsv``, and there
is nothing else. Two controls stand behind it, Kiwoom's OCX and the simulated broker, and what sits above
cannot tell which it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

Scalar = str | int
Table = list[list[str]]
Value = str | int | Table | None


class Event(NamedTuple):
    """An event as the control fired it: its name and its arguments in the control's order and types."""

    name: str
    arguments: tuple[Scalar, ...]


Handler = Callable[[Event], None]


class Control(Protocol):
    """One control. Only the control thread may touch it.

    Attributes:
        kind: ``"simulated"`` or ``"ocx"``.
        source: names the prices behind its answers; answers of two sources must never be mixed.
    """

    kind: str
    source: str

    def call(self, name: str, arguments: Sequence[Scalar]) -> Value:
        """Calls a control function. The arguments have been checked against its signature.

        An event may be fired from inside the call, before it returns, as the OCX does it.
        """
        ...

    def listen(self, handler: Handler) -> None:
        """Sets the one handler of all events. It is called on the control thread, inside the event."""
        ...

    def close(self) -> None:
        """Frees what the control holds. No event is fired after that."""
        ...
