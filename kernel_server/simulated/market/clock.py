"""The clocks of a simulated broker, which begin where there is a market to watch.

``real`` is the wall clock. The others begin at the time on the wall too, as long as that lies in a trading
day, from the opening auction to the close. Outside it they are set back into the latest session: to the same
time of day where that lies between its opening and its closing auction, else to an hour after its opening.
``market`` then leaps to the wall clock, and is it from then on, when the day of that session is over: the
moment at which the phase CLOSED begins. With a moment in the name each begins there, and ``market`` and
``real`` run on from it at the pace of the wall clock.
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
# Where a day without a session begins, if it is given without a time: as most sessions do.
_USUAL_START = (8, 30)


class Replay(NamedTuple):
    """Where a clock begins that is set back into a session, and when that session's day is over."""

    begins: float
    over: float


def make(
    name: ClockName,
    sessions: Callable[[], Sessions],
    wall: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    not_before: float | None = None,
) -> Clock:
    """The clock of that name.

    Args:
        name: what it is to be.
        sessions: the calendar; ``real`` without a moment does not ask for it.
        wall: seconds since the epoch.
        monotonic: seconds of a clock that only goes forward.
        not_before: a moment before which a clock without a moment of its own does not begin, since there are
            accounts that have seen it.

    Raises:
        BadClock: the moment lies outside the calendar.
    """
    start = leaps_at = replayed = None
    if name.moment is not None:
        start = begins(name, sessions())
    elif name.kind != "real":
        replayed = replay(sessions(), wall())
        if replayed is not None:
            start = replayed.begins
            leaps_at = replayed.over if name.kind == "market" else None
    known = not_before if name.moment is None and name.kind != "real" else None
    if known is not None and known > (wall() if start is None else start):
        start = known
        if (
            leaps_at is not None and leaps_at <= start
        ):  # that day is over for them: there is nothing to go back for
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
    """Where to begin at that time on the wall; None where there is trading, or the calendar knows nothing yet."""
    index = phases.session(sessions, wall)
    if index >= 0 and wall < phases.hours(sessions, index).collects:
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
    if not hours.opens <= back < hours.auction:
        back = hours.opens + _AFTER_OPENING
    over = next(since for since, phase in phases.day(sessions, index) if phase is Phase.CLOSED)
    return Replay(back, over)


def begins(name: ClockName, sessions: Sessions) -> float:
    """The moment in the name, seconds since the epoch; of a day, when its opening auction begins.

    Raises:
        BadClock: it has none, or it lies outside the calendar.
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
        return phases.hours(sessions, sessions.index_at_or_before(day)).collects
    hour, minute = _USUAL_START
    return name.moment.replace(hour=hour, minute=minute).timestamp()
