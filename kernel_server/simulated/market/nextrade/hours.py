"""The hours of Nextrade by session, from those of the Korea Exchange."""

from __future__ import annotations

from typing import NamedTuple

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.market_time import midnight
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.phases import Phase, SessionHours

_USUAL_OPEN = 9 * 3600
PRE_BEFORE = 3600  # seconds from the pre-market to the opening of the Korea Exchange
_PRE_SECONDS = 50 * 60
_MAIN_AFTER = 30  # seconds from that opening to the main market
_AFTER_CLOSE = 600  # seconds from the close of the Korea Exchange to the after-market
EVENING_ENDS = 20 * 3600


class NextradeHours(NamedTuple):
    """Hours of a session at Nextrade, seconds since the epoch.

    Attributes:
        late: whether the Korea Exchange opens later than usual: then there is no pre-market, and it begins and ends at
            ``opens``.
        opens: the Korea Exchange opens.
        closes: it closes.
    """

    late: bool
    opens: float
    closes: float
    pre_begins: float
    pre_ends: float
    main_begins: float
    main_ends: float
    after_begins: float
    ends: float

    @property
    def begins(self) -> float:
        """When the first trade is possible."""
        return self.main_begins if self.late else self.pre_begins

    @property
    def breaks(self) -> tuple[tuple[float, float], ...]:
        """The times between without trading, in which quotes stand."""
        main = (self.main_ends, self.after_begins)
        return (main,) if self.late else ((self.pre_ends, self.main_begins), main)


def nextrade_hours(sessions: Sessions, index: int) -> NextradeHours:
    """The hours of the session of an index."""
    exchange = phases.hours(sessions, index)
    opens, day = exchange.opens, midnight(exchange.opens)
    late = opens - day > _USUAL_OPEN
    return NextradeHours(
        late=late,
        opens=opens,
        closes=exchange.closes,
        pre_begins=opens if late else opens - PRE_BEFORE,
        pre_ends=opens if late else opens - PRE_BEFORE + _PRE_SECONDS,
        main_begins=opens + _MAIN_AFTER,
        main_ends=exchange.closing_auction,
        after_begins=exchange.closes + _AFTER_CLOSE,
        ends=float(day + EVENING_ENDS),
    )


class NextradeTimetable:
    """The timetable of Nextrade."""

    closed = Phase.NXT_CLOSED

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    def times(self, index: int) -> list[tuple[float, Phase]]:
        """See ``Timetable``."""
        hours = nextrade_hours(self.sessions, index)
        before = [(hours.opens, Phase.NXT_PRE_ENDED)]
        if not hours.late:
            before = [(hours.pre_begins, Phase.NXT_PRE), (hours.pre_ends, Phase.NXT_PRE_ENDED)]
        return [
            *before,
            (hours.main_begins, Phase.NXT_MAIN),
            (hours.main_ends, Phase.NXT_MAIN_ENDED),
            (hours.closes, Phase.NXT_BEFORE_AFTER),
            (hours.after_begins, Phase.NXT_AFTER),
            (hours.ends, Phase.NXT_CLOSED),
        ]

    def hours(self, index: int) -> SessionHours:
        """See ``Timetable``: one session of continuous trading."""
        hours = nextrade_hours(self.sessions, index)
        return SessionHours(
            orders_from=hours.begins,
            opens=hours.begins,
            closing_auction=hours.ends,
            closes=hours.ends,
            ends=hours.ends,
        )
