"""What goes wrong between a program and its broker, made to go wrong: on demand, or every day at a set time.

``Faults`` decides and the control acts: it asks ``login`` how a login ends, ``delay`` by how much an answer is late,
and ``copies`` how often an event is handed on. Without a fault the answers are: as ever, not at all, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from kernel_server.clock import Clock, Timer, seoul

CONNECTION_CLOSED = -106
LOGIN_FAILED = -100
SERVER_UNREACHABLE = -101
VERSION_NOT_UPDATED = -102

FOREVER = float("inf")

Kind = Literal["restart", "cut", "silence", "slowness"]


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault that comes every day.

    Attributes:
        at: HH:MM or HH:MM:SS in Seoul.
        kind: ``restart`` (cut, and nobody can log in for a while), ``cut``, ``silence`` or ``slowness``.
        seconds: how long it lasts; a mere cut lasts no time.
        extra: seconds by which answers are late in a ``slowness``.
    """

    at: str
    kind: Kind
    seconds: float = 0.0
    extra: float = 0.0

    def __post_init__(self) -> None:
        parts = self.at.split(":")
        numbers = [int(part) for part in parts if part.isdigit()]
        limits = (24, 60, 60)[: len(numbers)]
        if len(numbers) != len(parts) or len(parts) not in (2, 3):
            raise ValueError(f"a time is written HH:MM or HH:MM:SS, not {self.at!r}")
        if any(number >= limit for number, limit in zip(numbers, limits, strict=True)):
            raise ValueError(f"there is no such time of day: {self.at!r}")
        if self.seconds < 0 or self.extra < 0:
            raise ValueError(f"a fault cannot last {self.seconds} s or make answers {self.extra} s late")

    def next(self, now: float) -> float:
        """When it comes for the first time after ``now``, seconds since the epoch."""
        parts = [*(int(part) for part in self.at.split(":")), 0][:3]
        moment = seoul(now).replace(hour=parts[0], minute=parts[1], second=parts[2], microsecond=0)
        if moment.timestamp() <= now:
            moment += timedelta(days=1)
        return moment.timestamp()


KINDS = ("restart", "cut", "silence", "slowness")


def parse(text: str) -> PlannedFault:
    """A fault as it is written on a command line: ``nightly``, or ``HH:MM KIND [SECONDS [EXTRA]]``.

    Raises:
        ValueError: it is neither.

    >>> parse("12:30 slowness 60 2.5")
    Planned(at='12:30', kind='slowness', seconds=60.0, extra=2.5)
    """
    if text == "nightly":
        return NIGHTLY
    parts = text.split()
    if not 2 <= len(parts) <= 4 or parts[1] not in KINDS:
        raise ValueError(
            f'a fault is "nightly" or "HH:MM KIND [SECONDS [EXTRA]]" with {", ".join(KINDS)}, not {text!r}'
        )
    try:
        seconds, extra = ([float(part) for part in parts[2:]] + [0.0, 0.0])[:2]
    except ValueError:
        raise ValueError(f"seconds are a number, not {' '.join(parts[2:])!r}") from None
    return PlannedFault(parts[0], parts[1], seconds, extra)  # type: ignore[arg-type]  # one of KINDS


NIGHTLY = PlannedFault("05:00", "restart", seconds=180.0)
"""The broker's own daily check, as its guide tells of it: around five, one to five minutes."""


class Faults:
    """The faults of one control. It is touched on the control thread alone.

    Args:
        clock: the broker's time.
        later: hands work to the control thread.
        cut: cuts the connection, with the code that OnEventConnect is to say.
        plan: what comes every day.
        reorder: has an order's first Chejan events come before the answer to SendOrder, or after it again.
    """

    def __init__(
        self,
        clock: Clock,
        later: Callable[[Callable[[], None]], None],
        cut: Callable[[int], None],
        plan: Sequence[PlannedFault] = (),
        reorder: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._later = later
        self._cut = cut
        self._plan = tuple(plan)
        self._reorder = reorder
        self._timers: dict[int, Timer] = {}
        self._closed = False
        self._away_until = 0.0
        self._silent_until = 0.0
        self._slow_until = 0.0
        self._extra = 0.0
        self._copies: dict[str, list[int]] = {}
        self._logins: list[int] = []
        self._outdated = False

    def start(self) -> None:
        """From now on the plan is carried out."""
        for number in range(len(self._plan)):
            self._arm(number)

    def close(self) -> None:
        """Nothing comes any more."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # What can be made to happen.

    def cut(self, code: int = CONNECTION_CLOSED) -> None:
        """The connection is gone, and with it every registration and every answer under way."""
        self._cut(code)

    def restart(self, seconds: float, code: int = CONNECTION_CLOSED) -> None:
        """The server goes away: a cut, and logins fail for so long."""
        self._away_until = max(self._away_until, self._clock.now() + seconds)
        self._cut(code)

    def go_silent(self, seconds: float = FOREVER) -> None:
        """No event comes for so long, and those that would have are lost. Functions go on answering."""
        self._silent_until = self._clock.now() + seconds

    def slow_down(self, extra: float, seconds: float = FOREVER) -> None:
        """For so long every answer is late by ``extra`` seconds. An ``extra`` of 0 ends it."""
        self._extra = extra
        self._slow_until = self._clock.now() + seconds

    def lose(self, event: str, times: int = 1) -> None:
        """The next events of that name do not arrive."""
        self._copies.setdefault(event, []).extend([0] * times)

    def double(self, event: str, times: int = 1) -> None:
        """The next events of that name arrive twice."""
        self._copies.setdefault(event, []).extend([2] * times)

    def reject_logins(self, code: int = LOGIN_FAILED, times: int = 1) -> None:
        """The next logins fail with that code."""
        if code >= 0:
            raise ValueError(f"a login fails with a negative code, not with {code}")
        self._logins.extend([code] * times)

    def demand_update(self) -> None:
        """There is a new version, and it cannot be put in place while this control is loaded: no login succeeds."""
        self._outdated = True

    def chejan_first(self) -> None:
        """From now on an order's first Chejan events come before the answer to SendOrder, as under load."""
        self._reorder(True)

    def recover(self) -> None:
        """Everything is well again; what the plan holds still comes."""
        self._away_until = self._silent_until = self._slow_until = self._extra = 0.0
        self._copies.clear()
        self._logins.clear()
        self._outdated = False
        self._reorder(False)

    # What the control asks.

    def login(self, usual: int) -> int:
        """How the login that is just ending ends, where it would otherwise end with ``usual``."""
        if self._outdated:
            return VERSION_NOT_UPDATED
        if self._clock.now() < self._away_until:
            return SERVER_UNREACHABLE
        return self._logins.pop(0) if self._logins else usual

    def delay(self) -> float:
        """By how many seconds an answer is late that is asked for now."""
        return self._extra if self._clock.now() < self._slow_until else 0.0

    def copies(self, event: str) -> int:
        """How often the event of that name is handed on: 0, 1 or 2 times. Asked once for each event."""
        if self._clock.now() < self._silent_until:
            return 0
        planned = self._copies.get(event)
        return planned.pop(0) if planned else 1

    # The plan.

    def _arm(self, number: int) -> None:
        due = self._plan[number].next(self._clock.now())
        # The clock's thread only hands on. Nobody waits for a fault.
        self._timers[number] = self._clock.call_at(
            due, lambda: self._later(lambda: self._come(number)), background=True
        )

    def _come(self, number: int) -> None:
        if self._closed:
            return
        self._arm(number)
        planned = self._plan[number]
        if planned.kind == "restart":
            self.restart(planned.seconds)
        elif planned.kind == "cut":
            self.cut()
        elif planned.kind == "silence":
            self.go_silent(planned.seconds)
        else:
            self.slow_down(planned.extra, planned.seconds)
