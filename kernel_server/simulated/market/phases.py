"""Phases of a session and their open boards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, IntEnum, auto
from typing import Literal, NamedTuple, Protocol

import numpy as np

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.market_time import midnight

_NEVER = float("inf")
_MINUTE = 60


class Phase(IntEnum):
    """Phase of a trading session, with its usual hours. They shift on late days, but not the evening's end."""

    CLOSED = 0
    BEFORE_OPEN = 1  # 08:30 to 08:40, orders for the opening auction; 장전 시간외종가
    OPENING_AUCTION = 2  # 08:40 to 09:00
    CONTINUOUS = 3  # 09:00 to 15:20
    CLOSING_AUCTION = 4  # 15:20 to 15:30
    PAUSE = 5  # 15:30 to 15:40, orders for 장후 시간외종가
    AFTER_CLOSE = 6  # 15:40 to 16:00, 장후 시간외종가
    SINGLE_PRICE = 7  # 16:00 to 18:00 until 2026-09-11, 시간외 단일가, a call auction every ten minutes
    AFTER_MARKET = 8  # 16:00 to 20:00 since 2026-09-14, 애프터마켓, continuous trading
    # Of Nextrade, whose trading is continuous:
    NXT_PRE = 9  # 08:00 to 08:50, 프리마켓
    NXT_PRE_ENDED = 10  # 08:50 to 09:00:30
    NXT_MAIN = 11  # 09:00:30 to 15:20, 메인마켓
    NXT_MAIN_ENDED = 12  # 15:20 to 15:30
    NXT_BEFORE_AFTER = 13  # 15:30 to 15:40
    NXT_AFTER = 14  # 15:40 to 20:00, 애프터마켓
    NXT_CLOSED = 15


class Board(Enum):
    """Board that an order is entered on. The off-hours boards have their own order books and prices."""

    REGULAR = auto()  # also 애프터마켓
    BEFORE = auto()  # 장전 시간외종가: at 기준가, by time priority
    AFTER = auto()  # 장후 시간외종가: at the close, by time priority
    SINGLE = auto()  # 시간외 단일가: call auctions around the close


class _PhaseRule(NamedTuple):
    """When a phase begins, in minutes from the session's open or from its close, and the boards that take orders."""

    phase: Phase
    since: Literal["open", "close"]
    minutes: int
    boards: frozenset[Board] = frozenset()


_DAYTIME = (  # in the order of the day
    _PhaseRule(Phase.BEFORE_OPEN, "open", -30, frozenset({Board.REGULAR, Board.BEFORE})),
    _PhaseRule(Phase.OPENING_AUCTION, "open", -20, frozenset({Board.REGULAR})),
    _PhaseRule(Phase.CONTINUOUS, "open", 0, frozenset({Board.REGULAR})),
    _PhaseRule(Phase.CLOSING_AUCTION, "close", -10, frozenset({Board.REGULAR})),
    _PhaseRule(Phase.PAUSE, "close", 0, frozenset({Board.AFTER})),
    _PhaseRule(Phase.AFTER_CLOSE, "close", 10, frozenset({Board.AFTER})),
)


class _Evening(NamedTuple):
    """The evening of sessions from a day on: phase, length in minutes, and the hour at which it ends at the latest.

    It begins 30 minutes after the close. On a day that closes late the evening is shorter: announcements of 시간외
    단일가 kept 18:00 in every year, and that 애프터마켓 keeps 20:00 is a guess.
    """

    since: np.datetime64
    phase: Phase
    minutes: int
    latest: int
    boards: frozenset[Board]


_EVENING_FROM = 30  # minutes after the close
_EVENINGS = (
    _Evening(np.datetime64("1956-03-03", "D"), Phase.SINGLE_PRICE, 120, 18, frozenset({Board.SINGLE})),
    _Evening(np.datetime64("2026-09-14", "D"), Phase.AFTER_MARKET, 240, 20, frozenset({Board.REGULAR})),
)

BOARDS: Mapping[Phase, frozenset[Board]] = {
    **{rule.phase: rule.boards for rule in _DAYTIME},
    **{evening.phase: evening.boards for evening in _EVENINGS},
    **dict.fromkeys((Phase.NXT_PRE, Phase.NXT_MAIN, Phase.NXT_AFTER), frozenset({Board.REGULAR})),
    **dict.fromkeys(
        (Phase.NXT_PRE_ENDED, Phase.NXT_MAIN_ENDED, Phase.NXT_BEFORE_AFTER, Phase.NXT_CLOSED), frozenset()
    ),
    Phase.CLOSED: frozenset(),
}
"""The boards that take orders in each phase."""

NEXTRADE_PHASES = frozenset(each for each in Phase if each >= Phase.NXT_PRE)
"""The phases of Nextrade; the others are the Korea Exchange's."""


def phase_times(sessions: Sessions, index: int) -> list[tuple[float, Phase]]:
    """Start of each phase of a session, seconds since the epoch, in order."""
    opens, closes = float(sessions.opens[index]), float(sessions.closes[index])
    day = sessions.dates[index]
    evening = [each for each in _EVENINGS if each.since <= day][-1]
    begins = closes + _MINUTE * _EVENING_FROM
    latest = midnight(opens) + 60 * _MINUTE * evening.latest
    return [
        *(
            ((opens if rule.since == "open" else closes) + _MINUTE * rule.minutes, rule.phase)
            for rule in _DAYTIME
        ),
        (begins, evening.phase),
        (max(begins, min(begins + _MINUTE * evening.minutes, latest)), Phase.CLOSED),
    ]


class Timetable(Protocol):
    """The phases of an exchange by session.

    Attributes:
        closed: the phase before the first session.
    """

    closed: Phase
    sessions: Sessions

    def times(self, index: int) -> list[tuple[float, Phase]]:
        """Start of each phase of a session, seconds since the epoch, in order."""
        ...

    def hours(self, index: int) -> SessionHours:
        """Hours of the session of an index."""
        ...


class ExchangeTimetable:
    """The timetable of the Korea Exchange."""

    closed = Phase.CLOSED

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    def times(self, index: int) -> list[tuple[float, Phase]]:
        """See ``Timetable``."""
        return phase_times(self.sessions, index)

    def hours(self, index: int) -> SessionHours:
        """See ``Timetable``."""
        return hours(self.sessions, index)


def session_index(sessions: Sessions, now: float) -> int:
    """Index of the Korea Exchange's current session: the last one whose first phase has begun; -1 before the first."""
    return index_at(ExchangeTimetable(sessions), now)


def phase(sessions: Sessions, now: float) -> Phase:
    """The phase of the Korea Exchange at a moment."""
    return phase_at(ExchangeTimetable(sessions), now)


def index_at(timetable: Timetable, now: float) -> int:
    """Index of the current session: the last one whose first phase has begun; -1 before the first."""
    sessions = timetable.sessions
    next_one = sessions.last_started(now) + 1
    begun = next_one < len(sessions) and timetable.times(next_one)[0][0] <= now
    return next_one if begun else next_one - 1


def phase_at(timetable: Timetable, now: float) -> Phase:
    """The phase at a moment."""
    index = index_at(timetable, now)
    if index < 0:
        return timetable.closed
    return [found for since, found in timetable.times(index) if since <= now][-1]


def next_change(sessions: Sessions, now: float) -> tuple[float, Phase] | None:
    """Time and phase of the Korea Exchange's next change after ``now``; None after the calendar's last session."""
    return change_after(ExchangeTimetable(sessions), now)


def change_after(timetable: Timetable, now: float) -> tuple[float, Phase] | None:
    """Time and phase of the next change after ``now``; None after the last session of the calendar."""
    index = index_at(timetable, now)
    for later in range(max(0, index), min(index + 2, len(timetable.sessions))):
        for since, found in timetable.times(later):
            if since > now:
                return since, found
    return None


class CurrentPhase:
    """The phase and the session of now, worked out again when a phase has ended.

    Args:
        timetable: loads the phases, on first use.
        now: the time, which goes on.
    """

    def __init__(self, timetable: Callable[[], Timetable], now: Callable[[], float]) -> None:
        self._timetable = timetable
        self._now = now
        self._since, self._until = _NEVER, -_NEVER
        self._phase, self._index = Phase.CLOSED, -1

    def phase(self) -> Phase:
        """The phase at this moment."""
        self._follow()
        return self._phase

    def index(self) -> int:
        """Index of the current session in the calendar, -1 before the first."""
        self._follow()
        return self._index

    def _follow(self) -> None:
        now = self._now()
        if self._since <= now < self._until:
            return
        timetable = self._timetable()
        change = change_after(timetable, now)
        self._since, self._until = now, _NEVER if change is None else change[0]
        self._phase, self._index = phase_at(timetable, now), index_at(timetable, now)


class SessionHours(NamedTuple):
    """Hours of a session and its off-hours boards, seconds since the epoch.

    Attributes:
        orders_from: orders for the opening auction, and 장전 시간외종가, begin.
        opens: the opening auction uncrosses.
        closing_auction: continuous trading ends, orders for the closing auction begin.
        closes: the closing auction uncrosses.
        morning_ends: 장전 시간외종가 ends.
        afternoon_begins: 장후 시간외종가 begins.
        afternoon_ends: 장후 시간외종가 ends, the evening begins.
        single_price_begins: 시간외 단일가 begins, if the evening has it.
        after_market_begins: 애프터마켓 begins, if the evening has it.
        ends: the evening ends.
    """

    orders_from: float
    opens: float
    closing_auction: float
    closes: float
    morning_ends: float = 0.0
    afternoon_begins: float = _NEVER
    afternoon_ends: float = _NEVER
    single_price_begins: float = _NEVER
    after_market_begins: float = _NEVER
    ends: float = _NEVER


def hours(sessions: Sessions, index: int) -> SessionHours:
    """Hours of the session of an index."""
    since = {found: begins for begins, found in phase_times(sessions, index)}
    return SessionHours(
        orders_from=since[Phase.BEFORE_OPEN],
        opens=since[Phase.CONTINUOUS],
        closing_auction=since[Phase.CLOSING_AUCTION],
        closes=since[Phase.PAUSE],
        morning_ends=since[Phase.OPENING_AUCTION],
        afternoon_begins=since[Phase.AFTER_CLOSE],
        afternoon_ends=since[Phase.PAUSE] + _MINUTE * _EVENING_FROM,
        single_price_begins=since.get(Phase.SINGLE_PRICE, _NEVER),
        after_market_begins=since.get(Phase.AFTER_MARKET, _NEVER),
        ends=since[Phase.CLOSED],
    )
