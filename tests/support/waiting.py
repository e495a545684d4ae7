"""Waiting in tests: for other threads and processes by the wall clock, for timers by a stepped clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kernel_server.clock import SteppedClock


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether the condition becomes true in time, on another thread or in another process."""
    deadline, pause = time.monotonic() + seconds, 0.002
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(pause)
        pause = min(1.5 * pause, 0.05)  # many conditions are RPCs, which slow down what is waited for
    return False


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Assert that the condition becomes true in time."""
    assert eventually(condition, seconds), "it did not happen"


def becomes(value: Callable[[], Any], expected: Any) -> None:
    """Assert that the value equals the expected one in time."""
    assert eventually(lambda: value() == expected), value()


def let_pass(clock: SteppedClock, work: list[Callable[[], None]], until: float) -> None:
    """Advance the clock to that time, timer by timer, running the control thread's queued work on the way."""
    while True:
        while work:
            work.pop(0)()
        due = clock.next_due()
        if due is None or due > until:
            break
        clock.advance(due - clock.now())
    clock.advance(until - clock.now())
