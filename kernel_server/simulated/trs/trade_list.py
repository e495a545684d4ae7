"""Trades of the newest or the previous session: opt10055, opt10084, and 체결강도 by trade, opt10046.

Continuation keys are as in ``tick_chart``: the number of a page's oldest trade within its session. Unlike opt10003,
these TRs give 누적거래대금 in 백만원, as recorded.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.price_rules import rules
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.exchange.interface import Exchange, Tape, Trade, TradeLog
from kernel_server.simulated.exchange.previous_session import PreviousSession
from kernel_server.simulated.market.model import Issue, board
from kernel_server.simulated.trs.tick_chart import VOLUME_SIGNS, RunningTotals, session_trades, trade_fields

_TODAY, _BEFORE = "1", "2"
_TICKS, _MINUTES = "0", "1"
_MINUTE = 60
_AVERAGES = (5, 20, 60)


class TradeLists:
    """TR handlers; ``handlers`` lists them.

    Args:
        issues: all listed issues by code.
        exchange: supplies the tape.
        previous_session: trades of the previous session.
    """

    def __init__(
        self, issues: Mapping[str, Issue], exchange: Exchange, previous_session: PreviousSession
    ) -> None:
        self._issues = issues
        self._exchange = exchange
        self._previous_session = previous_session

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10055": self._trades, "opt10084": self._trades_or_minutes, "opt10046": self._strengths}

    def _trades(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10055, including trades of any size."""
        issue = self._issue(request)
        tape, trades = self._session(issue, request.inputs["당일전일"], now)
        start, stop = _page(request, len(trades))
        if tape is None or start >= stop:
            return _empty_page(request, issue)
        totals = RunningTotals(trades[:stop])
        rows = []
        for at in range(stop - 1, start - 1, -1):
            trade, so_far = trades[at], totals.at(at)
            values = _change_fields(trade, tape) | {
                "체결시간": f"{seoul(trade.time):%H%M%S}",
                "체결가": kiwoom_format.price(trade.price, tape.base),
                "체결량": VOLUME_SIGNS[trade.side] + str(trade.volume),
                "누적거래량": so_far["누적거래량"],
                "누적거래대금": _millions(so_far),
            }
            rows.append(in_order(request.tr.multi_names, values))
        return TrAnswer(rows=rows, after=start or None, codes=(issue.code,))

    def _trades_or_minutes(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10084: trades, or the last trade of each minute, up to 시간 (HHMM) if given."""
        issue = self._issue(request)
        kind, until = request.inputs["틱분"], request.inputs["시간"]
        if kind not in (_TICKS, _MINUTES):
            raise TrRejected("bad_input")
        tape, trades = self._session(issue, request.inputs["당일전일"], now)
        trades = trades[: _count_until(until, trades)]
        if tape is None or not trades:
            return _empty_page(request, issue)
        totals = RunningTotals(trades)
        ends = np.arange(len(trades)) if kind == _TICKS else _last_of_minutes(trades)
        begins = np.append(0, ends[:-1] + 1)
        volume = np.cumsum(trades.columns.volume.astype(np.int64))
        price_rules = rules(seoul(trades[0].time).date(), board(issue))
        start, stop = _page(request, len(ends))
        rows = []
        for at in range(stop - 1, start - 1, -1):
            last, first = int(ends[at]), int(begins[at])
            so_far = totals.at(last)
            values = (
                trade_fields(trades[last], tape, price_rules) | so_far | {"누적거래대금": _millions(so_far)}
            )
            if kind == _MINUTES:
                minute_volume = int(volume[last]) - (int(volume[first - 1]) if first else 0)
                values["체결거래량"] = str(minute_volume)
            rows.append(in_order(request.tr.multi_names, values))
        return TrAnswer(rows=rows, after=start or None, codes=(issue.code,))

    def _strengths(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002 - the tape knows its time
        """opt10046: 체결강도 of each trade, and its mean over the trades of the last 5, 20 and 60 minutes."""
        issue = self._issue(request)
        trades = session_trades(self._exchange, issue.code)
        start, stop = _page(request, len(trades))
        if start >= stop:
            return _empty_page(request, issue)
        tape, totals = self._exchange.tape(issue.code), RunningTotals(trades[:stop])
        times = trades.columns.times(slice(stop))
        means = {minutes: _moving_means(totals.strengths, times, minutes, start) for minutes in _AVERAGES}
        rows = []
        for at in range(stop - 1, start - 1, -1):
            trade, so_far = trades[at], totals.at(at)
            values = _change_fields(trade, tape) | {
                "체결시간": f"{seoul(trade.time):%H%M%S}",
                "현재가": kiwoom_format.price(trade.price, tape.base),
                "거래량": VOLUME_SIGNS[trade.side] + str(trade.volume),
                "누적거래대금": _millions(so_far),
                "누적거래량": so_far["누적거래량"],
                "체결강도": so_far["체결강도"],
                **{f"체결강도{minutes}분": f"{mean[at - start]:.2f}" for minutes, mean in means.items()},
            }
            rows.append(in_order(request.tr.multi_names, values))
        return TrAnswer(rows=rows, after=start or None, codes=(issue.code,))

    def _session(self, issue: Issue, which: str, now: float) -> tuple[Tape | None, TradeLog]:
        """Tape and trades of the session requested; tape None if there are none."""
        if which not in (_TODAY, _BEFORE):
            raise TrRejected("bad_input")
        try:
            if which == _BEFORE:
                return self._previous_session.trades(issue.code, now)
            return self._exchange.tape(issue.code), self._exchange.trades(issue.code)
        except LookupError:
            return None, TradeLog(issue.code)

    def _issue(self, request: TrRequest) -> Issue:
        issue = self._issues.get(request.inputs["종목코드"])
        if issue is None:
            raise TrRejected("unknown_code")
        return issue


def _page(request: TrRequest, count: int) -> tuple[int, int]:
    """First and last row of this page among ``count`` rows, newest last."""
    stop = count if request.after is None else min(request.after, count)
    return max(0, stop - (request.tr.rows_per_page or stop)), stop


def _change_fields(trade: Trade, tape: Tape) -> dict[str, str]:
    change = trade.price - tape.base
    return {
        "전일대비기호": kiwoom_format.change_sign(trade.price, tape.base, tape.upper, tape.lower),
        "전일대비": kiwoom_format.signed(change),
        "등락율": kiwoom_format.rate(change, tape.base),
    }


def _millions(so_far: Mapping[str, str]) -> str:
    return str(kiwoom_format.millions(int(so_far["누적거래대금"])))


def _count_until(text: str, trades: TradeLog) -> int:
    """Number of trades up to the end of a minute (HHMM); all if blank.

    Raises:
        TrRejected: the text is not a time of day.
    """
    if not text or not trades:
        return len(trades)
    if len(text) != 4 or not text.isascii() or not text.isdigit() or int(text[:2]) > 23 or int(text[2:]) > 59:
        raise TrRejected("bad_input")
    day = seoul(trades[0].time).replace(hour=int(text[:2]), minute=int(text[2:]), second=0, microsecond=0)
    return trades.columns.count_before(day.timestamp() + _MINUTE)


def _last_of_minutes(trades: TradeLog) -> Ints:
    minutes = trades.columns.time // _MINUTE
    return np.flatnonzero(np.append(minutes[1:] != minutes[:-1], True))


def _moving_means(values: Floats, times: Floats, minutes: int, start: int) -> list[float]:
    """Mean of the values over the last ``minutes`` minutes, for each from ``start`` on."""
    summed = np.append(0.0, np.cumsum(values))
    at = np.arange(start, len(values))
    first = np.searchsorted(times, times[at] - minutes * _MINUTE, "right")
    means: list[float] = ((summed[at + 1] - summed[first]) / (at + 1 - first)).tolist()
    return means


def _empty_page(request: TrRequest, issue: Issue) -> TrAnswer:
    return TrAnswer(message=message("no_history") if request.after is None else "", codes=(issue.code,))
