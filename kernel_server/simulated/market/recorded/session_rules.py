"""Sessions behind recorded files: their hours, and rows on days and at times on which nothing can have been traded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.base.market_time import epoch_seconds

DAY = 1_000_000
"""YYYYMMDDHHMMSS // DAY is YYYYMMDD."""

_USUAL_OPEN, _USUAL_CLOSE = (9 * 60) * 60, (15 * 60 + 30) * 60  # seconds of the day
_AFTER_MARKET = 20260914
# Seconds after the close: 16:00 and 20:00 on a day of usual hours. That it is as much later on others is a guess.
_AFTER_MARKET_BEGINS, _AFTER_MARKET_ENDS = 30 * 60, (4 * 60 + 30) * 60
# Until then the exchange was open on Saturdays too, and the calendar has a few weekdays wrong.
_SINCE = int(epoch_days(np.array([19981206]))[0])
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SATURDAY, _SUNDAY = 5, 6


class SessionRules:
    """Hours of sessions by day. Without a calendar every weekday is a session from 9:00 to 15:30."""

    def __init__(self, load: Callable[[], Sessions] | None = None) -> None:
        self._load = load

    def hours(self, days: Ints) -> tuple[Ints, Ints]:
        """Open and close of the sessions of those days (YYYYMMDD), seconds since the epoch."""
        midnight = epoch_seconds(days * DAY)
        opens, closes = midnight + _USUAL_OPEN, midnight + _USUAL_CLOSE
        sessions, at, listed = self._listed(days)
        if sessions is not None:
            opens[listed], closes[listed] = sessions.opens[at[listed]], sessions.closes[at[listed]]
        return opens, closes

    def after_market(self, days: Ints) -> tuple[Ints, Ints]:
        """Begin and end of the after-market of those days (YYYYMMDD), seconds since the epoch; equal without one."""
        closes = self.hours(days)[1]
        there = days >= _AFTER_MARKET
        return closes + there * _AFTER_MARKET_BEGINS, closes + there * _AFTER_MARKET_ENDS

    def closed(self, days: Ints) -> NDArray[np.bool_]:
        """Whether the exchange is closed on those days (YYYYMMDD), as far as is known."""
        day = epoch_days(days)
        weekday = _weekday(day)
        closed: NDArray[np.bool_] = (weekday == _SUNDAY) | ((weekday == _SATURDAY) & (day >= _SINCE))
        sessions, _, listed = self._listed(days)
        if sessions is not None and len(sessions):
            known = (day >= _SINCE) & (day <= sessions.dates.view(np.int64)[-1])
            closed |= known & ~listed
            closed &= ~(known & listed)
        return closed

    def why_closed(self, day: int) -> str:
        """What is wrong with that day (YYYYMMDD), and what to do."""
        name = _NAMES[int(_weekday(epoch_days(np.array([day])))[0])]
        advice = "correct it or remove the row"
        if name not in _NAMES[_SATURDAY:]:
            advice += "; was it open, say so in a file of holidays (KOALAB_HOLIDAYS)"
        return f"the exchange is closed on {day // 10_000}-{day // 100 % 100:02}-{day % 100:02}, a {name}: {advice}"

    def missing(self, first: int, last: int, known: Ints) -> bool:
        """Whether there are sessions from ``first`` to ``last`` that are not among the days ``known``."""
        if self._load is None:
            return True
        dates = self._load().dates.view(np.int64)
        start, stop = np.searchsorted(dates, epoch_days(np.array([first, last + 1])))
        return not bool(np.isin(dates[start:stop], epoch_days(known)).all())

    def _listed(self, days: Ints) -> tuple[Sessions | None, Ints, NDArray[np.bool_]]:
        """The calendar, the days' places in it, and which of them it has."""
        if self._load is None:
            return None, days, np.zeros(len(days), bool)
        sessions = self._load()
        day, dates = epoch_days(days), sessions.dates.view(np.int64)
        at = np.minimum(np.searchsorted(dates, day), len(sessions) - 1)
        return sessions, at, dates[at] == day


WEEKDAYS = SessionRules()
"""Those without a calendar."""


def _weekday(day: Ints) -> Ints:
    return (day + 3) % 7  # 1970-01-01 was a Thursday
