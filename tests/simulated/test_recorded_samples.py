"""What was recorded of the broker comes out of the control byte for byte, where what went into it is known.

Not reproduced, because what went in is not known or is not kept here: order books and counts of orders (호가, 잔량,
건수), 체결강도 and the newest trade of OPTKWFID, figures of companies (자본금, PER, 유통주식 and their like over given
prices), foreign and credit ratios, lists of derivatives, opt20068, FIDs whose meaning is not established (851, 852).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from kernel_server import reference
from kernel_server.simulated.market.listing import known_listing
from kernel_server.simulated.market.model import Bars, Issue
from kernel_server.simulated.market.themes import Themes
from kernel_server.simulated.market.trade_script import Side
from tests.simulated.realtime.test_recorded_strings import LINES
from tests.simulated.test_recorded_market_data import boards
from tests.support.brokerage import ACCOUNT, Desk
from tests.support.event_log import EventLog
from tests.support.recorded_data import RECORDED_DATA, needs_market_data
from tests.support.simulated_broker import GRT, SAMSUNG, HandMarket, Row, SimulatedBroker, bars

MILLION = 1_000_000
KIWOOM = "kiwoom"


def with_value(held: Bars, millions: list[int]) -> Bars:
    """The bars with a 거래대금 of their own, given in 백만원."""
    return replace(held, value=np.array(millions, np.int64) * MILLION)


def rows_of(file: str) -> list[dict[str, str]]:
    with (RECORDED_DATA / KIWOOM / file).open(encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines) if row[""] != "..."]


def recorded() -> Iterator[dict[str, Any]]:
    lines = (RECORDED_DATA / KIWOOM / "koapy_events.jsonl").read_text(encoding="utf-8").splitlines()
    return (json.loads(line) for line in lines)


def events(name: str) -> list[dict[str, Any]]:
    """The recorded events of that name; ``arguments`` as plain values."""
    found = []
    for line in recorded():
        event = line.get("event")
        if isinstance(event, dict) and event["name"] == name:
            event["arguments"] = [next(iter(each.values()), "") for each in event["arguments"]]
            found.append(event)
    return found


class TestOverRecordings:
    pytestmark = needs_market_data

    @pytest.mark.parametrize(
        ("file", "now", "kind"),
        [
            ("opt10081_005930_unadjusted_headtail_20220118.csv", "2022-01-18 15:40", "0"),
            ("opt10081_035420_unadjusted_headtail_20220114.csv", "2022-01-14 15:40", "0"),
            ("opt10081_035420_adjusted_headtail_20220114.csv", "2022-01-14 15:40", "1"),
        ],
    )
    def test_rows_of_a_day_chart(self, file: str, now: str, kind: str) -> None:
        rows = rows_of(file)
        code = rows[0]["종목코드"]
        table: list[Row] = []
        marks: dict[int, tuple[int, float]] = {}
        for row in reversed(rows):
            day, *numbers = (int(row[name]) for name in ("일자", "시가", "고가", "저가", "현재가", "거래량"))
            table.append((day, *numbers))  # type: ignore[arg-type]
            if row["수정주가구분"]:
                marks[day] = int(row["수정주가구분"]), float(row["수정비율"])
        held = with_value(bars(table, marks), [int(row["거래대금"]) for row in reversed(rows)])
        issue = replace(SAMSUNG, code=code)
        rig = SimulatedBroker(HandMarket([issue], {code: held}, {code: held}), now).login()
        page = rig.page("opt10081", 종목코드=code, 기준일자="", 수정주가구분=kind)
        names = reference.tr("opt10081").multi_names
        assert page.rows == [[row[name] for name in names] for row in rows]

    def test_the_watch_list(self) -> None:
        (event,) = [each for each in events("OnReceiveTrData") if each["arguments"][2] == "OPTKWFID"]
        names = event["multi_data"]["names"]
        table = [dict(zip(names, row["values"], strict=True)) for row in event["multi_data"]["values"]]
        market, seen = boards(), []
        for row in table:
            board = market.get(row["종목코드"], "KOSDAQ")
            face = int(row["액면가"]) if row["액면가"].isdigit() else 0
            shares = int(row["주식수"]) * 1000
            issue = Issue(row["종목코드"], row["종목명"], board, "stock", shares, date(2000, 1, 4), face, "")
            opened, high, low, last = (abs(int(row[name])) for name in ("시가", "고가", "저가", "현재가"))
            base, volume = int(row["기준가"]), int(row["거래량"])
            before = round(volume * 100 / abs(float(row["전일거래량대비"])))
            held = with_value(
                bars(
                    [(20220117, base, base, base, base, before), (20220118, opened, high, low, last, volume)]
                ),
                [1, int(row["거래대금"])],
            )
            seen.append((issue, held))
        codes = [row["종목코드"] for row in table]
        rig = EventLog(
            "14:29", HandMarket([issue for issue, _ in seen], {issue.code: held for issue, held in seen})
        )
        rig.begin()
        screen, name = event["arguments"][:2]
        assert rig.call("CommKwRqData", ";".join(codes), 0, len(codes), 0, name, screen) == 0
        rig.settle()
        heard = next(each for each in rig.take() if each[0] == "OnReceiveTrData")
        assert list(heard[1:6]) == event["arguments"]
        unknown = {
            *(name for name in names if any(part in name for part in ("호가", "잔량", "건수", "체결"))),
            *("자본금", "시가총액"),
        }
        kept = [name for name in names if name not in unknown]
        assert len(kept) == 35
        for place, row in enumerate(table):
            found = rig.pages[-1].row(place)
            # Shares of other countries have their par value in another money.
            row["액면가"] = row["액면가"] if row["액면가"].isdigit() else "0"
            assert {name: found[name] for name in kept} == {name: row[name] for name in kept}
            # The recorded count of shares is itself rounded to thousands.
            assert abs(int(found["시가총액"]) - int(row["시가총액"])) <= 1
            assert found["예상체결가"] == row["예상체결가"]  # that of the opening auction

    @pytest.mark.parametrize("file", ["condition_info_20220118.csv", "OPTKWFID_20220118.csv"])
    def test_what_a_condition_found(self, file: str) -> None:
        """Of these rows the first columns were kept: enough for a day whose price never moved."""
        names = (
            "종목코드",
            "종목명",
            "현재가",
            "기준가",
            "전일대비",
            "전일대비기호",
            "등락율",
            "거래량",
            "거래대금",
        )
        rows = [row for row in rows_of(file) if row["종목코드"] != "..."]
        assert rows
        market, issues, days = boards(), [], {}
        for row in rows:
            code, base, last = row["종목코드"], int(row["기준가"]), abs(int(row["현재가"]))
            issues.append(replace(GRT, code=code, name=row["종목명"], market=market.get(code, "KOSDAQ")))
            day = (20220118, last, last, last, last, int(row["거래량"]))
            days[code] = with_value(
                bars([(20220117, base, base, base, base, 1), day]), [1, int(row["거래대금"])]
            )
        rig = SimulatedBroker(HandMarket(issues, days), "2022-01-18 15:31").login()
        for first in range(0, len(rows), 100):
            part = rows[first : first + 100]
            page = rig.watch([row["종목코드"] for row in part])
            for place, row in enumerate(part):
                assert [page.row(place)[name] for name in names] == [row[name] for name in names]

    def test_basic_information(self) -> None:
        results = [line["result"] for line in recorded() if line.get("cell") in (33, 48)]
        (event,) = [each for each in events("OnReceiveTrData") if each["arguments"][2] == "opt10001"]
        for result in results:
            days: list[Row] = [
                (20210115, 90_000, 91_800, 88_000, 90_000, 1),
                (20211013, 69_000, 69_500, 68_300, 69_000, 1),
                (20220111, 78_000, 79_800, 77_000, 78_000, 1),
                (20220113, 77_000, 77_500, 76_400, 77_000, 1),
                (20220117, 77_600, 77_800, 76_900, 77_500, 8_785_122),
                (20220118, 77_600, 77_800, 76_600, 77_000, int(result["거래량"])),
            ]
            rig = EventLog("14:22", HandMarket([SAMSUNG], {"005930": bars(days)})).begin()
            rig.call("SetInputValue", "종목코드", "005930")
            assert rig.call("CommRqData", event["arguments"][1], "opt10001", 0, "0001") == 0
            rig.settle()
            heard = next(each for each in rig.take() if each[0] == "OnReceiveTrData")
            assert list(heard[1:6]) == event["arguments"]
            single = rig.pages[-1].single
            given = {"결산월", "자본금", "신용비율", "외인소진률", "유통주식", "유통비율"}
            given |= {"PER", "EPS", "ROE", "PBR", "EV", "BPS", "매출액", "영업이익", "당기순이익"}
            kept = result.keys() - given
            assert len(kept) == 30
            assert {name: single[name] for name in kept} == {name: result[name] for name in kept}
            assert single.keys() == result.keys()

    def test_an_order_with_its_chejan(self) -> None:
        message, *_ = events("OnReceiveMsg")
        (answer,) = [
            each for each in events("OnReceiveTrData") if each["arguments"][2] == "KOA_NORMAL_BUY_KP_ORD"
        ]
        desk = Desk(first_order=163_911, first_fill=1_234_931, after_hours={"005930": 77_300})
        state = desk.brokerage.snapshot()
        state["accounts"][ACCOUNT]["holdings"] = {"005930": [1, 77_300, 270]}
        desk.brokerage.restore(state)
        desk.exchange.idle = True
        screen, name = message["arguments"][:2]
        desk.told.clear()
        assert desk.brokerage.SendOrder(name, screen, ACCOUNT, 1, "005930", 1, 0, "03", "") == 0
        desk.settle()
        told = [*desk.told, *desk.trade("005930", 77_000, 1, Side.BUY)]
        assert [list(each.arguments) for each in told[:2]] == [message["arguments"], answer["arguments"]]
        assert [told[1].number] == answer["single_data"]["values"]
        chejan = events("OnReceiveChejanData")
        assert len(told) == 2 + len(chejan)
        for each, wanted in zip(told[2:], chejan, strict=True):
            assert list(map(str, each.arguments)) == wanted["arguments"]
            values = [value.strip() for value in each.values.values()]
            recorded_ = ["8000000011" if set(v) == {"#"} else v for v in wanted["single_data"]["values"]]
            assert values == recorded_

    def test_the_trades_that_are_compared_elsewhere_are_those_recorded(self) -> None:
        real = [event["arguments"] for event in events("OnReceiveRealData")]
        assert [data for _, kind, data in real if kind == "주식체결"] == LINES
        assert [data for _, kind, data in real if kind == "주식우선호가"] == [
            "-77000\t-76900",
            "-77100\t-77000",
        ]
        assert {key for key, *_ in real} == {"005930"}


def test_a_minute() -> None:
    market = HandMarket(
        [GRT],
        {GRT.code: bars([(20180118, 18_000, 18_000, 18_000, 18_000, 9)])},
        {},
        {GRT.code: bars([(20180119153000, 18_250, 18_250, 18_250, 18_250, 70_664)])},
    )
    row = (
        SimulatedBroker(market, "2018-01-19 15:31")
        .login()
        .page("opt10080", 종목코드=GRT.code, 틱범위="1", 수정주가구분="0")
        .row(0)
    )
    shown = {
        name: row[name] for name in ("현재가", "거래량", "체결시간", "시가", "고가", "저가", "수정주가구분")
    }
    assert list(shown.values()) == ["+18250", "70664", "20180119153000", "+18250", "+18250", "+18250", ""]


def test_a_ranking_by_value() -> None:
    """Ranks are those of the whole market, so they are left out."""
    table = [
        "005930,삼성전자,-84400,-2500,-2.88,18569122,24721790,1574018",
        "000660,SK하이닉스,-209500,-3000,-1.41,4519170,8847665,949039",
        "087010,펩트론,+81000,+17000,+26.56,5539169,1947467,410828",
        "082850,우리바이오,+3905,+900,+29.95,67691821,3341396,242737",
    ]
    issues, days = [], {}
    for line in table:
        code, name, last, change, _rate, volume, before, value = line.split(",")
        price = abs(int(last))
        base = price - int(change)
        issues.append(replace(SAMSUNG, code=code, name=name))
        rows: list[Row] = [
            (20240718, base, base, base, base, int(before)),
            (20240719, base, max(base, price), min(base, price), price, int(volume)),
        ]
        days[code] = with_value(bars(rows), [1, int(value)])
    rig = SimulatedBroker(HandMarket(issues, days), "2024-07-19 18:00").login()
    page = rig.page("opt10032", 시장구분="000", 관리종목포함="0")
    names = ("종목코드", "종목명", "현재가", "전일대비", "등락률", "현재거래량", "전일거래량", "거래대금")
    assert [",".join(page.row(n)[name] for name in names) for n in range(4)] == table


def test_master_functions() -> None:
    issue = Issue("300120", "라온피플", "KOSDAQ", "stock", 10_178_456, date(2019, 10, 18), 500, "의약품")
    market = HandMarket([issue], {"300120": bars([(20191119, 15_950, 15_950, 15_950, 15_950, 9)])})
    rig = SimulatedBroker(market, "2019-11-20 08:00").login()
    answers = {
        "GetMasterCodeName": "라온피플",
        "GetMasterListedStockCnt": 10178456,
        "GetMasterConstruction": "정상",
        "GetMasterListedStockDate": "20191018",
        "GetMasterLastPrice": "00015950",
        "GetMasterStockState": "증거금30%|담보대출|신용가능",
    }
    assert {name: rig.call(name, "300120") for name in answers} == answers
    assert rig.text("KOA_Functions", "GetMasterStockInfo", "300120").endswith(
        ";시장구분1|소형주;업종구분|의약품;"
    )
    sectors = rig.text("KOA_Functions", "GetUpjongCode", "0")
    listed = (
        "001,종합(KOSPI) 002,대형주 003,중형주 004,소형주 005,음식료업 006,섬유의복 007,종이목재 008,화학 009,의약품"
        " 010,비금속광물 011,철강금속 012,기계 013,전기전자"
    )
    assert sectors.startswith("".join(f"0,{item}|" for item in listed.split()))
    themes = Themes(known_listing().issues)
    assert themes.GetThemeGroupList(0).startswith(
        "100|태양광_폴리실리콘;101|태양광_잉곳/웨이퍼/셀/모듈;102|태양광_부품/소재/장비;103|태양광_발전/설치/운영;"
        "110|원자력_기자재;"
    )
