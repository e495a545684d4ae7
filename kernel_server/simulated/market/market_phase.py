"""The market's phase as users see it."""

from __future__ import annotations

from functools import cache

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.tables import rows
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.phases import Phase


@cache
def phase_names() -> dict[Phase, str]:
    """Name of each phase."""
    return {Phase[phase]: name for phase, name in rows("phase_name")}


def market_phase(sessions: Sessions, now: float) -> tuple[str, str]:
    """Date (ISO) of the current session and name of its phase; a blank date before the calendar begins."""
    index = phases.session_index(sessions, now)
    day = str(sessions.dates[index]) if index >= 0 else ""
    return day, phase_names()[phases.phase(sessions, now)]
