"""Delay of the broker's 장시작시간 events against the server's clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from kernel_server import reference
from kernel_server.clock import KST
from kernel_server.control.seam import Event

REALTYPE = "장시작시간"
_TIME = 20  # FID of 체결시간, HHMMSS


def lag(event: Event, now: float) -> float | None:
    """Seconds from the time in a 장시작시간 event to ``now``; None for an event without one."""
    values = str(event.arguments[2]).split("\t")
    place = reference.realtype(REALTYPE).fids.index(_TIME)
    return seconds_behind(values[place], now) if len(values) > place else None


def seconds_behind(text: str, now: float) -> float | None:
    """Seconds from a time of day (HHMMSS, Seoul) to ``now``; None where it is none (999999 and the like).

    The nearest such time is meant, so that it works around midnight.

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
