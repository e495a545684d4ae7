"""Against recorded and real data, where it is at hand: KOALAB_MARKET_DATA, or shared/data beside the repository."""

from __future__ import annotations

import csv
import json
from datetime import date

import pytest

from tests.support.recorded_data import RECORDED_DATA, needs_market_data

pytest.importorskip("exchange_calendars")

from kernel_server.reference.price_rules import limits, tick
from kernel_server.simulated.base import kiwoom_format
from tests.simulated.test_build import BuiltBroker, calendar_cache

RECORDED = date(2022, 1, 18)

__all__ = ["calendar_cache"]  # a fixture of this module too

pytestmark = needs_market_data


def recorded_events() -> list[dict[str, object]]:
    lines = (RECORDED_DATA / "kiwoom" / "koapy_events.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def boards() -> dict[str, str]:
    """The market of each listed code; a code that has left the listing since counts as KOSDAQ."""
    with (RECORDED_DATA / "listing.csv").open(encoding="utf-8") as lines:
        return {row["code"]: row["market"].split()[0] for row in csv.DictReader(lines)}


def watch_list() -> list[dict[str, str]]:
    for line in recorded_events():
        event = line.get("event")
        if isinstance(event, dict) and len(event.get("multi_data", {}).get("values", [])) > 1:
            block = event["multi_data"]
            return [dict(zip(block["names"], row["values"], strict=True)) for row in block["values"]]
    raise LookupError("no OPTKWFID among the recorded events")


def test_every_recorded_row_of_the_watch_list_is_written_our_way() -> None:
    market = boards()
    rows = watch_list()
    assert len(rows) == 19
    for row in rows:
        board = market.get(row["종목코드"], "KOSDAQ")
        base = int(row["기준가"])
        coloured = [
            "현재가",
            "시가",
            "고가",
            "저가",
            "종가",
            "상한가",
            "하한가",
            "예상체결가",
            "매도호가",
            "매수호가",
        ]
        coloured += [f"매{side}{level}차호가" for side in "도수" for level in range(1, 6)]
        for name in coloured:
            assert row[name] == kiwoom_format.price(abs(int(row[name])), base), (row["종목명"], name)
        last = abs(int(row["현재가"]))
        upper, lower = limits(base, RECORDED, board)
        assert (row["상한가"], row["하한가"]) == (f"+{upper}", f"-{lower}")
        assert row["전일대비"] == kiwoom_format.signed(last - base)
        assert row["등락율"] == kiwoom_format.rate(last - base, base)
        assert row["전일대비기호"] == kiwoom_format.change_sign(last, base, upper, lower)
        # the count of shares is itself rounded to thousands
        assert abs(int(row["시가총액"]) - kiwoom_format.eok(int(row["주식수"]) * 1000 * last)) <= 1
        volume = int(row["거래량"])
        low, high = abs(int(row["저가"])) * volume, abs(int(row["고가"])) * volume
        assert kiwoom_format.millions(low) <= int(row["거래대금"]) <= kiwoom_format.millions(high)
        for name in coloured[-10:]:
            price = abs(int(row[name]))
            assert price % tick(price, RECORDED, board) == 0


def test_opt10081_serves_the_given_history_page_by_page() -> None:
    with (RECORDED_DATA / "daily_unadjusted" / "005930.csv").open(encoding="utf-8") as lines:
        given = [row for row in csv.DictReader(lines) if row["date"] >= "1985-01-04"]
    rig = BuiltBroker(RECORDED_DATA, start="2022-01-18 14:22")
    inputs = {"종목코드": "005930", "기준일자": "", "수정주가구분": "0"}
    pages = rig.all_pages("opt10081", **inputs)
    dates = [text for page in pages for text in page.column("일자")]
    closes = [text for page in pages for text in page.column("현재가")]
    assert dates == [row["date"].replace("-", "") for row in reversed(given)]
    assert closes == [row["close"] for row in reversed(given)]
    assert [page.count for page in pages[:-1]] == [600] * (len(given) // 600)
    assert pages[-1].prev_next == "0"


@pytest.mark.parametrize("file", ["005930_unadjusted", "035420_unadjusted", "035420_adjusted"])
def test_recorded_rows_of_opt10081_have_our_columns(file: str) -> None:
    (path,) = (RECORDED_DATA / "kiwoom").glob(f"opt10081_{file}_*.csv")
    with path.open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row[""] != "..."]
    assert rows[0]["종목코드"] == file[:6]
    assert {row["종목코드"] for row in rows[1:]} == {""}
    for row in rows:
        assert not row["현재가"].startswith(("+", "-"))
        assert (row["수정주가구분"] == "") == (row["수정비율"] == "")
        assert {
            row[name] for name in ("대업종구분", "소업종구분", "종목정보", "수정주가이벤트", "전일종가")
        } == {""}


def test_given_minutes_are_served_with_their_closing_auction() -> None:
    rig = BuiltBroker(RECORDED_DATA, start="2020-06-04 18:00")
    page = rig.page("opt10080", 종목코드="005490", 틱범위="1", 수정주가구분="1")
    with (RECORDED_DATA / "minute" / "005490_20200604.csv").open(encoding="utf-8") as lines:
        given = list(csv.DictReader(lines))
    assert page.column("체결시간") == [row["time"] for row in reversed(given)]
    assert [text.lstrip("+-") for text in page.column("현재가")] == [row["close"] for row in reversed(given)]
    half = rig.page("opt10080", 종목코드="005490", 틱범위="30", 수정주가구분="1")
    assert sum(map(int, half.column("거래량"))) == sum(int(row["volume"]) for row in given)


def test_the_given_listing_is_the_master() -> None:
    rig = BuiltBroker(RECORDED_DATA, start="2026-03-20 18:00")
    with (RECORDED_DATA / "listing.csv").open(encoding="utf-8") as lines:
        given = {row["code"]: row for row in csv.DictReader(lines)}
    codes = rig.text("GetCodeListByMarket", "").split(";")[:-1]
    assert set(given) <= set(codes)
    for code, row in given.items():
        assert rig.text("GetMasterCodeName", code) == row["name"]
        assert rig.text("KOA_Functions", "GetMasterListedStockCntEx", code) == row["shares"]
