"""The intervals in which every event was received, in the exchange's time.

The server's clock may differ from the exchange's. Trades carry the exchange's time of execution and the server's time
of arrival: arrival before execution means a slow server clock, arrival long after it a fast clock or a late trade.
Either way the intervals only shrink, so they never claim too much.
"""

from __future__ import annotations

from typing import Final

from koalab.live.wall_time import SECOND, wall_micros
from koalab.store.coverage import Coverage

MARGIN: Final = 2 * SECOND
"""Cut off at both ends of an interval: trades carry whole seconds, and an event takes time to arrive."""


class ConnectedIntervals:
    """The intervals so far. Arguments of type float are seconds since the epoch by the server's clock."""

    def __init__(self) -> None:
        self._closed: list[tuple[int, int]] = []
        self._since: int | None = None
        self._until = 0
        self._clock_lag = 0  # upper bound of the server clock's lag behind the exchange
        self._delay = 0  # from execution to arrival of the newest trade
        self._traded = False  # since the last advance

    @property
    def until(self) -> int:
        """Up to here everything has been received, gaps aside."""
        return self._until

    def start(self, at: float) -> None:
        self._since, self._clock_lag = wall_micros(at), 0

    def trade(self, arrived: float, executed: int) -> None:
        """Measures clock lag and delay with one trade; ``executed`` is wall time in microseconds."""
        delay = wall_micros(arrived) - executed
        self._clock_lag, self._delay, self._traded = max(self._clock_lag, -delay), max(0, delay), True

    def advance(self, until: float) -> None:
        """Every event up to ``until`` has been received."""
        if self._since is not None:
            self._until = max(self._until, wall_micros(until) - (self._delay if self._traded else 0))
            self._traded = False

    def end(self, since: float) -> None:
        """Events after ``since`` may be lost."""
        if self._since is not None:
            self._until = max(self._until, min(wall_micros(since) - self._delay, wall_micros(since)))
            self._closed.extend(self._open())
            self._since = None

    def all(self) -> Coverage:
        """The intervals, the open one included."""
        return (*self._closed, *self._open())

    def _open(self) -> Coverage:
        if self._since is None:
            return ()
        first, last = self._since + self._clock_lag + MARGIN, self._until - MARGIN
        return ((first, last),) if first <= last else ()
