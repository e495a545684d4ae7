"""``TickBoard``: bars of a number of trades each for a live chart."""

from __future__ import annotations

import time
from collections.abc import Callable

from koalab.live.events import Tick
from koalab.live.stream import EventStream
from koalab.loaders.intervals import Interval
from koalab.progress import Progress
from koalab.store.series import Moment
from koalab.widgets.bars.chart_board import ChartBoard
from koalab.widgets.bars.live_bars import NEVER
from koalab.widgets.bars.tick_bars import MOST, TickBars, TickHistory

PagesLoader = Callable[[int, Progress], TickHistory]
"""Loads the newest bars, so many pages of them."""


class TickBoard(ChartBoard):
    """Bars of trades. The broker gives them from the newest down only, so older ones are loaded with all after them.

    Args:
        name: of the issue.
        interval: of trades.
        trades: of the issue.
        load: loads bars.
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        name: str,
        interval: Interval,
        trades: EventStream[Tick],
        load: PagesLoader,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._pages = 1
        self._ticks = TickBars(interval)
        super().__init__(name, interval, trades, self._ticks, monotonic)

    def _first_load(self, first: Moment, progress: Progress) -> None:
        del first  # one page
        self._reload(progress)

    def _load_older(self, progress: Progress) -> None:
        self._pages *= 2  # so that all loads together cost at most twice the last one
        self._reload(progress)

    def _reload(self, progress: Progress) -> None:
        complete_from = self._trades.complete_from
        found = self._load(self._pages, progress)
        self._ticks.put(found, NEVER if complete_from is None else complete_from)
        self._complete_from = complete_from
        self.has_older = found.more and len(found.bars) < MOST
        self._say(f"봉이 모자랍니다: {found.failure}" if found.failure else "")
