"""What an ETF is and how it trades today (opt40002, opt40006, opt40007), and all ETFs (opt40004)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kernel_server.reference.price_rules import rules
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.market.funds import funds
from kernel_server.simulated.market.model import Issue, board
from kernel_server.simulated.market.trading_hours import day_of
from kernel_server.simulated.trs.etf.days import etf
from kernel_server.simulated.trs.etf.fields import (
    head_fields,
    index_fields,
    index_gap_text,
    nav_text,
    premium_text,
    price_fields,
)
from kernel_server.simulated.trs.etf.values import RECENT, FundDays, FundMinutes, FundValues

_DAY = 1_000_000
_ALL, _ABOVE, _BELOW = "0", "1", "2"
_CHOICES = {
    "과세유형": ("0", "1", "2", "3", "4", "5"),
    "NAV대비": (_ALL, _ABOVE, _BELOW),
    "과세여부": ("0", "1", "2"),
    "추적지수": ("0",),
}
_HELD = "2"  # 보유기간과세
_TAXED = "1"
_EVERY_MANAGER, _OTHER_MANAGERS = "0000", "9999"
_MANAGERS = ("3020", "3027", "3191", "3228", "3023", "3022")
_INDEX = ("추적지수", "추적지수전일대비", "추적지수전일대비기호")


class EtfQuotes:
    """TR handlers; ``handlers`` lists them."""

    def __init__(self, issues: Mapping[str, Issue], values: FundValues) -> None:
        self._issues = issues
        self._values = values

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {
            "opt40002": self._info,
            "opt40004": self._all,
            "opt40006": self._minutes,
            "opt40007": self._trades,
        }

    def _info(self, request: TrRequest, now: float) -> TrAnswer:
        issue = etf(self._issues, request.inputs["종목코드"])
        values = head_fields(self._values.days(issue, now, RECENT))
        return TrAnswer(in_order(request.tr.single_names, values), codes=(issue.code,))

    def _all(self, request: TrRequest, now: float) -> TrAnswer:
        """opt40004: ETFs in listing order; the continuation key is the place of the next one among those shown."""
        inputs = request.inputs
        if any(inputs[name] not in known for name, known in _CHOICES.items()):
            raise TrRejected("bad_input")
        manager = inputs["운용사"]
        if manager not in (_EVERY_MANAGER, _OTHER_MANAGERS, *_MANAGERS):
            raise TrRejected("bad_input")
        if inputs["과세유형"] not in (_ALL, _HELD) or inputs["과세여부"] not in (_ALL, _TAXED):
            return TrAnswer(message=message("no_history"))  # every ETF is taxed by the time that it is held
        listed = [issue for issue in self._issues.values() if issue.kind == "etf" and _is_of(issue, manager)]
        shown = [
            days for days in (self._values.days(issue, now, RECENT) for issue in listed) if len(days.bars)
        ]
        if inputs["NAV대비"] != _ALL:
            sign = 1 if inputs["NAV대비"] == _ABOVE else -1
            shown = [days for days in shown if sign * (int(days.nav[-1]) - int(days.base[-1]) * 100) > 0]
        start = request.after or 0
        stop = min(len(shown), start + (request.tr.rows_per_page or len(shown)))
        rows = [in_order(request.tr.multi_names, _state(days)) for days in shown[start:stop]]
        after = stop if stop < len(shown) else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _minutes(self, request: TrRequest, now: float) -> TrAnswer:
        """opt40006: minutes of the newest day with NAV and index; the continuation key is the oldest one's time."""
        days = self._values.days(etf(self._issues, request.inputs["종목코드"]), now, RECENT)
        minutes = self._values.minutes(days, now)
        start, stop = _page(request, minutes)
        volume, value = np.cumsum(minutes.bars.volume), np.cumsum(minutes.bars.value)
        names = ("종가", "대비기호", "전일대비", "등락율")
        rows = []
        for at in range(stop - 1, start - 1, -1):
            last, nav, index = int(minutes.bars.close[at]), int(minutes.nav[at]), int(minutes.index[at])
            values = {
                "시간": _clock(minutes, at),
                **price_fields(names, last, *_limits(days)),
                "거래량": str(int(volume[at])),
                "NAV": nav_text(nav, int(days.nav_base[-1])),
                "거래대금": str(kiwoom_format.millions(int(value[at]))),
                "NAV지수": index_gap_text(nav, days.implied_by(index)),
                "NAVETF": premium_text(last, nav),
                "추적": f"{days.tracking_error[-1]:.2f}" if nav else "",
                **index_fields(_INDEX, index, int(days.index_base[-1])),
            }
            rows.append(in_order(request.tr.multi_names, values))
        return self._answer(request, days, minutes, rows, head_fields(days))

    def _trades(self, request: TrRequest, now: float) -> TrAnswer:
        """opt40007: minutes of the newest day, each with its volume, as if it were one trade."""
        days = self._values.days(etf(self._issues, request.inputs["종목코드"]), now, RECENT)
        minutes = self._values.minutes(days, now)
        start, stop = _page(request, minutes)
        names = ("현재가", "대비기호", "전일대비", "")
        rows = [
            in_order(
                request.tr.multi_names,
                {
                    "체결시간": _clock(minutes, at),
                    **price_fields(names, int(minutes.bars.close[at]), *_limits(days)),
                    "거래량": str(int(minutes.bars.volume[at])),
                },
            )
            for at in range(stop - 1, start - 1, -1)
        ]
        single = head_fields(days) | {
            "종목분류": "20",
            "ETF대상지수코드": days.fund.index if days.fund else "",
            "대상지수대비율": f"{days.multiple}.00",
        }
        return self._answer(request, days, minutes, rows, single)

    def _answer(
        self,
        request: TrRequest,
        days: FundDays,
        minutes: FundMinutes,
        rows: list[list[str]],
        single: Mapping[str, str],
    ) -> TrAnswer:
        start, _stop = _page(request, minutes)
        after = int(minutes.bars.time[start]) if start else None
        text = "" if rows else message("no_history")
        head = in_order(request.tr.single_names, single)
        return TrAnswer(head, rows, after, message=text, codes=(days.issue.code,))


def _is_of(issue: Issue, manager: str) -> bool:
    fund = funds().get(issue.code)
    own = fund.manager if fund is not None else ""
    if manager == _OTHER_MANAGERS:
        return own not in _MANAGERS
    return manager in (_EVERY_MANAGER, own)


def _page(request: TrRequest, minutes: FundMinutes) -> tuple[int, int]:
    """First and last place of the page's minutes."""
    time = minutes.bars.time
    stop = len(time) if request.after is None else int(np.searchsorted(time, request.after))
    return max(0, stop - (request.tr.rows_per_page or stop)), stop


def _clock(minutes: FundMinutes, at: int) -> str:
    return f"{int(minutes.bars.time[at]) % _DAY:06d}"


def _limits(days: FundDays) -> tuple[int, int, int]:
    """기준가, 상한가 and 하한가 of the newest day; 0 without one."""
    if not len(days.bars):
        return 0, 0, 0
    base = int(days.base[-1])
    upper, lower = rules(day_of(int(days.bars.time[-1])), board(days.issue)).limits(base)
    return base, upper, lower


def _state(days: FundDays) -> dict[str, str]:
    """A row of opt40004; 과표기준, 배당, 배수 and the index's code are blank, as in the documentation."""
    last, nav = int(days.bars.close[-1]), int(days.nav[-1])
    index, base = int(days.index[-1]), int(days.index_base[-1])
    return {
        "종목코드": days.issue.code,
        "종목분류": "19",
        "종목명": days.issue.name,
        **price_fields(("종가", "대비기호", "전일대비", "대비율"), last, *_limits(days)),
        "거래량": str(int(days.bars.volume[-1])),
        "NAV": nav_text(nav, int(days.nav_base[-1])),
        "추적오차율": f"{days.tracking_error[-1]:.2f}" if nav else "",
        "추적지수명": days.fund.index_name if days.fund else "",
        "추적지수": kiwoom_format.price(index, base) if index else "0",
        "추적등락율": kiwoom_format.rate(index - base, base) if index else "0.00",
    }
