"""A gate: some windows, the calls that count in them, and when the next may pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_server.scheduler import adaptive_windows
from kernel_server.scheduler.adaptive_windows import Bound
from kernel_server.scheduler.forecast import Forecast
from kernel_server.scheduler.limits import Window
from kernel_server.scheduler.refusals import BackOff

if TYPE_CHECKING:
    from kernel_server.scheduler.queue import Job

_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a window is left.

    Attributes:
        key: what it counts: a kind of calls (``tr``, ``order``), or one condition.
        window: as it is set.
        allowed: how many calls it takes at present, fewer than ``window.limit`` after the broker refused.
        used: how many count now.
        next_free: in how many seconds one more is free, 0 where one is now.
    """

    key: str
    window: Window
    allowed: int
    used: int
    next_free: float


class RateWindows:
    """The windows of one key, all of which a call has to fit into.

    Args:
        key: what it counts.
        windows: its windows; none: whatever comes may pass, unless the broker refused.
        times: when calls were made already, ascending.

    Attributes:
        jobs: those that wait for it, if it is a gate of their own.
    """

    def __init__(self, key: str, windows: Iterable[Window], times: Iterable[float] = ()) -> None:
        self.key = key
        self.bounds = [Bound(window) for window in sorted(windows, key=lambda window: window.seconds)]
        self.jobs: dict[Job, None] = {}
        self._depth = max((bound.window.limit for bound in self.bounds), default=0)
        self._times = list(times)
        self._blocked_until = _NEVER
        self._refusals = 0
        self._rungs = False
        self._forecast: Forecast | None = None

    def due(self) -> float:
        """When the next call may pass; in the past where one may now."""
        due = self._blocked_until
        for bound in self.bounds:
            due = max(due, bound.due(self._times))
        return due

    def start(self, index: int, now: float) -> float:
        """When the call after ``index`` others would pass, if they all go as early as they can from ``now`` on."""
        if self._forecast is None or not self._forecast.holds(now):
            self._forecast = Forecast(self.bounds, self._times, max(now, self._blocked_until))
        return max(now, self._forecast.start(index))

    def room(self, now: float) -> int | None:
        """How many calls fit in at once; None where there is no window that could fill up."""
        return min((bound.allowed(now) - bound.used(self._times, now) for bound in self.bounds), default=None)

    def quotas(self, now: float) -> list[Quota]:
        found = []
        for bound in self.bounds:
            allowed = bound.allowed(now)
            if not bound.rung or bound.tight(now):
                window = Window(allowed, bound.window.seconds) if bound.rung else bound.window
                wait = max(0.0, bound.due(self._times) - now, self._blocked_until - now)
                found.append(Quota(self.key, window, allowed, bound.used(self._times, now), wait))
        return found

    def idle(self, now: float) -> bool:
        """Whether it can be forgotten: no call counts, and nothing was learned that still holds."""
        return self._blocked_until <= now and not any(
            bound.used(self._times, now) or bound.until > now for bound in self.bounds
        )

    def add(self, now: float, taken: bool) -> None:
        """A call was made, and perhaps the broker ``taken`` it."""
        self._forecast = None
        if self.bounds:
            # Never earlier than the one before: a clock that was set back must not free a window.
            now = max(now, self._times[-1]) if self._times else now
            self._times.append(now)
            if len(self._times) > 2 * self._depth:
                del self._times[: -self._depth]
        if taken:
            self._refusals = 0
            adaptive_windows.taken(self.bounds, self._times, now)

    def refuse(self, now: float, back_off: BackOff) -> Bound | None:
        """The broker refused a call: nothing passes for a while. Gives the window that is tighter from now on."""
        self._forecast = None
        if back_off.tighten and not self._rungs:
            self._rungs = True
            self.bounds = adaptive_windows.with_rungs(self.bounds, self._times)
        self._refusals += 1
        self._blocked_until = now + back_off.pause(self._refusals)
        return adaptive_windows.tighten(self.bounds, self._times, now, self._refusals, back_off)
