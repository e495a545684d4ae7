"""When calls will be made that have not been made yet."""

from __future__ import annotations

from collections.abc import Sequence

from kernel_server.scheduler.adaptive_windows import Bound

# So many starts are worked out one by one; beyond, the slowest window alone sets the pace.
_SINGLY = 10_000
# A forecast is good for a moment longer than until its first call: that one is on its way then.
_GRACE = 0.05


class Forecast:
    """The earliest starts of the calls that come next, after calls at ``times`` and not before ``floor``.

    >>> from kernel_server.scheduler.limits import Window
    >>> forecast = Forecast([Bound(Window(2, 1.0)), Bound(Window(3, 60.0))], [0.0], 0.0)
    >>> [forecast.start(index) for index in range(5)]
    [0.0, 1.0, 60.0, 60.0, 61.0]
    """

    def __init__(self, bounds: Sequence[Bound], times: Sequence[float], floor: float) -> None:
        self._windows = [(bound.window.limit, bound.window.seconds) for bound in bounds if not bound.rung]
        self._tight = [
            (bound.limit, bound.window.seconds, bound.until)
            for bound in bounds
            if bound.limit and bound.until > floor
        ]
        self._made = len(times)
        self._line = list(times)
        self._floor = floor

    def holds(self, now: float) -> bool:
        """Whether it still tells the truth at ``now``, if no call was made since."""
        return now <= self.start(0) + _GRACE

    def start(self, index: int) -> float:
        """When the call after ``index`` others starts."""
        self._extend(min(index, _SINGLY) + 1)
        beyond = index - _SINGLY
        if beyond <= 0:
            return self._line[self._made + index]
        pace = max((seconds / limit for limit, seconds in self._windows), default=0.0)
        return self._line[self._made + _SINGLY] + beyond * pace

    def _extend(self, count: int) -> None:
        line, windows, tight = self._line, self._windows, self._tight
        for length in range(len(line), self._made + count):
            start = self._floor
            for limit, seconds in windows:
                if length >= limit:
                    due = line[-limit] + seconds
                    if due > start:
                        start = due
            for limit, seconds, until in tight:
                if length >= limit:
                    start = max(start, min(line[-limit] + seconds, until))
            line.append(start)
