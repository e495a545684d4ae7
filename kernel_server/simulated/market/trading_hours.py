"""Session hours by date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cached_property

from kernel_server.clock import seoul
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.market_time import hhmmss

_USUAL_CLOSE = "153000"


def day_of(number: int) -> date:
    """The date of a YYYYMMDD."""
    return date(number // 10000, number // 100 % 100, number % 100)


def today(now: float) -> int:
    """YYYYMMDD of that moment in Seoul."""
    moment = seoul(now)
    return moment.year * 10000 + moment.month * 100 + moment.day


class TradingHours:
    """Hours of the sessions. ``sessions`` is called once, on first use."""

    def __init__(self, sessions: Callable[[], Sessions]) -> None:
        self._load = sessions

    @cached_property
    def _sessions(self) -> Sessions:
        return self._load()

    def over(self, day: int, now: float) -> bool:
        """Whether the session of that YYYYMMDD, which has begun, is over."""
        return day < today(now) or self._sessions.current(now) is None

    def before_running(self, now: float) -> float:
        """``now``, or just before the opening if a session is open at ``now``."""
        running = self._sessions.current(now)
        return now if running is None else float(self._sessions.opens[running]) - 1.0

    def last_trade(self, day: int, now: float) -> str:
        """HHMMSS of the last trade in that session: now while it is open, its close afterwards."""
        if not self.over(day, now):
            return hhmmss(now)
        sessions = self._sessions
        if not sessions.is_session(day_of(day)):
            return _USUAL_CLOSE
        close = sessions.closes[sessions.index_at_or_before(day_of(day))]
        return hhmmss(float(close))
