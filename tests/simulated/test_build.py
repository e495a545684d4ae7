"""``build``: the broker over a market of its own, and over files."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from koalab import calendar as client_calendar
from tests.support.cache_folder import with_calendar

pytest.importorskip("exchange_calendars")

from kernel_server import simulated
from kernel_server.clock import SteppedClock
from kernel_server.simulated import BrokerSettings
from kernel_server.simulated.base import kiwoom_format
from tests.support.quiet_market import quiet
from tests.support.simulated_broker import SimulatedBroker, moment

NOON = "2026-11-06 12:00"
DAILY = {"종목코드": "005930", "기준일자": "", "수정주가구분": "1"}


class BuiltBroker(SimulatedBroker):
    """A rig around what ``build`` makes."""

    def __init__(
        self, market_data: Path | None = None, seed: int = 1, start: str = NOON, **settings: object
    ) -> None:
        self.clock = SteppedClock(moment(start))
        self.work: list[Callable[[], None]] = []
        self.events = []
        self.pages = []
        self.settings = quiet(BrokerSettings(limited=False, **settings))  # type: ignore[arg-type]
        self.control = simulated.build(market_data, seed, self.clock, self.settings, self.work.append)
        self.control.listen(self.handle)
        self.login()


@pytest.fixture(scope="module", autouse=True)
def calendar_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOALAB_CACHE_DIR", str(with_calendar(tmp_path_factory.getbasetemp() / "cache")))
        yield


@pytest.fixture(scope="module")
def built(calendar_cache: None) -> BuiltBroker:
    return BuiltBroker()


@pytest.fixture(scope="module")
def still(calendar_cache: None) -> BuiltBroker:
    """In the closing auction: bars, which are of whole minutes, say all that has been traded."""
    return BuiltBroker(start="2026-11-06 15:25")


def test_a_synthetic_market(built: BuiltBroker) -> None:
    assert built.control.source.startswith("simulated:synthetic:")
    codes = built.text("GetCodeListByMarket", "").split(";")[:-1]
    assert len(codes) == len(set(codes)) > 2000
    lists = [set(built.text("GetCodeListByMarket", market).split(";")[:-1]) for market in ("0", "10", "50")]
    assert set.union(*lists) == set(codes)
    assert sum(map(len, lists)) == len(codes)
    assert all(built.text("GetMasterCodeName", code) for code in codes)
    assert built.call("GetMasterCodeName", "005930") == "삼성전자"


def test_without_numpy_one_sentence_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"needs numpy.*Python 3\.11"):
        BuiltBroker()


def test_two_brokers_of_one_seed_answer_alike(built: BuiltBroker) -> None:
    assert BuiltBroker().page("opt10081", **DAILY).rows == built.page("opt10081", **DAILY).rows
    assert BuiltBroker(seed=2).page("opt10081", **DAILY).rows != built.page("opt10081", **DAILY).rows


def test_the_server_and_the_client_keep_the_same_holiday(
    built: BuiltBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "holidays.txt"
    monkeypatch.setenv("KOALAB_HOLIDAYS", str(file))
    days = [row[4] for row in built.page("opt10081", **DAILY).rows[:3]]
    file.write_text(f"{days[1][:4]}-{days[1][4:6]}-{days[1][6:]} closed\n")
    client_calendar.table.cache_clear()
    changed = BuiltBroker()
    assert not client_calendar.is_open(f"{days[1]} 12:00")
    assert [row[4] for row in changed.page("opt10081", **DAILY).rows[:2]] == [days[0], days[2]]
    # The days after it have other prices, so that it is another source.
    assert changed.control.source != built.control.source
    client_calendar.table.cache_clear()


@pytest.mark.parametrize("code", ["005930", "000660", "035420", "069500"])
def test_the_answers_about_one_issue_agree(still: BuiltBroker, code: str) -> None:
    days = still.page("opt10081", **{**DAILY, "종목코드": code})
    if not days.rows:
        pytest.skip(f"{code} is not listed in this market")
    basics = still.page("opt10001", 종목코드=code).single
    watched = still.watch([code]).row(0)
    today, before = days.row(0), days.row(1)
    assert today["일자"] == watched["일자"] == "20261106"
    assert basics["기준가"] == watched["기준가"] == before["현재가"]
    base = int(before["현재가"])
    for name in ("현재가", "시가", "고가", "저가"):
        assert basics[name] == watched[name] == kiwoom_format.price(int(today[name]), base)
    assert basics["거래량"] == watched["거래량"] == today["거래량"]
    assert watched["거래대금"] == today["거래대금"]
    assert basics["거래대비"] == kiwoom_format.percent_of_previous(
        int(today["거래량"]), int(before["거래량"])
    )
    change = int(today["현재가"]) - base
    assert basics["등락율"] == kiwoom_format.rate(change, base)
    shares = int(still.text("KOA_Functions", "GetMasterListedStockCntEx", code))
    assert basics["시가총액"] == str(kiwoom_format.eok(int(today["현재가"]) * shares))
    assert int(still.text("GetMasterLastPrice", code)) == base
    if basics["EPS"]:
        assert basics["PER"] == kiwoom_format.decimal(int(today["현재가"]), int(basics["EPS"]))


def test_minutes_of_today_add_up_to_its_day(built: BuiltBroker) -> None:
    minutes = built.page("opt10080", 종목코드="005930", 틱범위="1", 수정주가구분="1")
    day = built.page("opt10081", **DAILY).row(0)
    rows = [minutes.row(n) for n in range(minutes.count) if minutes.row(n)["체결시간"].startswith("20261106")]
    assert sum(int(row["거래량"]) for row in rows) == int(day["거래량"])
    assert max(abs(int(row["고가"])) for row in rows) == int(day["고가"])
    assert min(abs(int(row["저가"])) for row in rows) == int(day["저가"])
    base = int(built.page("opt10081", **DAILY).row(1)["현재가"])
    assert [row["현재가"] for row in rows] == [
        kiwoom_format.price(abs(int(row["현재가"])), base) for row in rows
    ]


def test_minute_pages_go_back_as_far_as_the_settings_say(built: BuiltBroker) -> None:
    rig = BuiltBroker(minute_days=12)
    pages = rig.all_pages("opt10080", 종목코드="005930", 틱범위="5", 수정주가구분="0")
    times = [text for page in pages for text in page.column("체결시간")]
    assert times == sorted(set(times), reverse=True)
    assert len({time[:8] for time in times}) == 12


def test_a_split_day_is_coloured_by_the_rescaled_close() -> None:
    rig = BuiltBroker(start="2018-05-04 15:40")
    days = rig.page("opt10081", **{**DAILY, "수정주가구분": "0"})
    if not days.row(0)["수정주가구분"]:
        pytest.skip("this market has no corporate action on that day")
    adjusted = rig.page("opt10081", **DAILY)
    base = int(adjusted.row(1)["현재가"])
    assert int(days.row(1)["현재가"]) > base * 2
    assert rig.page("opt10001", 종목코드="005930").single["기준가"] == str(base)
    for choice in ("0", "1"):
        row = rig.page("opt10080", 종목코드="005930", 틱범위="60", 수정주가구분=choice).row(0)
        assert row["현재가"] == kiwoom_format.price(int(adjusted.row(0)["현재가"]), base)


HEADER = "date,open,high,low,close,volume\n"
ROWS = "20261103,1000,1100,990,1050,100\n20261104,1050,1060,1000,1010,300\n"


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        kind, _, code = name.rpartition("_")
        (tmp_path / kind).mkdir(exist_ok=True)
        (tmp_path / kind / f"{code}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_given_prices_are_served_as_they_stand(tmp_path: Path) -> None:
    rig = BuiltBroker(folder(tmp_path, daily_123456=HEADER + ROWS))
    assert rig.control.source.startswith("simulated:given:")
    page = rig.page("opt10081", **{**DAILY, "종목코드": "123456"})
    assert [page.column(name) for name in ("일자", "현재가", "거래량")] == [
        ["20261104", "20261103"],
        ["1010", "1050"],
        ["300", "100"],
    ]
    basics = rig.page("opt10001", 종목코드="123456").single
    assert (basics["현재가"], basics["기준가"], basics["PER"]) == ("-1010", "1050", "")
    assert rig.call("GetMasterLastPrice", "123456") == "00001010"
    rig.events.clear()
    assert rig.page("opt10081", **{**DAILY, "종목코드": "123456", "수정주가구분": "0"}).count == 0
    assert rig.page("opt10080", 종목코드="123456", 틱범위="1", 수정주가구분="1").count == 0
    assert rig.messages() == ["[571578] 모의투자 해당조회내역이 없습니다"] * 2


def test_unadjusted_prices_alone_still_make_a_quote(tmp_path: Path) -> None:
    rig = BuiltBroker(folder(tmp_path, daily_unadjusted_123456=HEADER + ROWS))
    assert rig.page("opt10001", 종목코드="123456").single["현재가"] == "-1010"
    assert rig.watch(["123456"]).row(0)["기준가"] == "1050"
    assert rig.call("GetMasterLastPrice", "123456") == "00001010"


def test_a_damaged_file_is_told_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rig = BuiltBroker(
        folder(
            tmp_path, daily_123456=HEADER + ROWS, daily_654321=HEADER + ROWS + "20261105,nothing,1,1,1,1\n"
        )
    )
    page = rig.page("opt10081", **{**DAILY, "종목코드": "654321"})
    assert page.count == 0
    assert "654321.csv" in rig.messages()[0]
    assert rig.call("GetMasterLastPrice", "654321") == ""
    assert "654321" in caplog.text
    assert rig.page("opt10081", **{**DAILY, "종목코드": "123456"}).count == 2


def test_the_highest_and_lowest_are_those_of_the_day_chart(built: BuiltBroker) -> None:
    days = built.page("opt10081", **DAILY)
    highs, lows = (list(map(int, days.column(name)))[:251] for name in ("고가", "저가"))
    single = built.page("opt10001", 종목코드="005930").single
    assert abs(int(single["250최고"])) == max(highs)
    assert abs(int(single["250최저"])) == min(low for low in lows if low)
