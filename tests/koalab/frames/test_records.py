"""Basic info, watch-list quotes and executions come out typed, in base units, signs and padding gone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from kernel_server import reference
from koalab.errors import BadInput
from koalab.frames import UnreadableValue, info, infos, quotes
from koalab.frames.fields import fields
from koalab.frames.records import rows as typed_rows
from koalab.transport.base import Page

# opt10001 of 005930 on 2022-01-18 at 14:22, as the broker sent it, and what it says.
SAMSUNG = {
    "종목코드": ("005930", "code", "005930"),
    "종목명": ("삼성전자", "name", "삼성전자"),
    "결산월": ("12", "fiscal_month", 12),
    "액면가": ("100", "face_value", 100),
    "자본금": ("7780", "capital", 778_000_000_000),
    "상장주식": ("5969783", "shares", 5_969_783_000),
    "신용비율": ("+0.13", "credit_ratio", 0.13),
    "연중최고": ("+79800", "year_high", 79_800),
    "연중최저": ("-76400", "year_low", 76_400),
    "시가총액": ("4596733", "market_cap", 459_673_300_000_000),
    "시가총액비중": ("", "market_cap_weight", math.nan),
    "외인소진률": ("+52.23", "foreign_ratio", 52.23),
    "대용가": ("60450", "substitute_price", 60_450),
    "PER": ("20.05", "per", 20.05),
    "EPS": ("3841", "eps", 3841),
    "ROE": ("10.0", "roe", 10.0),
    "PBR": ("1.95", "pbr", 1.95),
    "EV": ("5.36", "ev_ebitda", 5.36),
    "BPS": ("39406", "bps", 39_406),
    "매출액": ("2368070", "revenue", 236_807_000_000_000),
    "영업이익": ("359939", "operating_profit", 35_993_900_000_000),
    "당기순이익": ("264078", "net_income", 26_407_800_000_000),
    "250최고": ("+91800", "high_250", 91_800),
    "250최저": ("-68300", "low_250", 68_300),
    "시가": ("+77600", "open", 77_600),
    "고가": ("+77800", "high", 77_800),
    "저가": ("-76600", "low", 76_600),
    "상한가": ("+100500", "upper_limit", 100_500),
    "하한가": ("-54300", "lower_limit", 54_300),
    "기준가": ("77500", "base_price", 77_500),
    "예상체결가": ("-0", "expected_price", 0),
    "예상체결수량": ("0", "expected_volume", 0),
    "250최고가일": ("20210115", "high_250_date", pd.Timestamp("2021-01-15")),
    "250최고가대비율": ("-16.12", "high_250_change_rate", -16.12),
    "250최저가일": ("20211013", "low_250_date", pd.Timestamp("2021-10-13")),
    "250최저가대비율": ("+12.74", "low_250_change_rate", 12.74),
    "현재가": ("-77000", "price", 77_000),
    "대비기호": ("5", "change_sign", "5"),
    "전일대비": ("-500", "change", -500),
    "등락율": ("-0.65", "change_rate", -0.65),
    "거래량": ("7715780", "volume", 7_715_780),
    "거래대비": ("-87.83", "volume_ratio", 87.83),
    "액면가단위": ("원", "face_value_unit", "원"),
    "유통주식": ("4456888", "float_shares", 4_456_888_000),
    "유통비율": ("74.7", "float_ratio", 74.7),
}

# Two of the rows of OPTKWFID on the same day, 14:29.
OPTION_FIELDS = (
    "패리티=0.00 기어링=0.00 손익분기=0.00 자본지지=0.00 ELW행사가=0 전환비율=0.0000 "
    "ELW만기일=00000000 미결제약정= 미결제전일대비= 이론가= 내재변동성= 델타= 감마= 쎄타= 베가= 로= "
)
GRT = (
    "종목코드=900290 종목명=GRT 현재가=1225 기준가=1225 전일대비=0 전일대비기호=3 등락율=0.00 "
    "거래량=123651 거래대금=152 체결량=-130 체결강도=25.57 전일거래량대비=-17.52 매도호가=+1230 "
    "매수호가=1225 매도1차호가=+1230 매도2차호가=+1235 매도3차호가=+1240 매도4차호가=+1245 "
    "매도5차호가=+1250 매수1차호가=1225 매수2차호가=-1220 매수3차호가=-1215 매수4차호가=-1210 "
    "매수5차호가=-1205 상한가=+1590 하한가=-860 시가=1225 고가=+1230 저가=1225 종가=1225 "
    "체결시간=142905 예상체결가=1225 예상체결량=535 자본금=770 액면가=0.00 시가총액=825 주식수=67375 "
    "호가시간=142905 일자=20220118 우선매도잔량=30482 우선매수잔량=509886 우선매도건수= 우선매수건수= "
    "총매도잔량=187501 총매수잔량=754859 총매도건수=0 총매수건수= "
) + OPTION_FIELDS
COLORAY = (
    "종목코드=900310 종목명=컬러레이 현재가=-1425 기준가=1465 전일대비=-40 전일대비기호=5 등락율=-2.73 "
    "거래량=147191 거래대금=213 체결량=+294 체결강도=38.29 전일거래량대비=+135.98 매도호가=-1425 "
    "매수호가=-1420 매도1차호가=-1425 매도2차호가=-1430 매도3차호가=-1435 매도4차호가=-1440 "
    "매도5차호가=-1445 매수1차호가=-1420 매수2차호가=-1415 매수3차호가=-1410 매수4차호가=-1405 "
    "매수5차호가=-1400 상한가=+1900 하한가=-1030 시가=+1475 고가=+1485 저가=-1420 종가=-1425 "
    "체결시간=142810 예상체결가=+1475 예상체결량=69 자본금=336 액면가=0.00 시가총액=770 주식수=54000 "
    "호가시간=142834 일자=20220118 우선매도잔량=36 우선매수잔량=10171 우선매도건수= 우선매수건수= "
    "총매도잔량=12441 총매수잔량=56620 총매도건수=0 총매수건수= "
) + OPTION_FIELDS


def info_page(values: Mapping[str, str]) -> Page:
    names = reference.tr("opt10001").single_names
    return Page([values.get(name, "") for name in names], [], 0, "0", [], 0.0)


def rows_page(tr: str, rows: Sequence[Mapping[str, str]]) -> Page:
    names = reference.tr(tr).multi_names
    return Page([], ["\n".join(row.get(name, "") for row in rows) for name in names], len(rows), "", [], 0.0)


def row(text: str) -> dict[str, str]:
    return dict(item.split("=") for item in text.split())


SAMSUNG_PAGE = info_page({name: raw for name, (raw, _, _) in SAMSUNG.items()})
QUOTES_PAGE = rows_page("OPTKWFID", [row(GRT), row(COLORAY)])


def same(found: object, expected: object) -> bool:
    if isinstance(expected, float) and math.isnan(expected):
        return isinstance(found, float) and math.isnan(found)
    return type(found) is type(expected) and found == expected


@pytest.mark.parametrize("columns", ["en", "ko"])
def test_basic_info_of_one_issue(columns):
    found = info(SAMSUNG_PAGE, columns)
    assert found.name == "005930"
    assert found.index.tolist() == [
        english if columns == "en" else name for name, (_, english, _) in SAMSUNG.items()
    ]
    wrong = {
        name: value
        for name, value, (_, _, expected) in zip(SAMSUNG, found, SAMSUNG.values(), strict=True)
        if not same(value, expected)
    }
    assert not wrong


def test_basic_info_agrees_with_itself():
    found = info(SAMSUNG_PAGE)
    assert found["market_cap"] == pytest.approx(found["shares"] * found["price"], abs=10**8)
    assert found["price"] - found["base_price"] == found["change"]


def test_padding_changes_nothing():
    padded = info_page({name: f"  {raw:<18}" for name, (raw, _, _) in SAMSUNG.items()})
    pd.testing.assert_series_equal(info(padded), info(SAMSUNG_PAGE))


def test_blank_info_is_nan_for_numbers_and_none_for_the_rest():
    found = info(info_page({"종목코드": "005930"}))
    assert found["name"] is None
    assert found["high_250_date"] is None
    assert math.isnan(found["price"])
    assert math.isnan(found["per"])


def test_basic_info_of_several_issues():
    other = info_page(
        {"종목코드": "000660", "종목명": "SK하이닉스", "EPS": "-13244", "현재가": "+127500", "PER": ""}
    )
    frame = infos([SAMSUNG_PAGE, other])
    assert frame.index.name == "code"
    assert frame.index.tolist() == ["005930", "000660"]
    assert frame.columns.tolist() == [english for _, english, _ in SAMSUNG.values()][1:]
    assert frame["eps"].tolist() == [3841, -13244]
    assert frame["price"].dtype == np.int64
    assert frame.loc["005930", "high_250_date"] == pd.Timestamp("2021-01-15")
    assert math.isnan(frame.loc["000660", "per"])
    assert not [name for name in frame if frame[name].dtype == object]
    pd.testing.assert_frame_equal(
        infos([SAMSUNG_PAGE]).iloc[:0].drop(columns="market_cap_weight"),
        infos([]).drop(columns="market_cap_weight"),
    )
    assert infos([SAMSUNG_PAGE], "ko").columns[0] == "종목명"


def test_quotes_are_typed():
    frame = quotes([QUOTES_PAGE])
    assert frame.index.name == "code"
    assert frame.index.tolist() == ["900290", "900310"]
    assert frame.columns.tolist() == [field.english for field in fields("OPTKWFID")][1:]
    assert not [name for name in frame if frame[name].dtype == object]
    expected = {
        "name": "컬러레이", "price": 1425, "base_price": 1465, "change": -40, "change_sign": "5", "change_rate": -2.73,
        "volume": 147_191, "value": 213_000_000, "trade_volume": 294, "strength": 38.29, "volume_ratio": 135.98,
        "ask": 1425, "bid": 1420, "ask_1": 1425, "ask_5": 1445, "bid_1": 1420, "bid_5": 1400,
        "upper_limit": 1900, "lower_limit": 1030, "open": 1475, "high": 1485, "low": 1420, "close": 1425,
        "time": pd.Timestamp("2022-01-18 14:28:10", tz="Asia/Seoul"), "expected_price": 1475, "expected_volume": 69,
        "capital": 33_600_000_000, "face_value": 0.0, "market_cap": 77_000_000_000, "shares": 54_000_000,
        "quote_time": pd.Timestamp("2022-01-18 14:28:34", tz="Asia/Seoul"), "date": pd.Timestamp("2022-01-18"),
        "ask_size": 36, "bid_size": 10_171, "total_ask_size": 12_441, "total_bid_size": 56_620, "total_ask_count": 0,
        "conversion_ratio": 0.0, "strike": 0,
    }  # fmt: skip
    assert {name: frame.loc["900310", name] for name in expected} == expected
    assert frame.loc["900290", ["trade_volume", "lower_limit", "volume_ratio"]].tolist() == [-130, 860, 17.52]
    for name in ("price", "ask_3", "bid_3", "value", "shares", "trade_volume", "change"):
        assert frame[name].dtype == np.int64
    for name in (
        "ask_count",
        "bid_count",
        "total_bid_count",
        "open_interest",
        "theoretical_price",
        "delta",
        "rho",
    ):
        assert frame[name].dtype == np.float64
        assert frame[name].isna().all()
    assert frame["expiry"].isna().all()
    assert str(frame["time"].dtype) == "datetime64[us, Asia/Seoul]"


def test_quotes_of_several_trs_are_one_table():
    pages = [rows_page("OPTKWFID", [row(GRT)]), rows_page("OPTKWFID", [row(COLORAY)])]
    pd.testing.assert_frame_equal(quotes(pages), quotes([QUOTES_PAGE]))


def test_a_quote_without_a_trade_has_no_time():
    frame = quotes([rows_page("OPTKWFID", [row(GRT) | {"체결시간": ""}, row(COLORAY) | {"일자": ""}])])
    assert frame["time"].isna().all()
    assert frame["quote_time"].isna().tolist() == [False, True]
    with pytest.raises(UnreadableValue, match="체결시간"):
        quotes([rows_page("OPTKWFID", [row(GRT) | {"체결시간": "soon"}])])


def test_quotes_under_kiwoom_s_names_hold_the_same():
    frame = quotes([QUOTES_PAGE], "ko")
    assert frame.columns.tolist() == [field.name for field in fields("OPTKWFID")][1:]
    pd.testing.assert_frame_equal(
        frame.set_axis(quotes([QUOTES_PAGE]).columns, axis=1), quotes([QUOTES_PAGE])
    )
    with pytest.raises(BadInput, match="'ko'"):
        quotes([QUOTES_PAGE], "kr")


@pytest.mark.parametrize("columns", ["en", "ko"])
def test_no_quotes_are_an_empty_table_of_the_same_columns(columns):
    empty, full = quotes([], columns), quotes([QUOTES_PAGE], columns)
    assert len(empty) == 0
    assert empty.columns.tolist() == full.columns.tolist()
    assert (empty.index.name, empty.index.dtype) == (full.index.name, full.index.dtype)
    # What the two rows leave blank, or write with a point, is float64 there.
    same_dtype = [name for name in full if full[name].dtype != np.float64]
    assert empty[same_dtype].dtypes.tolist() == full[same_dtype].dtypes.tolist()
    assert not [name for name in empty if empty[name].dtype == object]


def test_executions_keep_the_side_and_lose_the_colour():
    # opt10003 of 300120: single-price trades have a blank where the side would stand.
    names = reference.tr("opt10003").multi_names
    raw = [
        [
            "155832",
            "-15350",
            "-600",
            "-3.76",
            "-15400",
            "-15350",
            "-60",
            "5",
            "174017",
            "2709119750",
            "54.12",
        ],
        [
            "154000",
            "-15350",
            "-600",
            "-3.76",
            "-15400",
            "-15350",
            " 138",
            "5",
            "173847",
            "2706510250",
            "54.21",
        ],
        [
            "153021",
            "-15350",
            "-600",
            "-3.76",
            "-15400",
            "-15350",
            " 6989",
            "5",
            "173709",
            "2704391950",
            "54.21",
        ],
        ["151939", "-15450", "-500", "-3.13", "-15450", "-15400", "+1", "5", "166660", "2596186950", "54.24"],
        ["090000", "-15450", "-500", "-3.13", "-15450", "-15400", " 0", "5", "1", "15450", "0.00"],
    ]
    frame = typed_rows(
        "opt10003", [rows_page("opt10003", [dict(zip(names, line, strict=True)) for line in raw])]
    )
    assert frame["time"].tolist() == ["15:58:32", "15:40:00", "15:30:21", "15:19:39", "09:00:00"]
    assert frame["price"].tolist() == [15_350, 15_350, 15_350, 15_450, 15_450]
    assert frame["change"].tolist() == [-600, -600, -600, -500, -500]
    assert frame["change_rate"].tolist() == [-3.76, -3.76, -3.76, -3.13, -3.13]
    assert frame["ask"].tolist() == [15_400, 15_400, 15_400, 15_450, 15_450]
    assert frame["bid"].tolist() == [15_350, 15_350, 15_350, 15_400, 15_400]
    assert frame["trade_volume"].tolist() == [-60, 138, 6989, 1, 0]
    assert frame["change_sign"].tolist() == ["5"] * 5
    assert frame["volume"].tolist() == [174_017, 173_847, 173_709, 166_660, 1]
    # 누적거래대금 is in KRW already.
    assert frame["value"].tolist() == [2_709_119_750, 2_706_510_250, 2_704_391_950, 2_596_186_950, 15_450]
    assert frame["strength"].tolist() == [54.12, 54.21, 54.21, 54.24, 0.0]
    pd.testing.assert_frame_equal(frame.iloc[:0], typed_rows("opt10003", []))


def test_what_cannot_be_read_is_named_with_its_field():
    with pytest.raises(UnreadableValue, match="opt10001 PER, row 0: 'dear'"):
        info(info_page({"PER": "dear"}))
    with pytest.raises(UnreadableValue, match="OPTKWFID 거래량, row 1"):
        quotes([rows_page("OPTKWFID", [row(GRT), row(COLORAY) | {"거래량": "?"}])])
    with pytest.raises(UnreadableValue, match="number of values"):
        info(Page(["005930"], [], 0, "", [], 0.0))
    with pytest.raises(UnreadableValue, match="number of columns"):
        quotes([Page([], ["005930"], 1, "", [], 0.0)])
