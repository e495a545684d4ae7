"""Securities lending of the market: by issue on a day (opt10067, opt90012), and in total by day (opt10068).

The newest session is not known until the next one begins: 0, as recorded in opt20068, whose units these are. The totals
are computed in pieces, to keep each turn of the control thread short, and cached until the next session.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.dates import known_epoch_days
from kernel_server.simulated.base.tr import (
    AnswerPending,
    TrAnswer,
    TrHandler,
    TrRejected,
    TrRequest,
    in_order,
    message,
)
from kernel_server.simulated.market.statistics.lending import market_lending
from kernel_server.simulated.snapshot.columns import IssueFacts
from kernel_server.simulated.snapshot.scanner import MarketScanner

_MARKETS = {"001": "KOSPI", "101": "KOSDAQ"}
_EVERY_ISSUE = "1"  # 전체구분 of opt10068
_WINDOW = 42  # sessions that a day's figures need: halts before it, and the day before
_AT_ONCE = 250  # issues in one turn, some 30 ms
_FIELDS = ("대차거래체결주수", "대차거래상환주수", "잔고주수", "잔고금액")


class LendingLists:
    """TR handlers; ``handlers`` lists them."""

    def __init__(self, scanner: MarketScanner) -> None:
        self._scanner = scanner
        self._facts: IssueFacts | None = None
        self._totals: dict[int, list[int]] | None = None
        self._work: Iterator[None] = iter(())

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10067": self._issues, "opt90012": self._issues, "opt10068": self._days}

    def _issues(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10067 and opt90012: issues of a market in listing order, whose place is the continuation key."""
        inputs = request.inputs
        market = _MARKETS.get(inputs["시장구분"])
        if market is None:
            raise TrRejected("bad_input")
        facts = self._scanner.facts(now)
        day = date_input(inputs.get("기준일자", "") or inputs.get("일자", ""))
        day = day or max((int(time) for time in facts.history.time[:, -1]), default=0)
        column = np.flatnonzero((facts.history.time == day).any(axis=0))
        places = np.array([at for at, issue in enumerate(facts.issues) if issue.market == market], np.int64)
        if not len(column) or not len(places):
            return TrAnswer(message=message("no_history"))
        at = int(column[0])
        figures = _figures(facts, places, slice(max(0, at + 1 - _WINDOW), at + 1))[:, :, -1]
        figures[:, facts.history.time[places, at] != day] = 0
        shown = np.flatnonzero(figures[2] > 0)
        start = request.after or 0
        stop = min(len(shown), start + (request.tr.rows_per_page or len(shown)))
        rows = []
        for row in shown[start:stop].tolist():
            issue = facts.issues[int(places[row])]
            values = {"종목명": issue.name, "종목코드": issue.code}
            values |= dict(zip(_FIELDS, map(str, figures[:, row].tolist()), strict=True))
            rows.append(in_order(request.tr.multi_names, values))
        after = stop if stop < len(shown) else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _days(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10068: the market's days, newest first; the continuation key is the oldest day of the page."""
        inputs = request.inputs
        if inputs["전체구분"] not in ("", _EVERY_ISSUE):
            raise TrRejected("bad_input")
        since, until = date_input(inputs["시작일자"]), date_input(inputs["종료일자"])
        facts = self._scanner.facts(now)
        totals = self._market_totals(facts)
        newest = max(facts.dates, default=0)
        days = [*sorted(totals), newest] if newest else []
        days = [day for day in days if since <= day <= (until or newest)]
        if request.after is not None:
            days = [day for day in days if day < request.after]
        size = request.tr.rows_per_page or len(days)
        page = days[-size:]
        rows = []
        for day in reversed(page):
            figures = totals.get(day, [0, 0, 0, 0])
            values = dict(zip(_FIELDS, map(str, figures), strict=True))
            values |= {"일자": str(day), "대차거래증감": str(figures[0] - figures[1])}
            rows.append(in_order(request.tr.multi_names, values))
        after = page[0] if len(page) < len(days) else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _market_totals(self, facts: IssueFacts) -> dict[int, list[int]]:
        """Figures of the market by day.

        Raises:
            AnswerPending: they are not complete yet.
        """
        if facts is not self._facts:
            self._facts, self._totals, self._work = facts, None, self._add_up(facts)
        for _ in self._work:
            raise AnswerPending
        assert self._totals is not None
        return self._totals

    def _add_up(self, facts: IssueFacts) -> Iterator[None]:
        time = facts.history.time.astype(np.int64)
        days = np.unique(time[time > 0])
        sums = np.zeros((len(_FIELDS), len(days)), np.int64)
        whole = slice(0, time.shape[1])
        for start in range(0, len(facts), _AT_ONCE):
            if start:
                yield
            places = np.arange(start, min(start + _AT_ONCE, len(facts)))
            figures = _figures(facts, places, whole)
            there = time[places] > 0
            index = np.searchsorted(days, time[places][there])
            for total, amounts in zip(sums, figures, strict=True):
                np.add.at(total, index, amounts[there])
        # The change of the oldest day is not known, as the day before it is not there.
        self._totals = dict(zip(days.tolist()[1:], sums.T.tolist()[1:], strict=True))


def _figures(facts: IssueFacts, places: Ints, part: slice) -> Ints:
    """``_FIELDS`` of issues, one row each, in some columns of the history."""
    history = facts.history
    issues = [facts.issues[place] for place in places.tolist()]
    time = history.time[places, part].astype(np.int64)
    found = market_lending(issues, known_epoch_days(time), history.volume[places, part])
    value = (found.balance * history.close[places, part].astype(np.int64) + 500_000) // 1_000_000
    return np.stack([found.new, found.repaid, found.balance, value])
