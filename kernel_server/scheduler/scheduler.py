"""The scheduler: queues rate-limited calls and makes them within the broker's limits."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kernel_server.clock import Clock
from kernel_server.scheduler.call import KeyWindows, Priority, QueuePosition, RateLimitedCall
from kernel_server.scheduler.dispatcher import Dispatcher, Run
from kernel_server.scheduler.journal import Journal
from kernel_server.scheduler.limits import Limits
from kernel_server.scheduler.rate_windows import Quota
from kernel_server.scheduler.refusals import BackOff, Refused, WindowFull

KINDS = ("tr", "order")
# Below so many keys it is not worth looking for those that can be dropped.
_FEW = 32


@dataclass(frozen=True, slots=True)
class QueueLength:
    """How many calls of a kind and priority wait."""

    kind: str
    priority: Priority
    calls: int


class Scheduler:
    """Makes rate-limited calls one after another, as early as every window allows.

    It runs on the event loop and needs no lock; the calls themselves run on the control thread. A call
    counts from the moment it was really made, so that a delay on the way can never put more calls into
    a window than the broker takes.

    A call counts in the windows of its kind (``tr``, ``order``), and in those of further keys (one condition,
    say). While those are full the call is blocked and delays no others.

    Args:
        run: runs a function on the control thread (``ControlHost.run``).
        clock: whose time counts.
        limits: the broker's windows.
        back_off: what to do when the broker refuses all the same.
        state_dir: where calls are recorded over a restart; None: nowhere.
        wall: seconds since the epoch, by which they are recorded: server clocks need not agree.
        on_refused: called for each refusal, with the call's kind and the broker's code.

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
        on_refused: Callable[[str, int], None] = lambda _kind, _code: None,
    ) -> None:
        self._clock = clock
        self._back_off = back_off or BackOff()
        self._journal = Journal(state_dir, clock.now(), limits.reach, wall)
        self._windows: dict[str, KeyWindows] = {}
        self._numbers = itertools.count(1)
        self._tidy_at = _FEW
        self._closed = False
        self.limits = limits
        self._dispatchers = {
            kind: Dispatcher(
                self._windows_of(kind), run, clock, self._back_off, self._journal.record, on_refused
            )
            for kind in KINDS
        }

    @property
    def counts(self) -> Mapping[str, int]:
        """How many calls of each kind the broker has taken."""
        return {kind: dispatcher.made for kind, dispatcher in self._dispatchers.items()}

    def submit(self, call: RateLimitedCall) -> None:
        """Queues a call; await ``call.done`` for its return code.

        Cancelling ``call.done`` takes it out of the queue. ``call.done`` raises ``Refused`` where the broker
        refuses it, and ``WindowFull`` where an additional window is full and the back-off says not to wait.
        """
        now = self._clock.now()
        dispatcher = self._dispatchers[call.kind]
        call.number, call.since = next(self._numbers), now
        call.windows = tuple(self._windows_of(key) for key in call.keys)
        if self._closed:
            call.done.cancel()
        elif dispatcher.ban:
            call.fail(Refused(dispatcher.ban, None))
        elif (full := self._full(call.windows, now)) is not None:
            call.fail(full)
        else:
            dispatcher.put(call)

    def position(self, call: RateLimitedCall) -> QueuePosition:
        """Where the call stands now; the expected wait assumes that nothing more comes in before it."""
        dispatcher, now = self._dispatchers[call.kind], self._clock.now()
        if call.done.done() or call is dispatcher.in_flight:
            return QueuePosition(0, 0.0)
        ahead = dispatcher.queue.ahead(call)
        start = dispatcher.windows.start(ahead + (dispatcher.in_flight is not None), now)
        for windows in call.windows:
            before = sum(1 for other in windows.waiting if other.urgency < call.urgency)
            start = max(start, windows.start(before, now))
        return QueuePosition(ahead, start - now)

    def expected_wait(self, kind: str, calls: int, priority: Priority = Priority.BULK) -> float:
        """Seconds until the last of so many calls would be made, if a new client submitted them now.

        It counts what waits now and nothing that is yet to come.
        """
        if calls < 1:
            return 0.0
        dispatcher, now = self._dispatchers[kind], self._clock.now()
        ahead = dispatcher.queue.ahead_of_new(priority, calls) + (dispatcher.in_flight is not None)
        return dispatcher.windows.start(ahead, now) - now

    def waiting(self) -> list[QueueLength]:
        """The waiting calls by kind and priority, without zeros."""
        found = [
            QueueLength(kind, priority, dispatcher.waiting(priority))
            for kind, dispatcher in self._dispatchers.items()
            for priority in Priority
        ]
        return [one for one in found if one.calls]

    def lengths(self) -> dict[str, int]:
        """The number of waiting calls by kind."""
        return {kind: len(dispatcher) for kind, dispatcher in self._dispatchers.items()}

    def ban(self) -> int:
        """The code with which the broker refuses everything until the next login, 0 where it does not."""
        return next((dispatcher.ban for dispatcher in self._dispatchers.values() if dispatcher.ban), 0)

    def quotas(self) -> list[Quota]:
        """How much is left of every window: of the kinds, and of conditions while anything counts in theirs."""
        now = self._clock.now()
        self._tidy(now)
        return [quota for windows in self._windows.values() for quota in windows.quotas(now)]

    def logged_in(self) -> None:
        """A login lifts a ban."""
        for dispatcher in self._dispatchers.values():
            dispatcher.ban = 0

    async def close(self) -> None:
        """Ends the workers; waiting calls and later ones are cancelled."""
        self._closed = True
        for dispatcher in self._dispatchers.values():
            await dispatcher.close()
        self._journal.close()

    def _windows_of(self, key: str) -> KeyWindows:
        windows = self._windows.get(key)
        if windows is None:
            if len(self._windows) >= self._tidy_at:
                self._tidy(self._clock.now())
            windows = KeyWindows(key, self.limits.of(key), self._journal.times(key))
            self._windows[key] = windows
        return windows

    def _tidy(self, now: float) -> None:
        """Drops the windows of keys without waiting calls in which nothing counts."""
        for key, windows in list(self._windows.items()):
            if key not in KINDS and not windows.waiting and windows.idle(now):
                del self._windows[key]
        self._tidy_at = 2 * len(self._windows) + _FEW

    def _full(self, own: Sequence[KeyWindows], now: float) -> WindowFull | None:
        """The error of a call whose own windows are full, where the back-off says not to wait."""
        if self._back_off.when_full == "wait":
            return None
        for windows in own:
            room, waiting = windows.room(now), len(windows.waiting)
            if room is not None and room <= waiting:
                return WindowFull(windows.key, windows.start(waiting, now))
        return None
