"""Clocks: one that runs, and one that is stepped.

All code of the server that reads the time or waits uses a ``Clock``, so that limits, delays and market hours can be
tested without waiting.
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
    """A scheduled call, which ``cancel`` cancels."""

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


class ClockSetting(NamedTuple):
    """A clock's relation to the wall clock. Times are its own, in seconds since the epoch.

    Attributes:
        name: as ``clock_name.parse`` takes it.
        begins: the time it started at; None where it is the wall clock.
        replays: whether it was set back into the latest session because there was no trading.
        leaps_at: when it jumps to the wall clock and follows it from then on; None: never.
    """

    name: str
    begins: float | None = None
    replays: bool = False
    leaps_at: float | None = None


class Clock(Protocol):
    """Seconds since the epoch, never going backward, and timers. ``speed`` is market seconds per real second."""

    @property
    def speed(self) -> float: ...

    @property
    def setting(self) -> ClockSetting: ...

    def now(self) -> float: ...

    def call_at(self, due: float, call: Callable[[], None], background: bool = False) -> Timer:
        """Calls ``call()`` when ``now()`` reaches ``due``, on the clock's thread; it must only post work elsewhere.

        A clock that jumps to the next timer jumps to foreground timers only and fires ``background`` ones, such as
        the market's own events, on the way.
        """
        ...

    def close(self) -> None: ...


def seoul(now: float) -> datetime:
    """That time in the time zone of the market."""
    return datetime.fromtimestamp(now, KST)


class _Timers:
    """A heap of timers by due time, the older one first where two are due together."""

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


class _Timeline(NamedTuple):
    """A running clock's time when the monotonic clock read ``zero``, and the time at which this relation ends."""

    origin: float
    zero: float
    end: float


class RunningClock:
    """A clock that runs at ``speed`` times the pace of the wall clock.

    It is based on the monotonic clock, so that setting the machine's time does not affect rate limits.

    Args:
        speed: market seconds per real second.
        start: its first time; by default the wall clock's.
        leaps_at: the time at which it jumps to the wall clock if that is ahead, and fires the timers in between in
            their order. Only for speed 1.
        name: of its setting; by default from ``speed``.
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
        self._timeline = _Timeline(origin, monotonic(), inf if leaps_at is None else leaps_at)
        self._setting = ClockSetting(
            name or ("real" if speed == 1.0 else f"fast:{speed:g}"),
            None if start is None and speed == 1.0 else origin,
            replays,
            leaps_at,
        )
        self._jump_lock = threading.Lock()
        self._timers = _Timers()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def setting(self) -> ClockSetting:
        self.now()  # which jumps if it is time
        return self._setting

    def now(self) -> float:
        timeline = self._timeline
        now = timeline.origin + (self._monotonic() - timeline.zero) * self._speed
        return now if now < timeline.end else self._jump()

    def _jump(self) -> float:
        with self._jump_lock:
            timeline, reading = self._timeline, self._monotonic()
            now = timeline.origin + (reading - timeline.zero) * self._speed
            if now >= timeline.end:  # else another thread has just jumped
                now = max(now, self._wall())
                self._timeline = _Timeline(now, reading, inf)
                self._setting = ClockSetting(self._setting.name)
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
                # Read in this order, so that no timer is early or missed when another thread jumps in between.
                end, now = self._timeline.end, self.now()
                if due > now:
                    left = (min(due, end) if now < end else due) - now
                    self._changed.wait(left / self._speed)
                    continue
                timer = self._timers.pop()
            timer.fire()


class SteppedClock:
    """A clock that stands still until ``advance`` moves it and fires the timers on the way in their order.

    With ``jump`` it moves to the next foreground timer by itself, so that waiting takes no time; background timers
    run on the way.
    """

    def __init__(
        self, start: float, jump: bool = False, *, name: str = "stepped", replays: bool = False
    ) -> None:
        self._now = start
        self._setting = ClockSetting(name, start, replays)
        self._timers = _Timers()
        self._foreground = _Timers()  # of ``_timers``
        self._changed = threading.Condition()
        self._closed = False
        if jump:
            threading.Thread(target=self._jump, name="clock", daemon=True).start()

    @property
    def speed(self) -> float:
        return 0.0

    @property
    def setting(self) -> ClockSetting:
        return self._setting

    def now(self) -> float:
        return self._now

    def next_due(self) -> float | None:
        """When the next timer is due; None where there is none."""
        with self._changed:
            return self._timers.next_due()

    def next_foreground_due(self) -> float | None:
        """When the next foreground timer is due; None where there is none."""
        with self._changed:
            return self._foreground.next_due()

    def call_at(self, due: float, call: Callable[[], None], background: bool = False) -> Timer:
        timer = Timer(due, call)
        with self._changed:
            if due > self._now:
                self._timers.push(timer)
                if not background:
                    self._foreground.push(timer)
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

    def _jump(self) -> None:
        while True:
            with self._changed:
                while (due := self._foreground.next_due()) is None and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
            assert due is not None
            self._advance_to(due)
