"""The seam between the server and a control.

Its functions are those of ``reference/data/function.tsv``, its events those of ``event.tsv``, and there
is nothing else. Two controls implement it, Kiwoom's OCX and the simulated broker; the server treats them alike.
What only some controls can do is a separate protocol (``FaultInjectable``, ``ReportsProblems``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

Scalar = str | int
Table = list[list[str]]
Value = str | int | Table | None


class Event(NamedTuple):
    """An event as the control fired it: its name and its arguments in the control's order and types."""

    name: str
    arguments: tuple[Scalar, ...]


Handler = Callable[[Event], None]


class Control(Protocol):
    """One control, used on the control thread alone.

    Attributes:
        kind: ``"simulated"`` or ``"ocx"``.
        source: names the prices behind its answers; answers of two sources must never be mixed.
        always_paper: whether every login is 모의투자. False: the login decides.
    """

    kind: str
    source: str
    always_paper: bool

    def call(self, name: str, arguments: Sequence[Scalar]) -> Value:
        """Calls a control function. The caller has checked the arguments against its signature.

        An event may be fired from inside the call, before it returns, as the OCX does it.
        """
        ...

    def listen(self, handler: Handler) -> None:
        """Sets the one handler of all events. It is called on the control thread, inside the event."""
        ...

    def close(self) -> None:
        """Releases the control's resources. No event is fired after that."""
        ...


class FaultInjector(Protocol):
    """What can be made to go wrong. ``code`` is OnEventConnect's, negative; ``seconds`` may be infinite."""

    def cut(self, code: int) -> None:
        """Cuts the connection."""

    def restart(self, seconds: float, code: int) -> None:
        """Cuts the connection and fails logins for that long."""

    def go_silent(self, seconds: float) -> None:
        """Drops all events for that long."""

    def slow_down(self, extra: float, seconds: float) -> None:
        """Delays answers by ``extra`` seconds for that long."""

    def lose(self, event: str, times: int) -> None:
        """Drops the next events of that name."""

    def double(self, event: str, times: int) -> None:
        """Fires the next events of that name twice."""

    def reject_logins(self, code: int, times: int) -> None:
        """Fails the next logins."""

    def demand_update(self) -> None:
        """Fails logins because of a new version."""

    def chejan_first(self) -> None:
        """Fires an order's first Chejan events before SendOrder's answer."""

    def recover(self) -> None:
        """Ends all faults that are on."""


@runtime_checkable
class FaultInjectable(Protocol):
    """A control that fails on demand, so that programs can be tested against it: the simulated broker."""

    @property
    def faults(self) -> FaultInjector: ...


@runtime_checkable
class ReportsProblems(Protocol):
    """A control that can have problems, which its server reports: the simulated broker, about its account file."""

    def problems(self) -> Sequence[str]:
        """The problems, a sentence each; from any thread."""
        ...
