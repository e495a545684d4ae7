"""Finality of bars, the adjustment in force at a moment, and which gaps are worth a request.

A daily bar changes after the close: closing-price trading and the single-price auctions, until 18:00 on a day of
usual hours, add to its volume. ``now`` is in seconds since the epoch; the times of bars and gaps are naive Seoul
wall time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from kernel_server.reference.sessions import Sessions
from koalab.dates import epoch_seconds, wall_of
from koalab.store.series import Moment, Unit, unit_of

Gap = tuple[Moment, Moment]

_AFTER_HOURS: Final = 150 * 60
_DELIVERY: Final = 10 * 60
_SETTLES_AFTER: Final[dict[Unit, int]] = {
    "min": _DELIVERY,
    "tick": _DELIVERY,
    "D": _AFTER_HOURS,
    "W": _AFTER_HOURS,
    "M": _AFTER_HOURS,
    "Y": _AFTER_HOURS,
}
"""Seconds from a session's close until its bars no longer change. On late days they count from the late close."""

_PERIODS: Final[dict[Unit, str]] = {"W": "datetime64[W]", "M": "datetime64[M]", "Y": "datetime64[Y]"}
_DAY: Final = np.timedelta64(1, "D")
_INSTANT: Final = np.timedelta64(1, "us")

_FIRST_SESSION: Final = np.datetime64("1956-03-03", "D")
"""The day on which the exchange opened; no bar is older."""
_FIVE_DAYS_FROM: Final = np.datetime64("1998-12-07", "D")
"""Before this day the exchange was open on Saturdays too; the calendar has none of those sessions."""


def final_until(interval: str, now: float, sessions: Sessions) -> Moment:
    """The last moment, ``datetime64[us]``, up to which all bars of that interval are final at ``now``.

    It lies just before the moment at which the last final session was settled: 150 minutes after its close for
    daily bars, 10 for minutes and ticks, and for weeks, months and years 150 minutes after the close of the last
    session of a completed period. Bars up to and including it are final.

    Raises:
        BadInput: no such interval.
    """
    unit = unit_of(interval)
    delay = _SETTLES_AFTER[unit]
    index = int(np.searchsorted(sessions.closes, now - delay, side="right")) - 1
    if index >= 0 and unit in _PERIODS:
        index = _last_of_period(index, now, sessions.dates, unit)
    # Bars before the calendar's first session no longer change.
    settled: Moment = (
        wall_of(int(sessions.closes[index]) + delay)
        if index >= 0
        else sessions.dates[0].astype("datetime64[us]")
    )
    return settled - _INSTANT


def adjustment_at(now: float, sessions: Sessions) -> Moment:
    """The adjustment in force at ``now``, named by the last moment at which it may have changed.

    A corporate action rescales all earlier prices on the morning of its session, some time between midnight and the
    opening. Prices of two moments with the same name have the same adjustment once that session has opened; before
    that only a comparison can tell.
    """
    started = int(np.searchsorted(sessions.opens, now, side="right")) - 1
    day = wall_of(now).astype("datetime64[D]")
    if started + 1 < len(sessions) and sessions.dates[started + 1] <= day:
        return cast(Moment, sessions.dates[started + 1].astype("datetime64[us]"))
    if started < 0:
        return cast(Moment, sessions.dates[0].astype("datetime64[us]"))
    if sessions.dates[-1] < day:  # the calendar has ended: there may have been one on any day
        return cast(Moment, day.astype("datetime64[us]"))
    return wall_of(int(sessions.opens[started]))


def needs_fetch(missing: Iterable[Gap], interval: str, now: float, sessions: Sessions) -> list[Gap]:
    """Those of the gaps in which there can be a bar by ``now``, unchanged.

    A gap without a session (a weekend, holidays, the hours before the next session opens) is dropped, and so
    is one of daily bars or longer without a midnight, which is their time. Where the calendar has no data a
    session is assumed to be possible: Saturdays before 1998-12-07, any day but Sunday before the calendar
    begins, any weekday after it ends.

    Raises:
        BadInput: no such interval.
    """
    unit = unit_of(interval)
    return [gap for gap in missing if _may_hold_bars(gap, unit, now, sessions)]


def _last_of_period(index: int, now: float, dates: npt.NDArray[np.datetime64], unit: Unit) -> int:
    """The index of the last session of the last completed period; ``index`` is that of the last settled session."""
    period = periods(dates, unit)
    if index + 1 < len(dates):
        over = bool(period[index + 1] != period[index])
    else:
        # The calendar ends here: the period is completed when its last day is over.
        over = bool(periods(wall_of(now).astype("datetime64[D]"), unit) > period[index])
    return index if over else int(np.searchsorted(period, period[index], side="left")) - 1


def periods(days: Any, unit: Unit) -> Any:
    """The week, month or year of each day."""
    # NumPy's weeks begin on Thursdays, as 1970 did; shifted by three days they begin on Mondays.
    return (days + 3 * _DAY if unit == "W" else days).astype(_PERIODS[unit])


def _may_hold_bars(gap: Gap, unit: Unit, now: float, sessions: Sessions) -> bool:
    first, last = gap
    last = min(last, wall_of(now))
    if first > last:
        return False
    started = int(np.searchsorted(sessions.opens, now, side="right"))
    if unit in ("min", "tick"):
        # Trades of the closing auction may come seconds after the close.
        low = int(np.searchsorted(sessions.closes, epoch_seconds(first) - _DELIVERY, side="right"))
        high = int(np.searchsorted(sessions.opens, epoch_seconds(last), side="right"))
        days = (first.astype("datetime64[D]"), last.astype("datetime64[D]"))
    else:
        days = (_day_from(first), last.astype("datetime64[D]"))
        low = int(np.searchsorted(sessions.dates, days[0], side="left"))
        high = int(np.searchsorted(sessions.dates, days[1], side="right"))
    return low < min(high, started) or _unlisted(*days, sessions)


def _unlisted(first: Moment, last: Moment, sessions: Sessions) -> bool:
    """Whether there can be a session between two days that the calendar does not list."""
    begins, ends = sessions.dates[0], sessions.dates[-1]
    spans = (
        ("1111110", max(first, _FIRST_SESSION), min(last, begins - _DAY)),
        ("0000010", max(first, begins), min(last, _FIVE_DAYS_FROM - _DAY)),
        ("1111100", max(first, ends + _DAY), last),
    )
    return any(
        start <= stop and bool(np.busday_count(start, stop + _DAY, weekmask=mask) > 0)
        for mask, start, stop in spans
    )


def _day_from(moment: Moment) -> Moment:
    """The first day whose midnight is not before that moment."""
    day = moment.astype("datetime64[D]")
    return day if day >= moment else cast(Moment, day + _DAY)


def settles_at(interval: str, index: int, sessions: Sessions) -> float:
    """When the bars of the session of that index are final, seconds since the epoch (of days, minutes and ticks).

    Raises:
        BadInput: no such interval.
    """
    return float(sessions.closes[index]) + _SETTLES_AFTER[unit_of(interval)]
