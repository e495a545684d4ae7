"""Clocks of a simulated broker, which start inside trading hours.

``real`` is the wall clock. The others start at the wall clock's time too, if that lies in a trading day between the
opening auction and the close. Otherwise they start inside the latest session: at the same time of day if that lies
between its open and its closing auction, else one hour after its open. ``market`` jumps to the wall clock, and
follows it from then on, when that session's day ends: when the phase CLOSED begins. With a moment in its name each
clock starts there, and ``market`` and ``real`` run on from it at the pace of the wall clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from kernel_server.clock import Clock, RunningClock, SteppedClock, seoul
from kernel_server.clock_name import BadClock, ClockName
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.phases import Phase

_AFTER_OPENING = 3600.0
# Hour and minute at which a bare day without a session starts, as most sessions do.
_USUAL_START = (8, 30)


class Replay(NamedTuple):
    """Start of a clock inside a past session, and end of that session's day, seconds since the epoch."""

    start: float
    over: float


def make(
    name: ClockName,
    sessions: Callable[[], Sessions],
    wall: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    not_before: float | None = None,
) -> Clock:
    """The clock of a name.

    Args:
        name: the name.
        sessions: the calendar; not used by ``real`` without a moment.
        wall: seconds since the epoch.
        monotonic: seconds of a monotonic clock.
        not_before: a clock without a moment in its name starts no earlier, as stored accounts have reached it.

    Raises:
        BadClock: the moment lies outside the calendar.
    """
    start = leaps_at = replayed = None
    if name.moment is not None:
        start = start_moment(name, sessions())
    elif name.kind != "real":
        replayed = replay(sessions(), wall())
        if replayed is not None:
            start = replayed.start
            leaps_at = replayed.over if name.kind == "market" else None
    known = not_before if name.moment is None and name.kind != "real" else None
    if known is not None and known > (wall() if start is None else start):
        start = known
        # For those accounts the replayed day is over, so the clock follows the wall clock.
        if leaps_at is not None and leaps_at <= start:
            start, leaps_at, replayed = max(known, wall()), None, None
    replays = replayed is not None
    if name.kind == "stepped":
        return SteppedClock(wall() if start is None else start, jump=True, name=name.text, replays=replays)
    return RunningClock(
        name.speed,
        start,
        leaps_at=leaps_at,
        name=name.text,
        replays=replays,
        wall=wall,
        monotonic=monotonic,
    )


def replay(sessions: Sessions, wall: float) -> Replay | None:
    """Where to start at a wall clock time; None inside a trading day, or before the calendar begins."""
    index = phases.session_index(sessions, wall)
    if index >= 0 and wall < phases.hours(sessions, index).orders_from:
        index -= 1
    if index < 0:
        return None
    hours = phases.hours(sessions, index)
    if wall < hours.closes:
        return None
    time_of_day = seoul(wall).time()
    same = seoul(hours.opens).replace(
        hour=time_of_day.hour,
        minute=time_of_day.minute,
        second=time_of_day.second,
        microsecond=time_of_day.microsecond,
    )
    back = same.timestamp()
    if not hours.opens <= back < hours.closing_auction:
        back = hours.opens + _AFTER_OPENING
    over = next(since for since, phase in phases.phase_times(sessions, index) if phase is Phase.CLOSED)
    return Replay(back, over)


def start_moment(name: ClockName, sessions: Sessions) -> float:
    """The moment in the name, seconds since the epoch; for a bare day, the start of its order collection.

    Raises:
        BadClock: the name has no moment, or it lies outside the calendar.
    """
    if name.moment is None:
        raise BadClock(f"{name.text!r} names no moment")
    day = name.moment.date()
    first, last = (found.item().year for found in sessions.dates[[0, -1]])
    if not first <= day.year <= last:
        raise BadClock(f"no clock {name.text!r}: the sessions that are known are those of {first} to {last}")
    if not name.whole_day:
        return name.moment.timestamp()
    if sessions.is_session(day):
        return phases.hours(sessions, sessions.index_at_or_before(day)).orders_from
    hour, minute = _USUAL_START
    return name.moment.replace(hour=hour, minute=minute).timestamp()
