"""Waiting in tests: for other threads and processes by the wall clock, for timers by a stepped clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from kernel_server.clock import SteppedClock

HANGS_AFTER: Final = 120.0
"""Seconds that nothing here takes, however slow the machine is: what has not ended after them hangs."""


def eventually(condition: Callable[[], bool], seconds: float = HANGS_AFTER) -> bool:
    """Whether the condition becomes true, on another thread or in another process, before that looks like a hang.

    Only the pauses count, so that a machine that stood still, or a condition that took long, takes nothing away.
    """
    left, pause = seconds, 0.002
    while not condition():
        if left <= 0:
            return False
        time.sleep(pause)
        left -= pause
        pause = min(1.5 * pause, 0.05)  # many conditions are RPCs, which slow down what is waited for
    return True


def wait_until(condition: Callable[[], bool], seconds: float = HANGS_AFTER) -> None:
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
