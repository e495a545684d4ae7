"""How far the broker's word of the market's phases lags behind the server's clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from kernel_server import reference
from kernel_server.clock import KST, Clock
from kernel_server.control.seam import Event
from kernel_server.observe.metrics import Metrics

REALTYPE = "장시작시간"
TIME = 20
"""FID of 체결시간, HHMMSS."""


class PhaseLag:
    """Hears of every event, on the control thread, and heeds those about phases."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._place = reference.realtype(REALTYPE).fids.index(TIME)

    def heard(self, event: Event) -> None:
        """Reads the time out of sRealData where the event is about a phase."""
        if event.name != "OnReceiveRealData" or event.arguments[1] != REALTYPE:
            return
        values = str(event.arguments[2]).split("\t")
        lag = seconds_behind(values[self._place], self._clock.now()) if len(values) > self._place else None
        if lag is not None:
            self._metrics.phase_heard(lag)


def seconds_behind(text: str, now: float) -> float | None:
    """Seconds from a time of day (HHMMSS, Seoul) to ``now``; None where it is none (999999 and its like).

    The nearest such time is meant, so that midnight does no harm.

    >>> seconds_behind("090000", datetime(2026, 11, 20, 9, 0, 2, tzinfo=KST).timestamp())
    2.0
    """
    moment = datetime.fromtimestamp(now, KST)
    try:
        time = datetime.strptime(text, "%H%M%S").time()  # noqa: DTZ007 - a time of day; the zone is put on below
    except ValueError:
        return None
    found = (moment - datetime.combine(moment.date(), time, KST)) / timedelta(seconds=1)
    half = 43_200.0
    return (found + half) % (2 * half) - half
