"""The rate windows of one key: which calls count in them, and when the next one may be made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kernel_server.scheduler import adaptive_windows
from kernel_server.scheduler.adaptive_windows import AdaptiveWindow
from kernel_server.scheduler.forecast import Forecast
from kernel_server.scheduler.limits import Window
from kernel_server.scheduler.refusals import BackOff

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
    """The windows of one key; a call has to fit into all of them.

    Args:
        key: what it counts.
        windows: its windows; without any, every call may be made unless the broker refused.
        times: when calls were made already, ascending.

    Attributes:
        all: the windows with what was learned of them, shortest first.
    """

    def __init__(self, key: str, windows: Iterable[Window], times: Iterable[float] = ()) -> None:
        self.key = key
        self.all = [AdaptiveWindow(window) for window in sorted(windows, key=lambda window: window.seconds)]
        self._depth = max((each.window.limit for each in self.all), default=0)
        self._times = list(times)
        self._blocked_until = _NEVER
        self._refusals = 0
        self._has_probes = False
        self._forecast: Forecast | None = None

    def due(self) -> float:
        """When the next call may be made; in the past if it may be made now."""
        due = self._blocked_until
        for each in self.all:
            due = max(due, each.due(self._times))
        return due

    def start(self, index: int, now: float) -> float:
        """When the call after ``index`` others would be made, if all go as early as they can from ``now`` on."""
        if self._forecast is None or not self._forecast.holds(now):
            self._forecast = Forecast(self.all, self._times, max(now, self._blocked_until))
        return max(now, self._forecast.start(index))

    def room(self, now: float) -> int | None:
        """How many calls fit in at once; None where there is no window that could fill up."""
        return min((each.allowed(now) - each.used(self._times, now) for each in self.all), default=None)

    def quotas(self, now: float) -> list[Quota]:
        found = []
        for each in self.all:
            allowed = each.allowed(now)
            if not each.is_probe or each.tight(now):
                window = Window(allowed, each.window.seconds) if each.is_probe else each.window
                wait = max(0.0, each.due(self._times) - now, self._blocked_until - now)
                found.append(Quota(self.key, window, allowed, each.used(self._times, now), wait))
        return found

    def idle(self, now: float) -> bool:
        """Whether it can be dropped: no call counts, and nothing that was learned still holds."""
        return self._blocked_until <= now and not any(
            each.used(self._times, now) or each.until > now for each in self.all
        )

    def add(self, now: float, taken: bool) -> None:
        """Counts a call that was made; ``taken``: the broker took it."""
        self._forecast = None
        if self.all:
            # Never earlier than the one before: a clock that was set back must not free a window.
            now = max(now, self._times[-1]) if self._times else now
            self._times.append(now)
            if len(self._times) > 2 * self._depth:
                del self._times[: -self._depth]
        if taken:
            self._refusals = 0
            adaptive_windows.record_taken(self.all, self._times, now)

    def refuse(self, now: float, back_off: BackOff) -> AdaptiveWindow | None:
        """Blocks all calls for a while after a refusal; returns the window that is tightened from now on."""
        self._forecast = None
        if back_off.tighten and not self._has_probes:
            self._has_probes = True
            self.all = adaptive_windows.with_probes(self.all, self._times)
        self._refusals += 1
        self._blocked_until = now + back_off.pause(self._refusals)
        return adaptive_windows.tighten(self.all, self._times, now, self._refusals, back_off)
