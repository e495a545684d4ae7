"""Trades of the newest session or of the one before: opt10055, opt10084, and 체결강도 trade by trade, opt10046.

Continuation keys are as in ``ticks_chart``: the number, within its session, of a page's oldest trade. Unlike
opt10003 these TRs count 누적거래대금 in 백만원, as they were recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kernel_server.clock import seoul
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.exchange.interface import Exchange, Tape, Trade
from kernel_server.simulated.exchange.previous_session import PreviousSession
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.tick_size import board, rules
from kernel_server.simulated.trs.tick_chart import SIGNS, RunningTotals, said, traded

_TODAY, _BEFORE = "1", "2"
_TICKS, _MINUTES = "0", "1"
_MINUTE = 60
_AVERAGES = (5, 20, 60)


class TradeLists:
    """Handlers of these TRs.

    Args:
        issues: the listing, by code.
        exchange: whose tape is read.
        before: the session before.
    """

    def __init__(self, issues: Mapping[str, Issue], exchange: Exchange, before: PreviousSession) -> None:
        self._issues = issues
        self._exchange = exchange
        self._before = before

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10055": self._large, "opt10084": self._listed, "opt10046": self._strengths}

    def _large(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10055, with every trade, however small."""
        issue = self._issue(request)
        tape, trades = self._session(issue, request.inputs["당일전일"], now)
        start, stop = _page(request, len(trades))
        if tape is None or start >= stop:
            return _nothing(request, issue)
        totals = RunningTotals(trades[:stop])
        rows = []
        for at in range(stop - 1, start - 1, -1):
            trade, sums = trades[at], totals.at(at)
            values = _priced(trade, tape) | {
                "체결시간": f"{seoul(trade.time):%H%M%S}",
                "체결가": kiwoom_format.price(trade.price, tape.base),
                "체결량": SIGNS[trade.side] + str(trade.volume),
                "누적거래량": sums["누적거래량"],
                "누적거래대금": _millions(sums),
            }
            rows.append(in_order(request.tr.multi_names, values))
        return TrAnswer(rows=rows, after=start or None, codes=(issue.code,))

    def _listed(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10084: trades, or minutes with the last trade of each, up to 시간 (HHMM) where that is given."""
        issue = self._issue(request)
        kind, until = request.inputs["틱분"], request.inputs["시간"]
        if kind not in (_TICKS, _MINUTES):
            raise TrRejected("bad_input")
        tape, trades = self._session(issue, request.inputs["당일전일"], now)
        trades = trades[: _until(until, trades)]
        if tape is None or not trades:
            return _nothing(request, issue)
        totals = RunningTotals(trades)
        ends = np.arange(len(trades)) if kind == _TICKS else _last_of_minutes(trades)
        begins = np.append(0, ends[:-1] + 1)
        volume = np.cumsum([trade.volume for trade in trades])
        held = rules(seoul(trades[0].time).date(), board(issue))
        start, stop = _page(request, len(ends))
        rows = []
        for at in range(stop - 1, start - 1, -1):
            last, first = int(ends[at]), int(begins[at])
            sums = totals.at(last)
            values = said(trades[last], tape, held) | sums | {"누적거래대금": _millions(sums)}
            if kind == _MINUTES:
                whole = int(volume[last]) - (int(volume[first - 1]) if first else 0)
                values["체결거래량"] = str(whole)
            rows.append(in_order(request.tr.multi_names, values))
        return TrAnswer(rows=rows, after=start or None, codes=(issue.code,))

    def _strengths(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002 - the tape knows its time
        """opt10046: beside each trade's 체결강도 its mean over the trades of the last minutes."""
        issue = self._issue(request)
        trades = traded(self._exchange, issue.code)
        start, stop = _page(request, len(trades))
        if start >= stop:
            return _nothing(request, issue)
        tape, totals = self._exchange.tape(issue.code), RunningTotals(trades[:stop])
        times = np.array([trade.time for trade in trades[:stop]])
        means = {minutes: _means(totals.strengths, times, minutes, start) for minutes in _AVERAGES}
        rows = []
        for at in range(stop - 1, start - 1, -1):
            trade, sums = trades[at], totals.at(at)
            values = _priced(trade, tape) | {
                "체결시간": f"{seoul(trade.time):%H%M%S}",
                "현재가": kiwoom_format.price(trade.price, tape.base),
                "거래량": SIGNS[trade.side] + str(trade.volume),
                "누적거래대금": _millions(sums),
                "누적거래량": sums["누적거래량"],
                "체결강도": sums["체결강도"],
                **{f"체결강도{minutes}분": f"{mean[at - start]:.2f}" for minutes, mean in means.items()},
            }
            rows.append(in_order(request.tr.multi_names, values))
        return TrAnswer(rows=rows, after=start or None, codes=(issue.code,))

    def _session(self, issue: Issue, which: str, now: float) -> tuple[Tape | None, list[Trade]]:
        """The tape and the trades asked for; None where there are none."""
        if which not in (_TODAY, _BEFORE):
            raise TrRejected("bad_input")
        try:
            if which == _BEFORE:
                return self._before.trades(issue.code, now)
            return self._exchange.tape(issue.code), self._exchange.trades(issue.code)
        except LookupError:
            return None, []

    def _issue(self, request: TrRequest) -> Issue:
        issue = self._issues.get(request.inputs["종목코드"])
        if issue is None:
            raise TrRejected("unknown_code")
        return issue


def _page(request: TrRequest, count: int) -> tuple[int, int]:
    """The rows of this page, of so many, newest last."""
    stop = count if request.after is None else min(request.after, count)
    return max(0, stop - (request.tr.rows_per_page or stop)), stop


def _priced(trade: Trade, tape: Tape) -> dict[str, str]:
    change = trade.price - tape.base
    return {
        "전일대비기호": kiwoom_format.change_sign(trade.price, tape.base, tape.upper, tape.lower),
        "전일대비": kiwoom_format.signed(change),
        "등락율": kiwoom_format.rate(change, tape.base),
    }


def _millions(sums: Mapping[str, str]) -> str:
    return str(kiwoom_format.millions(int(sums["누적거래대금"])))


def _until(text: str, trades: Sequence[Trade]) -> int:
    """How many of the trades were made by the end of that minute (HHMM), all of them for a blank.

    Raises:
        Rejected: it is no time of day.
    """
    if not text or not trades:
        return len(trades)
    if len(text) != 4 or not text.isascii() or not text.isdigit() or int(text[:2]) > 23 or int(text[2:]) > 59:
        raise TrRejected("bad_input")
    day = seoul(trades[0].time).replace(hour=int(text[:2]), minute=int(text[2:]), second=0, microsecond=0)
    return sum(trade.time < day.timestamp() + _MINUTE for trade in trades)


def _last_of_minutes(trades: Sequence[Trade]) -> Ints:
    minutes = np.array([trade.time // _MINUTE for trade in trades])
    return np.flatnonzero(np.append(minutes[1:] != minutes[:-1], True))


def _means(values: Floats, times: Floats, minutes: int, start: int) -> list[float]:
    """The mean of the values of the last so many minutes, for each from ``start`` on."""
    summed = np.append(0.0, np.cumsum(values))
    at = np.arange(start, len(values))
    first = np.searchsorted(times, times[at] - minutes * _MINUTE, "right")
    means: list[float] = ((summed[at + 1] - summed[first]) / (at + 1 - first)).tolist()
    return means


def _nothing(request: TrRequest, issue: Issue) -> TrAnswer:
    return TrAnswer(message=message("no_history") if request.after is None else "", codes=(issue.code,))
