"""Program trading of issues: lists of a market (opt90003, opt90004), and one issue by minute (opt90008).

Amounts are in 백만원, shares single ones. The ranking writes net purchases with one sign, as the REST service's
documentation does, the list by minute with the two that are recorded.
"""

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
from kernel_server.simulated.market.model import Issue, Market, board
from kernel_server.simulated.market.statistics.program import part, program_rates
from kernel_server.simulated.market.trading_hours import day_of, today
from kernel_server.simulated.snapshot.market_moments import MarketMoments
from kernel_server.simulated.snapshot.scanner import MarketScanner
from kernel_server.simulated.trs.program.totals import (
    ProgramHistory,
    ProgramTraders,
    market_input,
    newest_day,
)
from kernel_server.simulated.trs.program.trends import measure_input
from kernel_server.simulated.trs.rankings.fields import FIELDS, RankingRow
from kernel_server.simulated.trs.rankings.view import BarsView

_SELLERS, _BUYERS = "1", "2"
_TOP = 50
_MONEY = "1"
_DAY = 1_000_000
_MINUTE_SESSIONS = 160
_COLUMNS = ("매수체결수량", "매수체결금액", "매도체결수량", "매도체결금액", "순매수대금")


class ProgramIssues:
    """Handlers of opt90003, opt90004, opt90008, opt10010 and optkwpro."""

    def __init__(
        self, market: Market, scanner: MarketScanner, history: ProgramHistory, moments: MarketMoments
    ) -> None:
        self._market = market
        self._moments = moments
        self._issues: Mapping[str, Issue] = market.issues()
        self._scanner = scanner
        self._history = history

    def market_handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case that need the whole market."""
        return {"opt90003": self._top, "opt90004": self._list}

    def issue_handlers(self) -> dict[str, TrHandler]:
        """Handlers by TR code in lower case that need one issue."""
        return {"opt90008": self._minutes, "opt10010": self._one, "optkwpro": self._several}

    def _top(self, request: TrRequest, now: float) -> TrAnswer:
        """opt90003: the fifty issues that programs bought or sold most; the continuation key is the rank."""
        inputs = request.inputs
        market, sign = (
            market_input(inputs["시장구분"]),
            {_SELLERS: 1, _BUYERS: -1}.get(inputs["매매상위구분"]),
        )
        in_money = measure_input(inputs["금액수량구분"]) == _MONEY
        if sign is None:
            raise TrRejected("bad_input")
        view = BarsView(self._scanner, now)
        places, traders = self._history.newest(view, market)
        totals = investor_groups.millions(view.prices.value) if in_money else view.prices.volume
        bought, sold = _sides(traders, totals[places])
        net = bought - sold
        order = np.argsort(sign * net, kind="stable")
        order = order[sign * net[order] < 0][:_TOP]
        start, moment = request.after or 0, self._moments.now(now)
        stop = min(len(order), start + (request.tr.rows_per_page or len(order)))
        rows = []
        for rank in range(start, stop):
            at = int(order[rank])
            place = int(places[at])
            day = view.facts.day_summary(place, moment.prices, place)
            row = RankingRow(day, moment.best(place), place, rank + 1, {}, now)
            values = {name: FIELDS[name](row) for name in request.tr.multi_names if name in FIELDS}
            values |= {
                "등락기호": FIELDS["전일대비기호"](row),
                "프로그램매도금액": str(int(sold[at])),
                "프로그램매수금액": str(int(bought[at])),
                "프로그램순매수금액": kiwoom_format.signed(int(net[at])),
            }
            rows.append(in_order(request.tr.multi_names, values))
        after = stop if stop < len(order) else None
        return TrAnswer(rows=rows, after=after, message="" if rows else message("no_history"))

    def _list(self, request: TrRequest, now: float) -> TrAnswer:
        """opt90004: a market's issues on a day in listing order; the continuation key is the next one's place.

        합계1 to 합계5 are the sums of the five columns. 전체거래비율 is what programs bought and sold, in percent of
        twice the value (a guess).
        """
        market = market_input(request.inputs["시장구분"])
        view = BarsView(self._scanner, now)
        day = date_input(request.inputs["일자"]) or newest_day(view.facts)
        places, traders = self._history.newest(view, market)
        base, close, volume, value = _day_columns(view, places, day)
        if day != newest_day(view.facts):
            traders = ProgramTraders(
                traders.issues, np.full((len(places), 1), epoch_days(np.array([day]))[0]), traders.arbitraged
            )
        shares, money = (_sides(traders, totals) for totals in (volume, investor_groups.millions(value)))
        columns = (shares[0], money[0], shares[1], money[1], money[0] - money[1])
        listed = np.flatnonzero(close > 0)
        start = request.after or 0
        stop = min(len(listed), start + (request.tr.rows_per_page or len(listed)))
        rows = []
        for at in listed[start:stop].tolist():
            issue, last, before = traders.issues[at], int(close[at]), int(base[at])
            upper, lower = rules(day_of(day), board(issue)).limits(before)
            traded = int(money[0][at] + money[1][at])
            values = {
                "종목코드": issue.code,
                "종목명": issue.name,
                "현재가": kiwoom_format.price(last, before),
                "등락기호": kiwoom_format.change_sign(last, before, upper, lower),
                "전일대비": kiwoom_format.signed(last - before),
                "전체거래비율": kiwoom_format.rate(traded, 2 * int(investor_groups.millions(value)[at])),
            }
            values |= {name: str(int(column[at])) for name, column in zip(_COLUMNS, columns, strict=True)}
            rows.append(in_order(request.tr.multi_names, values))
        after = stop if stop < len(listed) else None
        single = [str(int(column.sum())) for column in columns] + [""]
        return TrAnswer(single if rows else [], rows, after, message="" if rows else message("no_history"))

    def _minutes(self, request: TrRequest, now: float) -> TrAnswer:
        """opt90008: minutes of a day, newest first; 시간 and the continuation key are a minute's beginning."""
        inputs = request.inputs
        issue = self._issue(inputs["종목코드"])
        measure_input(inputs["금액수량구분"])
        day = date_input(inputs["날짜"]) or today(now)
        bars = self._market.daily(issue.code, True, now, _MINUTE_SESSIONS + 1)
        at = int(np.searchsorted(bars.time, day, "right")) - 1
        if at < 0 or (inputs["날짜"] and bars.time[at] != day):
            return TrAnswer(message=message("no_history"), codes=(issue.code,))
        day, base = int(bars.time[at]), int(bars.close[at - 1] if at else bars.open[0])
        minutes = self._market.minute(issue.code, True, now, len(bars) - at)
        inside = minutes.time // _DAY == day
        clock = minutes.time[inside] % _DAY
        rates = program_rates([issue], epoch_days(np.array([[day]])))
        volume, value = (np.cumsum(column[inside]) for column in (minutes.volume, minutes.value))
        shares, money = (
            (part(totals, rates.bought[0]), part(totals, rates.sold[0]))
            for totals in (volume, investor_groups.millions(value))
        )
        stop = len(clock) if request.after is None else int(np.searchsorted(clock, request.after))
        start = max(0, stop - (request.tr.rows_per_page or stop))
        upper, lower = rules(day_of(day), board(issue)).limits(base)
        close = minutes.close[inside]
        rows = []
        for row in range(stop - 1, start - 1, -1):
            last = int(close[row])
            values = {
                "시간": f"{int(clock[row]):06d}",
                "현재가": kiwoom_format.price(last, base),
                "대비기호": kiwoom_format.change_sign(last, base, upper, lower),
                "전일대비": kiwoom_format.signed(last - base),
                "등락율": kiwoom_format.rate(last - base, base),
                "거래량": str(int(volume[row])),
            }
            for unit, (bought, sold) in (("금액", money), ("수량", shares)):
                net = bought - sold
                change = int(net[row] - net[row - 1]) if row else int(net[row])
                values |= {
                    f"프로그램매도{unit}": str(int(sold[row])),
                    f"프로그램매수{unit}": str(int(bought[row])),
                    f"프로그램순매수{unit}": kiwoom_format.twice_signed(int(net[row])),
                    f"프로그램순매수{unit}증감": kiwoom_format.signed(change),
                }
            rows.append(in_order(request.tr.multi_names, values))
        after = int(clock[start]) if start else None
        return TrAnswer(
            rows=rows, after=after, message="" if rows else message("no_history"), codes=(issue.code,)
        )

    def _one(self, request: TrRequest, now: float) -> TrAnswer:
        """opt10010: 차익 and 비차익 of an issue today, in shares and 백만원."""
        issue = self._issue(request.inputs["종목코드"])
        values = self._kinds(issue, now)
        if not values:
            return TrAnswer(message=message("no_history"), codes=(issue.code,))
        names = {"차익위탁": "차익", "비차익위탁": "비차익", "전체차익위탁": "합계"}
        found = {
            f"{name}{side}{unit}": values[f"{kind}{side}{unit}"]
            for name, kind in names.items()
            for side in ("매도", "매수", "순매수")
            for unit in ("수량", "금액")
        }
        return TrAnswer(rows=[in_order(request.tr.multi_names, found)], codes=(issue.code,))

    def _several(self, request: TrRequest, now: float) -> TrAnswer:
        """optkwpro: 차익 and 비차익 of several issues today, their codes divided by semicolons."""
        codes = [code for code in request.inputs["종목코드"].split(";") if code]
        rows = []
        for issue in [self._issue(code) for code in codes[: request.tr.rows_per_page or len(codes)]]:
            values = self._kinds(issue, now)
            found: dict[str, str] = {}
            for kind in ("차익", "비차익", "합계") if values else ():
                for side in ("매도", "매수"):
                    found[f"{kind}{side}량"] = values[f"{kind}{side}수량"]
                    found[f"{kind}{side}대금"] = values[f"{kind}{side}금액"]
                    found[f"{kind}{side}비율"] = values[f"{kind}{side}비율"]
                found[f"{kind}순매수금액"] = values[f"{kind}순매수금액"]
            found["합계순매수"] = found.get("합계순매수금액", "")
            rows.append(in_order(request.tr.multi_names, found))
        return TrAnswer(rows=rows, message="" if rows else message("no_history"))

    def _kinds(self, issue: Issue, now: float) -> dict[str, str]:
        """What programs traded of an issue in its newest session, by kind, side and unit; empty without days."""
        bars = self._market.daily(issue.code, True, now, 1)
        if not len(bars):
            return {}
        traders = ProgramTraders(
            [issue], epoch_days(bars.time)[:, None], self._history.arbitraged([issue.code])
        )
        values: dict[str, str] = {}
        volume = int(bars.volume[0])
        for unit, totals in (("수량", bars.volume), ("금액", investor_groups.millions(bars.value))):
            nets = [0, 0, 0]
            for side, name, sign in (("매수", "bought", 1), ("매도", "sold", -1)):
                arbitrage, other = (int(each[0, 0]) for each in traders.traded(totals[:, None], name))
                for at, amount in enumerate((arbitrage, other, arbitrage + other)):
                    values[f"{_KINDS[at]}{side}{unit}"] = str(amount)
                    nets[at] += sign * amount
                    if unit == "수량":
                        values[f"{_KINDS[at]}{side}비율"] = kiwoom_format.rate(amount, volume)
            values |= {f"{_KINDS[at]}순매수{unit}": kiwoom_format.signed(net) for at, net in enumerate(nets)}
        return values

    def _issue(self, code: str) -> Issue:
        issue = self._issues.get(code)
        if issue is None:
            raise TrRejected("unknown_code")
        return issue


_KINDS = ("차익", "비차익", "합계")


def _sides(traders: ProgramTraders, totals: Ints) -> tuple[Ints, Ints]:
    """What programs bought and sold of each issue."""
    return part(totals, traders.rates.bought[:, 0]), part(totals, traders.rates.sold[:, 0])


def _day_columns(view: BarsView, places: Ints, day: int) -> tuple[Ints, Ints, Ints, Ints]:
    """기준가, close, volume and value of each place on a day; 0 where it has none."""
    facts, history = view.facts, view.facts.history
    if day == newest_day(facts):
        there = np.array(facts.dates)[places] == day
        prices = view.prices.at(places)
        return (
            np.where(there, facts.base[places], 0),
            np.where(there, prices.last, 0),
            np.where(there, prices.volume, 0),
            np.where(there, prices.value, 0),
        )
    found = np.zeros((4, len(places)), np.int64)
    time = history.time[places]
    rows, columns_ = np.nonzero(time == day)
    at = places[rows]
    # Before an issue's first session its close is the base; the row of the oldest session known has none before it.
    before = np.where(columns_ > 0, history.close[at, np.maximum(columns_ - 1, 0)], 0)
    close = history.close[at, columns_]
    found[0, rows], found[1, rows] = np.where(before > 0, before, close), close
    found[2, rows], found[3, rows] = history.volume[at, columns_], history.value[at, columns_]
    return found[0], found[1], found[2], found[3]
