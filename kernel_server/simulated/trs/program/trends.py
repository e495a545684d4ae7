"""Program trading of a market: by minute or day (opt90005), and added up over a year (opt90007).

Amounts are in 백만원, volumes in 천주, both rounded. The forms are those of the REST service's documentation, whose TRs
have the same fields; that the control's are the same is a guess.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.market_time import duration_text
from kernel_server.simulated.base.tr import (
    AnswerPending,
    TrAnswer,
    TrHandler,
    TrRejected,
    TrRequest,
    in_order,
    message,
)
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.snapshot.index_format import index_text
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.index_weights import SCALE
from kernel_server.simulated.snapshot.scanner import ISSUES_PER_TURN, MarketScanner
from kernel_server.simulated.trs.program.basis import basis
from kernel_server.simulated.trs.program.totals import (
    ProgramAmounts,
    ProgramHistory,
    ProgramTotal,
    market_input,
    newest_day,
)
from kernel_server.simulated.trs.rankings.view import BarsView

_KOSPI200 = "201"
_BY_TIME, _BY_DAY = "1", "2"
_MONEY, _SHARES = "1", "2"
_YEAR = 252  # sessions that opt90007 adds up
_GROUPS = {"0": "KOSPI", "1": "KOSDAQ"}  # 시장구분 of opt90007
_DAY = 1_000_000


class _Kospi200(NamedTuple):
    """The index at one moment and at the close before, in hundredths of a point; 0 if unknown."""

    value: int
    base: int


_UNKNOWN = _Kospi200(0, 0)


class ProgramTrends:
    """Handlers of opt90005 and opt90007."""

    def __init__(self, scanner: MarketScanner, indices: IndexValues, history: ProgramHistory) -> None:
        self._scanner = scanner
        self._indices = indices
        self._history = history

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt90005": self._trend, "opt90007": self._added_up}

    def _trend(self, request: TrRequest, now: float) -> TrAnswer:
        """opt90005: minutes of the newest session, or days up to 날짜; the continuation key is the oldest."""
        inputs = request.inputs
        market, until = market_input(inputs["시장구분"]), date_input(inputs["날짜"])
        measure_input(inputs["금액수량구분"])
        if inputs["시간구분"] not in (_BY_TIME, _BY_DAY) or inputs["분틱구분"] not in ("", "0", "1"):
            raise TrRejected("bad_input")
        self._prepare_index()
        view = BarsView(self._scanner, now)
        if inputs["시간구분"] == _BY_TIME:
            return self._minutes(request, view, market, until)
        days = self._history.known_days(view.facts)
        stop = request.after - 1 if request.after is not None else until or newest_day(view.facts)
        days = days[: int(np.searchsorted(days, stop, "right"))]
        page = days[max(0, len(days) - (request.tr.rows_per_page or len(days))) :]
        self._history.prepare(view, market, page.tolist())
        index = self._index_days(now)
        rows = [
            self._row(
                request,
                f"{day}000000",
                self._history.day(view, market, day),
                index.get(day, _UNKNOWN),
                basis(index.get(day, _UNKNOWN).value, day),
            )
            for day in reversed(page.tolist())
        ]
        after = int(page[0]) if len(page) < len(days) else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _minutes(self, request: TrRequest, view: BarsView, market: str, day: int) -> TrAnswer:
        newest = newest_day(view.facts)
        if day not in (0, newest):
            return TrAnswer(message=message("no_history"))  # the broker keeps the minutes of one session
        if not self._scanner.prepare_curves(view.now, ISSUES_PER_TURN):
            raise AnswerPending
        ends = self._scanner.minute_ends(view.now)
        ends = ends[: int(np.searchsorted(ends, len(ends) and (request.after or ends[-1] + 1)))]
        page = ends[max(0, len(ends) - (request.tr.rows_per_page or len(ends))) :]
        places, traders = self._history.newest(view, market)
        totals = traders.totals(*self._scanner.traded_by(places, page))
        index = self._index_minutes(view.now, newest)
        rows = []
        for end, total in zip(page.tolist()[::-1], totals[::-1], strict=True):
            clock = duration_text(end)
            at = index.get(int(clock), _UNKNOWN)
            rows.append(self._row(request, clock, total, at, basis(at.value, newest, end // 60)))
        after = int(page[0]) if len(page) < len(ends) else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _row(
        self, request: TrRequest, time: str, total: ProgramTotal, index: _Kospi200, above: int
    ) -> list[str]:
        in_money = request.inputs["금액수량구분"] == _MONEY
        values = {"체결시간": time, **index_fields(index.value, index.base, above)}
        for unit, amounts, divisor in (("", total.money, 1), ("수량", total.shares, 1000)):
            values |= {
                f"차익거래매도{unit}": _rounded(amounts.arbitrage_sold, divisor),
                f"차익거래매수{unit}": _rounded(amounts.arbitrage_bought, divisor),
                f"차익거래순매수{unit}": _signed(amounts.arbitrage, divisor),
                f"비차익거래매도{unit}": _rounded(amounts.other_sold, divisor),
                f"비차익거래매수{unit}": _rounded(amounts.other_bought, divisor),
                f"비차익거래순매수{unit}": _signed(amounts.other, divisor),
            }
        whole, divisor = (total.money, 1) if in_money else (total.shares, 1000)
        values |= {
            "전체매도": _rounded(whole.sold, divisor),
            "전체매수": _rounded(whole.bought, divisor),
            "전체순매수": _signed(whole.bought - whole.sold, divisor),
        }
        return in_order(request.tr.multi_names, values)

    def _added_up(self, request: TrRequest, now: float) -> TrAnswer:
        """opt90007: the year of sessions up to 날짜; 누적 begins with the first of them."""
        inputs = request.inputs
        market, until = _GROUPS.get(inputs["시장구분"]), date_input(inputs["날짜"])
        money = measure_input(inputs["금액수량구분"]) == _MONEY
        if market is None:
            raise TrRejected("bad_input")
        self._prepare_index()
        view = BarsView(self._scanner, now)
        days = self._history.known_days(view.facts)
        days = days[: int(np.searchsorted(days, until or newest_day(view.facts), "right"))][-_YEAR:]
        self._history.prepare(view, market, days.tolist())
        totals = [self._history.day(view, market, day) for day in days.tolist()]
        amounts = [total.money if money else total.shares for total in totals]
        index = self._index_days(now)
        stop = len(days) if request.after is None else int(np.searchsorted(days, request.after))
        start = max(0, stop - (request.tr.rows_per_page or stop))
        divisor = 1 if money else 1000
        arbitrage, other = _running(amounts)
        rows = []
        for at in range(stop - 1, start - 1, -1):
            day = int(days[at])
            level = index.get(day, _UNKNOWN)
            values = {
                "일자": str(day),
                **index_fields(level.value, level.base, basis(level.value, day)),
                "차익거래당일": _signed(amounts[at].arbitrage, divisor),
                "차익거래누적": _signed(int(arbitrage[at]), divisor),
                "비차익거래당일": _signed(amounts[at].other, divisor),
                "비차익거래누적": _signed(int(other[at]), divisor),
                "전체당일": _signed(amounts[at].bought - amounts[at].sold, divisor),
                "전체누적": _signed(int(arbitrage[at] + other[at]), divisor),
            }
            rows.append(in_order(request.tr.multi_names, values))
        after = int(days[start]) if start else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _prepare_index(self) -> None:
        if not self._indices.prepare_index(_KOSPI200):
            raise AnswerPending

    def _index_days(self, now: float) -> dict[int, _Kospi200]:
        if _KOSPI200 not in self._indices.by_code:
            return {}
        bars = self._indices.daily(_KOSPI200, now)
        base = np.append(bars.open[:1], bars.close[:-1])
        return _by_time(bars.time, bars, base)

    def _index_minutes(self, now: float, day: int) -> dict[int, _Kospi200]:
        """The index by the end of each minute of the day, HHMMSS."""
        days = self._index_days(now)
        if day not in days:
            return {}
        minutes = self._indices.minute(_KOSPI200, now, 1)
        clock = minutes.time % _DAY
        ends = clock // 100 % 100 + 1
        # The closing auction is labelled with the close itself.
        last = np.arange(len(clock)) == len(clock) - 1
        closing = last & (np.diff(clock, prepend=clock[:1]) > 100)
        ended = np.where(closing, clock, clock // 10_000 * 10_000 + ends // 60 * 10_000 + ends % 60 * 100)
        return _by_time(ended, minutes, np.full(len(clock), days[day].base))


def index_fields(value: int, base: int, above: int) -> dict[str, str]:
    """KOSPI200 and BASIS, given in hundredths of a point."""
    if not value:
        return {"KOSPI200": "0.00", "BASIS": "0.00"}
    return {"KOSPI200": index_text(value, base), "BASIS": kiwoom_format.decimal(above, SCALE)}


def measure_input(text: str) -> str:
    """A 금액수량구분: 1 money, 2 shares.

    Raises:
        TrRejected: it is neither.
    """
    if text not in (_MONEY, _SHARES):
        raise TrRejected("bad_input")
    return text


def _by_time(time: Ints, bars: Bars, base: Ints) -> dict[int, _Kospi200]:
    rows = zip(time.tolist(), bars.close.tolist(), base.tolist(), strict=True)
    return {at: _Kospi200(close, before) for at, close, before in rows}


def _running(amounts: list[ProgramAmounts]) -> tuple[Ints, Ints]:
    arbitrage = np.cumsum(np.array([each.arbitrage for each in amounts], np.int64))
    return arbitrage, np.cumsum(np.array([each.other for each in amounts], np.int64))


def _rounded(amount: int, divisor: int) -> str:
    return str(kiwoom_format.divide_rounded(amount, divisor))


def _signed(amount: int, divisor: int) -> str:
    return kiwoom_format.signed(kiwoom_format.divide_rounded(amount, divisor))
