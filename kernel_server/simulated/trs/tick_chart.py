"""Trades of the newest session: tick chart (opt10079) and 체결정보 (opt10003).

A page's continuation key is the number of its oldest trade within the session, in opt10079 prefixed with the
session's day; new trades do not shift the pages.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.price_rules import PriceRules, rules
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.exchange.interface import Exchange, Tape, Trade, TradeLog
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.day_summary import trade_strength
from kernel_server.simulated.market.model import Issue, board
from kernel_server.simulated.market.nextrade.venues import split
from kernel_server.simulated.market.resample import run_starts
from kernel_server.simulated.market.trade_script import RecordedDay, RecordedTrades, Script, Side
from kernel_server.simulated.market.trading_hours import today

INTERVALS = ("1", "3", "5", "10", "30")

_TRADES_PER_DAY = 10**8  # more than a session has trades
VOLUME_SIGNS = {Side.BUY: "+", Side.SELL: "-", Side.NONE: " "}


class TickCharts:
    """Handlers of opt10079 and opt10003.

    Args:
        issues: all listed issues by code.
        exchange: supplies the tape. Its trades and 기준가 are of one day, so adjusted and unadjusted ticks are
            equal.
        recorded: recorded trades of earlier sessions, which opt10079 continues with.
        calendar: trading hours, to limit the tick chart to regular trading as in minute charts; without it, and at
            other exchanges, the tick chart has all trades, as opt10003 does.
    """

    def __init__(
        self,
        issues: Mapping[str, Issue],
        exchange: Exchange,
        recorded: RecordedTrades | None = None,
        calendar: Callable[[], Sessions] | None = None,
    ) -> None:
        self._issues = issues
        self._exchange = exchange
        self._recorded = recorded
        self._calendar = calendar

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10079": self._ticks, "opt10003": self._trades}

    def _ticks(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10079. Ticks are grouped from each session's first trade; the newest group may be incomplete."""
        issue = self._issue(request)
        interval = request.inputs["틱범위"]
        if interval not in INTERVALS or request.inputs["수정주가구분"] not in ("0", "1", ""):
            raise TrRejected("bad_input")
        size_of_group = int(interval)
        trades = session_trades(self._exchange, issue.code)
        if self._calendar is not None and not split(issue.code)[1]:
            trades = _regular_session(trades, self._calendar())
        # Number of trades in the newest group.
        in_last_group = str((len(trades) - 1) % size_of_group + 1) if trades else "0"
        size = request.tr.rows_per_page or sys.maxsize
        day, stop = divmod(request.after, _TRADES_PER_DAY) if request.after is not None else (0, sys.maxsize)
        rows: list[list[str]] = []
        for found in self._sessions_from(issue.code, trades, day, now):
            stop = min(stop, found.length)
            start = max(0, (-(-stop // size_of_group) - (size - len(rows))) * size_of_group)
            if start < stop:
                rows += _rows(request, found.base, size_of_group, *found.columns(slice(start, stop)))
            if len(rows) == size:
                more = start or self._recorded_before(issue.code, found.day)
                key = found.day * _TRADES_PER_DAY + start if more else None
                return TrAnswer([issue.code, in_last_group], rows, key, codes=(issue.code,))
            stop = sys.maxsize
        if not rows:
            return _empty_page(request, [issue.code, in_last_group], issue.code)
        return TrAnswer([issue.code, in_last_group], rows, codes=(issue.code,))

    def _sessions_from(self, code: str, trades: TradeLog, day: int, now: float) -> Iterator[_Session]:
        """Sessions with trades, newest first, starting at ``day`` (YYYYMMDD), or at the newest for 0."""
        newest = today(now) + 1
        if trades:
            newest = today(trades[0].time)
            if day in (0, newest):
                base = self._exchange.base(code)
                yield _Session(newest, base, len(trades), partial(_columns, trades.columns))
        recorded = self._recorded_before(code, day + 1 if 0 < day < newest else newest)
        while recorded is not None:
            yield _Session(
                recorded.day, recorded.base, len(recorded.script), partial(_columns, recorded.script)
            )
            recorded = self._recorded_before(code, recorded.day)

    def _recorded_before(self, code: str, day: int) -> RecordedDay | None:
        return None if self._recorded is None else self._recorded.latest_before(code, day)

    def _trades(self, request: TrRequest, now: float) -> TrAnswer:  # noqa: ARG002
        """opt10003."""
        issue = self._issue(request)
        trades = session_trades(self._exchange, issue.code)
        stop = len(trades) if request.after is None else request.after
        start = max(0, stop - (request.tr.rows_per_page or stop))
        if start >= stop:
            return _empty_page(request, [], issue.code)
        tape = self._exchange.tape(issue.code)
        price_rules = rules(seoul(trades[start].time).date(), board(issue))
        totals = RunningTotals(trades[:stop])
        names = request.tr.multi_names
        rows = [
            in_order(names, trade_fields(trades[at], tape, price_rules) | totals.at(at))
            for at in range(stop - 1, start - 1, -1)
        ]
        return TrAnswer(rows=rows, after=start or None, codes=(issue.code,))

    def _issue(self, request: TrRequest) -> Issue:
        issue = self._issues.get(request.inputs["종목코드"])
        if issue is None:
            raise TrRejected("unknown_code")
        return issue


_Columns = tuple[Floats, Ints, Ints]  # seconds since the epoch, KRW, shares


class _Session(NamedTuple):
    """Trades of a session (YYYYMMDD): its 기준가, their number, and a function for the columns of a slice."""

    day: int
    base: int
    length: int
    columns: Callable[[slice], _Columns]


def _columns(script: Script, part: slice) -> _Columns:
    trades = script[part]
    return trades.time, trades.price.astype(np.int64), trades.volume.astype(np.int64)


def _rows(
    request: TrRequest,
    base: int,
    size_of_group: int,
    time: Floats,
    price: Ints,
    volume: Ints,
) -> list[list[str]]:
    """Rows of opt10079, newest first, one for each group of trades; there is at least one trade."""
    starts = run_starts(np.arange(len(price)) // size_of_group)
    lasts = np.append(starts[1:], len(price)) - 1
    columns = {
        "현재가": kiwoom_format.prices(price[lasts], base),
        "거래량": kiwoom_format.plain_numbers(np.add.reduceat(volume, starts)),
        # A group is labelled with the time of its last trade.
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
    """Cumulative totals with each trade: volume, value, and 체결강도 (bought in percent of sold)."""

    def __init__(self, trades: TradeLog) -> None:
        columns = trades.columns
        side = columns.side
        volume = columns.volume.astype(np.int64)
        self._volume: Ints = np.cumsum(volume)
        self._value: Ints = np.cumsum(columns.value)
        self._bought: Ints = np.cumsum(volume * (side == Side.BUY))
        self._sold: Ints = np.cumsum(volume * (side == Side.SELL))

    @property
    def strengths(self) -> Floats:
        """체결강도 after each trade."""
        found: Floats = np.where(self._sold > 0, self._bought * 100 / np.maximum(self._sold, 1), 0.0)
        return found

    def at(self, place: int) -> dict[str, str]:
        bought, sold = int(self._bought[place]), int(self._sold[place])
        return {
            "누적거래량": str(int(self._volume[place])),
            "누적거래대금": str(int(self._value[place])),
            "체결강도": trade_strength(bought, sold),
        }


def trade_fields(trade: Trade, tape: Tape, price_rules: PriceRules) -> dict[str, str]:
    """Fields of one trade. A buyer's trade is at the best ask; an auction trade is shown at the bid."""
    if trade.side is Side.BUY:
        ask, bid = trade.price, price_rules.floor(trade.price - 1)
    else:
        ask, bid = trade.price + price_rules.tick(trade.price), trade.price
    change = trade.price - tape.base
    return {
        "시간": f"{seoul(trade.time):%H%M%S}",
        "현재가": kiwoom_format.price(trade.price, tape.base),
        "전일대비": kiwoom_format.signed(change),
        "대비율": kiwoom_format.rate(change, tape.base),
        "우선매도호가단위": kiwoom_format.price(ask if ask <= tape.upper else 0, tape.base),
        "우선매수호가단위": kiwoom_format.price(bid if bid >= tape.lower else 0, tape.base),
        # The sign is of the aggressor's side, blank for an auction trade.
        "체결거래량": VOLUME_SIGNS[trade.side] + str(trade.volume),
        "sign": kiwoom_format.change_sign(trade.price, tape.base, tape.upper, tape.lower),
    }


def session_trades(exchange: Exchange, code: str) -> TradeLog:
    """Trades of the session; empty for an issue unknown to the exchange."""
    try:
        return exchange.trades(code)
    except LookupError:
        return TradeLog(code)


def _regular_session(trades: TradeLog, sessions: Sessions) -> TradeLog:
    """Trades of the regular session, from the open to the end of the pause after the close."""
    if not trades:
        return trades
    hours = phases.hours(sessions, phases.session_index(sessions, trades[-1].time))
    first, stop = (trades.columns.count_before(edge) for edge in (hours.opens, hours.afternoon_begins))
    return trades[first:stop]


def _empty_page(request: TrRequest, single: Sequence[str], code: str) -> TrAnswer:
    return TrAnswer(single, message=message("no_history") if request.after is None else "", codes=(code,))
