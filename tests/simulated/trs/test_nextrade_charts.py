"""Charts of issues at Nextrade (``_NX``) and at both exchanges (``_AL``), against those of the Korea Exchange."""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.tr import TrHandler, TrRejected
from kernel_server.simulated.market.nextrade.both import BothMarkets
from kernel_server.simulated.market.nextrade.market import NextradeMarket
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.settings import BrokerSettings
from kernel_server.simulated.trs.charts import Charts
from kernel_server.simulated.trs.daily.daily_list import DailyLists
from kernel_server.simulated.trs.venues import by_venue
from tests.support.market_trs import OVER, MarketTrs
from tests.support.simulated_broker import sessions, small_market
from tests.support.tr_handlers import HandExchange, ask

CODE, NX, AL = "005930", "005930_NX", "005930_AL"
EVENING, RUNNING, BEFORE = "2026-11-18 21:00", "2026-11-18 11:00:30", "2026-11-18 08:20:30"
DAY = "20261118"


@cache
def calendar() -> Sessions:
    return sessions(date(2025, 1, 1), date(2026, 12, 31))


@cache
def charts() -> dict[str, TrHandler]:
    market = SyntheticMarket(7, calendar)
    settings = BrokerSettings()
    nextrade = NextradeMarket(market, calendar)
    return by_venue(Charts(market, settings).handlers(), Charts(nextrade, settings, market).handlers())


def days(code: str, now: str = EVENING, tr: str = "opt10081") -> dict[str, dict[str, str]]:
    rows = ask(charts(), tr, now, 종목코드=code, 기준일자="", 수정주가구분="1")[1]
    return {row["일자"]: row for row in rows}


def minutes(code: str, now: str = EVENING, interval: str = "1") -> list[dict[str, str]]:
    """The minutes of the day, oldest first."""
    rows = ask(charts(), "opt10080", now, 종목코드=code, 틱범위=interval, 수정주가구분="1")[1]
    return [row for row in rows if row["체결시간"].startswith(DAY)][::-1]


def clocks(rows: list[dict[str, str]]) -> list[str]:
    return [row["체결시간"][8:12] for row in rows]


def size(row: dict[str, str], name: str) -> int:
    return abs(int(row[name]))


def test_nextrade_trades_before_and_after_the_exchange() -> None:
    found = clocks(minutes(NX))
    assert found[0] < "0830"
    assert found[-1] > "1930"
    assert all("0800" <= at < "0850" or "0900" <= at < "1520" or "1540" <= at < "2000" for at in found)
    assert {"0810", "1000", "1545", "1700"} <= set(found)


def test_a_day_is_made_of_its_minutes() -> None:
    for code in (NX, AL):
        day, rows = days(code)[DAY], minutes(code)
        assert size(rows[0], "시가") == int(day["시가"])
        assert max(size(row, "고가") for row in rows) == int(day["고가"])
        assert min(size(row, "저가") for row in rows) == int(day["저가"])
        assert size(rows[-1], "현재가") == int(day["현재가"])
    assert sum(int(row["거래량"]) for row in minutes(NX)) == int(days(NX)[DAY]["거래량"])


def test_both_together_are_the_exchange_and_nextrade() -> None:
    own, nextrade, both = (days(code) for code in (CODE, NX, AL))
    assert len(nextrade) > 400
    assert min(nextrade) == "20250304"
    for day, row in both.items():
        other = nextrade.get(day)
        if other is None:
            assert day < "20250304" or row["거래량"] == own[day]["거래량"]
            continue
        assert int(row["거래량"]) == int(own[day]["거래량"]) + int(other["거래량"])
        assert int(row["고가"]) == max(int(own[day]["고가"]), int(other["고가"]))
        assert int(row["저가"]) == min(int(own[day]["저가"]), int(other["저가"]))
        assert (row["시가"], row["현재가"]) == (other["시가"], other["현재가"])
        assert int(other["거래량"]) <= 0.3 * int(own[day]["거래량"])


def test_prices_are_those_of_the_exchange_while_it_trades() -> None:
    there = {row["체결시간"]: row for row in minutes(CODE)}
    main = [row for row in minutes(NX) if "0900" <= row["체결시간"][8:12] < "1520"]
    assert len(main) > 300
    for row in main:
        assert row["현재가"] == there[row["체결시간"]]["현재가"]
        assert int(row["거래량"]) <= int(there[row["체결시간"]]["거래량"])


def test_base_is_the_close_of_the_exchange() -> None:
    own = days(CODE)
    before = int(own[max(day for day in own if day < DAY)]["현재가"])
    for row in minutes(NX):
        price = int(row["현재가"])
        assert (price > 0) == (abs(price) >= before) or abs(price) == before


@pytest.mark.parametrize("now", [RUNNING, BEFORE])
def test_a_running_day_grows_with_its_minutes(now: str) -> None:
    whole, so_far = minutes(NX), minutes(NX, now)
    assert so_far == whole[: len(so_far)]
    assert clocks(so_far)[-1] <= now[11:16].replace(":", "")
    assert sum(int(row["거래량"]) for row in so_far) == int(days(NX, now)[DAY]["거래량"])
    assert len(so_far) > 10


def test_weeks_are_made_of_days() -> None:
    row = next(iter(days(NX, tr="opt10082").values()))
    own = {day: each for day, each in days(NX).items() if "20261116" <= day <= "20261120"}
    assert int(row["거래량"]) == sum(int(each["거래량"]) for each in own.values())


def test_an_issue_that_is_not_traded_there_has_no_code_there() -> None:
    with pytest.raises(TrRejected):
        days("069500_NX")
    assert days("069500_AL").keys() == days("069500").keys()
    with pytest.raises(TrRejected):
        days("999999_AL")


def test_given_prices_have_no_second_exchange() -> None:
    with pytest.raises(TrRejected):
        MarketTrs(small_market(), OVER).page("opt10081", 종목코드=NX, 기준일자="", 수정주가구분="1")


def test_the_days_of_a_list_are_those_of_the_chart() -> None:
    market = SyntheticMarket(7, calendar)
    lists = DailyLists(
        BothMarkets(market, NextradeMarket(market, calendar)),
        BrokerSettings(fundamentals_seed=1),
        HandExchange({}),
    ).handlers()
    closes = {day: int(row["현재가"]) for day, row in days(CODE).items()}
    for code in (NX, AL):
        chart = days(code)
        for tr, more in (("opt10005", {}), ("opt10086", {"조회일자": DAY, "표시구분": "0"})):
            rows = ask(lists, tr, EVENING, 종목코드=code, **more)[1]
            assert len(rows) > 15
            for row in rows:
                day = row.get("날짜") or row["일자"]
                base = closes[max(each for each in closes if each < day)]
                close = int(chart[day]["현재가"])
                assert size(row, "종가") == close
                assert size(row, "시가") == int(chart[day]["시가"])
                assert row["거래량"] == chart[day]["거래량"]
                assert int(row.get("대비") or row["전일비"]) == close - base
                assert row.get("외인순매수", "") == ""
    with pytest.raises(TrRejected):
        ask(lists, "opt10014", EVENING, 종목코드=NX, 시작일자="20261101", 종료일자="", 시간구분="0")
