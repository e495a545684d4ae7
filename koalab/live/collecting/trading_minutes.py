"""The minutes of a day in which an issue is traded, by its exchange: those that a collection keeps."""

from __future__ import annotations

from typing import Final

from kernel_server.reference.sessions import Sessions
from koalab.inputs.issue_codes import venue_of
from koalab.live.collecting.minute_builder import SessionMinutes
from koalab.live.wall_time import DAY, MINUTE, SECOND, wall_micros
from koalab.store import coverage
from koalab.store.coverage import Coverage
from koalab.store.finality import AFTER_MARKET, NEXTRADE, PRE_MARKET, settle_times

_BOTH: Final = "_AL"
_USUAL_OPEN: Final = 9 * 60 * MINUTE
_EVENING_ENDS: Final = 20 * 60 * MINUTE
_PRE_MARKET: Final = 50 * MINUTE
# Trades of the closing auction may come some seconds after the close, those after hours ten minutes after it.
_AFTER_CLOSE: Final = 10 * MINUTE
_EVENING_FROM: Final = 30 * MINUTE


def trading_minutes(code: str, index: int, sessions: Sessions) -> SessionMinutes:
    """The minutes of the session of an index.

    At the Korea Exchange they are those of the regular session with its auctions, and since 2026-09-14 those of the
    after-market; 시간외종가 stands in no minute. Nextrade's pre-market is not on days that open late. Of both together
    the minutes from the close of the one to the after-market of the other are known from charts alone: the stream does
    not say which trades are 시간외종가.
    """
    opens, closes = wall_micros(float(sessions.opens[index])), wall_micros(float(sessions.closes[index]))
    day, date, venue = opens // DAY * DAY, sessions.dates[index], venue_of(code)
    late, ends = opens - day > _USUAL_OPEN, day + _EVENING_ENDS
    evening: Coverage = ((closes + _EVENING_FROM, ends - 1),) if date >= AFTER_MARKET else ()
    exchange: Coverage = ((opens, closes + _AFTER_CLOSE - 1), *evening)
    parts, uncharted = exchange, evening
    unsure: Coverage = ()
    if venue and date >= NEXTRADE:
        parts, uncharted = ((opens, closes - _AFTER_CLOSE - 1), (closes + _AFTER_CLOSE, ends - 1)), ()
        if not late:
            begins = opens - PRE_MARKET * SECOND
            parts = ((begins, begins + _PRE_MARKET - 1), *parts)
        if venue == _BOTH:
            unsure = ((closes + _AFTER_CLOSE, closes + _EVENING_FROM - 1),)
            for part in exchange:
                parts = coverage.add(parts, part)
    first, last = parts[0][0], parts[-1][1]
    # On a day that closes late the evening may end later than known here.
    settled = last if late else wall_micros(float(settle_times("1min", sessions)[index])) - 1
    breaks = coverage.missing(parts, first, max(last, settled))
    return SessionMinutes(first, last, parts, unsure, uncharted, opens, breaks)
