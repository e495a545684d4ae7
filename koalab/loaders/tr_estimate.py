"""The gaps that a load of bars has to request, and an estimate of the TRs that takes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from kernel_server import reference
from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING, SEOUL_OFFSET, epoch_seconds, wall_of
from koalab.loaders.intervals import Interval, intervals
from koalab.store.coverage import Coverage, intersect
from koalab.store.finality import AFTER_MARKET, Gap, periods
from koalab.store.series import Moment, Times, Unit, microseconds, unit_of

MINUTE_SESSIONS = 160
"""Sessions of minutes that the broker keeps (an estimate)."""
# Minutes of so many or more take few pages for the whole history.
_FEW_PAGES = 30
_INSTANT = np.timedelta64(1, "us")
_DAY = 86_400_000_000
_MINUTE = 60_000_000
# Minutes of a session: continuous trading ends at 15:19, the closing auction is at 15:30.
_TRADED, _AUCTION = 380, 390
# Minutes after the opening from which and until which the after-market lasts.
_EVENING, _NIGHT = 420, 660


def with_unfinal(missing: Sequence[Gap], known: Moment, first: Moment, last: Moment) -> list[Gap]:
    """The gaps of a range: those up to ``known``, and all after it, which cannot be cached yet.

    Args:
        missing: gaps up to ``known``, ascending.
        known: the last moment of the range that can be cached.
        first: of the range.
        last: of the range.
    """
    gaps = list(missing)
    if known < last:
        ahead = max(first, known + _INSTANT)
        if gaps and gaps[-1][1] == known:
            ahead = gaps.pop()[0]
        gaps.append((ahead, last))
    return gaps


def requested_gaps(gaps: Sequence[Gap], interval: Interval) -> list[Gap]:
    """The gaps as they are requested: as one where the TR always begins with the newest bar, which costs least."""
    return [(gaps[0][0], gaps[-1][1])] if gaps and not interval.end_input else list(gaps)


def longest_minutes(interval: Interval) -> Interval:
    """The interval of the longest minutes of the same kind."""
    return intervals(interval.of)["60min"]


def beyond_history(gap: Gap, interval: Interval, sessions: Sessions, now: Moment) -> bool:
    """Whether a gap in minutes probably lies before the broker's history, and pages down to it are many."""
    if interval.unit != "min" or interval.size >= _FEW_PAGES:
        return False
    oldest = sessions.last_started(epoch_seconds(now)) + 1 - MINUTE_SESSIONS
    return oldest > 0 and bool(gap[1] < wall_of(float(sessions.opens[oldest])))


def expected_trs(
    gaps: Sequence[Gap],
    interval: Interval,
    sessions: Sessions,
    now: float,
    begins: Moment | None = None,
    listed: Moment | None = None,
    neighbours: Coverage = (),
    evening: bool = False,
) -> int:
    """TRs that loading these gaps takes; arguments as for ``TrEstimate``."""
    if gaps and begins is None and beyond_history(gaps[-1], interval, sessions, wall_of(now)):
        # The longest minutes show that there is nothing.
        interval, gaps = longest_minutes(interval), [(BEGINNING, gaps[-1][1])]
    return TrEstimate(interval, sessions, now, begins, evening).trs(gaps, listed, neighbours)


class TrEstimate:
    """Estimates how many bars of an interval there are, and how many TRs they take.

    It uses the calendar's sessions and the rows a page in the TR tables, and is exact unless the broker has other
    bars: from before the date of listing, of an issue that was listed elsewhere before; Saturdays until 1998.

    Args:
        interval: of the bars.
        sessions: of the exchange.
        now: seconds since the epoch, by the broker's clock.
        begins: where the broker's history of minutes begins; None where that is unknown.
        evening: whether its minutes may run to the end of the after-market, on days since there is one: a guess for
            the real broker, and then at most so many pages.
    """

    def __init__(
        self,
        interval: Interval,
        sessions: Sessions,
        now: float,
        begins: Moment | None = None,
        evening: bool = False,
    ) -> None:
        self._after_market = microseconds(AFTER_MARKET.astype("datetime64[us]")) if evening else None
        self._begins = None if begins is None else microseconds(begins)
        self._interval = interval
        self._rows = reference.tr(interval.tr).rows_per_page or 1
        self._labels = _labels(sessions, unit_of(interval.name))
        self._today = microseconds(wall_of(now))
        # One past the newest bar: before its session opens a day has none.
        started = sessions.last_started(now)
        last = sessions.dates[started] if started >= 0 else BEGINNING
        opened = microseconds(last) + (0 if interval.dated else _DAY - 1)
        self._newest = bisect_right(self._labels, opened)

    def trs(self, gaps: Sequence[Gap], listed: Moment | None = None, neighbours: Coverage = ()) -> int:
        """TRs that loading these gaps takes.

        Args:
            gaps: as they are requested, ascending.
            listed: the issue's first day; None where it is unknown.
            neighbours: the coverage of the cache, where the cached bar after the newest gap is requested too, to
                compare the adjustment.
        """
        oldest, found = self._first(listed), 0
        for first, last in gaps:
            low, high = microseconds(first), microseconds(last)
            if not self._interval.end_input:
                found += self._minute_pages(low, oldest)
                continue
            stop = min(bisect_right(self._labels, high), self._newest)
            if gaps[-1] == (first, last) and stop < self._newest:
                stop += bool(intersect(neighbours, self._labels[stop], self._labels[stop]))
            found += self._count(stop - max(self._at(low), oldest))
        return found

    def bars(
        self, first: Moment, last: Moment, listed: Moment | None, covered: Coverage | None = None
    ) -> int:
        """The number of bars (of minutes: sessions) from ``first`` to ``last``, or of those in ``covered``."""
        low, high = microseconds(first), microseconds(last)
        start = max(self._at(low), self._first(listed))
        if covered is None:
            return max(0, min(bisect_right(self._labels, high), self._newest) - start)
        found = 0
        for begins, ends in covered:
            below = max(start, bisect_left(self._labels, max(begins, low)))
            found += max(0, bisect_right(self._labels, min(ends, high)) - below)
        return found

    def _minute_pages(self, first: int, oldest: int) -> int:
        """Pages from the newest bar down to the first one wanted."""
        start = max(self._at(first), oldest)
        if self._interval.unit == "tick":
            # The number of trades a day is unknown; as many as minutes is the estimate.
            return self._count((self._newest - start) * (_TRADED // self._interval.size))
        bars = sum(self._bars_until(_NIGHT, label) for label in self._labels[start : self._newest])
        if start < self._newest:
            begun = self._labels[start]
            bars -= self._bars_until((first - begun) // _MINUTE - 1, begun) if first > begun else 0
            newest = self._labels[self._newest - 1]
            bars -= self._bars_until(_NIGHT, newest)
            bars += self._bars_until((self._today - newest) // _MINUTE, newest)
        return self._count(bars)

    def _bars_until(self, minute: int, opened: int) -> int:
        """The number of bars, of the session that opened then, that have begun by that minute of it."""
        size = self._interval.size
        if minute < 0:
            return 0
        traded = min(minute, _TRADED - 1) // size
        bars = traded + 1 + (minute >= _AUCTION and _AUCTION // size > traded)
        if self._after_market is not None and opened >= self._after_market and minute >= _EVENING:
            bars += (min(minute, _NIGHT - 1) - _EVENING) // size + 1
        return bars

    def _count(self, bars: int) -> int:
        """Pages of so many bars, at least one: no bars take a TR too."""
        return max(1, -(-bars // self._rows))

    def _first(self, listed: Moment | None) -> int:
        """The index of the broker's first bar."""
        oldest = 0
        if self._begins is not None:
            oldest = self._at(self._begins)
        elif not self._interval.dated:
            oldest = max(0, self._newest - MINUTE_SESSIONS)
        if listed is None:
            return oldest
        day = microseconds(listed)
        within = bisect_left(self._labels, day)
        if self._interval.unit in ("W", "M", "Y"):
            within = max(0, bisect_right(self._labels, day) - 1)
        return max(oldest, within)

    def _at(self, moment: int) -> int:
        """The index of the first bar, or of minutes of the first session, that ends at or after ``moment``."""
        if self._interval.dated:
            return bisect_left(self._labels, moment)
        last = _AUCTION if self._after_market is None else _NIGHT
        return max(0, bisect_left(self._labels, moment - last * _MINUTE))


@lru_cache(maxsize=16)
def _labels(sessions: Sessions, unit: Unit) -> list[int]:
    """Microseconds of naive Seoul wall time: each bar's (first) day; for minutes and ticks each session's opening."""
    dates: Times = sessions.dates
    if unit in ("W", "M", "Y"):
        _, starts = np.unique(periods(dates, unit), return_index=True)
        dates = dates[starts]
    if unit in ("min", "tick"):
        opens = (sessions.opens.astype(np.int64) + SEOUL_OFFSET) * 1_000_000
        return list(opens.tolist())
    return list(dates.astype("datetime64[us]").astype(np.int64).tolist())
