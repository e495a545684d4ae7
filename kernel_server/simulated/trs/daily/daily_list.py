"""TRs that list the days of an issue, newest first: prices, volumes, investors, foreign ownership.

Their inputs and numbers of rows are in ``_DAILY_TRS``, their fields in the modules of columns. Prices are adjusted, as
in opt10081 with adjustment. A page's continuation key is its oldest day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import AnswerPending, TrAnswer, TrHandler, TrRejected, TrRequest, message
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.model import Bars, Market
from kernel_server.simulated.market.nextrade.venues import split
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.statistics.foreign_ownership import ForeignHoldings
from kernel_server.simulated.market.trading_hours import today
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.trs.daily import columns, credit_columns, program_columns
from kernel_server.simulated.trs.daily.columns import Column, DailyColumns
from kernel_server.simulated.trs.quotes import tape_of

_PERIOD = 20  # sessions summed by 기관기간누적 of opt10009, which has no period input
_MONEY = "1"
_BUYING, _SELLING = "1", "2"
_SHORT_SALES = "2"  # 조회구분 of opt10013

_COLUMNS: Mapping[str, Column] = {
    **columns.COLUMNS,
    **credit_columns.COLUMNS,
    **program_columns.COLUMNS,
}
_OWN_COLUMNS: Mapping[str, Mapping[str, Column]] = {"opt10013": {"대비": credit_columns.CREDIT_CHANGE}}
"""Columns of a TR whose names mean something else in others."""

_CHOICES = {"표시구분": ("", "0", "1"), "조회구분": ("1", "2"), "전체구분": ("", "0", "1")}
"""Accepted values of inputs."""

_BLANK: Column = lambda days: [""] * len(days.asked)  # noqa: E731


class _DailyTr(NamedTuple):
    """Names of the inputs for the oldest and newest day, blank if none; number of rows, 0 for a page."""

    since: str
    until: str
    rows: int


_DAILY_TRS = {
    "opt10005": _DailyTr("", "", 0),
    "opt10006": _DailyTr("", "", 1),
    "opt10008": _DailyTr("", "", 100),
    "opt10009": _DailyTr("", "", 1),
    "opt10013": _DailyTr("", "일자", 0),
    "opt10014": _DailyTr("시작일자", "종료일자", 0),
    "opt10015": _DailyTr("", "시작일자", 0),
    "opt10045": _DailyTr("시작일자", "종료일자", 0),
    "opt10047": _DailyTr("", "", 0),
    "opt10086": _DailyTr("", "조회일자", 0),
    "opt20068": _DailyTr("시작일자", "종료일자", 0),
    "opt90013": _DailyTr("", "날짜", 0),
}


_AT_EVERY_EXCHANGE = ("opt10005", "opt10006", "opt10086")


class DailyLists:
    """Handlers of the TRs of ``_DAILY_TRS``; some of them know the codes of other exchanges.

    Args:
        market: of all exchanges.
        settings: settings of the broker.
        exchange: says who initiated the trades of the newest day.
    """

    def __init__(self, market: Market, settings: BrokerSettings, exchange: Exchange) -> None:
        self._market = market
        self._exchange = exchange
        self._seed = settings.fundamentals_seed
        self._issues = market.issues()
        self._foreign_holdings = ForeignHoldings(market, settings.fundamentals_seed)

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return dict.fromkeys(_DAILY_TRS, self._days)

    def _days(self, request: TrRequest, now: float) -> TrAnswer:
        inputs, tr = request.inputs, _DAILY_TRS[request.tr.code]
        issue = self._issues.get(inputs["종목코드"])
        if any(inputs[name] not in known for name, known in _CHOICES.items() if name in inputs):
            raise TrRejected("bad_input")
        since = date_input(inputs[tr.since]) if tr.since else 0
        until = (date_input(inputs[tr.until]) if tr.until else 0) or today(now)
        own, venue = split(inputs["종목코드"])
        if issue is None or (venue and request.tr.code not in _AT_EVERY_EXCHANGE):
            raise TrRejected("unknown_code")
        bars = self._bars(issue.code, now)
        newest = int(bars.time[-1]) if len(bars) else 0
        bars = cut(bars, 0, int(np.searchsorted(bars.time, until, "right")))
        first = int(np.searchsorted(bars.time, since))
        stop = len(bars)
        if request.after is not None:
            stop = int(np.searchsorted(bars.time, request.after))
        start = max(first, stop - (tr.rows or request.tr.rows_per_page or stop))
        if start >= stop:
            return TrAnswer(message=message("no_history") if request.after is None else "")
        days = DailyColumns(
            issue=issue,
            bars=cut(bars, 0, stop),
            start=start,
            later=int(bars.volume[stop:].sum()),
            foreign_shares=self._foreign_holdings.shares_held(self._issues[own], bars.time[start:stop], now),
            seed=self._seed,
            money=inputs.get("표시구분") == _MONEY,
            sold=inputs.get("조회구분") == _SHORT_SALES,
            since=max(0, stop - _PERIOD) if tr.rows == 1 else first if since else start,
            newest=newest,
            bases=self._bases(own, cut(bars, 0, stop), now) if venue else None,
            initiated=self._initiated(issue.code, int(bars.time[stop - 1]), request.tr.multi_names),
        )
        known = {**_COLUMNS, **_OWN_COLUMNS.get(request.tr.code, {})}
        if venue:
            known = {name: known[name] for name in known.keys() & columns.AT_EVERY_EXCHANGE}
        values = (known.get(name, _BLANK)(days) for name in request.tr.multi_names)
        rows = list(map(list, zip(*values, strict=True)))
        rows.reverse()
        after = int(bars.time[start]) if start > first and tr.rows != 1 else None
        return TrAnswer(_estimates(inputs, days), rows, after, codes=(issue.code,))

    def _initiated(self, code: str, day: int, names: Sequence[str]) -> tuple[int, int] | None:
        """Shares that buyers and sellers initiated on a day, None if its trades are not known or not asked for."""
        if "체결강도" not in names:
            return None
        if not self._exchange.prepare_tapes([code]):
            raise AnswerPending
        tape = tape_of(self._exchange, code)
        if tape is None or not tape.last_time or today(tape.last_time) != day:
            return None
        return tape.buys, tape.sells

    def _bases(self, own: str, bars: Bars, now: float) -> Ints:
        """The close of the Korea Exchange before each bar; on its first day the bar's open."""
        exchange = self._bars(own, now)
        before = np.searchsorted(exchange.time, bars.time) - 1
        return np.where(before >= 0, exchange.close[np.maximum(before, 0)], bars.open)

    def _bars(self, code: str, now: float) -> Bars:
        adjusted = self._market.daily(code, True, now)
        return adjusted if len(adjusted) else self._market.daily(code, False, now)


def _estimates(inputs: Mapping[str, str], days: DailyColumns) -> list[str]:
    """Single block of opt10045: average price that institutions and foreigners paid or received per share."""
    found = []
    for name, asked in (
        (investor_groups.INSTITUTIONS, "기관추정단가구분"),
        (investor_groups.FOREIGNERS, "외인추정단가구분"),
    ):
        if asked not in inputs:
            return []
        if inputs[asked] not in (_BUYING, _SELLING):
            raise TrRejected("bad_input")
        side = inputs[asked] == _SELLING
        shares, money = (int(days.traded(name, money)[side].sum()) for money in (False, True))
        found.append(str(kiwoom_format.divide_rounded(money * 1_000_000, shares)) if shares else "0")
    return found
