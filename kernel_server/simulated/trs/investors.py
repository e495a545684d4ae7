"""Trades of an issue by investor group: opt10059 and opt10060 by day, opt10061 in total. See ``investor_groups``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kernel_server.reference.price_rules import rules
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.model import Bars, Issue, Market, board
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.trading_hours import day_of, today
from kernel_server.simulated.settings import BrokerSettings

_MONEY, _SHARES = "1", "2"
_NET, _BOUGHT, _SOLD = "0", "1", "2"
_THOUSANDS, _SINGLE = "1000", "1"


class InvestorLists:
    """Handlers of opt10059, opt10060 and opt10061."""

    def __init__(self, market: Market, settings: BrokerSettings) -> None:
        self._market = market
        self._settings = settings
        self._issues = market.issues()

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt10059": self._days, "opt10060": self._days, "opt10061": self._totals}

    def _inputs(self, request: TrRequest, now: float) -> tuple[Issue, Bars, str, str, str]:
        """Issue, its daily bars, and the inputs for measure, side and unit."""
        inputs = request.inputs
        issue = self._issues.get(inputs["종목코드"])
        measure, side, unit = inputs["금액수량구분"], inputs["매매구분"], inputs["단위구분"]
        if measure not in (_MONEY, _SHARES) or side not in (_NET, _BOUGHT, _SOLD):
            raise TrRejected("bad_input")
        if unit not in (_THOUSANDS, _SINGLE):
            raise TrRejected("bad_input")
        if issue is None:
            raise TrRejected("unknown_code")
        bars = self._market.daily(issue.code, True, now)
        if not len(bars):
            bars = self._market.daily(issue.code, False, now)
        return issue, bars, measure, side, unit

    def _days(self, request: TrRequest, now: float) -> TrAnswer:
        issue, bars, measure, side, unit = self._inputs(request, now)
        newest = date_input(request.inputs["일자"]) or today(now)
        end = np.searchsorted(bars.time, newest if request.after is None else request.after - 1, "right")
        if not end:
            return TrAnswer(message=message("no_history") if request.after is None else "")
        start = max(0, int(end) - (request.tr.rows_per_page or int(end)))
        # 기준가 is the previous close, so read one more bar than the page.
        first = max(0, start - 1)
        page = cut(bars, first, int(end))
        amounts = _by_group(self._amounts(issue, page, measure, side, unit))
        names = request.tr.multi_names
        rows = [
            in_order(
                names,
                self._row(issue, page, at, first + at == 0)
                | self._signed({name: column[at] for name, column in amounts.items()}, side),
            )
            for at in range(len(page) - 1, start - first - 1, -1)
        ]
        return TrAnswer(rows=rows, after=int(bars.time[start]) if start else None, codes=(issue.code,))

    def _row(self, issue: Issue, bars: Bars, at: int, oldest: bool) -> dict[str, str]:
        last = int(bars.close[at])
        base = int(bars.open[at] if oldest else bars.close[at - 1])
        upper, lower = rules(day_of(int(bars.time[at])), board(issue)).limits(base)
        return {
            "일자": str(int(bars.time[at])),
            "현재가": kiwoom_format.price(last, base),
            "대비기호": kiwoom_format.change_sign(last, base, upper, lower),
            "전일대비": kiwoom_format.signed(last - base),
            "등락율": kiwoom_format.rate(last - base, base),
            "누적거래량": str(int(bars.volume[at])),
            "누적거래대금": str(kiwoom_format.millions(int(bars.value[at]))),
        }

    def _totals(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10061: totals from 시작일자 to 종료일자 in one row; negative numbers have two signs."""
        issue, bars, measure, side, unit = self._inputs(request, now)
        first = date_input(request.inputs["시작일자"])
        last = date_input(request.inputs["종료일자"]) or today(now)
        span = cut(
            bars, int(np.searchsorted(bars.time, first)), int(np.searchsorted(bars.time, last, "right"))
        )
        if not len(span):
            return TrAnswer(message=message("no_history"))
        amounts = _by_group(self._amounts(issue, span, measure, side, unit))
        sign = -1 if side == _SOLD else 1
        values = {name: kiwoom_format.twice_signed(sign * sum(column)) for name, column in amounts.items()}
        return TrAnswer(rows=[in_order(request.tr.multi_names, values)], codes=(issue.code,))

    def _amounts(self, issue: Issue, bars: Bars, measure: str, side: str, unit: str) -> Ints:
        """Trades of each group, one row a day, in the unit requested."""
        if measure == _MONEY:
            totals = investor_groups.millions(bars.value)
        else:
            totals = bars.volume if unit == _SINGLE else (bars.volume + 500) // 1000
        bought, sold = investor_groups.bought_and_sold(issue.code, epoch_days(bars.time), totals)
        return {_NET: bought - sold, _BOUGHT: bought, _SOLD: sold}[side]

    def _signed(self, amounts: Mapping[str, int], side: str) -> dict[str, str]:
        if side != _NET and self._settings.flow_signs == "plain":
            return {name: str(amount) for name, amount in amounts.items()}
        sign = -1 if side == _SOLD else 1
        return {name: kiwoom_format.signed(amount * sign) for name, amount in amounts.items()}


def _by_group(amounts: Ints) -> dict[str, list[int]]:
    """Amounts of each day by group, with the subtotals."""
    return {name: investor_groups.group_total(amounts, name).tolist() for name in investor_groups.names()}
