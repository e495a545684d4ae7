"""The work of a market update on one code: the series that lack the day, its bar, and what was done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import numpy as np

from koalab.dates import BEGINNING
from koalab.frames.bars import BarColumns
from koalab.frames.day_quotes import DayQuote
from koalab.store.series import Moment, Series

Done = Literal[
    "up to date",
    "no quote",
    "too early",
    "added",
    "appended",
    "provisional",
    "asked",
    "behind",
    "caught up",
    "refetched",
    "failed",
]
"""What was done about a code, in ascending order of importance: see ``Session.update_market``."""

_INSTANT: Final = np.timedelta64(1, "us")


@dataclass
class CodeUpdate:
    """What was done about one code, how many TRs were spent on it alone, and why it did not get its bar."""

    done: Done = "up to date"
    trs: int = 0
    reason: str = ""

    def record(self, what: Done) -> None:
        """Records what was done; of two things the more important one is kept."""
        order = get_args(Done)
        self.done = max(self.done, what, key=order.index)


@dataclass(frozen=True, slots=True)
class StaleSeries:
    """A series without the day's bar.

    Attributes:
        series: which.
        gap: start of the gap that ends with the day.
        missing: sessions in the gap; 1 where it is the day alone.
        earliest: start of the coverage.
        run: cached bars in a row right before the gap.
        last: the newest cached bar; empty where there is none.
    """

    series: Series
    gap: Moment
    missing: int
    earliest: Moment
    run: int
    last: BarColumns

    @property
    def new(self) -> bool:
        """Whether the series has no coverage at all."""
        return bool(self.gap <= BEGINNING)

    @property
    def next(self) -> bool:
        """Whether only the day is missing."""
        return not self.new and self.missing == 1

    def close_is(self, base: float) -> bool:
        """Whether 기준가 is the last cached close; True where there is none."""
        return not len(self.last) or float(self.last.close[-1]) == base


@dataclass
class CodeTask:
    """The work of an update on one code.

    Attributes:
        code: of the issue.
        day: whose bar is missing.
        quote: the day's bar; one without a bar where only the sessions before it can be loaded.
        stale: the series that lack it.
        final: up to when bars are final with it.
        outcome: what was done.
        loadable: up to when bars of opt10081 are final.
        recheck: whether ``stale`` is to be read again, as the session before is stored first.
    """

    code: str
    day: Moment
    quote: DayQuote
    stale: list[StaleSeries]
    final: Moment
    outcome: CodeUpdate
    loadable: Moment
    recheck: bool = False

    def with_day(self, bars: BarColumns) -> BarColumns:
        """Bars of opt10081, with the quote's bar where opt10081 has only a provisional one of the day."""
        if self.loadable >= self.final:
            return bars
        asked, own = bars.slice(self.day, self.day), self.quote.bar
        if len(asked):
            own = replace(own, event=asked.event, ratio=asked.ratio)
        return BarColumns.concat([bars.slice(None, self.day - _INSTANT), own])

    @property
    def plain(self) -> bool:
        """Whether the quote is the day's bar, and no corporate action came since the last one."""
        return self.quote.sure and all(stale.close_is(self.quote.base) for stale in self.stale if stale.next)
