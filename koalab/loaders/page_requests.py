"""Asking the broker for bars: the TR's inputs, where it is to stop, and which time each page covers."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from koalab.dates import BEGINNING
from koalab.frames.bars import BarColumns
from koalab.frames.chart_pages import parse
from koalab.link import Link, QueueObserver
from koalab.loaders.intervals import Interval
from koalab.loaders.periods import period
from koalab.store.coverage import Coverage
from koalab.store.disk import CacheUnavailable
from koalab.store.finality import Gap
from koalab.store.series import Moment, Series
from koalab.transport.base import Page, Priority, StopCondition

NO_ROWS = (
    "[100000]",  # 조회가 완료되었습니다
    "[00Z310]",  # 모의투자 조회가 완료되었습니다
    "[571578]",  # 모의투자 해당조회내역이 없습니다
)
"""First characters of the messages that confirm an empty answer: there is nothing to return."""
INSTANT = np.timedelta64(1, "us")
_DAY = np.timedelta64(1, "D")


@dataclass
class LoadResult:
    """What a load gave: the bars, how many of them the cache had, and what the rest cost.

    Attributes:
        unstored: why pages of it could not be kept, where that went wrong.
        adjustment: of adjusted prices, see ``finality.basis_of``: since when they are known to be the broker's.
    """

    bars: BarColumns
    hits: int = 0
    trs: int = 0
    unstored: CacheUnavailable | None = None
    fetched_at: float = 0.0
    messages: list[str] = field(default_factory=list)
    adjustment: Moment | None = None


@dataclass
class Load:
    """One load under way.

    Attributes:
        series: what is loaded.
        interval: its interval.
        first: of the range, naive Seoul wall time, included.
        last: of the range, included.
        final: up to where bars are final by now.
        now: naive Seoul wall time when it began.
        adjustment: of adjusted prices that come now, see ``finality.basis_of``; None for prices as they were.
        priority: of its TRs.
        result: what it gave so far.
        own: the bars it asked for itself, a page a part, and in ``covered`` the time they cover.
        taken: another adjustment of what is held that proved to be the same.
        past_store: what is held is of no use to it: it is in the adjustment of a day that has not come here yet.
        changes: how often what is held had to be dropped.
    """

    series: Series
    interval: Interval
    first: Moment
    last: Moment
    final: Moment
    now: Moment
    adjustment: Moment | None
    priority: Priority
    result: LoadResult
    own: list[BarColumns] = field(default_factory=list)
    covered: Coverage = ()
    pages: list[Page] = field(default_factory=list)
    taken: Moment | None = None
    past_store: bool = False
    changes: int = 0

    def forget_own(self) -> None:
        """What it asked for itself is of no use any more."""
        self.own, self.covered, self.pages = [], (), []


@dataclass(frozen=True, slots=True)
class BarPage:
    """One page: its bars, the time for which there are no others, and whether the history ends with it."""

    page: Page
    bars: BarColumns
    covers: Gap
    ended: bool

    @property
    def doubtful(self) -> bool:
        """Nothing came, and the broker gave another reason than that there is nothing."""
        return not len(self.bars) and any(
            text.strip() and not text.strip().startswith(NO_ROWS) for text in self.page.messages
        )


def bar_pages(
    link: Link, load: Load, floor: Moment, upper: Moment, shows: QueueObserver, max_pages: int = 0
) -> Generator[BarPage, None, None]:
    """Pages from ``upper`` (or, where the TR has no end to ask for, from the newest bar) down to ``floor``."""
    interval = load.interval
    inputs = interval.inputs(load.series.code, load.series.adjusted)
    if interval.end_input:
        # A period that the end cuts would come as the bar of its first days only.
        end = period(interval.unit, upper)[1]
        newest = end >= load.now.astype("datetime64[D]")
        inputs[interval.end_input] = "" if newest else _digits(end)[:8]
        upper = max(load.last, load.now) if newest else end + _DAY - INSTANT
    else:
        upper = max(load.last, load.now)
    stop = None
    if floor > BEGINNING:
        text = _digits(floor)
        stop = StopCondition(interval.time, text[:8] if interval.dated else text, "<")
    asked = link.pages(interval.tr, inputs, shows, stop=stop, priority=load.priority, max_pages=max_pages)
    with closing(asked) as answers:
        for page in answers:
            load.result.trs += 1
            bars = parse(interval.tr, [page])
            ended = page.prev_next.strip() != "2" and not page.stopped
            low = floor
            if len(bars) and not page.stopped and not ended:
                low = (
                    min(bars.time[0], period(interval.unit, bars.time[0])[0])
                    if interval.dated
                    else bars.time[0]
                )
            yield BarPage(page, bars, (low, max(low, upper)), ended)
            if ended or page.stopped:
                return
            upper = low - INSTANT


def _digits(when: Moment) -> str:
    """YYYYMMDDHHMMSS of that moment, what is less than a second cut off."""
    text = str(when.astype("datetime64[s]"))
    return "".join(letter for letter in text if letter.isdigit())
