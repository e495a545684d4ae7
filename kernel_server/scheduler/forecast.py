"""The expected start times of waiting calls."""

from __future__ import annotations

from collections.abc import Sequence

from kernel_server.scheduler.adaptive_windows import AdaptiveWindow

# So many starts are computed one by one; beyond them the slowest window sets the pace.
_COMPUTED = 10_000
# A forecast holds a moment longer than until its first start: that call is on its way then.
_GRACE = 0.05


class Forecast:
    """The earliest starts of the next calls, after calls at ``times`` and not before ``floor``.

    >>> from kernel_server.scheduler.limits import Window
    >>> forecast = Forecast([AdaptiveWindow(Window(2, 1.0)), AdaptiveWindow(Window(3, 60.0))], [0.0], 0.0)
    >>> [forecast.start(index) for index in range(5)]
    [0.0, 1.0, 60.0, 60.0, 61.0]
    """

    def __init__(self, windows: Sequence[AdaptiveWindow], times: Sequence[float], floor: float) -> None:
        self._windows = [(each.window.limit, each.window.seconds) for each in windows if not each.is_probe]
        self._tight = [
            (each.limit, each.window.seconds, each.until)
            for each in windows
            if each.limit and each.until > floor
        ]
        self._made = len(times)
        self._starts = list(times)
        self._floor = floor

    def holds(self, now: float) -> bool:
        """Whether it is still right at ``now``, if no call was made since."""
        return now <= self.start(0) + _GRACE

    def start(self, index: int) -> float:
        """When the call after ``index`` others starts."""
        self._extend(min(index, _COMPUTED) + 1)
        beyond = index - _COMPUTED
        if beyond <= 0:
            return self._starts[self._made + index]
        pace = max((seconds / limit for limit, seconds in self._windows), default=0.0)
        return self._starts[self._made + _COMPUTED] + beyond * pace

    def _extend(self, count: int) -> None:
        starts, windows, tight = self._starts, self._windows, self._tight
        for length in range(len(starts), self._made + count):
            start = self._floor
            for limit, seconds in windows:
                if length >= limit:
                    due = starts[-limit] + seconds
                    if due > start:
                        start = due
            for limit, seconds, until in tight:
                if length >= limit:
                    start = max(start, min(starts[-limit] + seconds, until))
            starts.append(start)
