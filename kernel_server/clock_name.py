"""Parser of clock names, as ``--clock`` and ``kl.connect(clock=…)`` take them: ``KIND`` or ``KIND@MOMENT``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Literal

from kernel_server.clock import KST

Kind = Literal["market", "real", "fast", "stepped"]

GRAMMAR = (
    'KIND or KIND@MOMENT: KIND is "market", "real", "fast:N" (N times as fast, N > 0) or "stepped", '
    "MOMENT a day or a time in Seoul, 2026-11-19 or 2026-11-19T08:50"
)
_SPEEDS: dict[Kind, float] = {"market": 1.0, "real": 1.0, "stepped": 0.0}
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?", re.ASCII)


class BadClock(ValueError):
    """No valid clock name, or a clock cannot start at that time."""


@dataclass(frozen=True, slots=True)
class ClockName:
    """A parsed clock name.

    Attributes:
        text: the name as it was given.
        kind: what the clock does; see the simulated broker's ``market_clock``.
        speed: market seconds per real second; 0 for ``stepped``.
        moment: its start, in Seoul; None where the kind decides.
        whole_day: whether the moment is a day, without a time.
    """

    text: str
    kind: Kind
    speed: float
    moment: datetime | None = None
    whole_day: bool = False


def parse(text: str) -> ClockName:
    """Parses a clock name.

    >>> parse("fast:60@2026-11-19T08:50").moment
    datetime.datetime(2026, 11, 19, 8, 50, tzinfo=datetime.timezone(datetime.timedelta(seconds=32400), 'KST'))

    Raises:
        BadClock: it is not valid.
    """
    whole = text.strip() if isinstance(text, str) else ""
    named, at, when = whole.partition("@")
    found = _kind(named)
    match = _MOMENT.fullmatch(when)
    if found is None or (at and match is None):
        raise BadClock(f"no clock {text!r}: it is {GRAMMAR}")
    if match is None:
        return ClockName(whole, *found)
    try:
        moment = datetime(*(int(part or 0) for part in match.groups()), tzinfo=KST)  # type: ignore[arg-type,misc]
    except ValueError as error:
        raise BadClock(f"no clock {text!r}: {error}; it is {GRAMMAR}") from None
    return ClockName(whole, *found, moment, match[4] is None)


def default(given_prices: bool) -> str:
    """The default clock's name: ``real`` over given prices, which lie in the past, so that ``market`` adds nothing."""
    return "real" if given_prices else "market"


def _kind(text: str) -> tuple[Kind, float] | None:
    """Kind and speed from the text before ``@``; None where it is not valid."""
    if text in _SPEEDS:
        return text, _SPEEDS[text]
    word, _, number = text.partition(":")
    try:
        speed = float(number)
    except ValueError:
        return None
    return ("fast", speed) if word == "fast" and isfinite(speed) and speed > 0 else None
