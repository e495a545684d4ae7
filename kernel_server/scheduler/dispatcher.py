"""One kind of calls: who waits for it, and the worker that makes its calls one after another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from kernel_server.clock import Clock
from kernel_server.scheduler.queue import Job, Priority, Queue
from kernel_server.scheduler.rate_windows import RateWindows
from kernel_server.scheduler.refusals import REFUSALS, BackOff, Refused

log = logging.getLogger(__name__)

Run = Callable[[Callable[[], int]], Awaitable[int]]
_NEVER = float("-inf")


class Dispatcher:
    """The jobs of one kind. Those whose own gates are shut stand aside and hold up nobody.

    Args:
        gate: the windows of the kind.
        run: makes a call on the control thread.
        clock: whose time counts.
        back_off: what to do when the broker refuses.
        note: hears of each call as it is made, under which keys it counts.
        refused: hears of each refusal, with the lane's kind and the broker's code.
    """

    def __init__(
        self,
        gate: RateWindows,
        run: Run,
        clock: Clock,
        back_off: BackOff,
        note: Callable[[Sequence[str]], None],
        refused: Callable[[str, int], None] = lambda _kind, _code: None,
    ) -> None:
        self.gate = gate
        self.queue = Queue()
        self.calling: Job | None = None
        self.made = 0
        self.ban = 0  # the code with which the broker refuses everything until the next login
        self._run = run
        self._clock = clock
        self._back_off = back_off
        self._note = note
        self._refused = refused
        self._aside: dict[Job, None] = {}
        self._worker: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._sleeps_until = _NEVER

    def __len__(self) -> int:
        """How many jobs wait."""
        return len(self.queue) + len(self._aside)

    def waiting(self, priority: Priority) -> int:
        aside = sum(1 for job in self._aside if job.priority is priority)
        return self.queue.counts[priority] + aside

    def put(self, job: Job) -> None:
        """From here on the job waits for its turn, until its ``done`` is done."""
        for gate in job.gates:
            gate.jobs[job] = None
        job.done.add_done_callback(lambda _: self._forget(job))
        if _opens(job) > self._clock.now():
            self._aside[job] = None
        else:
            self.queue.push(job)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())
        elif self._sleeps_until > self._due():
            self._wake.set()

    async def close(self) -> None:
        """Ends the worker; whoever waits is cancelled."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        for job in self._all():
            job.done.cancel()

    def _forget(self, job: Job) -> None:
        self.queue.remove(job)
        self._aside.pop(job, None)
        for gate in job.gates:
            gate.jobs.pop(job, None)
        if not len(self):
            self._wake.set()  # there is nothing left to wait for

    def _all(self) -> list[Job]:
        """Everybody who waits; nobody does any more."""
        found = list(self._aside)
        self._aside.clear()
        while (job := self.queue.take()) is not None:
            found.append(job)
        return found

    # The worker.

    def _due(self) -> float:
        """When the next job may be called, as far as is known now."""
        if len(self.queue) or not self._aside:
            return self.gate.due()
        return max(self.gate.due(), min(_opens(job) for job in self._aside))

    async def _work(self) -> None:
        while len(self):
            # Wait first, choose after: whoever is most urgent when the window opens gets it.
            self._wake.clear()
            now = self._clock.now()
            for back in [each for each in self._aside if _opens(each) <= now]:
                del self._aside[back]
                self.queue.push(back)
            due = self._due()
            if due > now:
                await self._sleep(due)
                continue
            job = self.queue.take()
            if job is None:
                continue
            if job.done.done():
                # Given up in this very moment: it was nobody's turn.
                self.queue.give_back(job)
                self.queue.remove(job)
            else:
                await self._make(job)

    async def _sleep(self, due: float) -> None:
        """Until ``due``, or until something comes that need not wait so long."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._wake.set)

        self._sleeps_until = due
        timer = self._clock.call_at(due, wake)
        try:
            await self._wake.wait()
        finally:
            self._sleeps_until = _NEVER
            timer.cancel()

    async def _make(self, job: Job) -> None:
        job.made = False
        self.calling = job
        try:
            code = await self._run(partial(_call, job))
        except Exception as error:  # noqa: BLE001 - the caller's call failed: it is the caller who is told
            if job.made:
                self._count(job, None)
            fail(job, error)
        except asyncio.CancelledError:
            job.done.cancel()
            raise
        else:
            if job.made:
                self._settle(job, code)
        finally:
            self.calling = None

    def _settle(self, job: Job, code: int) -> None:
        holds = REFUSALS.get(code)
        if holds is not None:
            self._refused(job.kind, code)
        if holds == "login":
            self.ban = code
            log.error("the broker answers %s: no more calls until the next login", code)
            for each in [job, *self._all()]:
                fail(each, Refused(code, None))
        elif holds is not None:
            alone = holds == "account" and self._back_off.account_alone
            gate = next((gate for gate in job.gates if alone and gate.key == holds), self.gate)
            self._back_away(job, gate, code)
        else:
            self._count(job, code)
            self.made += 1
            if not job.done.done():
                job.done.set_result(code)

    def _count(self, job: Job, code: int | None) -> None:
        """The call was made; None: it is not known what came of it."""
        now = self._clock.now()
        job.waited = now - job.since
        own = job.gates if code is None or code == job.success else ()
        for gate in (self.gate, *own):
            gate.add(now, taken=code == job.success)
        self._note([gate.key for gate in (self.gate, *own) if gate.bounds])
        self._set_aside(own, now)

    def _back_away(self, job: Job, gate: RateWindows, code: int) -> None:
        now = self._clock.now()
        tight = gate.refuse(now, self._back_off)
        # What taught something says nothing against the call: it goes as soon as the tighter window lets it.
        job.refusals += tight is None
        due = gate.due()
        log.warning("the broker answers %s to a call of %s: the next in %.1f s", code, gate.key, due - now)
        if tight is not None:
            log.warning("%s: %s", gate.key, tight.said())
        if job.refusals >= self._back_off.attempts:
            fail(job, Refused(code, due))
        elif not job.done.done():
            self.queue.give_back(job)
        self._set_aside([own for own in job.gates if own is gate], now)

    def _set_aside(self, gates: Iterable[RateWindows], now: float) -> None:
        """Whoever has no way through these gates any more."""
        for gate in gates:
            if gate.due() > now:
                for job in gate.jobs:
                    if self.queue.remove(job):
                        self._aside[job] = None


def _call(job: Job) -> int:
    """On the control thread, which may be late: whoever has given up by now is not called."""
    if job.done.done():
        return 0
    job.made = True
    return job.call()


def _opens(job: Job) -> float:
    """When the gates of its own let it through."""
    return max((gate.due() for gate in job.gates), default=_NEVER)


def fail(job: Job, error: Exception) -> None:
    """Tells the job's caller, if it still waits."""
    if not job.done.done():
        job.done.set_exception(error)
        # Whoever gave up waiting does not read it: that is no reason for a warning in the log.
        job.done.exception()
