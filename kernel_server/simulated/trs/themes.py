"""Themes with prices: all themes (opt90001), and the issues of one (opt90002)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.tr import TrAnswer, TrHandler, TrRejected, TrRequest, in_order, message
from kernel_server.simulated.exchange.interface import Exchange, IssueState
from kernel_server.simulated.market.day_summary import DaySummary, history, latest_summary
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.market.themes import themes
from kernel_server.simulated.snapshot.market_moments import best_quotes, session_so_far

log = logging.getLogger(__name__)

_ALL, _BY_NAME, _BY_CODE = "0", "1", "2"
_MOST_DAYS = 99
_SHOWN = 2  # 주요종목: the strongest issues


@dataclass(frozen=True, slots=True)
class _Member:
    """An issue of a theme: its newest session, its close at the start of the period (KRW), and its state."""

    day: DaySummary
    before: int
    state: IssueState | None

    @property
    def rate(self) -> float:
        return (self.day.last / self.day.base - 1) * 100 if self.day.base else 0.0

    @property
    def gain(self) -> float:
        """기간수익률."""
        return (self.day.last / self.before - 1) * 100 if self.before else 0.0


@dataclass(frozen=True, slots=True)
class _ThemePrices:
    code: str
    name: str
    members: Sequence[_Member]

    @property
    def rate(self) -> float:
        return sum(member.rate for member in self.members) / len(self.members)

    @property
    def gain(self) -> float:
        return sum(member.gain for member in self.members) / len(self.members)


# 등락수익구분: by gain or by rate, the best or the worst first.
_SORT_ORDERS = {"1": ("gain", -1), "2": ("gain", 1), "3": ("rate", -1), "4": ("rate", 1)}


class ThemeQuotes:
    """TR handlers; ``handlers`` lists them."""

    def __init__(self, market: Market, exchange: Exchange) -> None:
        self._market = market
        self._exchange = exchange
        self._issues = market.issues()
        self._themes = themes()

    def handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case."""
        return {"opt90001": self._all_themes, "opt90002": self._members}

    def _all_themes(self, request: TrRequest, now: float) -> TrAnswer:
        """opt90001; 종목코드 of a row is the theme code. The continuation key is the number of rows sent."""
        inputs = request.inputs
        search, wanted = inputs["검색구분"], inputs["종목코드"]
        if search not in (_ALL, _BY_NAME, _BY_CODE) or inputs["등락수익구분"] not in _SORT_ORDERS:
            raise TrRejected("bad_input")
        if search == _BY_CODE and wanted not in self._issues:
            raise TrRejected("unknown_code")
        days = _days(inputs["날짜구분"])
        found = []
        for code, name, members in self._themes:
            if search == _BY_NAME and inputs["테마명"] not in name:
                continue
            if search == _BY_CODE and wanted not in members:
                continue
            theme = self._theme(code, name, members, days, now)
            if theme.members:
                found.append(theme)
        field, sign = _SORT_ORDERS[inputs["등락수익구분"]]
        found.sort(key=lambda theme: sign * float(getattr(theme, field)))
        start = request.after or 0
        stop = start + (request.tr.rows_per_page or len(found))
        rows = [in_order(request.tr.multi_names, _theme_row(theme)) for theme in found[start:stop]]
        after = stop if stop < len(found) else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _members(self, request: TrRequest, now: float) -> TrAnswer:
        """opt90002; 종목코드 of the request is the theme code."""
        days = _days(request.inputs["날짜구분"])
        for code, name, members in self._themes:
            if code == request.inputs["종목코드"]:
                theme = self._theme(code, name, members, days, now)
                break
        else:
            raise TrRejected("unknown_code")
        if not theme.members:
            return TrAnswer(message=message("no_history"))
        rows = [in_order(request.tr.multi_names, _member_row(member)) for member in theme.members]
        codes = tuple(member.day.issue.code for member in theme.members)
        return TrAnswer(
            [kiwoom_format.percentage(theme.rate), kiwoom_format.percentage(theme.gain)], rows, codes=codes
        )

    def _theme(self, code: str, name: str, members: Sequence[str], days: int, now: float) -> _ThemePrices:
        """The theme with those of its members that have prices in this market that can be read."""
        found = []
        states = self._exchange.states(members)
        for each in members:
            issue = self._issues.get(each)
            try:
                bars = None if issue is None else history(self._market, each, now, days + 1)
            except BadMarketData as bad:
                log.warning("the theme %s is without %s: %s", name, each, bad)
                continue
            if issue is None or bars is None or not len(bars):
                continue
            before = int(bars.close[-days - 1]) if len(bars) > days else int(bars.open[0])
            state = states.get(each)
            day = session_so_far(state) or latest_summary(issue, bars)
            if day is not None:
                found.append(_Member(day, before, state))
        return _ThemePrices(code, name, found)


def _days(text: str) -> int:
    """날짜구분: number of sessions ago, 1 to 99."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_DAYS):
        raise TrRejected("bad_input")
    return int(text)


def _direction(rate: float) -> str:
    return "3" if rate == 0 else "2" if rate > 0 else "5"


def _theme_row(theme: _ThemePrices) -> dict[str, str]:
    leading = sorted(theme.members, key=lambda member: -member.rate)[:_SHOWN]
    return {
        "종목코드": theme.code,
        "테마명": theme.name,
        "종목수": str(len(theme.members)),
        "등락기호": _direction(theme.rate),
        "등락율": kiwoom_format.percentage(theme.rate),
        "상승종목수": str(sum(member.rate > 0 for member in theme.members)),
        "하락종목수": str(sum(member.rate < 0 for member in theme.members)),
        "기간수익률": kiwoom_format.percentage(theme.gain),
        "주요종목": ", ".join(member.day.issue.name for member in leading),
    }


def _member_row(member: _Member) -> dict[str, str]:
    day, quotes = member.day, best_quotes(member.state)
    return {
        "종목코드": day.issue.code,
        "종목명": day.issue.name,
        "현재가": kiwoom_format.price(day.last, day.base),
        "등락기호": kiwoom_format.change_sign(day.last, day.base, day.upper, day.lower),
        "전일대비": kiwoom_format.signed(day.last - day.base),
        "등락율": kiwoom_format.rate(day.last - day.base, day.base),
        "누적거래량": str(day.volume),
        "매도호가": kiwoom_format.price(quotes.ask, day.base),
        "매도잔량": str(quotes.ask_size),
        "매수호가": kiwoom_format.price(quotes.bid, day.base),
        "매수잔량": str(quotes.bid_size),
        "기간수익률n": kiwoom_format.percentage(member.gain),
    }
