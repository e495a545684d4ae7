"""Trades of the newest session: the tick chart (opt10079) and 체결정보 (opt10003).

A page's continuation key is the number, within the session, of the oldest trade in it, in opt10079 with the session's
day before it; the next page holds what came before, however many trades have come since.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.exchange.interface import Exchange, Tape, Trade
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.resample import run_starts
from kernel_server.simulated.market.tick_size import PriceRules, board, rules
from kernel_server.simulated.market.trade_script import RecordedDay, RecordedTrades, Script, Side
from kernel_server.simulated.market.trading_hours import today

INTERVALS = ("1", "3", "5", "10", "30")

_PLACES = 10**8  # more than a session has trades
SIGNS = {Side.BUY: "+", Side.SELL: "-", Side.NONE: " "}


class TickCharts:
    """Handlers of the TRs that list trades.

    Args:
        issues: the listing, by code.
        exchange: whose tape is read. Its trades and its 기준가 are of one day, so that adjusted and unadjusted
            ticks are the same.
        past: recorded trades of earlier sessions, which opt10079 goes on with.
        calendar: the sessions, by which the tick chart has the regular ones alone, as the minute charts have.
            Without it, it has 시간외종가 too, as opt10003 has.
    """

    def __init__(
        self,
        issues: Mapping[str, Issue],
        exchange: Exchange,
        past: RecordedTrades | None = None,
        calendar: Callable[[], Sessions] | None = None,
    ) -> None:
        self._issues = issues
        self._exchange = exchange
        self._past = past
        self._calendar = calendar

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10079": self._ticks, "opt10003": self._trades}

    def _ticks(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10079. Groups are counted from each session's first trade; the newest one may still be growing."""
        issue = self._issue(request)
        interval = request.inputs["틱범위"]
        if interval not in INTERVALS or request.inputs["수정주가구분"] not in ("0", "1", ""):
            raise TrRejected("bad_input")
        many = int(interval)
        trades = traded(self._exchange, issue.code)
        if self._calendar is not None:
            trades = _regular(trades, self._calendar())
        # Where the newest group ends short, it says how many trades it has.
        left = str((len(trades) - 1) % many + 1) if trades else "0"
        size = request.tr.rows_per_page or sys.maxsize
        day, stop = divmod(request.after, _PLACES) if request.after is not None else (0, sys.maxsize)
        rows: list[list[str]] = []
        for found in self._sessions(issue.code, trades, day, now):
            stop = min(stop, found.length)
            start = max(0, (-(-stop // many) - (size - len(rows))) * many)
            if start < stop:
                rows += _rows(request, found.base, many, *found.columns(slice(start, stop)))
            if len(rows) == size:
                more = start or self._before(issue.code, found.day)
                key = found.day * _PLACES + start if more else None
                return TrAnswer([issue.code, left], rows, key, codes=(issue.code,))
            stop = sys.maxsize
        if not rows:
            return _nothing(request, [issue.code, left], issue.code)
        return TrAnswer([issue.code, left], rows, codes=(issue.code,))

    def _sessions(self, code: str, trades: Sequence[Trade], day: int, now: float) -> Iterator[_Session]:
        """The sessions with trades, newest first, from that YYYYMMDD on; from the newest one for a 0."""
        newest = today(now) + 1
        if trades:
            newest = today(trades[0].time)
            if day in (0, newest):
                base = self._exchange.tape(code).base
                yield _Session(newest, base, len(trades), lambda part: _columns(trades[part]))
        past = self._before(code, day + 1 if 0 < day < newest else newest)
        while past is not None:
            yield _Session(past.day, past.base, len(past.script), partial(_part, past.script))
            past = self._before(code, past.day)

    def _before(self, code: str, day: int) -> RecordedDay | None:
        return None if self._past is None else self._past.latest_before(code, day)

    def _trades(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10003."""
        issue = self._issue(request)
        trades = traded(self._exchange, issue.code)
        stop = len(trades) if request.after is None else request.after
        start = max(0, stop - (request.tr.rows_per_page or stop))
        if start >= stop:
            return _nothing(request, [], issue.code)
        tape = self._exchange.tape(issue.code)
        held = rules(seoul(trades[start].time).date(), board(issue))
        totals = RunningTotals(trades[:stop])
        names = request.tr.multi_names
        rows = [
            in_order(names, said(trades[at], tape, held) | totals.at(at))
            for at in range(stop - 1, start - 1, -1)
        ]
        return TrAnswer(rows=rows, after=start or None, codes=(issue.code,))

    def _issue(self, request: TrRequest) -> Issue:
        issue = self._issues.get(request.inputs["종목코드"])
        if issue is None:
            raise TrRejected("unknown_code")
        return issue


_Columns = tuple[Sequence[float] | Floats, Ints, Ints]  # seconds since the epoch, KRW, shares


class _Session(NamedTuple):
    """A session's YYYYMMDD and 기준가, how many trades it has, and a way to look at a part of them."""

    day: int
    base: int
    length: int
    columns: Callable[[slice], _Columns]


def _columns(trades: Sequence[Trade]) -> _Columns:
    return (
        [trade.time for trade in trades],
        np.array([trade.price for trade in trades], np.int64),
        np.array([trade.volume for trade in trades], np.int64),
    )


def _part(script: Script, part: slice) -> _Columns:
    return script.time[part], script.price[part], script.volume[part]


def _rows(
    request: TrRequest, base: int, many: int, time: Sequence[float] | Floats, price: Ints, volume: Ints
) -> list[list[str]]:
    """Groups of so many trades as rows of opt10079, newest first; there is a trade at least."""
    starts = run_starts(np.arange(len(price)) // many)
    lasts = np.append(starts[1:], len(price)) - 1
    columns = {
        "현재가": kiwoom_format.prices(price[lasts], base),
        "거래량": kiwoom_format.plain_numbers(np.add.reduceat(volume, starts)),
        # a group bears the time of its last trade
        "체결시간": [f"{seoul(time[at]):%Y%m%d%H%M%S}" for at in lasts.tolist()],
        "시가": kiwoom_format.prices(price[starts], base),
        "고가": kiwoom_format.prices(np.maximum.reduceat(price, starts), base),
        "저가": kiwoom_format.prices(np.minimum.reduceat(price, starts), base),
    }
    blanks = [""] * len(starts)
    names = request.tr.multi_names
    rows = list(map(list, zip(*(columns.get(name, blanks) for name in names), strict=True)))
    return rows[::-1]


class RunningTotals:
    """What had been traded with each trade: shares, won, and bought in percent of sold."""

    def __init__(self, trades: Sequence[Trade]) -> None:
        price = np.array([trade.price for trade in trades], np.int64)
        volume = np.array([trade.volume for trade in trades], np.int64)
        side = np.array([trade.side for trade in trades], np.int64)
        self._volume: Ints = np.cumsum(volume)
        self._value: Ints = np.cumsum(volume * price)
        self._bought: Ints = np.cumsum(volume * (side == Side.BUY))
        self._sold: Ints = np.cumsum(volume * (side == Side.SELL))

    @property
    def strengths(self) -> Floats:
        """체결강도 with each trade."""
        found: Floats = self._bought * 100 / np.maximum(self._sold, 1)
        return found

    def at(self, place: int) -> dict[str, str]:
        bought, sold = int(self._bought[place]), int(self._sold[place])
        return {
            "누적거래량": str(int(self._volume[place])),
            "누적거래대금": str(int(self._value[place])),
            "체결강도": kiwoom_format.decimal(bought * 100, max(1, sold)),
        }


def said(trade: Trade, tape: Tape, held: PriceRules) -> dict[str, str]:
    """One trade. Who took the best ask traded at it; in an auction the trade is shown at the bid."""
    if trade.side is Side.BUY:
        ask, bid = trade.price, held.floor(trade.price - 1)
    else:
        ask, bid = trade.price + held.tick(trade.price), trade.price
    change = trade.price - tape.base
    return {
        "시간": f"{seoul(trade.time):%H%M%S}",
        "현재가": kiwoom_format.price(trade.price, tape.base),
        "전일대비": kiwoom_format.signed(change),
        "대비율": kiwoom_format.rate(change, tape.base),
        "우선매도호가단위": kiwoom_format.price(ask if ask <= tape.upper else 0, tape.base),
        "우선매수호가단위": kiwoom_format.price(bid if bid >= tape.lower else 0, tape.base),
        # the sign is the side's; a trade of an auction leaves its place blank
        "체결거래량": SIGNS[trade.side] + str(trade.volume),
        "sign": kiwoom_format.change_sign(trade.price, tape.base, tape.upper, tape.lower),
    }


def traded(exchange: Exchange, code: str) -> list[Trade]:
    """The session's trades; none for an issue of which the exchange knows nothing."""
    try:
        return exchange.trades(code)
    except LookupError:
        return []


def _regular(trades: list[Trade], sessions: Sessions) -> list[Trade]:
    """Those of the regular session, which are from its opening to the end of the pause after it."""
    if not trades:
        return trades
    hours = phases.hours(sessions, phases.session_index(sessions, trades[-1].time))
    first, stop = (
        bisect_left(trades, edge, key=lambda trade: trade.time)
        for edge in (hours.opens, hours.afternoon_begins)
    )
    return trades[first:stop]


def _nothing(request: TrRequest, single: Sequence[str], code: str) -> TrAnswer:
    return TrAnswer(single, message=message("no_history") if request.after is None else "", codes=(code,))
