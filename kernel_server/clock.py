"""Time as an argument: the real clock, an accelerated one, and one that moves only when it is told to.

Everything in the server that waits or looks at the time does it through a ``Clock``, so that limits,
delays and market hours can be tested without waiting for them.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Protocol

KST = timezone(timedelta(hours=9), "KST")


class Timer:
    """A call that is due at some time; ``cancel`` keeps it from being made."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None

    def fire(self) -> None:
        call, self.call = self.call, None
        if call is not None:
            call()


class Clock(Protocol):
    """Seconds since the epoch, and calls that come due. ``speed`` is market seconds a real second."""

    @property
    def speed(self) -> float: ...

    def now(self) -> float: ...

    def call_at(self, due: float, call: Callable[[], None], background: bool = False) -> Timer:
        """``call()`` once ``now()`` has reached ``due``, on a thread of the clock's: it must only hand on.

        ``background`` says that nobody waits for it: the market goes on by itself, and a clock that leaps
        over waits does not leap for that.
        """
        ...

    def close(self) -> None: ...


def seoul(now: float) -> datetime:
    """That moment in the time zone of the market."""
    return datetime.fromtimestamp(now, KST)


class _Timers:
    """Timers in the order in which they are due, oldest first where two are due together."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def push(self, timer: Timer) -> None:
        heapq.heappush(self._heap, (timer.due, next(self._order), timer))

    def next_due(self) -> float | None:
        while self._heap and self._heap[0][2].call is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self) -> Timer:
        return heapq.heappop(self._heap)[2]


class RunningClock:
    """Runs by itself, at ``speed`` times the pace of the wall clock, from ``start`` (default: now).

    The pace comes from the monotonic clock, so that setting the machine's time does not upset a limit.
    """

    def __init__(self, speed: float = 1.0, start: float | None = None) -> None:
        if not speed > 0:
            raise ValueError(f"a clock's speed must be positive, not {speed}")
        self._speed = speed
        self._origin = time.time() if start is None else start
        self._zero = time.monotonic()
        self._timers = _Timers()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def speed(self) -> float:
        return self._speed

    def now(self) -> float:
        return self._origin + (time.monotonic() - self._zero) * self._speed

    def call_at(self, due: float, call: Callable[[], None], background: bool = False) -> Timer:  # noqa: ARG002
        timer = Timer(due, call)
        with self._changed:
            self._timers.push(timer)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
                self._thread.start()
            self._changed.notify()
        return timer

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                due = self._timers.next_due()
                if due is None:
                    self._changed.wait()
                    continue
                left = (due - self.now()) / self._speed
                if left > 0:
                    self._changed.wait(left)
                    continue
                timer = self._timers.pop()
            timer.fire()


class SteppedClock:
    """Stands still until ``advance`` moves it; calls that come due on the way are made in their order.

    With ``jump`` it also leaps, by itself, to whatever is waited for next, so that a wait costs no time; what
    is due on the way in the background is done on the way.
    """

    def __init__(self, start: float, jump: bool = False) -> None:
        self._now = start
        self._timers = _Timers()
        self._waits = _Timers()  # those of the timers that are worth a leap
        self._changed = threading.Condition()
        self._closed = False
        if jump:
            threading.Thread(target=self._leap, name="clock", daemon=True).start()

    @property
    def speed(self) -> float:
        return 0.0

    def now(self) -> float:
        return self._now

    def next_due(self) -> float | None:
        """When the next timer is due; None where there is none."""
        with self._changed:
            return self._timers.next_due()

    def next_wait(self) -> float | None:
        """When the next timer is due that somebody waits for; None where nobody does."""
        with self._changed:
            return self._waits.next_due()

    def call_at(self, due: float, call: Callable[[], None], background: bool = False) -> Timer:
        timer = Timer(due, call)
        with self._changed:
            if due > self._now:
                self._timers.push(timer)
                if not background:
                    self._waits.push(timer)
                    self._changed.notify()
                return timer
        timer.fire()
        return timer

    def advance(self, seconds: float) -> None:
        self._advance_to(self._now + seconds)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _advance_to(self, target: float) -> None:
        while True:
            with self._changed:
                due = self._timers.next_due()
                if due is None or due > target:
                    self._now = max(self._now, target)
                    return
                self._now = max(self._now, due)
                timer = self._timers.pop()
            timer.fire()

    def _leap(self) -> None:
        while True:
            with self._changed:
                while (due := self._waits.next_due()) is None and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
            assert due is not None
            self._advance_to(due)


def parse_clock(text: str, start: float | None = None) -> Clock:
    """The clock that ``real``, ``fast:N`` (N times as fast) or ``stepped`` names.

    ``stepped`` leaps over every wait. ``start`` is where it begins, seconds since the epoch.
    """
    kind, _, argument = text.partition(":")
    if kind == "real" and not argument:
        return RunningClock(start=start)
    if kind == "fast":
        try:
            return RunningClock(float(argument), start)
        except ValueError:
            pass
    if kind == "stepped" and not argument:
        return SteppedClock(time.time() if start is None else start, jump=True)
    raise ValueError(f'no clock {text!r}: it is "real", "fast:N" (N times as fast, N > 0) or "stepped"')
