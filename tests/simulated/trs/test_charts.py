"""The charts of days, weeks, months and years: pages, formats, dates, periods."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from kernel_server import reference
from tests.support.simulated_broker import (
    SAMSUNG,
    HandMarket,
    SimulatedBroker,
    bars,
    small_market,
    wavy,
    weekdays,
)

RAW = {"종목코드": "005930", "기준일자": "", "수정주가구분": "0"}
PERIOD = {"종목코드": "005930", "기준일자": "", "끝일자": "", "수정주가구분": "0"}
MINUTE = {"종목코드": "005930", "틱범위": "1", "수정주가구분": "0"}


@pytest.fixture
def rig() -> SimulatedBroker:
    return SimulatedBroker(small_market(), requests_a_second=100).login()


def test_the_first_rows_of_a_day_chart_as_recorded(rig: SimulatedBroker) -> None:
    page = rig.page("opt10081", **RAW)
    value = round(77000 * 7715780 / 1_000_000)
    assert (
        page.rows[0]
        == ["005930", "77000", "7715780", str(value), "20220118", "77600", "77800", "76600"] + [""] * 7
    )
    assert page.rows[1][:3] == ["", "77500", "8785122"]
    assert page.single == {"종목코드": "005930"}
    assert (page.count, page.prev_next) == (600, "2")


def test_the_pages_of_a_day_chart_are_its_history(rig: SimulatedBroker) -> None:
    held = rig.market.days["005930"]
    pages = rig.all_pages("opt10081", **RAW)
    assert [page.count for page in pages] == [600, 600, len(held) - 1200]
    assert [page.prev_next for page in pages] == ["2", "2", "0"]
    dates = [text for page in pages for text in page.column("일자")]
    closes = [text for page in pages for text in page.column("현재가")]
    assert dates == [str(day) for day in held.time[::-1]]
    assert closes == [str(price) for price in held.close[::-1]]
    assert [text for page in pages for text in page.column("종목코드")] == ["005930"] + [""] * (len(held) - 1)


def test_a_history_that_fills_its_last_page_ends_there() -> None:
    days = weekdays(date(2016, 1, 1), date(2022, 1, 18))[-1200:]
    rig = SimulatedBroker(HandMarket([SAMSUNG], {"005930": bars(wavy(days))})).login()
    assert [(page.count, page.prev_next) for page in rig.all_pages("opt10081", **RAW)] == [
        (600, "2"),
        (600, "0"),
    ]


@pytest.mark.parametrize(
    ("given_date", "newest"),
    [
        ("", "20220118"),
        ("20220118", "20220118"),
        ("20991231", "20220118"),
        ("20220117", "20220117"),
        ("20220116", "20220114"),  # a Sunday
        ("20150601", "20150601"),
    ],
)
def test_the_base_date_is_the_last_one_wanted(rig: SimulatedBroker, given_date: str, newest: str) -> None:
    assert rig.page("opt10081", **{**RAW, "기준일자": given_date}).column("일자")[0] == newest


@pytest.mark.parametrize(
    "given_date", ["2022", "20221301", "20220230", "2022-1-8", "202201 1", "２０２２０１１８", "abcdefgh"]
)
def test_what_is_no_date(rig: SimulatedBroker, given_date: str) -> None:
    page = rig.page("opt10081", **{**RAW, "기준일자": given_date})
    assert (page.count, page.prev_next) == (0, "0")
    assert rig.messages() == ["전문작성 입력값 오류 (-202)"]


@pytest.mark.parametrize(
    "inputs", [{**RAW, "종목코드": "900290", "기준일자": "20200101"}, {**RAW, "종목코드": "000001"}]
)
def test_a_history_without_rows(rig: SimulatedBroker, inputs: dict[str, str]) -> None:
    page = rig.page("opt10081", **inputs)
    assert (page.count, page.prev_next, page.rows) == (0, "0", [])
    assert rig.messages() == ["[571578] 모의투자 해당조회내역이 없습니다"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"종목코드": "999999"}, "[00Z211] 종목코드 오류"),
        ({"종목코드": ""}, "[00Z211] 종목코드 오류"),
        ({"종목코드": "005930_NX"}, "[00Z211] 종목코드 오류"),
        ({"수정주가구분": "2"}, "전문작성 입력값 오류 (-202)"),
    ],
)
@pytest.mark.parametrize("tr", ["opt10080", "opt10081", "opt10082", "opt10083", "opt10094"])
def test_what_the_broker_does_not_take(
    rig: SimulatedBroker, tr: str, change: dict[str, str], message: str
) -> None:
    inputs = {"opt10080": MINUTE, "opt10081": RAW}.get(tr, PERIOD)
    assert rig.page(tr, **{**inputs, **change}).count == 0
    assert rig.messages() == [message]


def test_adjusted_and_raw_and_the_event_on_its_day() -> None:
    days = [20240205, 20240206, 20240207]
    raw = bars(
        [
            (days[0], 9000, 9400, 8900, 9300, 100),
            (days[1], 9350, 9950, 9310, 9950, 283593),
            (days[2], 8450, 8460, 8010, 8070, 307413),
        ],
        {days[2]: (256, -15.08)},
    )
    fair = bars(
        [
            (days[0], 7600, 8000, 7500, 7900, 118),
            (days[1], 7940, 8450, 7906, 8450, 333953),
            (days[2], 8450, 8460, 8010, 8070, 307413),
        ],
        {days[2]: (256, -15.08)},
    )
    market = HandMarket([SAMSUNG], {"005930": raw}, {"005930": fair})
    rig = SimulatedBroker(market, "2024-02-07 16:00").login()
    plain = rig.page("opt10081", **RAW)
    adjusted = rig.page("opt10081", **{**RAW, "수정주가구분": "1"})
    for page in (plain, adjusted):
        assert page.column("수정주가구분") == ["256", "", ""]
        assert page.column("수정비율") == ["-15.08", "", ""]
    assert plain.rows[1][1:3] == ["9950", "283593"]
    assert adjusted.rows[1][1:3] == ["8450", "333953"]
    assert rig.page("opt10001", 종목코드="005930").single["기준가"] == "8450"


@pytest.mark.parametrize(("tr", "size"), [("opt10082", 300), ("opt10083", 240), ("opt10094", 30)])
def test_longer_bars_are_the_days_in_them(tr: str, size: int) -> None:
    days = weekdays(date(1975, 6, 3), date(2022, 1, 18))
    held = bars(wavy(days, 70_000))
    rig = SimulatedBroker(HandMarket([SAMSUNG], {"005930": held}), requests_a_second=100).login()
    pages = rig.all_pages(tr, **PERIOD)
    group = {
        "opt10082": lambda day: day - timedelta(day.weekday()),
        "opt10083": lambda day: (day.year, day.month),
        "opt10094": lambda day: day.year,
    }[tr]
    wanted: dict[object, list[int]] = {}
    for n, day in enumerate(days):
        wanted.setdefault(group(day), []).append(n)
    spans = list(wanted.values())[::-1]
    assert [page.count for page in pages[:-1]] == [size] * (len(spans) // size)
    rows = [page.row(n) for page in pages for n in range(page.count)]
    assert len(rows) == len(spans)
    for row, span in zip(rows, spans, strict=True):
        assert row["일자"] == str(held.time[span[0]])
        assert row["시가"] == str(held.open[span[0]])
        assert row["고가"] == str(max(held.high[span]))
        assert row["저가"] == str(min(held.low[span]))
        assert row["현재가"] == str(held.close[span[-1]])
        assert row["거래량"] == str(sum(held.volume[span]))
        assert row["거래대금"] == str(round(sum(held.value[span]) / 1_000_000))


def test_a_longer_bar_may_be_dated_by_its_last_session() -> None:
    rig = SimulatedBroker(small_market(), period_date="last").login()
    first, second = (rig.page("opt10082", **PERIOD).row(n) for n in (0, 1))
    assert (first["일자"], second["일자"]) == ("20220118", "20220114")


def test_base_and_end_date_bound_longer_bars(rig: SimulatedBroker) -> None:
    page = rig.page("opt10083", **{**PERIOD, "기준일자": "20211115", "끝일자": "20210915"})
    assert page.column("일자") == ["20211101", "20211001", "20210915"]
    held = rig.market.days["005930"]
    assert page.column("현재가")[0] == str(held.close[int(np.searchsorted(held.time, 20211115))])
    assert rig.page("opt10083", **{**PERIOD, "기준일자": "20210101", "끝일자": "20211231"}).count == 0
    assert rig.messages() == ["[571578] 모의투자 해당조회내역이 없습니다"]


def test_a_session_without_a_trade_does_not_pull_a_week_down_to_zero() -> None:
    week = bars(
        [(20220110, 500, 520, 480, 510, 10), (20220111, 0, 0, 0, 510, 0), (20220112, 505, 530, 500, 520, 5)]
    )
    row = SimulatedBroker(HandMarket([SAMSUNG], {"005930": week})).login().page("opt10082", **PERIOD).row(0)
    assert [row[name] for name in ("시가", "고가", "저가", "현재가", "거래량")] == [
        "500",
        "530",
        "480",
        "520",
        "15",
    ]


def test_flags_of_a_week_are_united() -> None:
    week = bars(
        [(20220110, 5, 5, 5, 5, 1), (20220111, 5, 5, 5, 5, 1), (20220112, 5, 5, 5, 5, 1)],
        {20220110: (1, -3.5), 20220111: (8, 0.0)},
    )
    row = SimulatedBroker(HandMarket([SAMSUNG], {"005930": week})).login().page("opt10082", **PERIOD).row(0)
    assert (row["수정주가구분"], row["수정비율"]) == ("9", "0.00")


def test_the_page_sizes_are_those_of_the_reference() -> None:
    sizes = {
        code: reference.tr(code).rows_per_page
        for code in ("opt10080", "opt10081", "opt10082", "opt10083", "opt10094")
    }
    assert sizes == {"opt10080": 900, "opt10081": 600, "opt10082": 300, "opt10083": 240, "opt10094": 30}
