"""Grants the broker's limits to whoever is next."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from kernel_server.clock import Clock
from kernel_server.scheduler.history import History
from kernel_server.scheduler.limits import Limits, Window, next_free, used
from kernel_server.scheduler.queue import Job, Place, Priority, Queue

log = logging.getLogger(__name__)

OVERLOAD = frozenset({-200, -211, -308, -311})
BANNED = -209


@dataclass(frozen=True, slots=True)
class BackOff:
    """What to do when the broker refuses although the windows said there was room.

    It is asked again after ``first`` seconds, then after twice as long each time, at most ``longest``,
    and ``attempts`` times in all; after that the caller is told.
    """

    first: float = 1.0
    longest: float = 60.0
    attempts: int = 5

    def pause(self, refusals: int) -> float:
        return min(self.first * 2.0 ** (refusals - 1), self.longest)


class Refused(Exception):
    """The broker refused a call for its rate. ``retry_at`` is clock time, None where no wait helps."""

    def __init__(self, code: int, retry_at: float | None) -> None:
        super().__init__(f"refused with {code}")
        self.code = code
        self.retry_at = retry_at


@dataclass
class _Lane:
    """One kind of call: its windows, what was called when, who waits, and until when nothing may be called."""

    windows: tuple[Window, ...]
    history: History
    queue: Queue = field(default_factory=Queue)
    blocked_until: float = float("-inf")
    banned: bool = False
    worker: asyncio.Task[None] | None = None

    def due(self) -> float:
        return max(next_free(self.windows, self.history.times), self.blocked_until)


class Scheduler:
    """Runs rate-limited calls one after another, as early as every window allows.

    It lives on the event loop and needs no lock; the calls themselves run on the control thread. A call
    counts from the moment it was really made, so that a delay on the way can never put more calls into
    a window than the broker takes.
    """

    def __init__(
        self,
        run: Callable[[Callable[[], int]], Awaitable[int]],
        clock: Clock,
        limits: Limits,
        back_off: BackOff | None = None,
        state_dir: Path | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._run = run
        self._clock = clock
        self._back_off = back_off or BackOff()
        self._lanes: dict[str, _Lane] = {}
        self.limits = limits
        self.counts: dict[str, int] = {}
        for kind in ("tr", "order"):
            windows = limits.of(kind)
            file = state_dir / f"{kind}.times" if state_dir else None
            depth = max((window.limit for window in windows), default=1)
            history = History(limits.reach(kind), depth, file, clock.now(), wall)
            self._lanes[kind] = _Lane(windows, history)
            self.counts[kind] = 0

    def submit(self, kind: str, client: str, priority: Priority, call: Callable[[], int]) -> Job:
        """Puts a call into the queue; await ``job.done`` for its return code.

        Cancelling ``job.done`` takes it out of the queue. ``job.done`` raises ``Refused`` where the broker
        would not have it.
        """
        loop = asyncio.get_running_loop()
        job = Job(kind, client, priority, call, loop.create_future())
        lane = self._lanes[kind]
        if lane.banned:
            job.done.set_exception(Refused(BANNED, None))
            return job
        lane.queue.push(job)
        job.done.add_done_callback(lambda _: lane.queue.remove(job))
        if lane.worker is None or lane.worker.done():
            lane.worker = loop.create_task(self._work(lane))
        return job

    async def run(self, kind: str, client: str, priority: Priority, call: Callable[[], int]) -> int:
        """Waits for its turn, makes the call and gives its return code."""
        return await self.submit(kind, client, priority, call).done

    def place(self, job: Job) -> Place:
        """Where the job stands now; the expected wait assumes that nothing more comes in before it."""
        lane = self._lanes[job.kind]
        ahead = lane.queue.ahead(job)
        now = self._clock.now()
        times = lane.history.times
        start = max(now, lane.blocked_until)
        for _ in range(ahead + 1):
            start = max(start, next_free(lane.windows, times))
            times.append(start)
        return Place(ahead, max(0.0, start - now))

    def waiting(self) -> int:
        """How many calls wait, of any kind."""
        return sum(len(lane.queue) for lane in self._lanes.values())

    def quotas(self) -> list[tuple[str, Window, int, float]]:
        """For each window: its kind, the window, how much of it is used, and in how many seconds one more is free."""
        now = self._clock.now()
        found = []
        for kind, lane in self._lanes.items():
            times = lane.history.times
            for window in lane.windows:
                wait = max(next_free([window], times), lane.blocked_until) - now
                found.append((kind, window, used(window, times, now), max(0.0, wait)))
        return found

    def logged_in(self) -> None:
        """A login lifts a ban."""
        for lane in self._lanes.values():
            lane.banned = False

    async def close(self) -> None:
        """Ends the workers; whoever still waits is cancelled."""
        for lane in self._lanes.values():
            if lane.worker is not None:
                lane.worker.cancel()
                await asyncio.gather(lane.worker, return_exceptions=True)
            while (job := lane.queue.pop()) is not None:
                job.done.cancel()
            lane.history.close()

    async def _work(self, lane: _Lane) -> None:
        while len(lane.queue):
            # Wait first, choose after: whoever is most urgent when the window opens gets it.
            due = lane.due()
            if due > self._clock.now():
                await self._sleep_until(due)
                continue
            job = lane.queue.pop()
            if job is None or job.done.done():
                continue
            try:
                code = await self._run(job.call)
            except Exception as error:  # noqa: BLE001 - the caller's call failed: it is the caller who is told
                lane.history.add(self._clock.now())
                _fail(job, error)
                continue
            self._settle(lane, job, code)

    def _settle(self, lane: _Lane, job: Job, code: int) -> None:
        now = self._clock.now()
        if code == BANNED:
            lane.banned = True
            log.error("the broker answers %s: no more calls until the next login", code)
            _fail(job, Refused(code, None))
            while (waiting := lane.queue.pop()) is not None:
                _fail(waiting, Refused(code, None))
            return
        if code in OVERLOAD:
            job.refusals += 1
            pause = self._back_off.pause(job.refusals)
            lane.blocked_until = now + pause
            log.warning("the broker answers %s: next call in %.1f s", code, pause)
            if job.refusals < self._back_off.attempts:
                if not job.done.done():
                    lane.queue.push_back(job)
            else:
                _fail(job, Refused(code, lane.blocked_until))
            return
        lane.history.add(now)
        self.counts[job.kind] += 1
        if not job.done.done():
            job.done.set_result(code)

    async def _sleep_until(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        awake = asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(awake.set)

        timer = self._clock.call_at(due, wake)
        try:
            await awake.wait()
        finally:
            timer.cancel()


def _fail(job: Job, error: Exception) -> None:
    if not job.done.done():
        job.done.set_exception(error)
        # Whoever gave up waiting does not read it: that is no reason for a warning in the log.
        job.done.exception()
