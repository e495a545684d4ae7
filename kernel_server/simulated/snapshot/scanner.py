"""Snapshots of the whole market, for rankings, screening and index breadth.

Reading the history of all issues, once a session, takes about a second; reading the minutes of an open session takes
two. ``prepare`` does both in pieces, so that the control thread is not blocked; the rest is read when needed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.dates import known_epoch_days
from kernel_server.simulated.base.market_time import start_of_day
from kernel_server.simulated.base.tr import AnswerPending, TrAnswer, TrHandler, TrRequest
from kernel_server.simulated.market.day_summary import DaySummary, history, latest_summary
from kernel_server.simulated.market.model import Bars, Issue, Market
from kernel_server.simulated.market.recorded.csv_files import NO_BARS, BadMarketData
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.statistics.credit import market_ratios
from kernel_server.simulated.market.statistics.fundamentals import per_share, return_on_equity
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.columns import IssueFacts, SessionPrices, group_by_rules
from kernel_server.simulated.snapshot.history_matrix import HISTORY_DEPTH, HistoryMatrix, empty_history
from kernel_server.simulated.snapshot.intraday_curve import IntradayCurve, intraday_curve

log = logging.getLogger(__name__)

_HISTORY_SESSIONS = HISTORY_DEPTH + 1  # sessions of history: the newest, and those before it
ISSUES_PER_TURN = 30
"""Issues read in one turn of the control thread, some ten milliseconds."""

_YEAR = 251  # sessions of 250최고
_MARKETS = ("KOSPI", "KOSDAQ")  # KONEX is in no ranking and no condition
_UNKNOWN = float("nan")
_CREDIT_SESSIONS = 40  # sessions that 신용비율 needs: no issue is halted for longer
_DAY = 1_000_000


@dataclass(slots=True)
class _IssueRow:
    """Data read of an issue; ``full_session`` is open, high, low, close, volume and value of its newest session."""

    issue: Issue
    date: int
    base: int
    full_session: tuple[int, ...]
    values: dict[str, float]
    curve: IntradayCurve | None = None


class MarketScanner:
    """Takes snapshots of a whole ``Market``.

    Args:
        market: the market.
        settings: seed of the fundamentals.
        sessions: loads the calendar; called once, on first use.
    """

    def __init__(self, market: Market, settings: BrokerSettings, sessions: Callable[[], Sessions]) -> None:
        self._market = market
        self._seed = settings.fundamentals_seed
        self._load = sessions
        self._session: int | None = None
        self._rows: list[_IssueRow] = []
        self._history = empty_history(0)
        self._unread: Iterator[Issue] = iter(())
        self._facts: IssueFacts | None = None
        self._cached_prices: tuple[tuple[int | None, float], SessionPrices] | None = None

    @cached_property
    def sessions(self) -> Sessions:
        return self._load()

    def is_open(self, now: float) -> bool:
        """Whether a session is open."""
        return self.sessions.current(now) is not None

    def next_change(self, now: float, every: float) -> float | None:
        """Next time prices may change, in steps of ``every`` seconds during a session; None if no session is known."""
        running = self.sessions.current(now)
        if running is not None:
            return min((now // every + 1) * every, float(self.sessions.closes[running]))
        try:
            return float(self.sessions.next_open(now))
        except LookupError:
            return None

    def prepare(self, now: float, limit: int) -> bool:
        """Read ahead history and open session of at most ``limit`` issues; returns whether all is read."""
        read = self.prepare_history(now, limit)
        running = self.sessions.current(now)
        if running is not None and not read:
            # Read the minutes right after the history, while the market has the issue cached.
            for row in self._rows[-limit:]:
                self._load_curve(row, running)
        return read and self.read_session(now, None, limit)

    def when_ready(self, handlers: Mapping[str, TrHandler]) -> dict[str, TrHandler]:
        """Wrap handlers that need the whole market: they raise ``AnswerPending`` until all of it is read."""

        def wait_for_data(handler: TrHandler) -> TrHandler:
            def answer(request: TrRequest, now: float) -> TrAnswer:
                if not self.prepare(now, ISSUES_PER_TURN):
                    raise AnswerPending
                return handler(request, now)

            return answer

        return {code: wait_for_data(handler) for code, handler in handlers.items()}

    def read_session(self, now: float, places: Ints | None, limit: int) -> bool:
        """Read the open session of at most ``limit`` of the places (all if None); returns whether all is read."""
        running = self.sessions.current(now)
        return running is None or self._read_session(running, now, places, limit)

    def _read_session(self, session: int, now: float, places: Ints | None, limit: int) -> bool:
        self.facts(now)
        date = self._date(session)
        rows = self._rows if places is None else [self._rows[place] for place in places.tolist()]
        left = [row for row in rows if row.curve is None and row.date == date]
        for row in left[:limit]:
            self._load_curve(row, session)
        return len(left) <= limit

    def _load_curve(self, row: _IssueRow, session: int) -> None:
        if row.curve is None and row.date == self._date(session):
            row.curve = self._read_curve(row, session)

    def prepare_history(self, now: float, limit: int) -> bool:
        """Read the history of at most ``limit`` issues; returns whether all is read."""
        session = self.sessions.last_started(now)
        if session != self._session:
            self._session, self._rows = session, []
            self._facts, self._cached_prices = None, None
            listed = self._market.issues().values() if session >= 0 else ()
            issues = [issue for issue in listed if issue.market in _MARKETS]
            self._unread, self._history = iter(issues), empty_history(len(issues))
        for _ in range(limit):
            issue = next(self._unread, None)
            if issue is None:
                return True
            try:
                row = self._read_history(issue, session)
            except BadMarketData:
                log.exception("%s is left out of the survey", issue.code)
                continue
            if row is not None:
                self._rows.append(row)
        return False

    def prepare_curves(self, now: float, limit: int) -> bool:
        """Read the minutes of at most ``limit`` issues in the newest session; returns whether all are read."""
        session = self.sessions.last_started(now)
        return session < 0 or self._read_session(session, now, None, limit)

    def minute_ends(self, now: float) -> Ints:
        """Ends of the newest session's minutes by now, in seconds since midnight, of the issue that has most."""
        session = self.sessions.last_started(now)
        curves = [row.curve for row in self._rows if row.curve is not None]
        if session < 0 or not curves:
            return np.zeros(0, np.int64)
        ends = max(curves, key=len).ends()
        return ends[: int(np.searchsorted(ends, now - self._midnight(session), "right"))]

    def traded_by(self, places: Ints, ends: Ints) -> tuple[Ints, Ints]:
        """Volume and value (KRW) traded by each of ``minute_ends``: one row a place, one column an end."""
        found = np.zeros((2, len(places), len(ends)), np.int64)
        for at, place in enumerate(places.tolist()):
            curve = self._rows[place].curve
            if curve is None or not len(curve):
                continue
            index = curve.ends().searchsorted(ends, "right") - 1
            known = index >= 0
            found[0, at, known], found[1, at, known] = curve.volume[index[known]], curve.value[index[known]]
        return found[0], found[1]

    def facts(self, now: float) -> IssueFacts:
        """Constants of the newest session that has started. Reads what ``prepare`` has not."""
        self.prepare_history(now, len(self._market.issues()) + 1)
        if self._facts is None:
            self._facts = _facts(self._rows, self._history, self._seed)
        return self._facts

    def prices(self, now: float, places: Ints | None = None) -> SessionPrices:
        """Prices of those places of ``facts``, or of all."""
        self.facts(now)
        running = self.sessions.current(now)
        if places is not None:
            return _session_prices(
                [self._session_so_far(self._rows[place], running, now) for place in places.tolist()]
            )
        # Prices change once a minute, and a ranking is read page by page.
        minute = now // 60
        if self._cached_prices is None or self._cached_prices[0] != (running, minute):
            self.read_session(now, None, len(self._rows))
            found = _session_prices([self._session_so_far(row, running, now) for row in self._rows])
            self._cached_prices = ((running, minute), found)
        return self._cached_prices[1]

    def curves(self, now: float) -> list[IntradayCurve | None]:
        """The minutes of the newest session of each place of ``facts``; None of issues that have none."""
        self.facts(now)
        session = self.sessions.last_started(now)
        self._read_session(session, now, None, len(self._rows))
        date = self._date(session)
        return [row.curve if row.curve and row.date == date else None for row in self._rows]

    def price_range(self, now: float) -> tuple[SessionPrices, SessionPrices] | None:
        """The least and the most of all prices, volumes and values at any moment of the newest session.

        None where minutes may lie outside their daily bar: then they have to be read.
        """
        if not self._market.minutes_fit_days:
            return None
        self.facts(now)
        least, most = [], []
        for row in self._rows:
            # The first minute is over later than the session opens; until then the last price is 기준가.
            prices = (row.base, *(price for price in row.full_session[:4] if price))
            low, high = min(prices), max(prices)
            least.append((low, low, low, low, 0, 0))
            most.append((high, high, high, high, *row.full_session[4:]))
        return _session_prices(least), _session_prices(most)

    def prices_before(self, now: float, seconds: float) -> SessionPrices:
        """All prices ``seconds`` before ``now``, within the newest session, which starts at 기준가."""
        session = self.sessions.last_started(now)
        moment = now - seconds
        if session < 0 or moment >= float(self.sessions.closes[session]):
            return self.prices(now)
        self._read_session(session, now, None, len(self._rows))
        return _session_prices([self._session_so_far(row, session, moment) for row in self._rows])

    def day_summary(self, issue: Issue, now: float) -> DaySummary | None:
        """One issue's newest session so far, as in ``facts`` and ``prices``, read by itself; None without bars."""
        session, running = self.sessions.last_started(now), self.sessions.current(now)
        try:
            bars = history(self._market, issue.code, float(self.sessions.closes[session]), 2)
        except BadMarketData:
            log.exception("%s is left out", issue.code)
            return None
        whole = latest_summary(issue, bars) if session >= 0 else None
        if whole is None:
            return None
        row = _IssueRow(issue, whole.date, whole.base, _newest_session(bars), {})
        if running is not None:
            self._load_curve(row, running)
        opened, high, low, last, volume, value = self._session_so_far(row, running, now)
        return replace(whole, open=opened, high=high, low=low, last=last, volume=volume, value=value)

    def _read_history(self, issue: Issue, session: int) -> _IssueRow | None:
        """Read an issue's history to the end of a session, which may still be open; None without bars."""
        bars = history(self._market, issue.code, float(self.sessions.closes[session]), _HISTORY_SESSIONS)
        if not len(bars):
            return None
        before = cut(bars, 0, len(bars) - 1)
        self._history.store(len(self._rows), before)
        base = int(before.close[-1] if len(before) else bars.open[-1])
        return _IssueRow(
            issue=issue,
            date=int(bars.time[-1]),
            base=base,
            full_session=_newest_session(bars),
            values=self._values(issue, base, before if len(before) else bars, len(before)),
        )

    def _values(self, issue: Issue, base: int, before: Bars, count: int) -> dict[str, float]:
        """Columns of ``IssueFacts``; ``count`` is the number of sessions before, 0 if ``before`` is the newest."""
        values = {
            "volume_before": float(before.volume[-1]) if count else 0.0,
            "value_before": float(before.value[-1]) if count else 0.0,
            "shares": float(issue.shares),
            "cap": base * issue.shares / 1e8,
        }
        if count >= 19:
            close = before.close[-20:]
            close_sum = float(close.sum())
            last19 = close_sum - float(close[0]) if count >= 20 else close_sum
            values |= {"sum4": float(close[-4:].sum()), "sum19": last19, "ma5": float(close[-5:].mean())}
            values["ma20"] = close_sum / 20 if count >= 20 else _UNKNOWN
            values["high"] = float(before.high[-_YEAR:].max())
        if self._seed is not None and count:
            shares = per_share(issue, self._seed, before)
            if shares is not None:
                eps, bps = shares
                values |= {"PER": base / eps, "PBR": base / bps, "EPS": float(eps), "BPS": float(bps)}
                values["ROE"] = float(return_on_equity(eps, bps))
        return values

    def _session_so_far(self, row: _IssueRow, running: int | None, now: float) -> tuple[int, ...]:
        if running is None or row.date != self._date(running):
            return row.full_session
        untraded = (row.base, row.base, row.base, row.base, 0, 0)
        # Days without minute bars have only the day bar.
        if row.curve is None or not len(row.curve):
            try:
                bars = history(self._market, row.issue.code, now, 1)
            except BadMarketData:  # its minutes, of which the day so far is made; reported with the curve
                return untraded
            return _newest_session(bars) if len(bars) and bars.time[-1] == row.date else untraded
        return row.curve.at(now - self._midnight(running)) or untraded

    def _read_curve(self, row: _IssueRow, session: int) -> IntradayCurve:
        close = float(self.sessions.closes[session])
        try:
            bars = self._market.minute(row.issue.code, True, close, 1)
        except BadMarketData as bad:
            log.warning("%s is surveyed without its minutes: %s", row.issue.code, bad)
            bars = NO_BARS
        start = int(np.searchsorted(bars.time, row.date * _DAY))
        return intraday_curve(cut(bars, start, len(bars)), int(close) - self._midnight(session))

    def _midnight(self, session: int) -> int:
        """Midnight in Seoul of the day of a session, seconds since the epoch."""
        return start_of_day(int(self.sessions.dates[session].astype(np.int64)))

    def _date(self, session: int) -> int:
        return int(str(self.sessions.dates[session]).replace("-", ""))


_FLAGS: Mapping[str, Callable[[Issue], bool]] = {
    "kospi": lambda issue: issue.market == "KOSPI",
    "stock": lambda issue: issue.kind == "stock",
    "etf": lambda issue: issue.kind == "etf",
    "etn": lambda issue: issue.kind == "etn",
    # Only common shares have codes that end in 0.
    "preferred": lambda issue: issue.kind == "stock" and not issue.code.endswith("0"),
}


def _newest_session(bars: Bars) -> tuple[int, ...]:
    """Open, high, low, close, volume and value of the newest bar."""
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume, bars.value)
    return tuple(int(column[-1]) for column in columns)


def _session_prices(rows: Sequence[tuple[int, ...]]) -> SessionPrices:
    return SessionPrices(*np.array(rows, np.int64).reshape(-1, 6).T)


def _facts(rows: Sequence[_IssueRow], history: HistoryMatrix, seed: int | None) -> IssueFacts:
    base = np.array([row.base for row in rows], np.int64)
    upper, lower = base.copy(), base.copy()
    issues, dates = [row.issue for row in rows], [row.date for row in rows]
    for places, price_rules in group_by_rules(issues, dates):
        upper[places], lower[places] = price_rules.limits_array(base[places])
    names = (
        *("volume_before", "value_before", "shares", "cap", "PER", "PBR", "ROE", "EPS", "BPS"),
        *("high", "sum4", "sum19", "ma5", "ma20"),
    )
    columns = {name: np.array([row.values.get(name, _UNKNOWN) for row in rows]) for name in names}
    columns |= {
        name: np.array([true(issue) for issue in issues], np.float64) for name, true in _FLAGS.items()
    }
    columns["credit"] = _credit(issues, history.first_rows(len(rows)), seed)
    return IssueFacts(
        issues=issues,
        dates=dates,
        base=base,
        upper=upper,
        lower=lower,
        columns=columns,
        history=history.first_rows(len(rows)),
    )


def _credit(issues: Sequence[Issue], history: HistoryMatrix, seed: int | None) -> Floats:
    """신용비율 of the session before the newest; NaN without fundamentals or without such a session."""
    if seed is None or not issues:
        return np.full(len(issues), _UNKNOWN)
    time = history.time[:, -_CREDIT_SESSIONS:].astype(np.int64)
    days = known_epoch_days(time)
    ratios = market_ratios(issues, seed, days, history.volume[:, -_CREDIT_SESSIONS:])
    return np.where(time[:, -1] > 0, ratios, _UNKNOWN)
