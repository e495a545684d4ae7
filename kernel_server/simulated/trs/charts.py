"""Chart TRs: minute, day, week, month and year bars of one issue, newest first, in pages.

A page's continuation key is the time of its oldest underlying bar (the first session of a week, say), where the
next page starts; new bars do not shift the pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference import Tr
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.date_input import date_input
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, message
from kernel_server.simulated.market.model import Bars, Market
from kernel_server.simulated.market.nextrade.venues import split
from kernel_server.simulated.market.resample import (
    cut,
    cut_at,
    grouped,
    intervals,
    merged,
    months,
    run_starts,
    weeks,
    years,
)
from kernel_server.simulated.market.trading_hours import today
from kernel_server.simulated.settings import BrokerSettings

_PERIODS: Mapping[str, Callable[[Ints], Ints]] = {"week": weeks, "month": months, "year": years}
_SESSION_MINUTES = 381  # 09:00 to 15:19 and the closing auction
_DAY = 1_000_000
_BARS = {
    "opt10080": "minute",
    "opt10081": "day",
    "opt10082": "week",
    "opt10083": "month",
    "opt10094": "year",
}
_MINUTES = ("1", "3", "5", "10", "15", "30", "45", "60")  # 틱범위 of opt10080


class Charts:
    """Handlers of the chart TRs.

    Args:
        market: issues and prices.
        settings: settings of the broker.
        exchange: the Korea Exchange, whose closes are 기준가 of the same issues at other exchanges; None: ``market``.
    """

    def __init__(self, market: Market, settings: BrokerSettings, exchange: Market | None = None) -> None:
        self._market = market
        self._exchange = market if exchange is None else exchange
        self._settings = settings
        self._codes = market.issues()

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {code: self._minutes if bar == "minute" else self._sessions for code, bar in _BARS.items()}

    def _sessions(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10081, opt10082, opt10083, opt10094."""
        code, adjusted = self._issue(request)
        newest = date_input(request.inputs.get("기준일자", "")) or today(now)
        oldest = date_input(request.inputs.get("끝일자", ""))
        bars = self._market.daily(code, adjusted, now)
        if request.after is None:
            stop = np.searchsorted(bars.time, newest, "right")
        else:
            stop = np.searchsorted(bars.time, request.after, "left")
        bars = cut(bars, int(np.searchsorted(bars.time, oldest, "left")), int(stop))
        period = _PERIODS.get(_BARS[request.tr.code])
        keys = bars.time
        if period is not None and len(bars):
            bars, keys = self._by_period(bars, period)
        return self._page(request, code, bars, keys)

    def _by_period(self, bars: Bars, period: Callable[[Ints], Ints]) -> tuple[Bars, Ints]:
        groups = period(bars.time)
        starts = run_starts(groups)
        first = bars.time[starts]
        last = bars.time[np.append(starts[1:], len(bars)) - 1]
        return grouped(bars, groups, first if self._settings.period_date == "first" else last), first

    def _minutes(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10080."""
        code, adjusted = self._issue(request)
        interval = request.inputs["틱범위"]
        if interval not in _MINUTES:
            raise TrRejected("bad_input")
        size = request.tr.rows_per_page or 1
        # One bar beyond the page shows whether there is a next page. A power of two lets a market that caches its
        # last answer serve several pages from it.
        days = size * int(interval) // _SESSION_MINUTES + 2
        if request.after is not None:
            days += _sessions_since(request.after // _DAY, now)
        days = 1 << (days - 1).bit_length()
        while True:
            days = min(days, self._settings.minute_days)
            bars = self._market.minute(code, adjusted, now, days)
            if self._settings.evening_minutes:
                bars = merged(bars, self._market.after_market(code, adjusted, now, days))
            bars = _minute_bars(bars, int(interval), request.after)
            if len(bars) > size or days == self._settings.minute_days:
                break
            days *= 2
        bases = self._bases(code, adjusted, bars, now) if len(bars) else None
        return self._page(request, code, bars, bars.time, bases)

    def _bases(self, code: str, adjusted: bool, bars: Bars, now: float) -> Ints:
        """기준가 of each bar: the previous session's close, at the adjustment of the bar's own session.

        On the first session it is the opening price.
        """
        days = bars.time // _DAY
        starts = run_starts(days)
        ends = np.append(starts[1:], len(bars)) - 1
        opening = np.repeat(bars.open[starts], ends - starts + 1)
        code = split(code)[0]
        closes = self._exchange.daily(code, adjusted, now)
        if not len(closes):
            closes = self._exchange.daily(code, not adjusted, now)
        if not len(closes):  # recorded minutes without daily bars
            closes = cut_at(bars, ends, days[ends])
        if self._settings.minute_sign == "today":
            days = np.full(len(bars), closes.time[-1])
        at = np.searchsorted(closes.time, days, "right") - 1
        own = closes.time[at] == days
        before = at - own
        base = closes.close[before]
        moved = own & (closes.event[at] != 0)
        if not adjusted and moved.any():
            base = np.where(moved, self._rescaled(code, days, base, closes.close[at], now), base)
        return np.where((at >= 0) & (before >= 0), base, opening)

    def _rescaled(self, code: str, days: Ints, before: Ints, close: Ints, now: float) -> Ints:
        """기준가 on days of a corporate action, from adjusted prices: the raw previous close is not comparable."""
        adjusted_bars = self._exchange.daily(code, True, now)
        at = np.searchsorted(adjusted_bars.time, days)
        known = (at > 0) & (at < len(adjusted_bars))
        at = np.where(known, at, 0)
        if not known.any():
            return before
        known &= adjusted_bars.time[at] == days
        scale = close / np.maximum(adjusted_bars.close[at], 1)
        return np.where(known, np.rint(adjusted_bars.close[at - 1] * scale).astype(np.int64), before)

    def _issue(self, request: TrRequest) -> tuple[str, bool]:
        adjusted = request.inputs["수정주가구분"]
        if adjusted not in ("0", "1", ""):
            raise TrRejected("bad_input")
        code = request.inputs["종목코드"]
        if code not in self._codes:
            raise TrRejected("unknown_code")
        return code, adjusted == "1"

    def _page(
        self, request: TrRequest, code: str, bars: Bars, keys: Ints, bases: Ints | None = None
    ) -> TrAnswer:
        if not len(bars):
            text = message("no_history") if request.after is None else ""
            return TrAnswer([code], message=text, codes=(code,))
        size = request.tr.rows_per_page or len(bars)
        start = max(0, len(bars) - size)
        page = cut(bars, start, len(bars))
        rows = _rows(request.tr, code, page, None if bases is None else bases[start:], request.after is None)
        return TrAnswer([code], rows, int(keys[start]) if start else None, codes=(code,))


def _rows(tr: Tr, code: str, bars: Bars, bases: Ints | None, first_page: bool) -> list[list[str]]:
    """A page, newest row first; formatted column by column, which is faster."""
    blanks = [""] * len(bars)
    time = kiwoom_format.plain_numbers(bars.time)

    def price(values: Ints) -> Iterable[str]:
        return kiwoom_format.plain_numbers(values) if bases is None else kiwoom_format.prices(values, bases)

    columns = {
        "체결시간": time,
        "일자": time,
        "현재가": price(bars.close),
        "시가": price(bars.open),
        "고가": price(bars.high),
        "저가": price(bars.low),
        "거래량": kiwoom_format.plain_numbers(bars.volume),
        "거래대금": kiwoom_format.millions_column(bars.value),
        "수정주가구분": kiwoom_format.adjustment_flags(bars.event),
        "수정비율": kiwoom_format.adjustment_ratios(bars.ratio, bars.event),
    }
    rows = list(map(list, zip(*(columns.get(name, blanks) for name in tr.multi_names), strict=True)))
    rows.reverse()
    if first_page and "종목코드" in tr.multi_names:
        rows[0][tr.multi_names.index("종목코드")] = code
    return rows


def _minute_bars(bars: Bars, interval: int, before: int | None) -> Bars:
    """Bars of ``interval`` minutes that start before ``before``."""
    if interval > 1 and len(bars):
        groups = intervals(bars.time, interval)
        bars = grouped(bars, groups, groups[run_starts(groups)])
    return bars if before is None else cut(bars, 0, int(np.searchsorted(bars.time, before, "left")))


def _sessions_since(day: int, now: float) -> int:
    """Upper bound of the sessions since a day: the weekdays."""
    newest = np.datetime64(seoul(now).date(), "D")
    since = np.datetime64(f"{day // 10000:04d}-{day // 100 % 100:02d}-{day % 100:02d}", "D")
    return int(np.busday_count(since, newest)) + 1
