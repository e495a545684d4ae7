"""Chart TRs of an index: ticks, minutes, days, weeks, months and years, newest first, in pages.

Values are in hundredths of a point without a sign, volumes in thousands of shares. Continuation keys are the times of
a page's oldest underlying bar, as in ``charts``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import AnswerPending, TrAnswer, TrHandler, TrRejected, TrRequest, message
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.resample import (
    cut,
    cut_at,
    grouped,
    intervals,
    months,
    run_starts,
    weeks,
    years,
)
from kernel_server.simulated.market.trading_hours import today
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.snapshot.index_ticks import ticks_of_minutes
from kernel_server.simulated.snapshot.index_values import IndexValues

_PERIODS: Mapping[str, Callable[[Ints], Ints]] = {"week": weeks, "month": months, "year": years}
_DAY = 1_000_000
_CLOSED = 888888
_BARS = {
    "opt20004": "tick",
    "opt20005": "minute",
    "opt20006": "day",
    "opt20007": "week",
    "opt20008": "month",
    "opt20019": "year",
}
_INTERVALS = {  # 틱범위
    "opt20004": ("1", "3", "5", "10", "30"),
    "opt20005": ("1", "3", "5", "10", "15", "30", "45", "60"),
}


class IndexCharts:
    """Handlers of the chart TRs of an index."""

    def __init__(self, indices: IndexValues, settings: BrokerSettings) -> None:
        self._indices = indices
        self._settings = settings

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {
            code: self._within_days if bar in ("tick", "minute") else self._days
            for code, bar in _BARS.items()
        }

    def _days(self, request: TrRequest, now: float) -> TrAnswer:
        code = self._code(request)
        newest = date_input(request.inputs["기준일자"]) or today(now)
        bars = self._indices.daily(code, now)
        if request.after is None:
            stop = np.searchsorted(bars.time, newest, "right")
        else:
            stop = np.searchsorted(bars.time, request.after, "left")
        bars = cut(bars, 0, int(stop))
        keys = bars.time
        period = _PERIODS.get(_BARS[request.tr.code])
        if period is not None and len(bars):
            groups = period(bars.time)
            starts = run_starts(groups)
            keys, last = bars.time[starts], bars.time[np.append(starts[1:], len(bars)) - 1]
            bars = grouped(bars, groups, keys if self._settings.period_date == "first" else last)
        return _page(request, code, bars, keys, "일자")

    def _within_days(self, request: TrRequest, now: float) -> TrAnswer:
        code = self._code(request)
        interval = request.inputs["틱범위"]
        if interval not in _INTERVALS[request.tr.code]:
            raise TrRejected("bad_input")
        ticks = _BARS[request.tr.code] == "tick"
        days = self._settings.index_tick_days if ticks else self._settings.minute_days
        minutes = self._indices.minute(code, now, days)
        if not len(minutes):
            return _page(request, code, minutes, minutes.time, "체결시간")
        if ticks:
            bars, keys = _grouped_ticks(ticks_of_minutes(minutes), int(interval))
        else:
            groups = intervals(minutes.time, int(interval))
            keys = groups[run_starts(groups)]
            bars = grouped(minutes, groups, keys)
        bars = cut_at(bars, np.arange(len(bars)), self._close_labels(bars.time, now))
        stop = len(bars) if request.after is None else int(np.searchsorted(keys, request.after, "left"))
        return _page(request, code, cut(bars, 0, stop), keys[:stop], "체결시간")

    def _close_labels(self, times: Ints, now: float) -> Ints:
        """Times as written: the last bar of a completed session may have 888888 instead of its time."""
        if self._settings.index_close == "time":
            return times
        labels = times.copy()
        last = np.append(times[1:] // _DAY != times[:-1] // _DAY, True)
        if self._indices.sessions.current(now) is not None:
            last[-1] = last[-1] and times[-1] // _DAY != today(now)
        labels[last] = times[last] // _DAY * _DAY + _CLOSED
        return labels

    def _code(self, request: TrRequest) -> str:
        code = request.inputs["업종코드"]
        if not self._indices.prepare_index(code):
            raise AnswerPending
        if code not in self._indices.by_code:
            raise TrRejected("unknown_code")
        return code


def _grouped_ticks(ticks: Bars, size: int) -> tuple[Bars, Ints]:
    """Bars of ``size`` ticks from the first of each session, with the times of their first ticks."""
    day = ticks.time // _DAY
    starts = run_starts(day)
    counts = np.diff(np.append(starts, len(ticks)))
    within = np.arange(len(ticks)) - np.repeat(starts, counts)
    groups = day * _DAY + within // size
    first = run_starts(groups)
    last = np.append(first[1:], len(ticks)) - 1
    return grouped(ticks, groups, ticks.time[last]), ticks.time[first]


def _page(request: TrRequest, code: str, bars: Bars, keys: Ints, time: str) -> TrAnswer:
    if not len(bars):
        return TrAnswer([code], message=message("no_history") if request.after is None else "", codes=(code,))
    size = request.tr.rows_per_page or len(bars)
    start = max(0, len(bars) - size)
    page = cut(bars, start, len(bars))
    columns = {
        "현재가": kiwoom_format.plain_numbers(page.close),
        "거래량": kiwoom_format.plain_numbers((page.volume + 500) // 1000),
        time: kiwoom_format.plain_numbers(page.time),
        "시가": kiwoom_format.plain_numbers(page.open),
        "고가": kiwoom_format.plain_numbers(page.high),
        "저가": kiwoom_format.plain_numbers(page.low),
        "거래대금": kiwoom_format.millions_column(page.value),
    }
    blanks = [""] * len(page)
    rows = list(map(list, zip(*(columns.get(name, blanks) for name in request.tr.multi_names), strict=True)))
    rows.reverse()
    return TrAnswer([code], rows, int(keys[start]) if start else None, codes=(code,))
