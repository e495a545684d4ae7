"""Grants the broker's limits to whoever is next."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kernel_server.clock import Clock
from kernel_server.scheduler.dispatcher import Dispatcher, Run, fail
from kernel_server.scheduler.journal import Journal
from kernel_server.scheduler.limits import Limits
from kernel_server.scheduler.queue import Job, Place, Priority
from kernel_server.scheduler.rate_windows import Quota, RateWindows
from kernel_server.scheduler.refusals import BackOff, Refused, WindowFull

KINDS = ("tr", "order")
# So many gates are not worth looking for those that can be forgotten.
_FEW = 32


@dataclass(frozen=True, slots=True)
class QueueLength:
    """How many calls of a kind and priority wait."""

    kind: str
    priority: Priority
    calls: int


class Scheduler:
    """Runs rate-limited calls one after another, as early as every window allows.

    It lives on the event loop and needs no lock; the calls themselves run on the control thread. A call
    counts from the moment it was really made, so that a delay on the way can never put more calls into
    a window than the broker takes.

    A call counts in the windows of its kind (``tr``, ``order``), and in those of further keys that it names (one
    condition, say). While those are full it stands aside and holds up nobody.

    Args:
        run: makes a call on the control thread.
        clock: whose time counts.
        limits: the broker's windows.
        back_off: what to do when it refuses all the same.
        state_dir: where calls are kept over a restart; None: nowhere.
        wall: seconds since the epoch, by which they are kept: server clocks need not agree.
        refused: hears of each refusal, with the call's kind and the broker's code.

    Raises:
        StateTaken: another server uses that folder.
    """

    def __init__(
        self,
        run: Run,
        clock: Clock,
        limits: Limits,
        back_off: BackOff | None = None,
        state_dir: Path | None = None,
        wall: Callable[[], float] = time.time,
        refused: Callable[[str, int], None] = lambda _kind, _code: None,
    ) -> None:
        self._clock = clock
        self._back_off = back_off or BackOff()
        self._journal = Journal(state_dir, clock.now(), limits.reach, wall)
        self._gates: dict[str, RateWindows] = {}
        self._numbers = itertools.count(1)
        self._tidy_at = _FEW
        self._closed = False
        self.limits = limits
        self._lanes = {
            kind: Dispatcher(self._gate(kind), run, clock, self._back_off, self._journal.note, refused)
            for kind in KINDS
        }

    @property
    def counts(self) -> Mapping[str, int]:
        """How many calls of each kind the control has taken."""
        return {kind: lane.made for kind, lane in self._lanes.items()}

    def submit(
        self,
        kind: str,
        client: str,
        priority: Priority,
        call: Callable[[], int],
        *,
        also: Sequence[str] = (),
        success: int = 0,
    ) -> Job:
        """Puts a call into the queue; await ``job.done`` for its return code.

        Cancelling ``job.done`` takes it out of the queue. ``job.done`` raises ``Refused`` where the broker
        would not have it, and ``WindowFull`` where it would have to wait for a window of its own and is not to.

        Args:
            kind: ``tr`` or ``order``.
            client: who asks; clients take turns.
            priority: who goes first.
            call: makes the call and gives its return code, on the control thread.
            also: keys in whose windows it counts too, if the broker takes it (``keys`` has them).
            success: the code that says so.
        """
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        lane, now = self._lanes[kind], self._clock.now()
        gates = tuple(self._gate(key) for key in also)
        job = Job(kind, client, priority, call, done, success, gates, next(self._numbers), now)
        if self._closed:
            done.cancel()
        elif lane.ban:
            fail(job, Refused(lane.ban, None))
        elif (full := self._full(gates, now)) is not None:
            fail(job, full)
        else:
            lane.put(job)
        return job

    async def run(
        self,
        kind: str,
        client: str,
        priority: Priority,
        call: Callable[[], int],
        *,
        also: Sequence[str] = (),
        success: int = 0,
    ) -> int:
        """Waits for its turn, makes the call and gives its return code; see ``submit``."""
        return await self.submit(kind, client, priority, call, also=also, success=success).done

    def place(self, job: Job) -> Place:
        """Where the job stands now; the expected wait assumes that nothing more comes in before it."""
        lane, now = self._lanes[job.kind], self._clock.now()
        if job.done.done() or job is lane.calling:
            return Place(0, 0.0)
        ahead = lane.queue.ahead(job)
        start = lane.gate.start(ahead + (lane.calling is not None), now)
        for gate in job.gates:
            before = sum(1 for other in gate.jobs if other.urgency < job.urgency)
            start = max(start, gate.start(before, now))
        return Place(ahead, start - now)

    def expected_wait(self, kind: str, calls: int, priority: Priority = Priority.BULK) -> float:
        """Seconds until the last of so many calls would be made, if a new client asked for them now.

        It takes all that waits into account and nothing that is yet to come.
        """
        if calls < 1:
            return 0.0
        lane, now = self._lanes[kind], self._clock.now()
        ahead = lane.queue.ahead_of_new(priority, calls) + (lane.calling is not None)
        return lane.gate.start(ahead, now) - now

    def waiting(self) -> list[QueueLength]:
        """What waits, by kind and priority, where anything does."""
        found = [
            QueueLength(kind, priority, lane.waiting(priority))
            for kind, lane in self._lanes.items()
            for priority in Priority
        ]
        return [one for one in found if one.calls]

    def lengths(self) -> dict[str, int]:
        """How many calls wait, by kind."""
        return {kind: len(lane) for kind, lane in self._lanes.items()}

    def ban(self) -> int:
        """The code with which the broker refuses everything until the next login, 0 where it does not."""
        return next((lane.ban for lane in self._lanes.values() if lane.ban), 0)

    def quotas(self) -> list[Quota]:
        """How much is left of every window: of the kinds, and of conditions while anything counts in theirs."""
        now = self._clock.now()
        self._tidy(now)
        return [quota for gate in self._gates.values() for quota in gate.quotas(now)]

    def logged_in(self) -> None:
        """A login lifts a ban."""
        for lane in self._lanes.values():
            lane.ban = 0

    async def close(self) -> None:
        """Ends the workers; whoever still waits is cancelled, and whoever comes yet."""
        self._closed = True
        for lane in self._lanes.values():
            await lane.close()
        self._journal.close()

    def _gate(self, key: str) -> RateWindows:
        gate = self._gates.get(key)
        if gate is None:
            if len(self._gates) >= self._tidy_at:
                self._tidy(self._clock.now())
            gate = self._gates[key] = RateWindows(key, self.limits.of(key), self._journal.times(key))
        return gate

    def _tidy(self, now: float) -> None:
        """Forgets gates that nobody waits for and nothing counts in."""
        for key, gate in list(self._gates.items()):
            if key not in KINDS and not gate.jobs and gate.idle(now):
                del self._gates[key]
        self._tidy_at = 2 * len(self._gates) + _FEW

    def _full(self, gates: Sequence[RateWindows], now: float) -> WindowFull | None:
        """Why a job of these gates is not to wait at all."""
        if self._back_off.when_full == "wait":
            return None
        for gate in gates:
            room, waiting = gate.room(now), len(gate.jobs)
            if room is not None and room <= waiting:
                return WindowFull(gate.key, gate.start(waiting, now))
        return None
