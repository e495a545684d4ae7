"""Finality of bars, the adjustment in force at a moment, and which gaps are worth a request.

A daily bar changes after the close. Until 2026-09-11 closing-price trading and the single-price auctions, until 18:00
on a day of usual hours, add to its volume. Since 2026-09-14 an after-market until 20:00 does, and what the broker
shows in the evening may have its last trade as the close; the official bar is that of the regular session, with the
volume of the whole day. Nextrade trades from 08:00 to 20:00 since 2025-03-04, so bars of it and of both exchanges are
final later (``Finality.of``). What is not known about that is a setting (``Finality``). ``now`` is in seconds since
the epoch; the times of bars and gaps are naive Seoul wall time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import time
from functools import lru_cache
from typing import Any, Final, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from kernel_server.reference.sessions import Sessions
from koalab.dates import SEOUL_OFFSET, epoch_seconds, wall_of
from koalab.errors import BadInput
from koalab.inputs.issue_codes import venue_of
from koalab.inputs.text import shown
from koalab.store.series import Moment, Times, Unit, unit_of

Gap = tuple[Moment, Moment]

AFTER_MARKET: Final = np.datetime64("2026-09-14", "D")
"""The first day with an after-market."""

NEXTRADE: Final = np.datetime64("2025-03-04", "D")
"""The first day of Nextrade, whose after-market ends at 20:00."""

PRE_MARKET: Final = 3600
"""Seconds from the beginning of Nextrade's pre-market to the opening of the Korea Exchange."""

_MINUTE: Final = 60
_HOUR: Final = 3600
_USUAL_CLOSE: Final = time(15, 30)


EveningRange = Literal["seen", "wide", "regular"]


@dataclass(frozen=True, slots=True)
class Finality:
    """When bars of a session with an after-market are final. The defaults are the latest times that seem possible.

    Attributes:
        minutes: when minutes and ticks of the day are final. A guess: whether the broker's minutes run to 20:00
            has not been observed.
        days: when daily bars are final, on the next morning; of weeks, months and years those of their last session.
            A guess: another broker's bars are the official ones from 07:56 on at the latest.
        quotes: when quotes (OPTKWFID) of the day have the official prices again, on the next morning; None: never. A
            guess, as for ``days``.
        later_on_late_days: whether trading on a day that closes late ends as much later. A guess: announcements of
            other years kept the end.
        regular_from: minutes after the close from which quotes have the official open, high, low and close.
        regular_until: minutes after the close until which they do.
        evening_range: whether high and low in the evening include the after-market (``wide``) or not
            (``regular``). ``seen``: they do unless one of the broker's evening quotes has its close outside of them.
        nextrade: whether the bars are those of Nextrade or of both exchanges together; ``of`` sets it.
    """

    minutes: time = time(20, 5)
    days: time = time(8, 0)
    quotes: time | None = time(8, 0)
    later_on_late_days: bool = True
    regular_from: int = 1
    regular_until: int = 29
    evening_range: EveningRange = "seen"
    nextrade: bool = False

    def of(self, code: str) -> Finality:
        """When the bars of a code are final: those of ``005930_NX`` and ``005930_AL`` are of longer days.

        From 2025-03-04 to 2026-09-11 their minutes and days are final when ``minutes`` says so.
        """
        return _at_nextrade(self) if venue_of(code) else self

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
            BadInput: one of another type, or at an hour at which it cannot be.
        """
        for name in ("minutes", "days", "quotes"):
            given = getattr(self, name)
            if not isinstance(given, time) and (name, given) != ("quotes", None):
                raise BadInput(f"{name} is a datetime.time, not {shown(given)}")
        if self.minutes < time(15, 40):
            raise BadInput(f"minutes of a day are not final at {self.minutes:%H:%M}, before 15:40")
        if not isinstance(self.later_on_late_days, bool):
            raise BadInput(f"later_on_late_days is True or False, not {shown(self.later_on_late_days)}")
        for name in ("regular_from", "regular_until"):
            if type(getattr(self, name)) is not int:
                raise BadInput(f"{name} is a number of minutes, not {shown(getattr(self, name))}")
        if not 0 <= self.regular_from < self.regular_until <= 30:
            raise BadInput(
                "regular_from and regular_until are minutes after the close, 0 to 30, in this order"
            )
        if not isinstance(self.evening_range, str) or self.evening_range not in get_args(EveningRange):
            raise BadInput(
                f"evening_range is {', '.join(get_args(EveningRange))}, not {shown(self.evening_range)}"
            )


@lru_cache(maxsize=8)
def _at_nextrade(finality: Finality) -> Finality:
    return replace(finality, nextrade=True)


DEFAULT: Final = Finality()

QuotePart = Literal["nothing", "prices", "volume", "both"]
"""What quotes have of a day's final bar: ``prices`` are open, high, low and close."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """When bars of sessions from a day on are final: seconds, from each session's close or from its midnight."""

    since: np.datetime64
    counted_from: Literal["close", "midnight"]
    minutes: int
    days: int
    later: bool = True


def _rules(finality: Finality) -> tuple[_Rule, ...]:
    evening = _seconds(finality.minutes)
    return (
        _Rule(_FIRST_SESSION, "close", 10 * _MINUTE, 150 * _MINUTE),
        *((_Rule(NEXTRADE, "midnight", evening, evening, later=False),) if finality.nextrade else ()),
        _Rule(
            AFTER_MARKET,
            "midnight",
            evening,
            24 * _HOUR + _seconds(finality.days),
            finality.later_on_late_days,
        ),
    )


_PERIODS: Final[dict[Unit, str]] = {"W": "datetime64[W]", "M": "datetime64[M]", "Y": "datetime64[Y]"}
_DAY: Final = np.timedelta64(1, "D")
_INSTANT: Final = np.timedelta64(1, "us")

_FIRST_SESSION: Final = np.datetime64("1956-03-03", "D")
"""The day on which the exchange opened; no bar is older."""
_FIVE_DAYS_FROM: Final = np.datetime64("1998-12-07", "D")
"""Before this day the exchange was open on Saturdays too; the calendar has none of those sessions."""


def final_until(interval: str, now: float, sessions: Sessions, finality: Finality = DEFAULT) -> Moment:
    """The last moment, ``datetime64[us]``, up to which all bars of that interval are final at ``now``.

    Bars up to and including it are final: those of the last final session, which for weeks, months and years is the
    last session of a completed period. It lies just before the moment at which they became final, and before the
    next day.

    Raises:
        BadInput: no such interval.
    """
    unit = unit_of(interval)
    settled = settle_times(interval, sessions, finality)
    index = _last_until(settled, now)
    if index >= 0 and unit in _PERIODS:
        index = _last_of_period(index, now, sessions.dates, unit)
    # Bars before the calendar's first session no longer change.
    if index < 0:
        return cast(Moment, sessions.dates[0].astype("datetime64[us]") - _INSTANT)
    end = (sessions.dates[index] + _DAY).astype("datetime64[us]")
    return cast(Moment, min(wall_of(int(settled[index])), end) - _INSTANT)


def final_with_quotes(interval: str, now: float, sessions: Sessions, finality: Finality = DEFAULT) -> Moment:
    """The last moment up to which bars can be final at ``now``, with quotes of the afternoon for the daily ones.

    Raises:
        BadInput: no such interval.
    """
    until = final_until(interval, now, sessions, finality)
    # A session's last trades are in the volume when its last minutes are there.
    index = _last_until(settle_times("1min", sessions, finality), now)
    if unit_of(interval) != "D" or index < 0 or sessions.dates[index] < AFTER_MARKET:
        return until
    return cast(Moment, max(until, (sessions.dates[index] + _DAY).astype("datetime64[us]") - _INSTANT))


def _last_until(times: npt.NDArray[np.int64], now: float) -> int:
    """The index of the last of the times up to ``now``, -1 for none; whole seconds, as a float would copy them all."""
    return int(times.searchsorted(math.floor(now), side="right")) - 1


def settle_times(interval: str, sessions: Sessions, finality: Finality = DEFAULT) -> npt.NDArray[np.int64]:
    """When the bars of each session are final, ascending, seconds since the epoch.

    Raises:
        BadInput: no such interval.
    """
    return _settle_times(sessions, unit_of(interval) in ("min", "tick"), finality)


@lru_cache(maxsize=8)
def _settle_times(sessions: Sessions, intraday: bool, finality: Finality) -> npt.NDArray[np.int64]:
    settled = np.zeros(len(sessions), np.int64)
    for rule in _rules(finality):
        part = sessions[int(np.searchsorted(sessions.dates, rule.since)) :]
        seconds = rule.minutes if intraday else rule.days
        begins = part.closes
        if rule.counted_from == "midnight":
            midnights = part.dates.astype("datetime64[s]").astype(np.int64) - SEOUL_OFFSET
            late = np.maximum(part.closes - midnights - _seconds(_USUAL_CLOSE), 0)
            begins = midnights + (late if intraday and rule.later else 0)
        settled[len(sessions) - len(part) :] = begins + seconds
    return settled


def quotes_show(index: int, at: float, sessions: Sessions, finality: Finality = DEFAULT) -> QuotePart:
    """What quotes of a moment after the close of the session of that index have of its final bar.

    ``prices`` are the official open, high, low and close, ``volume`` the volume and value of the whole day.
    """
    for since, part in _quote_parts(index, sessions, finality):
        if at >= since:
            return part
    return "nothing"


def next_quotes(index: int, now: float, sessions: Sessions, finality: Finality = DEFAULT) -> float | None:
    """When quotes of the session of that index show a part of its final bar next, seconds since the epoch."""
    ahead = [at for at, part in _quote_parts(index, sessions, finality) if at > now and part != "nothing"]
    return min(ahead, default=None)


def _quote_parts(index: int, sessions: Sessions, finality: Finality) -> list[tuple[float, QuotePart]]:
    """From when on quotes show which part, the latest first."""
    close = float(sessions.closes[index])
    if sessions.dates[index] < AFTER_MARKET:
        return [(float(settle_times("D", sessions, finality)[index]), "both")]
    volume = float(settle_times("1min", sessions, finality)[index])
    midnight = float(sessions.dates[index].astype("datetime64[s]").astype(np.int64)) - SEOUL_OFFSET
    parts: list[tuple[float, QuotePart]] = [
        (volume, "volume"),
        (close + _MINUTE * finality.regular_until, "nothing"),
        (close + _MINUTE * finality.regular_from, "prices"),
    ]
    if finality.quotes is not None:
        parts.insert(0, (midnight + 24 * _HOUR + _seconds(finality.quotes), "both"))
    return parts


def provisional(
    times: Times, interval: str, now: float, sessions: Sessions, finality: Finality = DEFAULT
) -> Times:
    """Those of the times of bars, of days and longer, whose last session has closed and that are not final yet."""
    unit = unit_of(interval)
    if unit in ("min", "tick") or not len(times):
        return times[:0]
    until = final_until(interval, now, sessions, finality)
    found: Times = times[int(times.searchsorted(until, side="right")) :]
    closed = sessions.last_completed(now)
    if closed < 0 or closed + 1 == len(sessions):
        return found
    if unit in _PERIODS:
        ahead = periods(sessions.dates[closed + 1 : closed + 2], unit)
        over = periods(found.astype("datetime64[D]"), unit) < ahead
    else:
        over = found <= sessions.dates[closed].astype("datetime64[us]")
    return cast(Times, found[over])


def adjustment_at(now: float, sessions: Sessions) -> Moment:
    """The adjustment in force at ``now``, named by the last moment at which it may have changed.

    A corporate action rescales all earlier prices on the morning of its session, some time between midnight and the
    opening. Prices of two moments with the same name have the same adjustment once that session has opened; before
    that only a comparison shows.
    """
    started = _last_until(sessions.opens, now)
    day = wall_of(now).astype("datetime64[D]")
    if started + 1 < len(sessions) and sessions.dates[started + 1] <= day:
        return cast(Moment, sessions.dates[started + 1].astype("datetime64[us]"))
    if started < 0:
        return cast(Moment, sessions.dates[0].astype("datetime64[us]"))
    if sessions.dates[-1] < day:  # the calendar has ended: there may have been one on any day
        return cast(Moment, day.astype("datetime64[us]"))
    return wall_of(int(sessions.opens[started]))


def needs_fetch(
    missing: Iterable[Gap], interval: str, now: float, sessions: Sessions, finality: Finality = DEFAULT
) -> list[Gap]:
    """Those of the gaps in which there can be a bar by ``now``, unchanged.

    A gap without a session (a weekend, holidays, the hours before the next session opens) is dropped, and so
    is one of daily bars or longer without a midnight, which is their time. Where the calendar has no data a
    session is assumed to be possible: Saturdays before 1998-12-07, any day but Sunday before the calendar
    begins, any weekday after it ends.

    Raises:
        BadInput: no such interval.
    """
    unit = unit_of(interval)
    return [gap for gap in missing if _may_hold_bars(gap, unit, now, sessions, finality)]


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


def _may_hold_bars(gap: Gap, unit: Unit, now: float, sessions: Sessions, finality: Finality) -> bool:
    first, last = gap
    last = min(last, wall_of(now))
    if first > last:
        return False
    opens = sessions.opens - (PRE_MARKET if finality.nextrade else 0)
    started = int(np.searchsorted(opens, now, side="right"))
    if unit in ("min", "tick"):
        # Trades of the closing auction may come seconds after the close, and those of an after-market until it ends.
        settled = _settle_times(sessions, True, finality)
        low = int(np.searchsorted(settled, epoch_seconds(first), side="right"))
        high = int(np.searchsorted(opens, epoch_seconds(last), side="right"))
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


def _seconds(at: time) -> int:
    return at.hour * _HOUR + at.minute * _MINUTE + at.second
