"""거래원: which members of the exchange traded how much of an issue, opt10002, opt10038, opt10040, opt10070.

A member has its part of the volume that was bought, and of the volume that was sold, on a day. The parts are drawn
from code, date and member, and hold still all day; what they leave is other members', who have no names here. No
member of ``BRANCHES`` is foreign.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from kernel_server.simulated.base import hash_random, kiwoom_format
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.market.branches import BRANCHES
from kernel_server.simulated.market.day_summary import DaySummary, history, latest_summary
from kernel_server.simulated.market.model import Bars, Market
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.trading_hours import today

_SHOWN = 5
_OTHERS = 0.6  # about so many times what all named members have is others'
_NOBODY = ("", "000", 0)
_PERIODS = {"1": 1, "4": 5, "9": 10, "19": 20, "39": 40, "59": 60, "119": 120}
"""기간 of opt10038, and how many sessions that is."""
_SELLERS, _BUYERS = "1", "2"


class _Part(NamedTuple):
    """A member: name and code, and shares."""

    name: str
    code: str
    shares: int


class Members:
    """Handlers of these TRs."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._issues = market.issues()
        self._members = list(BRANCHES.items())

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {
            "opt10002": self._listed,
            "opt10038": self._ranked,
            "opt10040": self._leading,
            "opt10070": self._leading,
        }

    def traded(self, code: str, days: Ints, volumes: Ints, which: str) -> Ints:
        """What each member traded on each of those days (YYYYMMDD), one row a day."""
        drawn = np.stack(
            [
                hash_random.uniform(hash_random.key(code, which, "member", member), days)
                for member, _name in self._members
            ],
            axis=-1,
        )
        # Squares, so that some trade much more than others.
        weights = drawn**2
        every = weights.sum(axis=-1, keepdims=True) + _OTHERS * len(self._members) / 3
        shares: Ints = np.floor(volumes[:, None] * (weights / every)).astype(np.int64)
        return shares

    def _day(self, request: TrRequest, now: float) -> DaySummary | None:
        issue = self._issues.get(request.inputs["종목코드"])
        if issue is None:
            raise TrRejected("unknown_code")
        return latest_summary(issue, history(self._market, issue.code, now, 2))

    def _top(self, day: DaySummary, which: str) -> list[_Part]:
        """The five that traded most on the day, those who traded nothing without a name."""
        sums = self.traded(day.issue.code, np.array([day.date]), np.array([day.volume]), which)[0]
        parts = [
            _Part(name, code, shares)
            for (code, name), shares in zip(self._members, sums.tolist(), strict=True)
            if shares
        ]
        parts.sort(key=lambda part: -part.shares)
        return (parts + [_Part(*_NOBODY)] * _SHOWN)[:_SHOWN]

    def _listed(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10002."""
        day = self._day(request, now)
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
        for side, which in (("매도", "sold"), ("매수", "bought")):
            for number, part in enumerate(self._top(day, which), 1):
                values[f"{side}거래원명{number}"] = part.name
                values[f"{side}거래원{number}"] = part.code
                values[f"{side}거래량{number}"] = str(part.shares)
        return TrAnswer(rows=[in_order(request.tr.multi_names, values)], codes=(day.issue.code,))

    def _leading(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10040 and opt10070. Who left the five during the day is not told: their parts hold still."""
        day = self._day(request, now)
        if day is None:
            return TrAnswer(message=message("no_history"))
        values = dict.fromkeys(
            ("외국계매도추정합", "외국계매도추정합변동", "외국계매수추정합", "외국계매수추정합변동"), "0"
        )
        for side, which, sign in (("매도", "sold", -1), ("매수", "bought", 1)):
            for number, part in enumerate(self._top(day, which), 1):
                values[f"{side}거래원{number}"] = part.name
                values[f"{side}거래원코드{number}"] = part.code
                values[f"{side}거래원수량{number}"] = kiwoom_format.signed(sign * part.shares)
                values[f"{side}거래원별증감{number}"] = "0"
        return TrAnswer(in_order(request.tr.single_names, values), codes=(day.issue.code,))

    def _ranked(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10038: the members by what they bought or sold net, over a period or so many sessions up to today."""
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
            self.traded(issue.code, bars.time, bars.volume, which).sum(axis=0).tolist()
            for which in ("bought", "sold")
        )
        sense = 1 if inputs["조회구분"] == _SELLERS else -1
        order = sorted(range(len(self._members)), key=lambda at: sense * (bought[at] - sold[at]))
        rows = [
            in_order(request.tr.multi_names, self._member(rank, at, bought[at], sold[at]))
            for rank, at in enumerate(order, 1)
        ]
        # 순위1 to 순위3 are what all of them bought, sold, and the difference, as the one recorded answer has it.
        totals = (sum(bought), -sum(sold), sum(bought) - sum(sold))
        single = [*map(kiwoom_format.signed, totals), str(int(bars.volume.sum()))]
        return TrAnswer(single, rows, codes=(issue.code,))

    def _member(self, rank: int, at: int, bought: int, sold: int) -> dict[str, str]:
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
