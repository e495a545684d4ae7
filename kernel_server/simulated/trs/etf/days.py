"""Days of an ETF, newest first (opt40003, opt40005, opt40008, opt40009, opt40010), and its return (opt40001).

The continuation key is the oldest day of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kernel_server.reference.price_rules import rules
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.market import investor_groups
from kernel_server.simulated.market.model import Issue, board
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.trs.etf.fields import (
    index_fields,
    index_gap_text,
    nav_text,
    premium_text,
    price_fields,
)
from kernel_server.simulated.trs.etf.values import FundDays, FundValues

_PERIODS = {"0": 5, "1": 20, "2": 125, "3": 250}  # sessions by 기간 of opt40001: week, month, half-year, year
_INDEX = ("추적현재가", "추적전일대비", "추적대비기호")
_INDEX_OF_CLOSE = ("추적지수", "추적전일대비", "추적대비기호")

_Row = Callable[[FundDays, int], dict[str, str]]


def etf(issues: Mapping[str, Issue], code: str) -> Issue:
    """The ETF of that code.

    Raises:
        TrRejected: there is no such ETF.
    """
    issue = issues.get(code)
    if issue is None or issue.kind != "etf":
        raise TrRejected("unknown_code")
    return issue


class EtfDays:
    """TR handlers; ``handlers`` lists them."""

    def __init__(self, issues: Mapping[str, Issue], values: FundValues) -> None:
        self._issues = issues
        self._values = values

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {
            "opt40001": self._return,
            "opt40003": self._days(_trend),
            "opt40005": self._days(_trend),
            "opt40008": self._days(_flow, self._newest),
            "opt40009": self._days(_nav),
            "opt40010": self._days(_foreign),
        }

    def _days(
        self, row: _Row, single: Callable[[FundDays, float], dict[str, str]] | None = None
    ) -> TrHandler:
        def answer(request: TrRequest, now: float) -> TrAnswer:
            issue = etf(self._issues, request.inputs["종목코드"])
            days = self._values.days(issue, now)
            time = days.bars.time
            stop = len(time) if request.after is None else int(np.searchsorted(time, request.after))
            start = max(0, stop - (request.tr.rows_per_page or stop))
            names = request.tr.multi_names
            rows = [in_order(names, row(days, at)) for at in range(stop - 1, start - 1, -1)]
            head = in_order(request.tr.single_names, single(days, now)) if single and rows else []
            after = int(time[start]) if start else None
            text = "" if rows else message("no_history")
            return TrAnswer(head, rows, after, message=text, codes=(issue.code,))

        return answer

    def _newest(self, days: FundDays, now: float) -> dict[str, str]:
        """Single block of opt40008: the newest minute."""
        minutes = self._values.minutes(days, now).bars
        if not len(minutes):
            return {}
        at = len(days.bars) - 1
        values = price_fields(
            ("현재가", "대비기호", "전일대비", ""), int(minutes.close[-1]), *_limits(days, at)
        )
        return values | {
            "체결시간": f"{int(minutes.time[-1]) % 1_000_000:06d}",
            "거래량": str(int(minutes.volume[-1])),
        }

    def _return(self, request: TrRequest, now: float) -> TrAnswer:
        """opt40001: returns of NAV and price, and what foreigners and institutions bought, over a period."""
        issue = etf(self._issues, request.inputs["종목코드"])
        sessions = _PERIODS.get(request.inputs["기간"])
        if sessions is None:
            raise TrRejected("bad_input")
        days = self._values.days(issue, now)
        if not len(days.bars):
            return TrAnswer(message=message("no_history"), codes=(issue.code,))
        first = max(0, len(days.bars) - 1 - sessions)
        nav, close = days.nav, days.bars.close
        values = {
            "ETF수익률": kiwoom_format.rate(int(nav[-1] - nav[first]), int(nav[first])) if nav[first] else "",
            "체결수익률": kiwoom_format.rate(int(close[-1] - close[first]), int(close[first])),
        }
        for name, group in _GROUPS.items():
            net = _net(days, slice(first + 1, len(days.bars)), group)
            values[name] = kiwoom_format.signed(int(net.sum()))
        return TrAnswer(rows=[in_order(request.tr.multi_names, values)], codes=(issue.code,))


_GROUPS = {"외인순매수수량": investor_groups.FOREIGNERS, "기관순매수수량": investor_groups.INSTITUTIONS}


def _limits(days: FundDays, at: int) -> tuple[int, int, int]:
    """기준가, 상한가 and 하한가 of a day."""
    base = int(days.base[at])
    upper, lower = rules(day_of(int(days.bars.time[at])), board(days.issue)).limits(base)
    return base, upper, lower


def _net(days: FundDays, part: slice, group: str) -> Ints:
    """Net purchases of a group on some days, in shares, as in opt10059."""
    bars = cut(days.bars, part.start, part.stop)
    bought, sold = (
        investor_groups.group_total(each, group)
        for each in investor_groups.bought_and_sold(days.issue.code, epoch_days(bars.time), bars.volume)
    )
    found: Ints = bought - sold
    return found


def _trend(days: FundDays, at: int) -> dict[str, str]:
    """opt40003, and opt40005 with other names for some fields."""
    last, nav = int(days.bars.close[at]), int(days.nav[at])
    index = int(days.index[at]), int(days.index_base[at])
    day = str(int(days.bars.time[at]))
    limits = _limits(days, at)
    return {
        "체결일자": day,
        "체결시간": day,
        **price_fields(("현재가", "대비기호", "전일대비", "대비율"), last, *limits),
        "종가": kiwoom_format.price(last, limits[0]),
        "거래량": str(int(days.bars.volume[at])),
        "NAV": nav_text(nav, int(days.nav_base[at])),
        "누적거래대금": str(kiwoom_format.millions(int(days.bars.value[at]))),
        "NAV/지수괴리율": index_gap_text(nav, int(days.implied[at])),
        "NAV/ETF괴리율": premium_text(last, nav),
        "추적오차율": f"{days.tracking_error[at]:.2f}" if nav else "",
        **index_fields(_INDEX, *index),
        **index_fields(_INDEX_OF_CLOSE, *index),
    }


def _flow(days: FundDays, at: int) -> dict[str, str]:
    """opt40008: net purchases with the signs of the documentation, ``--10558895``."""
    values = price_fields(
        ("현재가n", "대비기호n", "전일대비n", ""), int(days.bars.close[at]), *_limits(days, at)
    )
    values |= {"일자": str(int(days.bars.time[at])), "누적거래량": str(int(days.bars.volume[at]))}
    for name, group in _GROUPS.items():
        values[name] = kiwoom_format.twice_signed(int(_net(days, slice(at, at + 1), group)[0]))
    return values


def _nav(days: FundDays, at: int) -> dict[str, str]:
    """opt40009: 주식수 in 천주; 외인보유수량, 대용가 and what receipts have are blank, as in the documentation."""
    nav, before = int(days.nav[at]), int(days.nav_base[at])
    change = nav - before
    sign = "+" if change > 0 else ""
    return {
        "NAV": nav_text(nav, before),
        "NAV전일대비": sign + kiwoom_format.decimal(change, 100) if nav else "",
        "NAV등락율": kiwoom_format.rate(change, before) if nav else "",
        "추적오차율": f"{days.tracking_error[at]:.2f}" if nav else "",
        "괴리율": premium_text(int(days.bars.close[at]), nav),
        "주식수": str(kiwoom_format.thousands(days.issue.shares)),
        "기준가": str(int(days.base[at])),
    }


def _foreign(days: FundDays, at: int) -> dict[str, str]:
    """opt40010."""
    values = price_fields(
        ("현재가", "대비기호", "전일대비", ""), int(days.bars.close[at]), *_limits(days, at)
    )
    net = int(_net(days, slice(at, at + 1), investor_groups.FOREIGNERS)[0])
    return values | {
        "거래량": str(int(days.bars.volume[at])),
        "외인순매수": kiwoom_format.twice_signed(net),
    }
