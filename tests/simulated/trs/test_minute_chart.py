"""opt10080: minutes, their intervals, and how far they go back."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from kernel_server.clock import KST
from kernel_server.simulated.market.model import Bars
from tests.support.simulated_broker import (
    GRT,
    SAMSUNG,
    HandMarket,
    SimulatedBroker,
    bars,
    number,
    small_market,
    weekdays,
)

MINUTE = {"종목코드": "005930", "틱범위": "1", "수정주가구분": "0"}


@pytest.fixture
def rig() -> SimulatedBroker:
    return SimulatedBroker(small_market(), requests_a_second=100).login()


def coloured(price: int, base: int) -> str:
    return f"{'+' if price > base else '-' if price < base else ''}{price}"


def minute_rows(days: list[date], base: int = 50_000) -> Bars:
    """Minutes 09:00 to 15:19 and the closing auction, the close going up by a tick every minute."""
    rows = []
    for n, day in enumerate(days):
        starts = [
            datetime(day.year, day.month, day.day, 9, tzinfo=KST) + timedelta(minutes=m) for m in range(380)
        ]
        starts.append(datetime(day.year, day.month, day.day, 15, 30, tzinfo=KST))
        for m, start in enumerate(starts):
            close = base + n * 1000 + m
            rows.append((int(f"{start:%Y%m%d%H%M%S}"), close - 1, close + 2, close - 3, close, 10 + m))
    return bars(rows)


def minute_market(count: int) -> HandMarket:
    days = weekdays(date(2021, 1, 4), date(2022, 1, 17))[-count:]
    minutes = minute_rows(days)
    daily = []
    for day in days:
        of_day = minutes.time // 1_000_000 == number(day)
        daily.append(
            (
                number(day),
                int(minutes.open[of_day][0]),
                int(minutes.high[of_day].max()),
                int(minutes.low[of_day].min()),
                int(minutes.close[of_day][-1]),
                int(minutes.volume[of_day].sum()),
            )
        )
    return HandMarket([SAMSUNG, GRT], {"005930": bars(daily)}, minutes={"005930": minutes})


def test_a_minute_chart() -> None:
    market = minute_market(4)
    rig = SimulatedBroker(market).login()
    pages = rig.all_pages("opt10080", **MINUTE)
    held = market.minutes["005930"]
    assert [(page.count, page.prev_next) for page in pages] == [(900, "2"), (624, "0")]
    assert [text for page in pages for text in page.column("체결시간")] == [
        str(time) for time in held.time[::-1]
    ]
    newest = pages[0].row(0)
    assert newest["체결시간"] == "20220117153000"
    assert (newest["현재가"], newest["시가"], newest["저가"]) == ("+53380", "+53379", "+53377")
    assert newest["거래량"] == "390"
    assert pages[0].single == {"종목코드": "005930"}
    assert [abs(int(text)) for page in pages for text in page.column("현재가")] == held.close[::-1].tolist()


def test_minute_prices_are_coloured_against_the_close_before_their_own_day() -> None:
    market = minute_market(3)
    rig = SimulatedBroker(market).login()
    closes = {
        day: int(close)
        for day, close in zip(market.days["005930"].time, market.days["005930"].close, strict=True)
    }
    page = rig.page("opt10080", **MINUTE)
    days = sorted(closes)
    for n in range(page.count):
        row = page.row(n)
        day = int(row["체결시간"][:8])
        if day == days[0]:
            continue
        base = closes[days[days.index(day) - 1]]
        price = abs(int(row["현재가"]))
        assert row["현재가"] == coloured(price, base)


def test_minute_prices_may_be_coloured_against_today() -> None:
    rig = SimulatedBroker(minute_market(3), minute_sign="today").login()
    page = rig.page("opt10080", **MINUTE)
    base = 51380
    for text in page.column("현재가"):
        price = abs(int(text))
        assert text == coloured(price, base)


def test_minute_colours_over_a_split_are_at_the_scale_of_their_day() -> None:
    split = {20220117: (8, -98.0)}
    raw = bars(
        [(20220114, 50_000, 50_000, 50_000, 50_000, 1), (20220117, 1_010, 1_010, 1_010, 1_010, 50)], split
    )
    fair = bars(
        [(20220114, 1_000, 1_000, 1_000, 1_000, 50), (20220117, 1_010, 1_010, 1_010, 1_010, 50)], split
    )
    minutes = bars(
        [(20220114090000, 50_000, 50_000, 50_000, 50_000, 1), (20220117090000, 1_000, 1_010, 990, 1_010, 50)]
    )
    market = HandMarket([SAMSUNG], {"005930": raw}, {"005930": fair}, {"005930": minutes})
    row = SimulatedBroker(market).login().page("opt10080", **MINUTE).row(0)
    assert [row[name] for name in ("시가", "고가", "저가", "현재가")] == ["1000", "+1010", "-990", "+1010"]


def test_minutes_without_days_are_coloured_by_the_minutes_before() -> None:
    market = minute_market(2)
    market.days = {}
    page = SimulatedBroker(market).login().page("opt10080", **MINUTE)
    assert page.row(0)["현재가"] == "+51380"  # above 50,380, the close of the day before
    # The first day has none before it: its opening price, 49,999, stands for one.
    assert (page.row(761)["시가"], page.row(761)["저가"], page.row(761)["현재가"]) == (
        "49999",
        "-49997",
        "+50000",
    )


@pytest.mark.parametrize("interval", [1, 3, 5, 10, 15, 30, 45, 60])
def test_intervals_are_the_minutes_in_them(interval: int) -> None:
    market = minute_market(3)
    held = market.minutes["005930"]
    rig = SimulatedBroker(market, requests_a_second=100).login()
    rows = [
        page.row(n)
        for page in rig.all_pages("opt10080", **{**MINUTE, "틱범위": str(interval)})
        for n in range(page.count)
    ]
    wanted: dict[str, list[int]] = {}
    for n, time in enumerate(held.time.tolist()):
        at = datetime.strptime(f"{time}+0900", "%Y%m%d%H%M%S%z")
        minute = (at.hour * 60 + at.minute) // interval * interval
        wanted.setdefault(f"{at:%Y%m%d}{minute // 60:02d}{minute % 60:02d}00", []).append(n)
    assert [row["체결시간"] for row in rows] == list(wanted)[::-1]
    for row, span in zip(rows, list(wanted.values())[::-1], strict=True):
        got = [abs(int(row[name])) for name in ("시가", "고가", "저가", "현재가", "거래량")]
        assert got == [
            held.open[span[0]],
            max(held.high[span]),
            min(held.low[span]),
            held.close[span[-1]],
            sum(held.volume[span]),
        ]


@pytest.mark.parametrize("interval", ["", "0", "2", "7", "01", "1:1분", "분"])
def test_a_tick_range_the_broker_has_not(rig: SimulatedBroker, interval: str) -> None:
    assert rig.page("opt10080", **{**MINUTE, "틱범위": interval}).count == 0
    assert rig.messages() == ["전문작성 입력값 오류 (-202)"]


def test_minutes_reach_back_as_far_as_the_settings_say() -> None:
    rig = SimulatedBroker(minute_market(9), minute_days=5, requests_a_second=100).login()
    times = [text for page in rig.all_pages("opt10080", **MINUTE) for text in page.column("체결시간")]
    assert len(times) == 5 * 381
    assert times[-1].endswith("090000")


def test_a_page_of_minutes_does_not_ask_for_the_whole_history() -> None:
    market = minute_market(120)
    SimulatedBroker(market).login().page("opt10080", **MINUTE)
    assert max(market.asked) <= 5


def test_a_market_without_minutes(rig: SimulatedBroker) -> None:
    assert rig.page("opt10080", **MINUTE).count == 0
    assert rig.messages() == ["[571578] 모의투자 해당조회내역이 없습니다"]


def test_new_bars_do_not_shift_the_pages() -> None:
    market = minute_market(4)
    rig = SimulatedBroker(market, "2022-01-17 15:00").login()
    first = rig.page("opt10080", **MINUTE)
    rig.settle(20 * 60)
    second = rig.page("opt10080", 2, **MINUTE)
    assert int(second.column("체결시간")[0]) == _before(
        market.minutes["005930"], int(first.column("체결시간")[-1])
    )


def _before(held: Bars, time: int) -> int:
    return int(held.time[int(np.searchsorted(held.time, time)) - 1])
