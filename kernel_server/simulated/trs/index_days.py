"""Indices by day (opt20009), by member issue (opt20002) and by investor group (opt10051)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import numpy as np

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import (
    AnswerPending,
    TrAnswer,
    TrHandler,
    TrRejected,
    TrRequest,
    in_order,
    message,
    unread,
)
from kernel_server.simulated.exchange.interface import Exchange
from kernel_server.simulated.market.day_summary import DaySummary
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.trading_hours import today
from kernel_server.simulated.snapshot.index_breadth import is_counted, member_places
from kernel_server.simulated.snapshot.index_format import base_value, change_text, direction, index_text
from kernel_server.simulated.snapshot.index_values import IndexValues
from kernel_server.simulated.snapshot.index_weights import Index
from kernel_server.simulated.snapshot.investor_matrix import InvestorMatrix, period_between
from kernel_server.simulated.snapshot.market_moments import best_quotes, session_so_far
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.simulated.trs.index_quotes import (
    GROUPS,
    IndexQuotes,
    breadth_fields,
    quote_fields,
    year_fields,
)
from kernel_server.simulated.trs.rankings.fields import FIELDS, RankingRow
from kernel_server.simulated.trs.rankings.view import BarsView

_MONEY, _SHARES = "0", "1"
_NETS: Mapping[str, str] = {
    "증권순매수": "금융투자",
    "보험순매수": "보험",
    "투신순매수": "투신",
    "은행순매수": "은행",
    "종신금순매수": "기타금융",
    "기금순매수": "연기금등",
    "기타법인순매수": "기타법인",
    "개인순매수": "개인투자자",
    "외국인순매수": "외국인투자자",
    "내국인대우외국인순매수": "내외국인",
    "국가순매수": "국가",
    "사모펀드순매수": "사모펀드",
    "기관계순매수": "기관계",
}


class IndexDays:
    """TR handlers; ``handlers`` lists them.

    Args:
        indices: indices of the market.
        scanner: snapshots of the member issues.
        quotes: supplies the breadth.
        flows: trades of investor groups.
    """

    def __init__(
        self, indices: IndexValues, scanner: MarketScanner, quotes: IndexQuotes, flows: InvestorMatrix
    ) -> None:
        self._indices = indices
        self._scanner = scanner
        self._quotes = quotes
        self._flows = flows

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt20009": self._days, "opt10051": self._investors}

    def _index(self, request: TrRequest) -> Index:
        if not self._indices.prepare_index(request.inputs["업종코드"]):
            raise AnswerPending
        index = self._indices.by_code.get(request.inputs["업종코드"])
        if request.inputs["시장구분"] not in GROUPS:
            raise TrRejected("bad_input")
        if index is None:
            raise TrRejected("unknown_code")
        return index

    def _days(self, request: TrRequest, now: float) -> TrAnswer:
        """opt20009: an index as in opt20001, and its days, newest first; the continuation key is the oldest day."""
        index = self._index(request)
        bars = self._indices.daily(index.code, now)
        if not len(bars):
            return TrAnswer(message=message("no_history"), codes=(index.code,))
        values = quote_fields(bars) | breadth_fields(self._quotes.breadth(index, now)) | year_fields(bars)
        stop = len(bars) if request.after is None else int(np.searchsorted(bars.time, request.after))
        start = max(0, stop - (request.tr.rows_per_page or stop))
        rows = []
        for at in range(stop - 1, start - 1, -1):
            close, base = int(bars.close[at]), base_value(cut(bars, 0, at + 1))
            row = {
                "일자n": str(int(bars.time[at])),
                "현재가n": index_text(close, base),
                "전일대비기호n": direction(close, base),
                "전일대비n": change_text(close, base),
                "등락률n": kiwoom_format.rate(close - base, base),
                "누적거래량n": str(kiwoom_format.thousands(int(bars.volume[at]))),
            }
            rows.append(in_order(request.tr.multi_names, row))
        single = in_order(request.tr.single_names, values)
        return TrAnswer(single, rows, int(bars.time[start]) if start else None, codes=(index.code,))

    def _investors(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10051: indices of a market on a day, with net purchases of each group in their issues.

        In 백만원 or 천주. 증권 is 금융투자, 종신금 is 기타금융.
        """
        inputs = request.inputs
        group, measure = inputs["시장구분"], inputs["금액수량구분"]
        if group not in GROUPS or measure not in (_MONEY, _SHARES):
            raise TrRejected("bad_input")
        in_group = self._indices.group(group, now)
        if in_group is None:
            raise AnswerPending
        found, errors = in_group
        view = BarsView(self._scanner, now)
        day = date_input(inputs["기준일자"]) or max(view.facts.dates, default=today(now))
        period = period_between(view.facts, day, day)
        money = measure == _MONEY
        nets = {
            field: self._flows.traded(view, period, name, money).net.sum(axis=1)
            for field, name in _NETS.items()
        }
        rows = []
        for index, bars in found:
            at = int(np.searchsorted(bars.time, day, "right"))
            if not at or bars.time[at - 1] != day:
                continue
            values = quote_fields(cut(bars, 0, at))
            places = member_places(index, view.facts)
            values |= {"업종코드": index.code, "업종명": index.name, "등락율": values["등락률"]}
            values |= {"대비부호": values["전일대비기호"]}
            for field, net in nets.items():
                amount = int(net[places].sum())
                values[field] = kiwoom_format.signed(amount if money else kiwoom_format.thousands(amount))
            rows.append(in_order(request.tr.multi_names, values))
        return TrAnswer(
            rows=rows, message="" if rows else message("no_history"), unread=tuple(map(unread, errors))
        )


class IndexMembers:
    """The handler of opt20002, which reads the issues of its page alone.

    Args:
        issues: the issues of the market, by code.
        indices: indices of the market.
        scanner: reads an issue's newest session.
        exchange: has its prices to the newest trade and its quotes.
    """

    def __init__(
        self, issues: Mapping[str, Issue], indices: IndexValues, scanner: MarketScanner, exchange: Exchange
    ) -> None:
        self._issues = issues
        self._exchange = exchange
        self._indices = indices
        self._scanner = scanner

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt20002": self._members}

    def _members(self, request: TrRequest, now: float) -> TrAnswer:
        """opt20002: members of an index in listing order; the continuation key is the place of the next in it."""
        if not self._indices.prepare_members():
            raise AnswerPending
        if request.inputs["시장구분"] not in GROUPS:
            raise TrRejected("bad_input")
        index = self._indices.by_code.get(request.inputs["업종코드"])
        if index is None:
            raise TrRejected("unknown_code")
        names, most, first = request.tr.multi_names, request.tr.rows_per_page, request.after or 0
        counted = is_counted(index)
        found: list[tuple[int, DaySummary]] = []
        after = None
        for place, issue in enumerate(islice(self._issues.values(), first, None), first):
            day = self._scanner.day_summary(issue, now) if counted(issue) else None
            if day is None:
                continue
            if len(found) == most:
                after = place
                break
            found.append((place, day))
        states = self._exchange.states([day.issue.code for _place, day in found])
        rows = []
        for place, bars in found:
            state = states.get(bars.issue.code)
            day = session_so_far(state) or bars
            row = RankingRow(day, best_quotes(state), place, place + 1, {})
            rows.append(in_order(names, {name: FIELDS[name](row) for name in names}))
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))
