"""The worker of one kind of calls: makes them one after another, as early as the rate windows allow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from kernel_server.clock import Clock
from kernel_server.control.seam import Control
from kernel_server.scheduler.call import KeyWindows, Priority, RateLimitedCall
from kernel_server.scheduler.queue import Queue
from kernel_server.scheduler.rate_windows import RateWindows
from kernel_server.scheduler.refusals import REFUSALS, BackOff, Refused

log = logging.getLogger(__name__)

Run = Callable[[Callable[[Control], int]], Awaitable[int]]
"""Runs a function on the control thread: ``ControlHost.run``."""
_NEVER = float("-inf")


class Dispatcher:
    """The calls of one kind. Calls that are blocked by their additional windows delay no others.

    Args:
        windows: those of the kind.
        run: runs a function on the control thread.
        clock: whose time counts.
        back_off: what to do when the broker refuses.
        on_made: called for each call made, with the keys that it counts under.
        on_refused: called for each refusal, with the kind and the broker's code.

    Attributes:
        in_flight: the call that is on the control thread.
        made: how many calls the broker has taken.
        ban: the code with which the broker refuses everything until the next login, else 0.
    """

    def __init__(
        self,
        windows: RateWindows,
        run: Run,
        clock: Clock,
        back_off: BackOff,
        on_made: Callable[[Sequence[str]], None],
        on_refused: Callable[[str, int], None] = lambda _kind, _code: None,
    ) -> None:
        self.windows = windows
        self.queue = Queue()
        self.in_flight: RateLimitedCall | None = None
        self.made = 0
        self.ban = 0
        self._run = run
        self._clock = clock
        self._back_off = back_off
        self._on_made = on_made
        self._on_refused = on_refused
        self._blocked: dict[RateLimitedCall, None] = {}
        self._worker: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._sleeps_until = _NEVER

    def __len__(self) -> int:
        """The number of waiting calls."""
        return len(self.queue) + len(self._blocked)

    def waiting(self, priority: Priority) -> int:
        blocked = sum(1 for call in self._blocked if call.priority is priority)
        return self.queue.counts[priority] + blocked

    def put(self, call: RateLimitedCall) -> None:
        """Queues the call until its ``done`` is done."""
        for windows in call.windows:
            windows.waiting[call] = None
        call.done.add_done_callback(lambda _: self._forget(call))
        if _unblocked_at(call) > self._clock.now():
            self._blocked[call] = None
        else:
            self.queue.push(call)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())
        elif self._sleeps_until > self._due():
            self._wake.set()

    async def close(self) -> None:
        """Ends the worker and cancels the waiting calls."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        for call in self._take_all():
            call.done.cancel()

    def _forget(self, call: RateLimitedCall) -> None:
        self.queue.remove(call)
        self._blocked.pop(call, None)
        for windows in call.windows:
            windows.waiting.pop(call, None)
        if not len(self):
            self._wake.set()  # nothing is left to wait for

    def _take_all(self) -> list[RateLimitedCall]:
        """Removes and returns all waiting calls."""
        found = list(self._blocked)
        self._blocked.clear()
        while (call := self.queue.take()) is not None:
            found.append(call)
        return found

    # The worker.

    async def _work(self) -> None:
        while (call := await self._next()) is not None:
            call.made = False
            self.in_flight = call
            try:
                code = await self._run(call.execute)
            except Exception as error:  # noqa: BLE001 - raised to the caller of this call; the worker goes on
                if call.made:
                    self._count(call, None)
                call.fail(error)
            except asyncio.CancelledError:
                call.done.cancel()
                raise
            else:
                if call.made:
                    self._settle(call, code)
            finally:
                self.in_flight = None

    async def _next(self) -> RateLimitedCall | None:
        """The most urgent call, as soon as the windows have room; None when none waits any more."""
        while len(self):
            # Wait first, choose after: the most urgent call when the window opens goes first.
            self._wake.clear()
            now = self._clock.now()
            for call in [each for each in self._blocked if _unblocked_at(each) <= now]:
                del self._blocked[call]
                self.queue.push(call)
            due = self._due()
            if due > now:
                await self._sleep(due)
                continue
            taken = self.queue.take()
            if taken is not None and not taken.done.done():
                return taken
            if taken is not None:
                # Withdrawn at this moment, before its ``done`` could remove it: its client keeps its turn.
                self.queue.give_back(taken)
                self.queue.remove(taken)
        return None

    def _due(self) -> float:
        """When the next call may be made, as far as is known now."""
        if len(self.queue) or not self._blocked:
            return self.windows.due()
        return max(self.windows.due(), min(_unblocked_at(call) for call in self._blocked))

    async def _sleep(self, due: float) -> None:
        """Until ``due``, or until a call comes that need not wait so long."""
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

    def _settle(self, call: RateLimitedCall, code: int) -> None:
        scope = REFUSALS.get(code)
        if scope is not None:
            self._on_refused(call.kind, code)
        if scope == "login":
            self.ban = code
            log.error("the broker answers %s: no more calls until the next login", code)
            for each in [call, *self._take_all()]:
                each.fail(Refused(code, None))
        elif scope is not None:
            alone = scope == "account" and self._back_off.account_alone
            own = (windows for windows in call.windows if alone and windows.key == scope)
            self._retry(call, next(own, self.windows), code)
        else:
            self._count(call, code)
            self.made += 1
            if not call.done.done():
                call.done.set_result(code)

    def _count(self, call: RateLimitedCall, code: int | None) -> None:
        """Counts a call that was made; ``code`` None: what came of it is not known."""
        now = self._clock.now()
        call.waited = now - call.since
        own = call.windows if code is None or code == call.success else ()
        for windows in (self.windows, *own):
            windows.add(now, taken=code == call.success)
        self._on_made([windows.key for windows in (self.windows, *own) if windows.all])
        self._block(own, now)

    def _retry(self, call: RateLimitedCall, windows: RateWindows, code: int) -> None:
        """Blocks the windows after a refusal, and queues the call again while it has attempts left."""
        now = self._clock.now()
        tightened = windows.refuse(now, self._back_off)
        # A refusal that taught something is no attempt: the call goes when the tighter window has room.
        call.refusals += tightened is None
        due = windows.due()
        log.warning("the broker answers %s to a call of %s: the next in %.1f s", code, windows.key, due - now)
        if tightened is not None:
            log.warning("%s: %s", windows.key, tightened.described())
        if call.refusals >= self._back_off.attempts:
            call.fail(Refused(code, due))
        elif not call.done.done():
            self.queue.give_back(call)
        self._block([own for own in call.windows if own is windows], now)

    def _block(self, full: Iterable[KeyWindows], now: float) -> None:
        """Takes the calls that wait for these windows out of the queue while the windows have no room."""
        for windows in full:
            if windows.due() > now:
                for call in windows.waiting:
                    if self.queue.remove(call):
                        self._blocked[call] = None


def _unblocked_at(call: RateLimitedCall) -> float:
    """When the additional windows have room for the call."""
    return max((windows.due() for windows in call.windows), default=_NEVER)
