"""Any TR comes out under Kiwoom's names with safe dtypes: nothing loses a zero that means something."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server import reference
from koalab.errors import BadInput
from koalab.frames import Answer, UnreadableValue, answer
from koalab.transport.base import Page

TEXT = pd.StringDtype(na_value=np.nan)


def page(tr: str, rows: Sequence[Mapping[str, str]] = (), single: Mapping[str, str] | None = None) -> Page:
    entry = reference.tr(tr)
    return Page(
        single=[(single or {}).get(name, "") for name in entry.single_names],
        columns=["\n".join(row.get(name, "") for row in rows) for name in entry.multi_names],
        rows=len(rows),
        prev_next="",
        messages=[],
        received_at=0.0,
    )


def test_an_account_s_padded_amounts_are_numbers_and_its_codes_text():
    rows = [
        {
            "종목번호": "A005930     ",
            "종목명": "삼성전자                                ",
            "평가손익": "-00000000012345",
            "수익률(%)": "-1.23",
            "매입가": "000000000077150",
            "보유수량": "000000000000002",
            "현재가": "000000077000",
            "신용구분": "00",
            "대출일": "00000000",
        }
    ]
    single = {
        "총매입금액": "000000000154300",
        "총평가손익금액": "-00000000000300",
        "총수익률(%)": "-0.19",
        "조회건수": "0001",
    }
    found = answer("opw00018", [page("opw00018", rows, single)])
    assert found.single["총매입금액"] == 154_300
    assert found.single["총평가손익금액"] == -300
    assert found.single["총수익률(%)"] == -0.19
    assert found.single["조회건수"] == 1
    assert math.isnan(found.single["총대출금"])
    first = found.multi.iloc[0]
    assert (first["종목번호"], first["종목명"], first["신용구분"]) == ("A005930", "삼성전자", "00")
    assert (first["평가손익"], first["매입가"], first["보유수량"], first["현재가"]) == (
        -12_345,
        77_150,
        2,
        77_000,
    )
    assert first["수익률(%)"] == -1.23
    assert pd.isna(first["대출일"])
    assert found.multi["평가손익"].dtype == np.int64
    assert found.multi["종목번호"].dtype == TEXT


def test_orders_keep_their_numbers():
    names = [
        "계좌번호",
        "주문번호",
        "종목코드",
        "주문구분",
        "주문수량",
        "주문가격",
        "원주문번호",
        "시간",
        "현재가",
        "체결번호",
    ]
    first = ["0012345678", "0080904", "005930", "+매수", "10", "77000", "0000000", "090003", "-77000", ""]
    second = [
        "0012345678",
        "0080905",
        "000660",
        "+매수정정",
        "5",
        "127500",
        "0080904",
        "142940",
        "+127500",
        "7",
    ]
    rows = [dict(zip(names, order, strict=True)) for order in (first, second)]
    frame = answer("opt10075", [page("opt10075", rows[:1]), page("opt10075", rows[1:])]).multi
    for name in ("계좌번호", "주문번호", "종목코드", "주문구분", "원주문번호", "시간", "체결번호"):
        assert frame[name].dtype == TEXT
        assert frame[name].tolist() == [row[name] for row in rows]
    assert frame["현재가"].tolist() == [77_000, 127_500]
    assert frame["주문수량"].tolist() == [10, 5]
    assert frame["주문가격"].dtype == np.int64


def test_prices_lose_the_colour_and_changes_keep_the_sign():
    rows = [
        {
            "현재가": "-15350",
            "전일대비": "-600",
            "대비율": "-3.76",
            "체결거래량": " 138",
            "시간": "090003",
            "sign": "5",
        }
    ]
    first = answer("opt10003", [page("opt10003", rows)]).multi.iloc[0]
    assert (first["현재가"], first["전일대비"], first["대비율"], first["체결거래량"]) == (
        15_350,
        -600,
        -3.76,
        138,
    )
    assert (first["시간"], first["sign"]) == ("090003", "5")


def test_units_stay_the_broker_s():
    rows = [{"일자": "20220118", "거래대금": "595861", "현재가": "77000"}]
    frame = answer("opt10081", [page("opt10081", rows)]).multi
    assert frame["거래대금"].tolist() == [595_861]
    assert frame["일자"].tolist() == [pd.Timestamp("2022-01-18")]


def test_dates_are_dates_only_where_every_one_is():
    rows = [{"일자": "20220118"}, {"일자": ""}, {"일자": "00000000"}]
    frame = answer("opt10081", [page("opt10081", rows)]).multi
    assert frame["일자"].dtype == np.dtype("datetime64[us]")
    assert frame["일자"].isna().tolist() == [False, True, True]
    frame = answer("opt10081", [page("opt10081", [*rows, {"일자": "20229999"}])]).multi
    assert frame["일자"].dtype == TEXT
    assert frame["일자"].tolist() == ["20220118", "", "00000000", "20229999"]


def test_two_signs_are_a_colour_and_a_sign():
    frame = answer(
        "opt10086", [page("opt10086", [{"개인": "--123", "기관": "+-5", "외인보유": "100", "시가": "--7"}])]
    ).multi
    assert (frame["개인"].item(), frame["기관"].item(), frame["시가"].item()) == (-123, -5, 7)


def test_a_zero_that_means_something_is_kept_in_fields_that_no_table_speaks_of():
    entry = reference.tr("opt10001")
    assert "거래량" in entry.single_names
    assert answer("opt10001", [page("opt10001", single={"거래량": "007"})]).single["거래량"] == "007"
    assert answer("opt10001", [page("opt10001", single={"거래량": "0"})]).single["거래량"] == 0
    assert answer("opt10001", [page("opt10001", single={"결산월": "03"})]).single["결산월"] == 3


def test_what_does_not_read_as_the_table_says_stays_text():
    rows = [{"현재가": "77000", "거래량": "10"}, {"현재가": "정지", "거래량": "-"}]
    frame = answer("opt10081", [page("opt10081", rows)]).multi
    assert frame["현재가"].tolist() == ["77000", "정지"]
    assert frame["거래량"].tolist() == ["10", "-"]


def test_repeated_names_are_told_apart_and_the_order_is_kept():
    repeated = {}
    for entry in reference.trs():
        names = answer(entry.code, []).multi.columns.tolist()
        assert len(names) == len(set(names)) == len(entry.multi)
        for name, given_name in zip(names, entry.multi_names, strict=True):
            assert name == given_name or name.rpartition(".")[0] == given_name
        repeated[entry.code] = [name for name in names if "." in name]
    assert any(repeated.values())


def test_the_single_block_is_the_first_page_s():
    pages = [
        page("opt10081", [{"일자": "20220118"}], {"종목코드": "005930"}),
        page("opt10081", [{"일자": "20220117"}]),
    ]
    found = answer("OPT10081", pages)
    assert (found.tr, found.pages) == ("opt10081", tuple(pages))
    assert found.single.to_dict() == {"종목코드": "005930"}
    assert len(found.multi) == 2
    assert answer("opt10081", [page("opt10081")]).single["종목코드"] is None


def test_basic_info_s_single_block_is_typed():
    single = {
        "종목코드": "005930",
        "현재가": "-77000",
        "전일대비": "-500",
        "PER": "20.05",
        "250최고가일": "20210115",
    }
    found = answer("opt10001", [page("opt10001", single=single)]).single
    assert found.index.tolist() == list(reference.tr("opt10001").single_names)
    assert found[list(single)].tolist() == ["005930", 77_000, -500, 20.05, pd.Timestamp("2021-01-15")]
    assert {type(found[name]) for name in ("현재가", "전일대비")} == {int}


@pytest.mark.parametrize("tr", [entry.code for entry in reference.trs()])
def test_nothing_gives_an_empty_frame_with_the_columns_and_dtypes_of_the_table(tr):
    found = answer(tr, [])
    again = answer(tr, [page(tr)])
    assert len(found.multi) == len(again.multi) == 0
    pd.testing.assert_frame_equal(found.multi, again.multi)
    assert not [dtype for dtype in found.multi.dtypes if pd.api.types.is_object_dtype(dtype)]
    assert len(found.single) == 0


def test_an_empty_chart_has_the_dtypes_of_a_full_one():
    row = {
        "일자": "20220118",
        "종목코드": "005930",
        "현재가": "1",
        "거래량": "1",
        "거래대금": "1",
        "시가": "1",
    }
    full = answer("opt10081", [page("opt10081", [row])]).multi[list(row)]
    pd.testing.assert_frame_equal(full.iloc[:0], answer("opt10081", []).multi[list(row)])


@given(st.data())
def test_no_text_at_all_is_refused(data):
    tr = data.draw(st.sampled_from(["opt10081", "opt10075", "opw00018", "opt10004"]))
    word = st.text(alphabet="0123456789+-. 가A", max_size=8)
    names = reference.tr(tr).multi_names
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names[:8], word)), min_size=1, max_size=3))
    kept = [row for row in rows if any(value.strip() for value in row.values())]
    frame = answer(tr, [page(tr, rows)]).multi
    assert len(frame) == (len(rows) if kept else 0)
    for name in names[:8]:
        if frame[name].dtype == TEXT and kept:
            assert frame[name].tolist() == [row[name].strip() for row in rows]


def test_pages_of_another_shape_are_refused():
    with pytest.raises(UnreadableValue, match="number of columns"):
        _ = answer("opt10081", [Page([], ["005930"], 1, "", [], 0.0)]).multi
    with pytest.raises(UnreadableValue, match="number of values"):
        _ = answer("opt10001", [Page(["005930"], [], 0, "", [], 0.0)]).single
    with pytest.raises(BadInput, match="opt12345"):
        answer("opt12345", [])


def test_what_is_shown_of_an_answer_holds_nothing_of_an_account():
    found = answer("opt10075", [page("opt10075", [{"계좌번호": "0012345678"}])])
    assert isinstance(found, Answer)
    assert repr(found) == "<Answer opt10075: 1 rows on 1 pages>"
