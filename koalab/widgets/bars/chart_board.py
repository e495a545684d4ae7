"""``ChartBoard``: the bars of one issue for a live chart, loaded and kept current by its stream of trades.

``RangeBoard`` has bars of minutes and days, ``tick_board.TickBoard`` those of trades.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol

from koalab.errors import KoalabError
from koalab.live.event_log import Columns
from koalab.live.events import Tick
from koalab.live.readable import StreamState
from koalab.live.stream import EventStream, weak_listener
from koalab.live.wall_time import DAY, wall_micros
from koalab.loaders.intervals import Interval
from koalab.loaders.load import LoadResult
from koalab.progress import Progress
from koalab.store.series import Moment, moment
from koalab.widgets.bars.live_bars import NEVER, Arrays, LiveBars

log = logging.getLogger(__name__)

_LOOK_EVERY: Final = 1.0
_AGAIN_AFTER: Final = 5.0
"""Seconds after which bars are loaded again at the earliest."""
_AGAIN: Final = "봉을 다시 읽는 중"
_OLDER: Final = "이전 봉을 읽는 중"


RangeLoader = Callable[[Moment, Moment | None, Progress], LoadResult]
"""Loads the bars from the first moment to the second (None: now), both included, in Seoul wall time."""


class Bars(Protocol):
    """Bars that grow by trades; ``time`` in the arrays of ``changes`` is in seconds of Seoul wall time."""

    version: int

    def __len__(self) -> int: ...
    @property
    def doubtful(self) -> bool: ...
    def add(self, part: Columns) -> None: ...
    def touch(self) -> None: ...
    def changes(self, since: int) -> tuple[int, bool, Arrays]: ...


class ChartBoard:
    """One issue's bars. Its thread loads older bars when they are asked for, and those of a gap when it is over.

    Args:
        name: of the issue.
        interval: of the bars.
        trades: of the issue.
        bars: none yet.
        monotonic: seconds of a clock that only goes forward.

    Attributes:
        bars: all of them.
        notice: what is being loaded, or why a load failed.
        loading: whether older bars are being loaded.
        has_older: whether there may be bars before the first.
        base: yesterday's close by the newest trade (KRW); 0 before the first.
        adjusted: whether loaded prices are adjusted.
    """

    def __init__(
        self,
        name: str,
        interval: Interval,
        trades: EventStream[Tick],
        bars: Bars,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.interval = interval
        self.bars = bars
        self.notice = ""
        self.loading = False
        self.has_older = True
        self.base = 0
        self.adjusted = True
        self._trades = trades
        self._monotonic = monotonic
        self._wake = threading.Event()
        self._complete_from: int | None = None
        self._again_at = 0.0
        trades.listen(weak_listener(self._on_trades))

    @property
    def code(self) -> str:
        """The issue's code."""
        return self._trades.codes[0]

    def origin(self) -> dict[Hashable | None, Any]:
        """``attrs`` of a frame of its bars."""
        return {**self._trades.origin(self.interval.tr), "adjusted": self.adjusted}

    @property
    def state(self) -> StreamState:
        """That of the stream of trades."""
        return self._trades.state

    # -- for subclasses

    def _first_load(self, first: Moment, progress: Progress) -> None:
        """Loads the bars from ``first`` on."""
        raise NotImplementedError

    def _reload(self, progress: Progress) -> None:
        """Loads again those that may lack trades."""
        raise NotImplementedError

    def _load_older(self, progress: Progress) -> None:
        """Loads bars before the first, or sets ``has_older``."""
        raise NotImplementedError

    # --

    def begin(self, first: Moment, progress: Progress) -> None:
        """Loads the first bars, and starts the thread.

        Raises:
            KoalabError: they could not be loaded.
        """
        self._first_load(first, progress)
        threading.Thread(target=self._run, name="koalab-chart", daemon=True).start()

    def load_older(self) -> None:
        """Begins to load bars before the first."""
        if self.has_older and not self.loading:
            self.loading = True
            self._say(_OLDER)
            self._wake.set()

    def close(self) -> None:
        """Unregisters the code; the last bars stay readable."""
        self._trades.close()
        self._wake.set()

    # -- on the hub's thread

    def _on_trades(self, part: Columns, _start: int) -> None:
        self.base = int(part["price"][-1] - part["change"][-1])
        self.bars.add(part)

    # -- on the board's thread

    def _run(self) -> None:
        while str(self.state) != "closed":
            try:
                self._look()
            except KoalabError as error:
                self._again_at = self._monotonic() + _AGAIN_AFTER
                self.loading = False
                self._say(f"봉을 읽지 못했습니다: {error}")
            self._wake.wait(_LOOK_EVERY)
            self._wake.clear()

    def _look(self) -> None:
        if self._monotonic() < self._again_at:
            return
        complete_from = self._trades.complete_from
        if complete_from is not None and (complete_from != self._complete_from or self.bars.doubtful):
            self._again_at = self._monotonic() + _AGAIN_AFTER
            self._say(_AGAIN)
            with Progress("", show=False) as quiet:
                self._reload(quiet)
        elif self.loading:
            with Progress("", show=False) as quiet:
                self._load_older(quiet)
            self.loading = False
            self._say("")

    def _say(self, notice: str) -> None:
        if notice != self.notice:
            self.notice = notice
            self.bars.touch()


class RangeBoard(ChartBoard):
    """Bars of minutes or of days, which are loaded by a range of time.

    Args:
        name: of the issue.
        interval: of minutes, or of days.
        trades: of the issue.
        load: loads bars.
        now: the broker's time, seconds since the epoch.
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        name: str,
        interval: Interval,
        trades: EventStream[Tick],
        load: RangeLoader,
        now: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._sure_until = wall_micros(now())
        self._live = LiveBars(interval)
        super().__init__(name, interval, trades, self._live, monotonic)

    def _reload(self, progress: Progress) -> None:
        self._first_load(moment(self._sure_until // DAY * DAY), progress)

    def _first_load(self, first: Moment, progress: Progress) -> None:
        complete_from = self._trades.complete_from
        found = self._load(first, None, progress)
        self._live.put(found.bars, NEVER if complete_from is None else complete_from, found.fetched_at)
        if complete_from is not None:
            self._sure_until = complete_from
        self._complete_from = complete_from
        self._say(f"봉이 모자랍니다: {found.failure}" if found.failure else "")

    def _load_older(self, progress: Progress) -> None:
        first = self._live.first
        if first is None:
            self.has_older = False
            return
        last, span = moment(first - 1), self.interval.usual_span
        if not self.interval.end_input:
            # The TR begins at the newest bar: with as much again as there is, all loads together cost at most twice
            # the last one.
            span = max(span, moment(self._sure_until) - last)
        found = self._load(last - span, last, progress)
        self.has_older = self._live.prepend(found.bars) and found.history_from is None
