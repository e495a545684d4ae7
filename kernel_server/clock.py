"""Time as an argument: clocks that run, and one that moves only when it is told to.

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
from math import inf
from typing import NamedTuple, Protocol

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


class Setting(NamedTuple):
    """How a clock stands to the one on the wall. Moments are its own, in seconds since the epoch.

    Attributes:
        name: as ``clock_name.parse`` reads it.
        begins: where it was set to begin; None where it is the wall clock.
        replays: whether it was set back into the latest session, because there was no trading.
        leaps_at: when it leaps to the wall clock and is it from then on; None: never.
    """

    name: str
    begins: float | None = None
    replays: bool = False
    leaps_at: float | None = None


class Clock(Protocol):
    """Seconds since the epoch, and calls that come due. ``speed`` is market seconds a real second.

    It never goes backward.
    """

    @property
    def speed(self) -> float: ...

    @property
    def setting(self) -> Setting: ...

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


class _Course(NamedTuple):
    """What a running clock showed when the monotonic one read ``zero``, and what it shows when that ends."""

    origin: float
    zero: float
    end: float


class RunningClock:
    """Runs by itself, at ``speed`` times the pace of the wall clock.

    The pace comes from the monotonic clock, so that setting the machine's time does not upset a limit.

    Args:
        speed: market seconds a real second.
        start: where it begins; by default at the time on the wall.
        leaps_at: when it shows that, it leaps to the time on the wall if that is later, and whatever is due on
            the way is done then, in its order. Only for a clock that runs as fast as the one on the wall.
        name: of its setting; by default what is said here.
        replays: of its setting.
        wall: seconds since the epoch.
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        speed: float = 1.0,
        start: float | None = None,
        *,
        leaps_at: float | None = None,
        name: str = "",
        replays: bool = False,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"a clock's speed must be positive, not {speed}")
        if leaps_at is not None and speed != 1.0:
            raise ValueError("only a clock that runs as fast as the one on the wall can become it")
        self._speed = speed
        self._wall = wall
        self._monotonic = monotonic
        origin = wall() if start is None else start
        self._course = _Course(origin, monotonic(), inf if leaps_at is None else leaps_at)
        self._setting = Setting(
            name or ("real" if speed == 1.0 else f"fast:{speed:g}"),
            None if start is None and speed == 1.0 else origin,
            replays,
            leaps_at,
        )
        self._leaping = threading.Lock()
        self._timers = _Timers()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def setting(self) -> Setting:
        self.now()  # it may be time to leap
        return self._setting

    def now(self) -> float:
        course = self._course
        now = course.origin + (self._monotonic() - course.zero) * self._speed
        return now if now < course.end else self._leap()

    def _leap(self) -> float:
        with self._leaping:
            course, reading = self._course, self._monotonic()
            now = course.origin + (reading - course.zero) * self._speed
            if now >= course.end:  # else another thread has just leapt
                now = max(now, self._wall())
                self._course = _Course(now, reading, inf)
                self._setting = Setting(self._setting.name)
            return now

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
                # In this order: whichever thread leaps in between, nothing is done early or missed.
                end, now = self._course.end, self.now()
                if due > now:
                    left = (min(due, end) if now < end else due) - now
                    self._changed.wait(left / self._speed)
                    continue
                timer = self._timers.pop()
            timer.fire()


class SteppedClock:
    """Stands still until ``advance`` moves it; calls that come due on the way are made in their order.

    With ``jump`` it also leaps, by itself, to whatever is waited for next, so that a wait costs no time; what
    is due on the way in the background is done on the way.
    """

    def __init__(
        self, start: float, jump: bool = False, *, name: str = "stepped", replays: bool = False
    ) -> None:
        self._now = start
        self._setting = Setting(name, start, replays)
        self._timers = _Timers()
        self._waits = _Timers()  # those of the timers that are worth a leap
        self._changed = threading.Condition()
        self._closed = False
        if jump:
            threading.Thread(target=self._leap, name="clock", daemon=True).start()

    @property
    def speed(self) -> float:
        return 0.0

    @property
    def setting(self) -> Setting:
        return self._setting

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
