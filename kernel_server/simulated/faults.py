"""Faults between a program and its broker, on demand or daily at a set time.

``Faults`` decides and the control acts: ``login`` gives the result of a login, ``delay`` the delay of an answer,
``copies`` how often an event is delivered. Without a fault these are the usual result, 0 and 1.
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
    """A daily fault.

    Attributes:
        at: HH:MM or HH:MM:SS in Seoul.
        kind: ``restart`` (a cut, then no login for a while), ``cut``, ``silence`` or ``slowness``.
        seconds: its length; irrelevant for a ``cut``.
        extra: delay of answers in seconds during a ``slowness``.
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
        if not (0 <= self.seconds < FOREVER and 0 <= self.extra < FOREVER):  # NaN is neither
            raise ValueError(f"a fault cannot last {self.seconds} s or make answers {self.extra} s late")

    def next(self, now: float) -> float:
        """Time of the first occurrence after ``now``, seconds since the epoch."""
        parts = [*(int(part) for part in self.at.split(":")), 0][:3]
        moment = seoul(now).replace(hour=parts[0], minute=parts[1], second=parts[2], microsecond=0)
        if moment.timestamp() <= now:
            moment += timedelta(days=1)
        return moment.timestamp()


KINDS = ("restart", "cut", "silence", "slowness")


def parse(text: str) -> PlannedFault:
    """A fault as written on a command line: ``nightly``, or ``HH:MM KIND [SECONDS [EXTRA]]``.

    Raises:
        ValueError: it is neither.

    >>> parse("12:30 slowness 60 2.5")
    PlannedFault(at='12:30', kind='slowness', seconds=60.0, extra=2.5)
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
"""The broker's daily check according to its guide: around 05:00, one to five minutes."""


class Faults:
    """The faults of one control. It runs on the control thread only.

    Args:
        clock: the broker's time.
        call_soon: runs work on the control thread.
        cut: cuts the connection, with OnEventConnect's code.
        plan: daily faults.
        reorder: turns on or off that an order's first Chejan events come before the answer to SendOrder.
    """

    def __init__(
        self,
        clock: Clock,
        call_soon: Callable[[Callable[[], None]], None],
        cut: Callable[[int], None],
        plan: Sequence[PlannedFault] = (),
        reorder: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._call_soon = call_soon
        self._cut = cut
        self._plan = tuple(plan)
        self._reorder = reorder
        self._timers: dict[int, Timer] = {}
        self._closed = False
        self._unreachable_until = 0.0
        self._silent_until = 0.0
        self._slow_until = 0.0
        self._extra = 0.0
        self._copies: dict[str, list[int]] = {}
        self._logins: list[int] = []
        self._update_demanded = False

    def start(self) -> None:
        """Start the daily faults."""
        for number in range(len(self._plan)):
            self._schedule(number)

    def close(self) -> None:
        """Stop the daily faults."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # Faults on demand.

    def cut(self, code: int = CONNECTION_CLOSED) -> None:
        """Cut the connection: all registrations and pending answers are lost."""
        self._cut(code)

    def restart(self, seconds: float, code: int = CONNECTION_CLOSED) -> None:
        """Restart the server: a cut, then logins fail for that many seconds."""
        self._unreachable_until = max(self._unreachable_until, self._clock.now() + seconds)
        self._cut(code)

    def go_silent(self, seconds: float = FOREVER) -> None:
        """Lose all events for that many seconds. Functions still return."""
        self._silent_until = self._clock.now() + seconds

    def slow_down(self, extra: float, seconds: float = FOREVER) -> None:
        """Delay all answers by ``extra`` seconds for that many seconds; an ``extra`` of 0 ends it."""
        self._extra = extra
        self._slow_until = self._clock.now() + seconds

    def lose(self, event: str, times: int = 1) -> None:
        """Lose the next events of that name."""
        self._copies.setdefault(event, []).extend([0] * times)

    def double(self, event: str, times: int = 1) -> None:
        """Deliver the next events of that name twice."""
        self._copies.setdefault(event, []).extend([2] * times)

    def reject_logins(self, code: int = LOGIN_FAILED, times: int = 1) -> None:
        """Let the next logins fail with that code."""
        if code >= 0:
            raise ValueError(f"a login fails with a negative code, not with {code}")
        self._logins.extend([code] * times)

    def demand_update(self) -> None:
        """Require a new version, which cannot be installed while this control is loaded: all logins fail."""
        self._update_demanded = True

    def chejan_first(self) -> None:
        """Send an order's first Chejan events before the answer to SendOrder, as happens under load."""
        self._reorder(True)

    def recover(self) -> None:
        """End all faults. Daily faults go on."""
        self._unreachable_until = self._silent_until = self._slow_until = self._extra = 0.0
        self._copies.clear()
        self._logins.clear()
        self._update_demanded = False
        self._reorder(False)

    # Queries of the control.

    def login(self, usual: int) -> int:
        """Result of the login that is ending; ``usual`` without a fault."""
        if self._update_demanded:
            return VERSION_NOT_UPDATED
        if self._clock.now() < self._unreachable_until:
            return SERVER_UNREACHABLE
        return self._logins.pop(0) if self._logins else usual

    def delay(self) -> float:
        """Delay in seconds of the answer to a request made now."""
        return self._extra if self._clock.now() < self._slow_until else 0.0

    def copies(self, event: str) -> int:
        """How often an event of that name is delivered: 0, 1 or 2. Call it once per event."""
        if self._clock.now() < self._silent_until:
            return 0
        planned = self._copies.get(event)
        return planned.pop(0) if planned else 1

    # Daily faults.

    def _schedule(self, number: int) -> None:
        due = self._plan[number].next(self._clock.now())
        # The clock's thread only passes the fault on. A stepped clock does not jump to a background timer.
        self._timers[number] = self._clock.call_at(
            due, lambda: self._call_soon(lambda: self._run_planned(number)), background=True
        )

    def _run_planned(self, number: int) -> None:
        if self._closed:
            return
        self._schedule(number)
        planned = self._plan[number]
        if planned.kind == "restart":
            self.restart(planned.seconds)
        elif planned.kind == "cut":
            self.cut()
        elif planned.kind == "silence":
            self.go_silent(planned.seconds)
        else:
            self.slow_down(planned.extra, planned.seconds)
