"""The TRs that list an issue's days, newest first: prices, volumes, who traded, what foreigners hold.

Which inputs each has, and how many days it shows, is in ``_KINDS``; its fields are ``day_columns``. Prices are
adjusted, so that they agree with opt10081 for adjusted prices. A page's continuation key is its oldest day.
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

_PERIOD = 20  # sessions that 기관기간누적 of opt10009 adds up, which asks for no period
_MONEY = "1"
_BUYING, _SELLING = "1", "2"

_BLANK: Column = lambda days: [""] * len(days.asked)  # noqa: E731


class _Kind(NamedTuple):
    """The inputs with the oldest and the newest day asked for, blank for none; how many rows, 0 for a page."""

    since: str
    until: str
    rows: int


_KINDS = {
    "opt10005": _Kind("", "", 0),
    "opt10006": _Kind("", "", 1),
    "opt10008": _Kind("", "", 100),
    "opt10009": _Kind("", "", 1),
    "opt10014": _Kind("시작일자", "종료일자", 0),
    "opt10015": _Kind("", "시작일자", 0),
    "opt10045": _Kind("시작일자", "종료일자", 0),
    "opt10047": _Kind("", "", 0),
    "opt10086": _Kind("", "조회일자", 0),
}


class DailyLists:
    """Handlers of the TRs of ``_KINDS``."""

    def __init__(self, market: Market, settings: BrokerSettings) -> None:
        self._market = market
        self._seed = settings.fundamentals_seed
        self._issues = market.issues()
        self._holders = ForeignHoldings(market, settings.fundamentals_seed)

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return dict.fromkeys(_KINDS, self._days)

    def _days(self, request: TrRequest, now: float) -> TrAnswer:
        inputs, kind = request.inputs, _KINDS[request.tr.code]
        issue = self._issues.get(inputs["종목코드"])
        if inputs.get("표시구분", "0") not in ("", "0", _MONEY):
            raise TrRejected("bad_input")
        since = date_input(inputs[kind.since]) if kind.since else 0
        until = (date_input(inputs[kind.until]) if kind.until else 0) or today(now)
        if issue is None:
            raise TrRejected("unknown_code")
        bars = self._known(issue.code, now)
        bars = cut(bars, 0, int(np.searchsorted(bars.time, until, "right")))
        first = int(np.searchsorted(bars.time, since))
        stop = len(bars)
        if request.after is not None:
            stop = int(np.searchsorted(bars.time, request.after))
        start = max(first, stop - (kind.rows or request.tr.rows_per_page or stop))
        if start >= stop:
            return TrAnswer(message=message("no_history") if request.after is None else "")
        days = DailyColumns(
            issue=issue,
            bars=cut(bars, 0, stop),
            start=start,
            later=int(bars.volume[stop:].sum()),
            held=self._holders.shares_held(issue, bars.time[start:stop], now),
            credit="" if self._seed is None else credit_ratio(issue, self._seed),
            money=inputs.get("표시구분") == _MONEY,
            since=max(0, stop - _PERIOD) if kind.rows == 1 else first if since else start,
        )
        columns = (COLUMNS.get(name, _BLANK)(days) for name in request.tr.multi_names)
        rows = list(map(list, zip(*columns, strict=True)))
        rows.reverse()
        after = int(bars.time[start]) if start > first and kind.rows != 1 else None
        return TrAnswer(_estimates(inputs, days), rows, after, codes=(issue.code,))

    def _known(self, code: str, now: float) -> Bars:
        adjusted = self._market.daily(code, True, now)
        return adjusted if len(adjusted) else self._market.daily(code, False, now)


def _estimates(inputs: Mapping[str, str], days: DailyColumns) -> list[str]:
    """The single block of opt10045: what institutions and foreigners paid, or got, for a share on average."""
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
