"""Where the market stands at a moment, in the words of its users."""

from __future__ import annotations

from functools import cache

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.tables import rows
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.phases import Phase


@cache
def names() -> dict[Phase, str]:
    """What each phase is called."""
    return {Phase[phase]: name for phase, name in rows("phase_name")}


def market_phase(sessions: Sessions, now: float) -> tuple[str, str]:
    """The date of the session whose day it is, ISO, and its phase; blank before the calendar begins."""
    index = phases.session(sessions, now)
    day = str(sessions.dates[index]) if index >= 0 else ""
    return day, names()[phases.phase(sessions, now)]
