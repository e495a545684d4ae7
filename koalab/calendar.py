"""Trading calendar of the Korea Exchange: sessions, their hours, and the next opening.

Days and moments are accepted in the forms of ``koalab.dates``: ``"2026-11-02"``, ``"20261102"``, ``20261102``, a date,
datetime, Timestamp or datetime64; without a time zone they are Seoul wall time, and a day as a moment is its
midnight, but for ``is_open``. ``"today"`` is the day by this machine's clock. Every function raises BadInput for an
invalid date, for one outside the known sessions (1986 to the end of next year), and for a damaged file of holidays
(``kernel_server.reference.holidays``). Known gap: Saturdays before 1998-12-07, on which the exchange was open.
"""

from __future__ import annotations

import time
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from koalab.dates import SEOUL, Day, bounds, moment, seoul
from koalab.errors import BadInput
from koalab.inputs.text import shown

if TYPE_CHECKING:
    from kernel_server.reference.sessions import Sessions

__all__ = ["hours", "is_open", "next_open", "sessions"]


_DAY_LONG = np.timedelta64(1, "D") - np.timedelta64(1, "us")


def __dir__() -> list[str]:
    return __all__


def is_open(at: Day | None = None) -> bool:
    """Whether the exchange is open at that moment (default: now): from the opening until before the close.

    Of a day without a time (text, int, date, Period, datetime64[D], ``"today"``): whether it has a session. A
    datetime and a Timestamp are moments, at midnight too.
    """
    when = _moment_or_now(at)
    _require_known(when)
    if at is not None and _is_day(at):
        return bool(len(table().between(when.date(), when.date())))
    return table().current(when.timestamp()) is not None


def sessions(first: Day, last: Day) -> pd.DatetimeIndex:
    """The days from ``first`` to ``last``, both included, on which the exchange is open.

    A month or a year begins with its first day and ends with its last.

    Returns:
        A naive, ascending ``DatetimeIndex`` named ``date``; empty without a session.
    """
    start, end = moment(first), pd.Timestamp(bounds(last)[1]).tz_localize(SEOUL)
    if start > end:
        raise BadInput(f"the range ends ({end:%Y-%m-%d}) before it starts ({start:%Y-%m-%d})")
    _require_known(start)
    _require_known(end)
    days = table().between(start.date(), end.date()).dates
    return pd.DatetimeIndex(days.astype("datetime64[us]"), name="date")


def next_open(at: Day | None = None) -> pd.Timestamp:
    """The first opening after that moment (default: now), in Asia/Seoul.

    At the exact moment of an opening it is the next one.
    """
    when = _moment_or_now(at)
    _require_known(when)
    try:
        return seoul(table().next_open(when.timestamp()))
    except LookupError as error:
        raise BadInput(str(error)) from None


def hours(day: Day) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Opening and close of that day's session, in Asia/Seoul; late openings included.

    Raises:
        BadInput: no session on that day.
    """
    when = _moment_or_now(day)
    _require_known(when)
    known = table()
    index = known.index_at_or_before(when.date())
    if index < 0 or known.dates[index] != np.datetime64(when.date(), "D"):
        near = " and ".join(str(known.dates[i]) for i in (index, index + 1) if 0 <= i < len(known))
        raise BadInput(f"no session on {when:%Y-%m-%d}; the nearest are {near}")
    return seoul(int(known.opens[index])), seoul(int(known.closes[index]))


@cache
def table() -> Sessions:
    """The sessions as arrays, with the changes of the user's file of holidays; read once.

    Raises:
        BadInput: that file is damaged.
    """
    from kernel_server.reference.holidays import BadHolidays
    from kernel_server.reference.sessions import load

    try:
        return load()
    except BadHolidays as error:
        raise BadInput(str(error)) from None


def _moment_or_now(given: Day | None) -> pd.Timestamp:
    if given is None:
        return seoul(time.time())
    first, last = bounds(given)
    if first.astype("datetime64[D]") != last.astype("datetime64[D]"):
        raise BadInput(f"{shown(given)} is longer than a day: give a day or a moment")
    return moment(given)


def _is_day(given: Day) -> bool:
    """Whether it has no time of day, and cannot have one: a midnight of these types is a day."""
    first, last = bounds(given)
    if isinstance(given, np.datetime64):
        return np.datetime_data(given.dtype)[0] == "D"
    return not isinstance(given, datetime) and last - first == _DAY_LONG


def _require_known(when: pd.Timestamp) -> None:
    first, last = (pd.Timestamp(day) for day in table().dates[[0, -1]])
    if not first.year <= when.year <= last.year:
        raise BadInput(f"{when:%Y-%m-%d} is outside the known sessions: {first.year} to {last.year}")
