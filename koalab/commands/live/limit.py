"""``WatchLimit``: when a watch ends by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from koalab.inputs.arguments import seconds, whole_number

# A wait is cut so that Ctrl-C and a changed state are noticed.
_STEP: Final = 0.2
_MOST: Final = 10**9


class WatchLimit:
    """An end after some seconds of this machine's clock, from the first look on, after some events, or neither.

    Args:
        duration: seconds; None: no end.
        count: events; None: no end.
        now: monotonic seconds.

    Raises:
        BadInput: one of them is no such number.
    """

    def __init__(
        self, duration: float | None, count: int | None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._duration = None if duration is None else seconds("--for", duration)
        self._end: float | None = None
        self._count = None if count is None else whole_number("--count", count, 1, _MOST)

    def reached(self, events: int) -> bool:
        """Whether it is over after so many events."""
        if self._count is not None and events >= self._count:
            return True
        if self._duration is None:
            return False
        if self._end is None:
            self._end = self._now() + self._duration
        return self._now() >= self._end

    @property
    def step(self) -> float:
        """Seconds to wait for the next event before looking again; above 0."""
        return _STEP if self._end is None else min(_STEP, max(self._end - self._now(), 0.001))
