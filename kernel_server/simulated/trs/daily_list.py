"""TRs that list the days of an issue, newest first: prices, volumes, investors, foreign ownership.

Their inputs and numbers of rows are in ``_DAILY_TRS``, their fields in ``daily_columns``. Prices are adjusted, as in
opt10081 with adjustment. A page's continuation key is its oldest day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, message
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.foreign_ownership import ForeignHoldings
from kernel_server.simulated.market.fundamentals import credit_ratio
from kernel_server.simulated.market.model import Bars, Market
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.trading_hours import today
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.trs.daily_columns import COLUMNS, Column, DailyColumns

_PERIOD = 20  # sessions summed by 기관기간누적 of opt10009, which has no period input
_MONEY = "1"
_BUYING, _SELLING = "1", "2"

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
    "opt10014": _DailyTr("시작일자", "종료일자", 0),
    "opt10015": _DailyTr("", "시작일자", 0),
    "opt10045": _DailyTr("시작일자", "종료일자", 0),
    "opt10047": _DailyTr("", "", 0),
    "opt10086": _DailyTr("", "조회일자", 0),
}


class DailyLists:
    """Handlers of the TRs of ``_DAILY_TRS``."""

    def __init__(self, market: Market, settings: BrokerSettings) -> None:
        self._market = market
        self._seed = settings.fundamentals_seed
        self._issues = market.issues()
        self._foreign_holdings = ForeignHoldings(market, settings.fundamentals_seed)

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return dict.fromkeys(_DAILY_TRS, self._days)

    def _days(self, request: TrRequest, now: float) -> TrAnswer:
        inputs, tr = request.inputs, _DAILY_TRS[request.tr.code]
        issue = self._issues.get(inputs["종목코드"])
        if inputs.get("표시구분", "0") not in ("", "0", _MONEY):
            raise TrRejected("bad_input")
        since = date_input(inputs[tr.since]) if tr.since else 0
        until = (date_input(inputs[tr.until]) if tr.until else 0) or today(now)
        if issue is None:
            raise TrRejected("unknown_code")
        bars = self._bars(issue.code, now)
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
            foreign_shares=self._foreign_holdings.shares_held(issue, bars.time[start:stop], now),
            credit="" if self._seed is None else credit_ratio(issue, self._seed),
            money=inputs.get("표시구분") == _MONEY,
            since=max(0, stop - _PERIOD) if tr.rows == 1 else first if since else start,
        )
        columns = (COLUMNS.get(name, _BLANK)(days) for name in request.tr.multi_names)
        rows = list(map(list, zip(*columns, strict=True)))
        rows.reverse()
        after = int(bars.time[start]) if start > first and tr.rows != 1 else None
        return TrAnswer(_estimates(inputs, days), rows, after, codes=(issue.code,))

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
