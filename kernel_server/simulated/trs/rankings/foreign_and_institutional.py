"""opt90009: what foreigners and institutions bought and sold most on a day, four rankings side by side.

Amounts are in 천만원 and shares in 천주, sales negative and purchases without a sign, as the REST service has them.
"""

from __future__ import annotations

import numpy as np

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.market.investor_groups import FOREIGNERS, INSTITUTIONS
from kernel_server.simulated.snapshot.investor_matrix import InvestorMatrix, last_sessions, period_between
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.simulated.trs.rankings.view import BarsView

_MARKETS = {"000": ("KOSPI", "KOSDAQ"), "001": ("KOSPI",), "101": ("KOSDAQ",)}
_MONEY, _SHARES = "1", "2"
_NEWEST, _ON_DAY = "0", "1"  # 조회일자구분: without, or with 날짜
_GROUPS = {"외인": FOREIGNERS, "기관": INSTITUTIONS}
_MONEY_UNIT, _SHARE_UNIT = 10, 1000  # of amounts in 백만원, and of shares
_TOP = 100


class ForeignAndInstitutional:
    """Handler of opt90009."""

    def __init__(self, scanner: MarketScanner, flows: InvestorMatrix) -> None:
        self._scanner = scanner
        self._flows = flows

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt90009": self._page}

    def _page(self, request: TrRequest, now: float) -> TrAnswer:
        """The continuation key is the number of rows shown so far."""
        inputs = request.inputs
        markets, measure = _MARKETS.get(inputs["시장구분"]), inputs["금액수량구분"]
        if markets is None or measure not in (_MONEY, _SHARES):
            raise TrRejected("bad_input")
        if inputs["조회일자구분"] not in (_NEWEST, _ON_DAY):
            raise TrRejected("bad_input")
        day = date_input(inputs["날짜"]) if inputs["조회일자구분"] == _ON_DAY else 0
        view = BarsView(self._scanner, now)
        period = period_between(view.facts, day, day) if day else last_sessions(1)
        inside = np.array([issue.market in markets for issue in view.facts.issues])
        columns: list[list[dict[str, str]]] = []
        for short, group in _GROUPS.items():
            money, shares = (
                self._flows.traded(view, period, group, in_money).net.sum(axis=1)
                for in_money in (True, False)
            )
            key = np.where(inside, money if measure == _MONEY else shares, 0)
            for side, sign in (("순매도", 1), ("순매수", -1)):
                order = np.argsort(sign * key, kind="stable")[:_TOP]
                chosen = order[sign * key[order] < 0]
                columns.append(
                    [self._cell(view, f"{short}{side}", at, money, shares) for at in chosen.tolist()]
                )
        count = max(map(len, columns))
        start = request.after or 0
        stop = min(count, start + (request.tr.rows_per_page or count))
        rows = []
        for rank in range(start, stop):
            values: dict[str, str] = {}
            for column in columns:
                values |= column[rank] if rank < len(column) else {}
            rows.append(in_order(request.tr.multi_names, values))
        after = stop if stop < count else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _cell(self, view: BarsView, name: str, at: int, money: Ints, shares: Ints) -> dict[str, str]:
        issue = view.facts.issues[at]
        return {
            f"{name}종목코드": issue.code,
            f"{name}종목명": issue.name,
            f"{name}금액": str(kiwoom_format.divide_rounded(int(money[at]), _MONEY_UNIT)),
            f"{name}수량": str(kiwoom_format.divide_rounded(int(shares[at]), _SHARE_UNIT)),
        }
