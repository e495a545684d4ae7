"""When each 거래구분 is taken, from ``data/quote_hours.tsv``, which is wide where sources differ."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

from kernel_server.reference.sessions import Sessions
from kernel_server.tsv import rows
from koalab.dates import seoul
from koalab.orders.quote_types import QuoteType

_DATA = Path(__file__).parent / "data"
_EXCLUDED_AFTER = "ETP"


class _Window(NamedTuple):
    """Since a day: from so many minutes after the open or close, to so many, in a market."""

    since: date
    begins: tuple[str, int]
    ends: tuple[str, int]
    market: str


@cache
def _windows() -> dict[str, list[_Window]]:
    found: dict[str, list[_Window]] = {}
    for quote, since, begins, ends, market, _note in rows(_DATA / "quote_hours.tsv"):
        day = date.min if since == "-" else date.fromisoformat(since)
        found.setdefault(quote, []).append(_Window(day, _edge(begins), _edge(ends), market))
    return found


def _edge(text: str) -> tuple[str, int]:
    name = "open" if text.startswith("open") else "close"
    return name, int(text.removeprefix(name) or 0)


def why_not_taken(quote: QuoteType, board: str | None, sessions: Sessions, now: float) -> str:
    """Why no order of that 거래구분 is taken at ``now``, as a sentence; blank where it is, or where that is not known.

    Args:
        quote: the 거래구분.
        board: of the issue; ``ETP`` is not traded after 16:00.
        sessions: of the exchange.
        now: seconds since the epoch.
    """
    moment = seoul(now)
    day = moment.date()
    if not len(sessions) or day > sessions.dates[-1].item() or quote.code not in _windows():
        return ""
    if not sessions.is_session(day):
        return f"the exchange is closed on {day:%Y-%m-%d}{_next(sessions, now)}"
    windows = list(_of_day(quote, board, sessions, day))
    if any(begins <= now < ends for begins, ends in windows):
        return ""
    taken = " and ".join(f"{seoul(begins):%H:%M} to {seoul(ends):%H:%M}" for begins, ends in windows)
    return f"{quote.name} is taken from {taken}, and it is {moment:%H:%M} now"


def _of_day(
    quote: QuoteType, board: str | None, sessions: Sessions, day: date
) -> Iterator[tuple[float, float]]:
    index = sessions.index_at_or_before(day)
    edges = {"open": float(sessions.opens[index]), "close": float(sessions.closes[index])}
    for window in _windows()[quote.code]:
        if day >= window.since and not (window.market == "after" and board == _EXCLUDED_AFTER):
            begins, ends = (edges[name] + 60 * minutes for name, minutes in (window.begins, window.ends))
            yield begins, ends


def _next(sessions: Sessions, now: float) -> str:
    try:
        return f", and opens next on {seoul(sessions.next_open(now)):%Y-%m-%d at %H:%M}"
    except LookupError:
        return ""
