"""A scheduler on a stepped clock, over a broker with given answers that records when it was called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel_server.clock import SteppedClock
from kernel_server.control.seam import Control
from kernel_server.scheduler import BackOff, Limits, Priority, RateLimitedCall, Scheduler

START = 1_000_000.0


async def settle() -> None:
    """Run everything that is ready, and what that makes ready, without advancing the clock."""
    # Asking the loop is exact; a fixed number of rounds would be too many nearly always, and too few one day.
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    while ready:
        await asyncio.sleep(0)


async def drive(clock: SteppedClock, done: Callable[[], bool]) -> None:
    """Advance the clock from timer to timer until ``done()``."""
    for _ in range(100_000):
        await settle()
        if done():
            return
        due = clock.next_due()
        assert due is not None, "nothing is waited for, and it is not done"
        clock.advance(due - clock.now())
    raise AssertionError("it never ends")


class FunctionCall(RateLimitedCall):
    """A call of a Python function in place of a control function."""

    def __init__(
        self,
        function: Callable[[], int],
        client: str = "a",
        priority: Priority = Priority.INTERACTIVE,
        kind: str = "tr",
        keys: Sequence[str] = (),
    ) -> None:
        super().__init__(kind, client, priority, keys)
        self._function = function

    def send(self, _control: Control) -> int:
        return self._function()


@dataclass
class Made:
    """One turn: whose it was, when the call was handed on, when the broker got it, and when it was back.

    Times are seconds from START; ``called`` is None where the broker never got it.
    """

    job: RateLimitedCall
    handed: float
    called: float | None = None
    back: float | None = None


class Bench:
    """``answers`` are given first, then ``broker`` decides. ``busy``: seconds of the way to the broker and back."""

    def __init__(
        self,
        limits: Limits,
        back_off: BackOff | None = None,
        state_dir: Path | None = None,
        start: float = START,
        broker: Callable[[float], int] | None = None,
        busy: Sequence[tuple[float, float]] = (),
        wall: Callable[[], float] | None = None,
    ) -> None:
        self.clock = SteppedClock(start)
        self.called: list[tuple[str, float]] = []
        self.made: list[Made] = []
        self.answers: list[int] = []
        self._broker = broker
        self._busy = list(busy)
        self.scheduler = Scheduler(self._run, self.clock, limits, back_off, state_dir, wall or self.clock.now)

    def now(self) -> float:
        return self.clock.now() - START

    async def _run(self, execute: Any) -> int:
        there, back = self._busy.pop(0) if self._busy else (0.0, 0.0)
        call: RateLimitedCall = execute.__self__
        made = Made(call, self.now())
        self.made.append(made)
        await self._pass(there)
        code: int = execute(None)
        made.called = self.now() if made.job.made else None
        await self._pass(back)
        made.back = self.now()
        return code

    async def _pass(self, seconds: float) -> None:
        if seconds:
            passed = asyncio.Event()
            loop = asyncio.get_running_loop()
            self.clock.call_at(self.clock.now() + seconds, lambda: loop.call_soon_threadsafe(passed.set))
            await passed.wait()

    def submit(
        self,
        name: str,
        client: str = "a",
        priority: Priority = Priority.INTERACTIVE,
        kind: str = "tr",
        also: Sequence[str] = (),
    ) -> RateLimitedCall:
        def call() -> int:
            self.called.append((name, self.now()))
            if self.answers:
                return self.answers.pop(0)
            return self._broker(self.clock.now()) if self._broker else 0

        job = FunctionCall(call, client, priority, kind, also)
        self.scheduler.submit(job)
        return job

    def waiting(self) -> int:
        return sum(one.calls for one in self.scheduler.waiting())
