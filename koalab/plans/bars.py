"""Plans of bars: TRs estimated from the calendar, listing dates and the cache's coverage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kernel_server.reference.sessions import Sessions
from koalab.dates import BEGINNING, Day, span
from koalab.errors import BadInput, NoAnswer
from koalab.link import Link
from koalab.listing import ListingLoader
from koalab.loaders.bars import BarLoader
from koalab.loaders.cache_view import after_start, before_start
from koalab.loaders.intervals import Interval
from koalab.loaders.page_requests import INSTANT
from koalab.loaders.tr_estimate import TrEstimate, expected_trs, requested_gaps
from koalab.plans.work import CodeNeed
from koalab.progress import Progress
from koalab.store import coverage
from koalab.store.bars import BarStore
from koalab.store.coverage import Coverage
from koalab.store.coverage_scan import series_records
from koalab.store.finality import DEFAULT, Finality, Gap, final_until, needs_fetch
from koalab.store.meta import Meta
from koalab.store.series import Moment, Series, microseconds, moment


@dataclass(frozen=True)
class BarRange:
    """The bars of a plan as users write them; ``start`` and ``end`` are evaluated again at each use."""

    interval: Interval
    start: Day | None
    end: Day | None
    adjusted: bool


class BarWork:
    """Loads bars of some codes into the cache. Only final bars are loaded: others would not be stored.

    Args:
        kind: the session's method.
        codes: of the issues, each once.
        wanted: which bars.
        link: to the broker.
        listings: has the dates of listing.
        loader: loads the bars.
        store: has the coverage.
        sessions: of the exchange, read on first use.
        frame: returns all bars up to a moment as the session's method does.
        finality: when bars are final.
    """

    def __init__(
        self,
        kind: str,
        codes: Sequence[str],
        wanted: BarRange,
        link: Link,
        listings: ListingLoader,
        loader: BarLoader,
        store: BarStore,
        sessions: Callable[[], Sessions],
        frame: Callable[[Day], pd.DataFrame],
        finality: Finality = DEFAULT,
    ) -> None:
        self.kind = kind
        self._codes = codes
        self._wanted = wanted
        self._link = link
        self._evening = not link.simulated
        self._listings = listings
        self._loader = loader
        self._store = store
        self._sessions = sessions
        self._frame = frame
        self._finality = finality

    @property
    def label(self) -> str:
        return self._wanted.interval.label

    @property
    def tr(self) -> str:
        return self._wanted.interval.tr

    @property
    def description(self) -> str:
        wanted = self._wanted
        what = (
            ""
            if self.kind in ("daily", "minute") and wanted.interval.size == 1
            else f" {wanted.interval.name}"
        )
        prices = "" if wanted.adjusted else ", raw"
        first, last = self._span(self._link.now())
        if last < first:
            return f"{self.kind}{what}{prices} from {first.astype('datetime64[D]')}, of which no bar is final yet,"
        begins = "the beginning" if wanted.start is None else str(first.astype("datetime64[D]"))
        return f"{self.kind}{what}{prices} from {begins} to {last.astype('datetime64[D]')}"

    def needs(self) -> list[CodeNeed]:
        now, sessions, interval = self._link.now(), self._sessions(), self._wanted.interval
        first, last = self._span(now)
        if last < first:  # no part of it is final yet
            return [CodeNeed(code, 0, 0, 0) for code in self._codes]
        low, high = microseconds(first), microseconds(last)
        series = [Series(code, interval.name, self._wanted.adjusted) for code in self._codes]
        records = series_records(self._store.shelf, series)
        missing = [coverage.missing(one.coverage, low, high) for one in records]
        # Most codes of a market have the same gaps.
        ends = [self._finality.of(code) for code in self._codes]
        gaps = {each: self._gaps(*each, now) for each in set(zip(missing, ends, strict=True))}
        listed = self._listings.listed(self._codes) if any(gaps.values()) else {}
        starts = self._loader.history_starts(series, now)
        estimates = {
            begins: TrEstimate(interval, sessions, now, begins, self._evening)
            for begins in {None, *starts.values()}
        }
        needs = []
        for one, record, uncovered, finality in zip(series, records, missing, ends, strict=True):
            code, day, begins = one.code, listed.get(one.code), starts.get(one)
            estimate = estimates[begins]
            whole = estimate.bars(first, last, day)
            left = after_start(gaps[uncovered, finality], begins)
            history = self._history_from(record, first, begins, gaps[uncovered, finality], now)
            if left:
                neighbours = record.coverage if self._wanted.adjusted else ()
                trs = expected_trs(left, interval, sessions, now, begins, day, neighbours, self._evening)
                stored = estimate.bars(first, last, day, record.coverage)
                needs.append(CodeNeed(code, trs, whole, stored, history))
            else:
                needs.append(CodeNeed(code, 0, whole, whole, history))
        return needs

    def _history_from(
        self, record: Meta, first: Moment, begins: Moment | None, gaps: Sequence[Gap], now: float
    ) -> Moment | None:
        """Where the broker's history begins, if that is known to be later than asked."""
        if first <= BEGINNING:
            return None
        if self._wanted.interval.dated:
            oldest = record.oldest_of_all
            begins = None if oldest is None else moment(oldest)
            gaps = [] if begins is None or begins <= first else [(first, begins - INSTANT)]
        return begins if self._worth(before_start(gaps, begins), self._finality, now) else None

    def _worth(self, gaps: Sequence[Gap], finality: Finality, now: float) -> list[Gap]:
        return needs_fetch(gaps, self._wanted.interval.name, now, self._sessions(), finality)

    def _gaps(self, uncovered: Coverage, finality: Finality, now: float) -> list[Gap]:
        """The gaps to request for what the cache does not cover."""
        found = [(moment(first), moment(last)) for first, last in uncovered]
        return requested_gaps(self._worth(found, finality, now), self._wanted.interval)

    def load(self, code: str, progress: Progress) -> int:
        first, last = self._span(self._link.now())
        if last < first:
            return 0
        loaded = self._loader.load(
            code, self._wanted.interval, first, last, self._wanted.adjusted, progress, "bulk"
        )
        if loaded.unstored is not None:
            raise loaded.unstored
        if loaded.failure:
            raise NoAnswer(f"the broker does not give its bars: {loaded.failure}")
        return loaded.trs

    def frame(self) -> pd.DataFrame:
        first, last = self._span(self._link.now())
        if last < first:
            raise BadInput(
                f"no bar from {first.astype('datetime64[D]')} on is final yet, and a plan has no others:"
                f" kw.{self.kind}() has them as they are"
            )
        return self._frame(last)

    def _span(self, now: float) -> tuple[np.datetime64, np.datetime64]:
        """The part of the range that is final of all codes."""
        first, last = span(self._wanted.start, self._wanted.end, now, dated=self._wanted.interval.dated)
        name, sessions = self._wanted.interval.name, self._sessions()
        ends = {self._finality.of(code) for code in self._codes} or {self._finality}
        return first, min(last, *(final_until(name, now, sessions, each) for each in ends))
