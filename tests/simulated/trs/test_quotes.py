"""opt10001 and OPTKWFID against what was recorded, and the identities inside them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from kernel_server.reference.price_rules import limits
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.market.day_summary import extremes, latest_summary
from kernel_server.simulated.market.trading_hours import day_of
from tests.support.simulated_broker import (
    GRT,
    SAMSUNG,
    HandMarket,
    SimulatedBroker,
    bars,
    small_market,
    wavy,
    weekdays,
)


def test_opt10001_as_recorded() -> None:
    page = SimulatedBroker(small_market()).login().page("opt10001", 종목코드="005930")
    recorded = {
        "종목코드": "005930",
        "종목명": "삼성전자",
        "액면가": "100",
        "액면가단위": "원",
        "상장주식": "5969783",
        "시가총액": "4596733",
        "시가총액비중": "",
        "대용가": "60450",
        "시가": "+77600",
        "고가": "+77800",
        "저가": "-76600",
        "상한가": "+100500",
        "하한가": "-54300",
        "기준가": "77500",
        "예상체결가": "-0",
        "예상체결수량": "0",
        "현재가": "-77000",
        "대비기호": "5",
        "전일대비": "-500",
        "등락율": "-0.65",
        "거래량": "7715780",
        "거래대비": "-87.83",
    }
    assert {name: page.single[name] for name in recorded} == recorded
    assert (page.count, page.rows, page.prev_next) == (0, [], "0")


def test_given_prices_leave_the_balance_sheet_blank() -> None:
    single = SimulatedBroker(small_market()).login().page("opt10001", 종목코드="005930").single
    assert {
        single[name] for name in ("PER", "EPS", "ROE", "PBR", "EV", "BPS", "매출액", "유통비율", "결산월")
    } == {""}


def test_a_balance_sheet_by_seed() -> None:
    def single(seed: int, start: str = "2022-01-18 14:22") -> dict[str, str]:
        rig = SimulatedBroker(small_market(), start, fundamentals_seed=seed).login()
        return rig.page("opt10001", 종목코드="005930").single

    first = single(7)
    assert first == single(7)
    assert first["EPS"] != single(8)["EPS"]
    eps, bps = int(first["EPS"]), int(first["BPS"])
    assert first["PER"] == kiwoom_format.decimal(77000, eps)
    assert first["PBR"] == kiwoom_format.decimal(77000, bps)
    assert first["ROE"] == kiwoom_format.decimal(eps * 100, bps, 1)
    assert int(first["당기순이익"]) == kiwoom_format.eok(eps * SAMSUNG.shares)
    assert int(first["당기순이익"]) <= int(first["영업이익"]) <= int(first["매출액"])
    shares = int(first["유통주식"]) * 100 / int(first["상장주식"])
    assert float(first["유통비율"]) == pytest.approx(shares, abs=0.1)
    # the year's figures hold still while the price moves
    before = single(7, "2022-01-17 14:22")
    assert before["EPS"] == first["EPS"]
    assert before["PER"] == kiwoom_format.decimal(77500, eps)


def test_a_fund_has_no_balance_sheet() -> None:
    market = small_market()
    market.days = {"069500": market.days["005930"]}
    single = SimulatedBroker(market, fundamentals_seed=7).login().page("opt10001", 종목코드="069500").single
    assert (single["PER"], single["EPS"], single["자본금"]) == ("", "", "0")


def test_an_issue_without_prices_still_has_a_name() -> None:
    rig = SimulatedBroker(small_market()).login()
    single = rig.page("opt10001", 종목코드="000001").single
    assert (single["종목명"], single["상장주식"], single["현재가"]) == ("자료없음", "1000", "")
    row = rig.watch(["000001"]).row(0)
    assert (row["종목명"], row["주식수"], row["자본금"], row["현재가"]) == ("자료없음", "1000", "5", "")


def test_the_long_run_is_250_sessions_before_the_newest() -> None:
    days = weekdays(date(2020, 1, 1), date(2022, 1, 18))
    held = bars(wavy(days))
    held.high[-252], held.high[-251] = 999_999, 888_888
    held.low[-252], held.low[-100] = 1, 20
    found = extremes(held)
    assert (found.long_high, found.long_high_date) == (888_888, held.time[-251])
    assert (found.long_low, found.long_low_date) == (20, held.time[-100])


def test_this_year_starts_in_january_and_untraded_days_have_no_low() -> None:
    held = bars([(20211230, 90, 99, 1, 90, 5), (20220103, 90, 95, 85, 90, 5), (20220104, 0, 0, 0, 90, 0)])
    found = extremes(held)
    assert (found.year_high, found.year_low, found.long_low) == (95, 85, 1)


def test_extremes_in_the_answer() -> None:
    rig = SimulatedBroker(small_market()).login()
    single = rig.page("opt10001", 종목코드="005930").single
    held = rig.market.days["005930"]
    top, bottom = int(held.high[-251:].max()), int(held.low[-251:].min())
    assert (abs(int(single["250최고"])), abs(int(single["250최저"]))) == (top, bottom)
    assert single["250최고가대비율"] == kiwoom_format.rate(77000 - top, top)
    assert single["250최저가대비율"] == kiwoom_format.rate(77000 - bottom, bottom)
    assert int(single["250최고가일"]) in held.time[held.high == top]
    assert abs(int(single["연중최고"])) == held.high[held.time >= 20220101].max()


def test_the_first_session_of_an_issue_is_its_own_base() -> None:
    market = HandMarket([GRT], {"900290": bars([(20220118, 1000, 1200, 990, 1100, 500)])})
    single = SimulatedBroker(market).login().page("opt10001", 종목코드="900290").single
    assert (single["기준가"], single["현재가"], single["거래대비"]) == ("1000", "+1100", "0.00")


def test_the_watch_list_as_recorded() -> None:
    row = SimulatedBroker(small_market(), "2022-01-18 14:29:04").login().watch(["900290"]).row(0)
    recorded = {
        "종목코드": "900290",
        "종목명": "GRT",
        "현재가": "1225",
        "기준가": "1225",
        "전일대비": "0",
        "전일대비기호": "3",
        "등락율": "0.00",
        "거래량": "123651",
        "거래대금": "152",
        "전일거래량대비": "-17.52",
        "상한가": "+1590",
        "하한가": "-860",
        "시가": "1225",
        "고가": "+1230",
        "저가": "1225",
        "종가": "1225",
        "예상체결가": "1225",
        "시가총액": "825",
        "주식수": "67375",
        "체결시간": "142905",
        "호가시간": "142905",
        "일자": "20220118",
        "우선매도건수": "",
        "우선매수건수": "",
        "총매도건수": "0",
        "총매수건수": "",
        "패리티": "0.00",
        "기어링": "0.00",
        "손익분기": "0.00",
        "자본지지": "0.00",
        "ELW행사가": "0",
        "전환비율": "0.0000",
        "ELW만기일": "00000000",
        "미결제약정": "",
        "로": "",
    }
    assert {name: row[name] for name in recorded} == recorded


def test_another_recorded_row_of_the_watch_list() -> None:
    issue = replace(GRT, code="900310", name="컬러레이", shares=54_000_000)
    held = bars([(20220117, 1465, 1465, 1465, 1465, 108_243), (20220118, 1475, 1485, 1420, 1425, 147_191)])
    row = SimulatedBroker(HandMarket([issue], {"900310": held})).login().watch(["900310"]).row(0)
    recorded = {
        "현재가": "-1425",
        "기준가": "1465",
        "전일대비": "-40",
        "전일대비기호": "5",
        "등락율": "-2.73",
        "전일거래량대비": "+135.98",
        "상한가": "+1900",
        "하한가": "-1030",
        "시가": "+1475",
        "고가": "+1485",
        "저가": "-1420",
        "종가": "-1425",
        "예상체결가": "+1475",
        "시가총액": "770",
        "주식수": "54000",
    }
    assert {name: row[name] for name in recorded} == recorded


def test_after_the_close_the_last_trade_was_at_the_close() -> None:
    rig = SimulatedBroker(small_market(), "2022-01-18 18:00").login()
    assert rig.watch(["005930"]).row(0)["체결시간"] == "153000"
    assert (
        SimulatedBroker(small_market(), "2022-01-22 09:30").login().watch(["005930"]).row(0)["체결시간"]
        == "153000"
    )


def test_newest_reads_the_adjusted_close_before() -> None:
    found = latest_summary(
        SAMSUNG,
        bars([(20180503, 53_000, 53_000, 53_000, 53_000, 0), (20180504, 53_000, 53_900, 51_800, 51_900, 39)]),
    )
    assert found is not None
    assert (found.base, found.previous_volume, found.upper) == (
        53_000,
        0,
        limits(53_000, day_of(20180504), "KOSPI")[0],
    )
    assert latest_summary(SAMSUNG, bars([])) is None
