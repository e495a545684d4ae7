"""Looks at the whole market at one moment: what rankings sort, conditions screen and indices count.

An issue's history is read once a session, which takes about a second for the whole market, and the minutes of
a running session once, which takes two. ``prepare`` does both in parts, between which the control thread
can do other things; what it has not read yet is read when it is needed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.market_time import start_of_day
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRequest, Unfinished
from kernel_server.simulated.market.day_summary import history
from kernel_server.simulated.market.fundamentals import fundamentals
from kernel_server.simulated.market.model import Bars, Issue, Market
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.columns import IssueFacts, SessionPrices, by_rules
from kernel_server.simulated.snapshot.history_matrix import DEPTH, HistoryMatrix, empty
from kernel_server.simulated.snapshot.intraday_curve import IntradayCurve, course

log = logging.getLogger(__name__)

_REACH = DEPTH + 1  # sessions of history: the newest, and those before it
AT_ONCE = 30
"""So many issues are read in one turn of the control thread: some ten milliseconds."""

_LONG_RUN = 251  # of them, those that 250최고 looks at
_MARKETS = ("KOSPI", "KOSDAQ")  # KONEX is in no ranking and no condition
_UNKNOWN = float("nan")
_DAY = 1_000_000


@dataclass(slots=True)
class _Row:
    """An issue in the making: ``whole`` is open, high, low, close, volume and value of its newest session."""

    issue: Issue
    date: int
    base: int
    whole: tuple[int, ...]
    values: dict[str, float]
    course: IntradayCurve | None = None


class MarketScanner:
    """Looks at a ``Market`` as a whole.

    Args:
        market: what is surveyed.
        settings: for the seed of the fundamentals.
        sessions: the calendar, asked for once, when first needed.
    """

    def __init__(self, market: Market, settings: BrokerSettings, sessions: Callable[[], Sessions]) -> None:
        self._market = market
        self._seed = settings.fundamentals_seed
        self._load = sessions
        self._session: int | None = None
        self._rows: list[_Row] = []
        self._past = empty(0)
        self._todo: Iterator[Issue] = iter(())
        self._facts: IssueFacts | None = None
        self._whole: tuple[tuple[int | None, float], SessionPrices] | None = None

    @cached_property
    def sessions(self) -> Sessions:
        return self._load()

    def running(self, now: float) -> bool:
        """Whether a session is open."""
        return self.sessions.current(now) is not None

    def next_change(self, now: float, every: float) -> float | None:
        """When prices may be others than now: ``every`` so many seconds of a session; None: never, as far as known."""
        running = self.sessions.current(now)
        if running is not None:
            return min((now // every + 1) * every, float(self.sessions.closes[running]))
        try:
            return float(self.sessions.next_open(now))
        except LookupError:
            return None

    def prepare(self, now: float, most: int) -> bool:
        """Reads ahead, at most so many issues: their history with their running session. Whether all is read."""
        read = self.prepare_history(now, most)
        running = self.sessions.current(now)
        if running is not None and not read:
            # Together, since the market finds the minutes of an issue more easily that it has just told of.
            for row in self._rows[-most:]:
                self._course_of(row, running)
        return read and self.follow(now, None, most)

    def in_pieces(self, handlers: Mapping[str, TrHandler]) -> dict[str, TrHandler]:
        """The handlers, which look at the whole market, so that each is asked only once all of that is read."""

        def patient(handler: TrHandler) -> TrHandler:
            def answer(request: TrRequest, now: float) -> TrAnswer:
                if not self.prepare(now, AT_ONCE):
                    raise Unfinished
                return handler(request, now)

            return answer

        return {code: patient(handler) for code, handler in handlers.items()}

    def follow(self, now: float, places: Ints | None, most: int) -> bool:
        """Reads the running session of at most so many of those places of ``facts``. Whether that is done."""
        running = self.sessions.current(now)
        return running is None or self._follow(running, now, places, most)

    def _follow(self, session: int, now: float, places: Ints | None, most: int) -> bool:
        self.facts(now)
        date = self._date(session)
        rows = self._rows if places is None else [self._rows[place] for place in places.tolist()]
        left = [row for row in rows if row.course is None and row.date == date]
        for row in left[:most]:
            self._course_of(row, session)
        return len(left) <= most

    def _course_of(self, row: _Row, session: int) -> None:
        if row.course is None and row.date == self._date(session):
            row.course = self._course(row, session)

    def prepare_history(self, now: float, most: int) -> bool:
        """Reads the history of at most so many issues; whether that of all has been read."""
        session = self.sessions.last_started(now)
        if session != self._session:
            self._session, self._rows = session, []
            self._facts, self._whole = None, None
            listed = self._market.issues().values() if session >= 0 else ()
            issues = [issue for issue in listed if issue.market in _MARKETS]
            self._todo, self._past = iter(issues), empty(len(issues))
        for _ in range(most):
            issue = next(self._todo, None)
            if issue is None:
                return True
            try:
                row = self._read(issue, session)
            except BadMarketData:
                log.exception("%s is left out of the survey", issue.code)
                continue
            if row is not None:
                self._rows.append(row)
        return False

    def facts(self, now: float) -> IssueFacts:
        """What holds through the newest session that has begun. Reads whatever ``prepare`` has not."""
        self.prepare_history(now, len(self._market.issues()) + 1)
        if self._facts is None:
            self._facts = _facts(self._rows, self._past)
        return self._facts

    def prices(self, now: float, places: Ints | None = None) -> SessionPrices:
        """The prices at those places of ``facts``, or at all of them."""
        self.facts(now)
        running = self.sessions.current(now)
        if places is not None:
            return _columns([self._so_far(self._rows[place], running, now) for place in places.tolist()])
        # Prices change with the minute, and a ranking is read page by page.
        minute = now // 60
        if self._whole is None or self._whole[0] != (running, minute):
            self.follow(now, None, len(self._rows))
            found = _columns([self._so_far(row, running, now) for row in self._rows])
            self._whole = ((running, minute), found)
        return self._whole[1]

    def prices_before(self, now: float, seconds: float) -> SessionPrices:
        """All prices as they stood so long before ``now``; not before the newest session, which begins at 기준가."""
        session = self.sessions.last_started(now)
        moment = now - seconds
        if session < 0 or moment >= float(self.sessions.closes[session]):
            return self.prices(now)
        self._follow(session, now, None, len(self._rows))
        return _columns([self._so_far(row, session, moment) for row in self._rows])

    def _read(self, issue: Issue, session: int) -> _Row | None:
        """The issue's history up to the end of that session. It may still run: what follows is told in time."""
        bars = history(self._market, issue.code, float(self.sessions.closes[session]), _REACH)
        if not len(bars):
            return None
        before = cut(bars, 0, len(bars) - 1)
        self._past.keep(len(self._rows), before)
        base = int(before.close[-1] if len(before) else bars.open[-1])
        return _Row(
            issue=issue,
            date=int(bars.time[-1]),
            base=base,
            whole=_newest(bars),
            values=self._values(issue, base, before if len(before) else bars, len(before)),
        )

    def _values(self, issue: Issue, base: int, before: Bars, count: int) -> dict[str, float]:
        """The columns of ``IssueFacts``. ``count`` of the bars are of sessions before the newest; all, or none."""
        values = {
            "volume_before": float(before.volume[-1]) if count else 0.0,
            "value_before": float(before.value[-1]) if count else 0.0,
            "shares": float(issue.shares),
            "cap": base * issue.shares / 1e8,
        }
        if count >= 19:
            close = before.close[-20:]
            whole = float(close.sum())
            last19 = whole - float(close[0]) if count >= 20 else whole
            values |= {"sum4": float(close[-4:].sum()), "sum19": last19, "ma5": float(close[-5:].mean())}
            values["ma20"] = whole / 20 if count >= 20 else _UNKNOWN
            values["high"] = float(before.high[-_LONG_RUN:].max())
        if self._seed is not None and count:
            said = fundamentals(issue, self._seed, before)
            if said:
                values |= {"PER": base / int(said["EPS"]), "PBR": base / int(said["BPS"])}
                values |= {name: float(said[name]) for name in ("ROE", "EPS", "BPS")}
                values["credit"] = float(said["신용비율"])
        return values

    def _so_far(self, row: _Row, running: int | None, now: float) -> tuple[int, ...]:
        if running is None or row.date != self._date(running):
            return row.whole
        untraded = (row.base, row.base, row.base, row.base, 0, 0)
        # Days may come without minutes; then what the market tells of the day is all there is.
        if row.course is None or not len(row.course):
            bars = history(self._market, row.issue.code, now, 1)
            return _newest(bars) if len(bars) and bars.time[-1] == row.date else untraded
        return row.course.at(now - self._midnight(running)) or untraded

    def _course(self, row: _Row, session: int) -> IntradayCurve:
        close = float(self.sessions.closes[session])
        bars = self._market.minute(row.issue.code, True, close, 1)
        start = int(np.searchsorted(bars.time, row.date * _DAY))
        return course(cut(bars, start, len(bars)), int(close) - self._midnight(session))

    def _midnight(self, session: int) -> int:
        """When the day of that session begins in Seoul, seconds since the epoch."""
        return start_of_day(int(self.sessions.dates[session].astype(np.int64)))

    def _date(self, session: int) -> int:
        return int(str(self.sessions.dates[session]).replace("-", ""))


def _newest(bars: Bars) -> tuple[int, ...]:
    """Open, high, low, close, volume and value of the newest bar."""
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume, bars.value)
    return tuple(int(column[-1]) for column in columns)


def _columns(rows: Sequence[tuple[int, ...]]) -> SessionPrices:
    return SessionPrices(*np.array(rows, np.int64).reshape(-1, 6).T)


def _facts(rows: Sequence[_Row], past: HistoryMatrix) -> IssueFacts:
    base = np.array([row.base for row in rows], np.int64)
    upper, lower = base.copy(), base.copy()
    issues, dates = [row.issue for row in rows], [row.date for row in rows]
    for places, held in by_rules(issues, dates):
        upper[places], lower[places] = held.limits_array(base[places])
    names = (
        *("volume_before", "value_before", "shares", "cap", "PER", "PBR", "ROE", "EPS", "BPS", "credit"),
        *("high", "sum4", "sum19", "ma5", "ma20"),
    )
    return IssueFacts(
        issues=issues,
        dates=dates,
        base=base,
        upper=upper,
        lower=lower,
        columns={name: np.array([row.values.get(name, _UNKNOWN) for row in rows]) for name in names},
        past=past.rows(len(rows)),
    )
