"""The scheduler: how much longer than it must a bulk load takes under the windows, and what the waiting costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bench import timing
from bench.timing import Row
from kernel_server.clock import RunningClock, SteppedClock
from kernel_server.control.seam import Control
from kernel_server.scheduler import PRESETS, Limits, Priority, RateLimitedCall, Scheduler, Window

ROUNDS = 30
LOADS = (500, 5_000)
CALLS = 2_000
WAITING = 1_000
PLANNED = 3_000
AT_MOST = 1.01

_CLIENTS = 4


async def _run(function: Callable[[Any], int]) -> int:
    return function(None)


class _EmptyCall(RateLimitedCall):
    """A call that costs nothing."""

    def __init__(self, client: str, priority: Priority) -> None:
        super().__init__("tr", client, priority)

    def send(self, _control: Control) -> int:
        return 0


def _submitted(scheduler: Scheduler, client: str, priority: Priority) -> RateLimitedCall:
    call = _EmptyCall(client, priority)
    scheduler.submit(call)
    return call


def _load(limits: Limits, count: int) -> float:
    """Simulated seconds that so many TRs of some clients take, on a clock that leaps over every wait."""

    async def load() -> float:
        clock = SteppedClock(1_000_000.0)
        scheduler = Scheduler(_run, clock, limits)
        jobs = [_submitted(scheduler, str(number % _CLIENTS), Priority.BULK) for number in range(count)]
        while not all(job.done.done() for job in jobs):
            await asyncio.sleep(0)
            due = clock.next_due()
            if due is not None:
                clock.advance(due - clock.now())
        await scheduler.close()
        return clock.now() - 1_000_000.0

    return asyncio.run(load())


def best(windows: tuple[Window, ...], count: int) -> float:
    """Seconds that so many calls take if each is made as early as the windows let anybody make it."""
    times: list[float] = []
    for _ in range(count):
        due = max([0.0, *(times[-w.limit] + w.seconds for w in windows if len(times) >= w.limit)])
        times.append(due)
    return times[-1]


def _loads() -> list[Row]:
    rows = []
    for name, limits in PRESETS.items():
        for count in LOADS:
            took, possible = _load(limits, count), best(limits.of("tr"), count)
            what = f"{count:,} TRs under the limits {name}, simulated"
            rows.append(
                Row(what, _time(took), f"{took / possible:.4f} times the best possible (at most {AT_MOST})")
            )
    return rows


def _time(seconds: float) -> str:
    return (
        f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min" if seconds >= 3600 else f"{seconds:.0f} s"
    )


def _overhead(loop: asyncio.AbstractEventLoop) -> list[Row]:
    """One call after another on a running clock, without windows; the floor is a future that the loop settles."""
    clock = RunningClock()
    scheduler = Scheduler(_run, clock, Limits("none", {}))

    async def scheduled() -> None:
        for _ in range(CALLS):
            await _submitted(scheduler, "a", Priority.INTERACTIVE).done

    async def bare() -> None:
        for _ in range(CALLS):
            done = loop.create_future()
            loop.call_soon(done.set_result, 0)
            await done

    mine, floor = timing.rounds(
        [lambda: loop.run_until_complete(scheduled()), lambda: loop.run_until_complete(bare())], ROUNDS
    )
    loop.run_until_complete(scheduler.close())
    clock.close()
    return [
        Row(
            "a call through the scheduler, without windows",
            timing.duration(timing.median(mine) / CALLS),
            f"{timing.ratio(mine, floor):.1f} times a future that the loop settles",
        ),
        Row("  that future", timing.duration(timing.median(floor) / CALLS)),
    ]


class _Queue:
    """Calls that wait for an hour, and what it costs to tell each of some where it stands."""

    def __init__(self, loop: asyncio.AbstractEventLoop, waiting: int, clients: int) -> None:
        self._scheduler = Scheduler(_run, SteppedClock(0.0), PRESETS["safe"])
        self._loop = loop

        async def fill() -> None:
            for _ in range(5):
                await _submitted(self._scheduler, "first", Priority.INTERACTIVE).done
            self._jobs = [
                _submitted(self._scheduler, str(number % clients), Priority.BULK) for number in range(waiting)
            ][:: waiting // WAITING]

        loop.run_until_complete(fill())

    def tell(self) -> None:
        for job in self._jobs:
            self._scheduler.position(job)

    def plan(self) -> None:
        self._scheduler.expected_wait("tr", PLANNED)

    def close(self) -> None:
        self._loop.run_until_complete(self._scheduler.close())


def _places(loop: asyncio.AbstractEventLoop) -> list[Row]:
    queues = [_Queue(loop, WAITING, 1), _Queue(loop, 10 * WAITING, 1), _Queue(loop, WAITING, WAITING)]
    small, large, many = timing.rounds([queue.tell for queue in queues], ROUNDS)
    for queue in queues:
        queue.close()
    what = f"telling {WAITING:,} waiting calls their place"
    return [
        Row(f"{what}, of one client", timing.duration(timing.median(small))),
        Row(
            f"  among {10 * WAITING:,}",
            timing.duration(timing.median(large)),
            f"{timing.ratio(large, small):.2f} times as long",
        ),
        Row(
            f"  of {WAITING:,} clients",
            timing.duration(timing.median(many)),
            f"{timing.ratio(many, small):.1f} times as long; once a second at most",
        ),
    ]


def _plan() -> list[Row]:
    def plan() -> None:
        # A new scheduler each time: nothing has been worked out yet.
        Scheduler(_run, SteppedClock(0.0), PRESETS["safe"]).expected_wait("tr", PLANNED)

    def make() -> None:
        Scheduler(_run, SteppedClock(0.0), PRESETS["safe"])

    planned, made = timing.rounds([plan, make], ROUNDS)
    took = timing.median(planned) - timing.median(made)
    return [Row(f"the expected wait of {PLANNED:,} TRs, safe", timing.duration(took), "(under 5 ms)")]


def run() -> list[Row]:
    loop = asyncio.new_event_loop()
    try:
        return [*_loads(), *_overhead(loop), *_places(loop), *_plan()]
    finally:
        loop.close()
