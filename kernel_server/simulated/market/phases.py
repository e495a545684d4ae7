"""Which phase a session is in, and what is traded in it, from ``phases.tsv``: minutes from its open or its close."""

from __future__ import annotations

from enum import Enum, IntEnum, auto
from functools import cache
from typing import NamedTuple

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.tables import rows

_NEVER = float("inf")


class Phase(IntEnum):
    """Phase of a trading session, with its usual hours. All of them shift on days with late hours."""

    CLOSED = 0
    BEFORE_OPEN = 1  # 08:30 to 08:40, orders for the opening auction; 장전 시간외종가
    OPENING_AUCTION = 2  # 08:40 to 09:00
    CONTINUOUS = 3  # 09:00 to 15:20
    CLOSING_AUCTION = 4  # 15:20 to 15:30
    PAUSE = 5  # 15:30 to 15:40, orders for 장후 시간외종가
    AFTER_CLOSE = 6  # 15:40 to 16:00, 장후 시간외종가
    SINGLE_PRICE = 7  # 16:00 to 18:00, 시간외 단일가, a call auction every ten minutes


class Board(Enum):
    """Board that an order is entered on. The off-hours boards have order books and prices of their own."""

    REGULAR = auto()
    BEFORE = auto()  # 장전 시간외종가: at 기준가, by time priority
    AFTER = auto()  # 장후 시간외종가: at the close, by time priority
    SINGLE = auto()  # 시간외 단일가: call auctions around the close


@cache
def _table() -> list[tuple[Phase, bool, float]]:
    """Phase, whether it is counted from the open, and seconds, in the order of the day."""
    return [(Phase[name], of == "open", float(minutes) * 60) for name, of, minutes, _boards in rows("phases")]


@cache
def boards() -> dict[Phase, frozenset[Board]]:
    """The boards that take orders in each phase."""
    return {
        Phase[name]: frozenset(Board[board] for board in open_.split(",") if board != "-")
        for name, _of, _minutes, open_ in rows("phases")
    }


def day(sessions: Sessions, index: int) -> list[tuple[float, Phase]]:
    """When each phase of the session begins, seconds since the epoch, in order."""
    opens, closes = float(sessions.opens[index]), float(sessions.closes[index])
    return [((opens if of_open else closes) + offset, phase) for phase, of_open, offset in _table()]


def session(sessions: Sessions, now: float) -> int:
    """The index of the session whose day it is: the newest one whose first phase has begun; -1 before all."""
    next_one = sessions.last_started(now) + 1
    begun = next_one < len(sessions) and day(sessions, next_one)[0][0] <= now
    return next_one if begun else next_one - 1


def phase(sessions: Sessions, now: float) -> Phase:
    """The phase at that moment."""
    index = session(sessions, now)
    if index < 0:
        return Phase.CLOSED
    return [found for since, found in day(sessions, index) if since <= now][-1]


def next_change(sessions: Sessions, now: float) -> tuple[float, Phase] | None:
    """When the phase changes next after ``now``, and to which; None behind the last session known."""
    index = session(sessions, now)
    for later in range(max(0, index), min(index + 2, len(sessions))):
        for since, found in day(sessions, later):
            if since > now:
                return since, found
    return None


class SessionHours(NamedTuple):
    """When a session's auctions begin and end, seconds since the epoch, and what is traded beside it.

    Attributes:
        collects, opens: the opening auction's; auction, closes: the closing one's.
        early: 장전 시간외종가 ends, which has begun with the opening auction.
        after, single: 장후 시간외종가 begins and ends; 시간외 단일가 follows it, until ``ends``.
    """

    collects: float
    opens: float
    auction: float
    closes: float
    early: float = 0.0
    after: float = _NEVER
    single: float = _NEVER
    ends: float = _NEVER


def hours(sessions: Sessions, index: int) -> SessionHours:
    """Those of the session of that index."""
    since = {found: begins for begins, found in day(sessions, index)}
    return SessionHours(
        collects=since[Phase.BEFORE_OPEN],
        opens=since[Phase.CONTINUOUS],
        auction=since[Phase.CLOSING_AUCTION],
        closes=since[Phase.PAUSE],
        early=since[Phase.OPENING_AUCTION],
        after=since[Phase.AFTER_CLOSE],
        single=since[Phase.SINGLE_PRICE],
        ends=since[Phase.CLOSED],
    )
