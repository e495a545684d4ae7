"""Requests for pages of bars: the TR's inputs, the stop condition, and the time that each page covers."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from koalab.dates import BEGINNING
from koalab.frames.bars import BarColumns
from koalab.frames.chart_pages import parse
from koalab.link import Link, QueueObserver
from koalab.loaders.failures import complaints
from koalab.loaders.intervals import Interval
from koalab.loaders.periods import period
from koalab.store.finality import Gap
from koalab.store.series import Moment, Series
from koalab.transport.base import Page, Priority, StopCondition

INSTANT = np.timedelta64(1, "us")
_DAY = np.timedelta64(1, "D")
_SECOND = np.timedelta64(1, "s")


@dataclass(frozen=True, slots=True)
class BarRequest:
    """Which bars to load.

    Attributes:
        series: code, interval and whether prices are adjusted.
        interval: with its TR.
        first: naive Seoul wall time, included.
        last: naive Seoul wall time, included.
        priority: of its TRs in the server's queue.
    """

    series: Series
    interval: Interval
    first: Moment
    last: Moment
    priority: Priority = "interactive"


@dataclass(frozen=True, slots=True)
class BarPage:
    """One page of bars.

    Attributes:
        page: as the broker gave it.
        bars: on it, oldest first.
        covers: the time for which there are no other bars, both ends included. Of minutes and ticks it begins no
            earlier than the oldest bar, as the broker keeps them for some months only; empty where there is none. Of
            ticks it begins after the oldest second, more of which may be on the next page.
        ended: the broker has nothing older.
    """

    page: Page
    bars: BarColumns
    covers: Gap
    ended: bool

    @property
    def unexplained(self) -> bool:
        """Whether it is empty and no message confirms that there is nothing to return."""
        return not len(self.bars) and bool(complaints(self.page.messages))


def bar_pages(
    link: Link,
    request: BarRequest,
    now: Moment,
    floor: Moment,
    upper: Moment,
    observer: QueueObserver,
    max_pages: int = 0,
) -> Generator[BarPage, None, None]:
    """Pages from ``upper`` down to ``floor``; from the newest bar down where the TR has no input for an end.

    Args:
        link: to the broker.
        request: which series, and with which priority.
        now: naive Seoul wall time.
        floor: time of the oldest bar wanted.
        upper: time of the newest bar wanted.
        observer: of the wait for each page.
        max_pages: 0: as many as it takes.
    """
    interval = request.interval
    inputs = interval.inputs(request.series.code, request.series.adjusted)
    if interval.end_input:
        # An end inside a period would cut its bar short.
        end = period(interval.unit, upper)[1]
        newest = end >= now.astype("datetime64[D]")
        inputs[interval.end_input] = "" if newest else _digits(end)[:8]
        upper = max(request.last, now) if newest else end + _DAY - INSTANT
    else:
        upper = max(request.last, now)
    stop = None
    if floor > BEGINNING:
        text = _digits(floor)
        stop = StopCondition(interval.time, text[:8] if interval.dated else text, "<")
    pages = link.pages(
        interval.tr, inputs, observer, stop=stop, priority=request.priority, max_pages=max_pages
    )
    last_second: Moment | None = None
    with closing(pages):
        for page in pages:
            bars = parse(interval.tr, [page])
            ended = page.prev_next.strip() != "2" and not page.stopped
            low = floor
            if len(bars) and not page.stopped and not ended:
                oldest = bars.time[0]
                low = min(oldest, period(interval.unit, oldest)[0]) if interval.dated else oldest
                if interval.unit == "tick":
                    last_second, low = oldest, oldest + _SECOND
            elif ended and not interval.dated:
                none = upper + INSTANT if last_second is None else last_second
                low = bars.time[0] if len(bars) else none
            yield BarPage(page, bars, (low, upper if low == upper + INSTANT else max(low, upper)), ended)
            if ended or page.stopped:
                return
            upper = low - INSTANT


def _digits(when: Moment) -> str:
    """YYYYMMDDHHMMSS of that moment; fractions of a second are cut off."""
    text = str(when.astype("datetime64[s]"))
    return "".join(letter for letter in text if letter.isdigit())
