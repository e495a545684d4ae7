"""The broker's rate limit of requests."""

from __future__ import annotations

import math
from collections import deque

from kernel_server.simulated.settings import BrokerSettings

SERVED = 0
OVERFLOW = -200
BANNED = -209


class _Fixed:
    """At most ``limit`` requests in each whole second of the clock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._second = -1
        self._used = 0

    def full(self, now: float) -> bool:
        second = math.floor(now)
        if second != self._second:
            self._second, self._used = second, 0
        return self._used >= self._limit

    def count(self, now: float) -> None:  # noqa: ARG002 - full() has updated the second
        self._used += 1


class _Sliding:
    """At most ``limit`` requests in the last ``seconds``."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._times: deque[float] = deque()

    def full(self, now: float) -> bool:
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        return len(self._times) >= self._limit

    def count(self, now: float) -> None:
        self._times.append(now)


class RequestLimits:
    """One counter for CommRqData, CommKwRqData and SendCondition together.

    A refused request is not sent and does not count. The hourly window always slides: that is the stricter reading,
    and a program that keeps to it keeps to the other one too.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self.renew()

    def renew(self) -> None:
        """Reset counters and ban after a login."""
        settings = self._settings
        second = settings.requests_a_second
        hour = _Sliding(settings.requests_an_hour, 3600.0)
        self._windows = (_Fixed(second) if settings.window == "fixed" else _Sliding(second, 1.0), hour)
        self._refused: deque[float] = deque(maxlen=settings.overruns)
        self.banned = False

    def take(self, now: float) -> int:
        """Count a request made at ``now``; 0, -200 (over the limit) or -209 (over it too often)."""
        if not self._settings.limited:
            return SERVED
        if self.banned:
            return BANNED
        if any(window.full(now) for window in self._windows):
            self._refused.append(now)
            repeated = len(self._refused) == self._settings.overruns
            self.banned = repeated and now - self._refused[0] <= self._settings.overrun_seconds
            return OVERFLOW
        self._refused.clear()
        for window in self._windows:
            window.count(now)
        return SERVED
