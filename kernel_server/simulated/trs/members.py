"""거래원: volumes of an issue by exchange member, opt10002, opt10038, opt10040, opt10042, opt10043, opt10070, opt10078.

Each member has a share of a day's bought and of its sold volume, drawn from code, date and member and constant during
the day; the rest belongs to unnamed members. No member of ``BRANCHES`` is foreign.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from kernel_server.reference.price_rules import rules
from kernel_server.simulated.base import hash_random, kiwoom_format
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.market.branches import BRANCHES
from kernel_server.simulated.market.day_summary import DaySummary, history, latest_summary
from kernel_server.simulated.market.model import Bars, Market, board
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.trading_hours import day_of, today

_SHOWN = 5
_UNNAMED_SHARE = 0.6  # volume of unnamed members, relative to that of all named ones
_BLANK_MEMBER = ("", "000", 0)
_PERIODS = {"1": 1, "4": 5, "9": 10, "19": 20, "39": 40, "59": 60, "119": 120}
"""Number of sessions by 기간 of opt10038."""
_SELLERS, _BUYERS = "1", "2"


class _MemberVolume(NamedTuple):
    """Name, code and volume of a member."""

    name: str
    code: str
    shares: int


class Members:
    """TR handlers; ``handlers`` lists them."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._issues = market.issues()
        self._members = list(BRANCHES.items())

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {
            "opt10002": self._quote_with_members,
            "opt10038": self._all_members,
            "opt10040": self._top_members,
            "opt10042": self._members_by_purchases,
            "opt10043": self._days_of_member,
            "opt10070": self._top_members,
            "opt10078": self._days_of_member,
        }

    def volumes(self, code: str, days: Ints, volumes: Ints, side_name: str) -> Ints:
        """Volume of each member on each day (YYYYMMDD), one row a day."""
        drawn = np.stack(
            [
                hash_random.uniform(hash_random.key(code, side_name, "member", member), days)
                for member, _name in self._members
            ],
            axis=-1,
        )
        # Squared, so that volumes differ widely.
        weights = drawn**2
        total = weights.sum(axis=-1, keepdims=True) + _UNNAMED_SHARE * len(self._members) / 3
        shares: Ints = np.floor(volumes[:, None] * (weights / total)).astype(np.int64)
        return shares

    def _day_summary(self, request: TrRequest, now: float) -> DaySummary | None:
        issue = self._issues.get(request.inputs["종목코드"])
        if issue is None:
            raise TrRejected("unknown_code")
        return latest_summary(issue, history(self._market, issue.code, now, 2))

    def _top_five(self, day: DaySummary, side_name: str) -> list[_MemberVolume]:
        """The five members with the largest volume, padded with blank ones."""
        sums = self.volumes(day.issue.code, np.array([day.date]), np.array([day.volume]), side_name)[0]
        members = [
            _MemberVolume(name, code, shares)
            for (code, name), shares in zip(self._members, sums.tolist(), strict=True)
            if shares
        ]
        members.sort(key=lambda member: -member.shares)
        return (members + [_MemberVolume(*_BLANK_MEMBER)] * _SHOWN)[:_SHOWN]

    def _quote_with_members(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10002."""
        day = self._day_summary(request, now)
        if day is None:
            return TrAnswer(message=message("no_history"))
        change = day.last - day.base
        values = {
            "종목코드": day.issue.code,
            "종목명": day.issue.name,
            "현재가": kiwoom_format.price(day.last, day.base),
            "등락부호": kiwoom_format.change_sign(day.last, day.base, day.upper, day.lower),
            "기준가": str(day.base),
            "전일대비": kiwoom_format.signed(change),
            "등락율": kiwoom_format.rate(change, day.base),
        }
        for side, side_name in (("매도", "sold"), ("매수", "bought")):
            for number, member in enumerate(self._top_five(day, side_name), 1):
                values[f"{side}거래원명{number}"] = member.name
                values[f"{side}거래원{number}"] = member.code
                values[f"{side}거래량{number}"] = str(member.shares)
        return TrAnswer(rows=[in_order(request.tr.multi_names, values)], codes=(day.issue.code,))

    def _top_members(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10040 and opt10070. The top five do not change during the day, so no departures are reported."""
        day = self._day_summary(request, now)
        if day is None:
            return TrAnswer(message=message("no_history"))
        values = dict.fromkeys(
            ("외국계매도추정합", "외국계매도추정합변동", "외국계매수추정합", "외국계매수추정합변동"), "0"
        )
        for side, side_name, sign in (("매도", "sold", -1), ("매수", "bought", 1)):
            for number, member in enumerate(self._top_five(day, side_name), 1):
                values[f"{side}거래원{number}"] = member.name
                values[f"{side}거래원코드{number}"] = member.code
                values[f"{side}거래원수량{number}"] = kiwoom_format.signed(sign * member.shares)
                values[f"{side}거래원별증감{number}"] = "0"
        return TrAnswer(in_order(request.tr.single_names, values), codes=(day.issue.code,))

    def _all_members(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10038: members by net purchases or sales over a period, or over the last sessions."""
        inputs = request.inputs
        issue = self._issues.get(inputs["종목코드"])
        if inputs["조회구분"] not in (_SELLERS, _BUYERS):
            raise TrRejected("bad_input")
        if issue is None:
            raise TrRejected("unknown_code")
        bars = self._period(inputs, history(self._market, issue.code, now, 252), now)
        if not len(bars):
            return TrAnswer(message=message("no_history"))
        bought, sold = (
            self.volumes(issue.code, bars.time, bars.volume, side_name).sum(axis=0).tolist()
            for side_name in ("bought", "sold")
        )
        sign = 1 if inputs["조회구분"] == _SELLERS else -1
        order = sorted(range(len(self._members)), key=lambda at: sign * (bought[at] - sold[at]))
        rows = [
            in_order(request.tr.multi_names, self._member_row(rank, at, bought[at], sold[at]))
            for rank, at in enumerate(order, 1)
        ]
        # 순위1 to 순위3 are total purchases, sales and their difference, as in the one recorded answer.
        totals = (sum(bought), -sum(sold), sum(bought) - sum(sold))
        single = [*map(kiwoom_format.signed, totals), str(int(bars.volume.sum()))]
        return TrAnswer(single, rows, codes=(issue.code,))

    def _members_by_purchases(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10042: members by net purchases over a period, the largest first; 정렬기준 changes nothing."""
        inputs = request.inputs
        issue = self._issues.get(inputs["종목코드"])
        if issue is None:
            raise TrRejected("unknown_code")
        bars = self._period(inputs, history(self._market, issue.code, now, 252), now)
        if not len(bars):
            return TrAnswer(message=message("no_history"))
        bought, sold = (volumes.sum(axis=0) for volumes in self._both_sides(issue.code, bars))
        order = np.argsort(sold - bought, kind="stable").tolist()
        rows = [
            in_order(
                request.tr.multi_names,
                {"순위": str(rank), "회원사코드": self._members[at][0], "회원사명": self._members[at][1]},
            )
            for rank, at in enumerate(order, 1)
        ]
        return TrAnswer(rows=rows, codes=(issue.code,))

    def _both_sides(self, code: str, bars: Bars) -> tuple[Ints, Ints]:
        """What each member bought and sold on the days ``bars``: one row a day, one column a member."""
        bought, sold = (self.volumes(code, bars.time, bars.volume, side) for side in ("bought", "sold"))
        return bought, sold

    def _days_of_member(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10043 and opt10078: an issue's days with what a member traded; the continuation key is the oldest day."""
        inputs = request.inputs
        issue = self._issues.get(inputs["종목코드"])
        codes = [code for code, _name in self._members]
        if issue is None:
            raise TrRejected("unknown_code")
        if inputs["회원사코드"] not in codes:
            raise TrRejected("bad_input")
        member = codes.index(inputs["회원사코드"])
        bars = history(self._market, issue.code, now, 252)
        base = np.append(bars.open[:1], bars.close[:-1])
        wanted = self._period({"기간": "119", **inputs}, bars, now)
        stop = int(np.searchsorted(bars.time, wanted.time[-1], "right")) if len(wanted) else 0
        first = stop - len(wanted)
        if request.after is not None:
            stop = int(np.searchsorted(bars.time, request.after))
        start = max(first, stop - (request.tr.rows_per_page or stop))
        part = cut(bars, start, stop)
        bought, sold = (volumes[:, member] for volumes in self._both_sides(issue.code, part))
        rows = []
        for at in range(len(part) - 1, -1, -1):
            last, before, volume = int(part.close[at]), int(base[start + at]), int(part.volume[at])
            upper, lower = rules(day_of(int(part.time[at])), board(issue)).limits(before)
            price, net = kiwoom_format.price(last, before), int(bought[at] - sold[at])
            values = {
                "일자": str(int(part.time[at])),
                **dict.fromkeys(("현재가", "종가"), price),
                "대비기호": kiwoom_format.change_sign(last, before, upper, lower),
                "전일대비": kiwoom_format.signed(last - before),
                "등락율": kiwoom_format.rate(last - before, before),
                **dict.fromkeys(("누적거래량", "거래량합"), str(volume)),
                **dict.fromkeys(("매수수량", "매수량"), str(int(bought[at]))),
                **dict.fromkeys(("매도수량", "매도량"), str(int(sold[at]))),
                "순매수수량": str(net),
                "거래비중": kiwoom_format.decimal(int(bought[at] + sold[at]) * 100, max(1, 2 * volume)),
            }
            rows.append(in_order(request.tr.multi_names, values))
        after = int(part.time[0]) if len(part) and start > first else None
        return TrAnswer(
            rows=rows, after=after, message="" if rows else message("no_history"), codes=(issue.code,)
        )

    def _member_row(self, rank: int, at: int, bought: int, sold: int) -> dict[str, str]:
        return {
            "순위": str(rank),
            "회원사명": self._members[at][1],
            "매수수량": kiwoom_format.signed(bought),
            "매도수량": kiwoom_format.signed(-sold),
            "누적순매수수량": kiwoom_format.signed(bought - sold),
        }

    def _period(self, inputs: Mapping[str, str], bars: Bars, now: float) -> Bars:
        first, last = date_input(inputs["시작일자"]), date_input(inputs["종료일자"])
        if not first and not last:
            if inputs["기간"] not in _PERIODS:
                raise TrRejected("bad_input")
            return cut(bars, max(0, len(bars) - _PERIODS[inputs["기간"]]), len(bars))
        stop = int(np.searchsorted(bars.time, last or today(now), "right"))
        return cut(bars, int(np.searchsorted(bars.time, first)), stop)
