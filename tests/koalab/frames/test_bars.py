"""Chart TRs: pages newest first become bars oldest first, in base units, each bar once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server import reference
from koalab.errors import BadInput, KoalabError
from koalab.frames import ConflictingBars, UnreadableValue, to_frame
from koalab.frames.chart_pages import kind_of, parse
from koalab.transport.base import Page

DAILY = ["opt10081", "opt10082", "opt10083", "opt10094"]
INDEX = ["opt20006", "opt20007", "opt20008", "opt20019"]


def page(tr: str, rows: Sequence[Mapping[str, str]]) -> Page:
    names = reference.tr(tr).multi_names
    return Page(
        single=[""],
        columns=["\n".join(row.get(name, "") for row in rows) for name in names],
        rows=len(rows),
        prev_next="",
        messages=[],
        received_at=0.0,
    )


def days(*rows: str) -> list[dict[str, str]]:
    """Rows of 일자 시가 고가 저가 현재가 거래량 거래대금, blanks between."""
    names = ["일자", "시가", "고가", "저가", "현재가", "거래량", "거래대금"]
    return [dict(zip(names, row.split(), strict=True)) for row in rows]


def moments(*rows: str) -> list[dict[str, str]]:
    """Rows of 체결시간 시가 고가 저가 현재가 거래량, blanks between."""
    names = ["체결시간", "시가", "고가", "저가", "현재가", "거래량"]
    return [dict(zip(names, row.split(), strict=True)) for row in rows]


def day(number: int, close: int = 100, volume: str = "5") -> dict[str, str]:
    return days(f"202201{number:02d} {close} {close} {close} {close} {volume} 1")[0]


def tick(second: int, price: int = 100, volume: int = 1) -> dict[str, str]:
    return moments(f"202201180900{second:02d} {price} {price} {price} {price} {volume}")[0]


RECORDED = [
    {"종목코드": "005930", **days("20220118 77600 77800 76600 77000 7715780 595861")[0]},
    *days(
        "20220117 77600 77800 76900 77500 8785122 678903",
        "20220114 77700 78100 77100 77300 10096725 781575",
        "20220113 79300 79300 77900 77900 13889401 1088598",
        "20220112 79500 79600 78600 78900 11000502 868911",
    ),
]


@pytest.mark.parametrize("tr", DAILY)
def test_a_recorded_page_of_daily_bars(tr):
    bars = parse(tr, [page(tr, RECORDED)])
    assert len(bars) == 5
    assert bars.time.dtype == np.dtype("datetime64[us]")
    assert bars.time.tolist() == [pd.Timestamp(2022, 1, number) for number in (12, 13, 14, 17, 18)]
    assert bars.open.tolist() == [79_500, 79_300, 77_700, 77_600, 77_600]
    assert bars.high.tolist() == [79_600, 79_300, 78_100, 77_800, 77_800]
    assert bars.low.tolist() == [78_600, 77_900, 77_100, 76_900, 76_600]
    assert bars.close.tolist() == [78_900, 77_900, 77_300, 77_500, 77_000]
    assert bars.volume.tolist() == [11_000_502, 13_889_401, 10_096_725, 8_785_122, 7_715_780]
    # 거래대금 comes in million KRW.
    assert bars.value.tolist() == [
        868_911_000_000,
        1_088_598_000_000,
        781_575_000_000,
        678_903_000_000,
        595_861_000_000,
    ]
    assert bars.event.tolist() == [0] * 5
    assert np.isnan(bars.ratio).all()
    for name in ("open", "high", "low", "close", "volume", "value", "event"):
        assert getattr(bars, name).dtype == np.int64


def test_events_of_adjustment():
    # 149980 on 2024-02-07: 권리락.
    first = days("20240207 8450 8460 8010 8070 307413 2520")[0] | {
        "수정주가구분": "256",
        "수정비율": "-15.08",
    }
    second = days("20240206 9350 9950 9310 9950 283593 2747")[0]
    bars = parse("opt10081", [page("opt10081", [first, second])])
    assert bars.event.tolist() == [0, 256]
    assert bars.event.dtype == np.int64
    np.testing.assert_array_equal(bars.ratio, [np.nan, -15.08])


def test_a_recorded_minute_bar_has_coloured_prices_and_no_value():
    rows = [
        {
            "현재가": "+18250",
            "거래량": "70664",
            "체결시간": "20180119153000",
            "시가": "+18250",
            "고가": "+18250",
            "저가": "+18250",
        }
    ]
    bars = parse("opt10080", [page("opt10080", rows)])
    assert bars.time.tolist() == [pd.Timestamp(2018, 1, 19, 15, 30)]
    assert (bars.open.item(), bars.close.item(), bars.volume.item()) == (18_250, 18_250, 70_664)
    assert (bars.value, bars.event, bars.ratio) == (None, None, None)


def test_a_fall_is_a_colour_not_a_negative_price():
    bars = parse("opt10080", [page("opt10080", moments("20220118090000 -77100 -77200 -76900 -77000 12"))])
    assert (bars.open.item(), bars.high.item(), bars.low.item(), bars.close.item()) == (
        77_100,
        77_200,
        76_900,
        77_000,
    )


def test_index_charts_come_in_points():
    rows = days("20220118 288938 289040 285970 286424 533000 9130426")
    for tr in INDEX:
        bars = parse(tr, [page(tr, rows)])
        assert (bars.open.item(), bars.close.item()) == (2889.38, 2864.24)
        assert bars.volume.tolist() == [533_000]
        assert bars.value.tolist() == [9_130_426_000_000]
        assert bars.event is None


def test_adjusted_volumes_may_have_fractions():
    bars = parse("opt10081", [page("opt10081", [day(4, volume="12.5"), day(3, volume="7")])])
    assert bars.volume.dtype == np.float64
    assert bars.volume.tolist() == [7.0, 12.5]
    frame = to_frame(bars, "daily")
    assert frame["volume"].tolist() == [7.0, 12.5]
    assert frame.drop(columns="volume").dtypes.eq("int64").all()


@given(st.lists(st.integers(1, 28), min_size=1, unique=True), st.data())
def test_pages_read_as_one_series_however_they_are_cut(numbers, data):
    numbers.sort(reverse=True)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(numbers)))) | {0, len(numbers)})
    pages = [page("opt10081", [day(number, number) for number in numbers[a:b]]) for a, b in pairwise(cuts)]
    bars = parse("opt10081", pages)
    assert bars.time.tolist() == [pd.Timestamp(2022, 1, number) for number in reversed(numbers)]
    assert bars.close.tolist() == numbers[::-1]


def test_a_row_on_two_pages_is_taken_once_from_the_newer_page():
    newer = page("opt10081", [day(6, 60), day(5, 50), day(4, 40)])
    older = page("opt10081", [day(5, 51), day(4, 41), day(3, 31)])
    bars = parse("opt10081", [newer, older])
    assert bars.close.tolist() == [31, 40, 50, 60]
    assert parse("opt10081", [newer, older, older]).close.tolist() == [31, 40, 50, 60]


@pytest.mark.parametrize(
    "pages",
    [
        [[3, 4]],  # runs forwards
        [[4, 4]],  # the same day twice on one page
        [[3, 2], [5, 4]],  # the older page is newer
        [[6, 4], [5, 3]],  # a day in between that the newer page does not have
        [[6, 5], [6, 4, 5]],
    ],
)
def test_rows_in_no_one_order_are_refused(pages):
    with pytest.raises(ConflictingBars) as caught:
        parse("opt10081", [page("opt10081", [day(number) for number in rows]) for rows in pages])
    assert isinstance(caught.value, KoalabError)


def test_ticks_may_share_a_second():
    rows = [tick(3), tick(2, volume=7), tick(2, volume=7), tick(2, volume=9), tick(1)]
    for cut in range(len(rows) + 1):
        bars = parse("opt10079", [page("opt10079", rows[:cut]), page("opt10079", rows[cut:])])
        assert bars.volume.tolist() == [1, 9, 7, 7, 1]


def test_a_run_of_ticks_on_two_pages_is_taken_once():
    first = [tick(4), tick(3), tick(2, volume=7), tick(2, volume=8)]
    second = [tick(3), tick(2, volume=7), tick(2, volume=8), tick(2, volume=9), tick(1)]
    bars = parse("opt10079", [page("opt10079", first), page("opt10079", second)])
    assert bars.volume.tolist() == [1, 9, 8, 7, 1, 1]
    # Elsewhere in the same load, an equal trade in the same second is still another trade.
    third = [tick(1), tick(0)]
    pages = [page("opt10079", rows) for rows in (first, second, third)]
    assert parse("opt10079", pages).volume.tolist() == [1, 1, 1, 9, 8, 7, 1, 1]
    within = [page("opt10079", first), page("opt10079", first[1:3])]
    assert parse("opt10079", within).volume.tolist() == [8, 7, 1, 1]


@pytest.mark.parametrize("pages", [[[2, 3]], [[4, 2], [3, 1]], [[2, 1], [4, 3]]])
def test_ticks_in_no_one_order_are_refused(pages):
    with pytest.raises(ConflictingBars):
        parse("opt10079", [page("opt10079", [tick(second) for second in rows]) for rows in pages])


def test_what_cannot_be_read_is_named_with_its_tr_and_field():
    with pytest.raises(UnreadableValue, match="opt10081 거래량, row 1: 'many'"):
        parse("opt10081", [page("opt10081", [day(4), day(3, volume="many")])])
    with pytest.raises(UnreadableValue, match="opt10081 일자, row 0: ''"):
        parse("opt10081", [page("opt10081", [day(4) | {"일자": ""}, day(3)])])
    narrow = Page([""], ["20220118"], 1, "", [], 0.0)
    with pytest.raises(UnreadableValue, match="number of columns"):
        parse("opt10081", [narrow])


def test_only_charts_give_bars():
    assert {tr: kind_of(tr) for tr in ("opt10079", "OPT10080", "opt10094")} == {
        "opt10079": "tick",
        "OPT10080": "minute",
        "opt10094": "daily",
    }
    with pytest.raises(BadInput, match="opt10001 gives no bars"):
        parse("opt10001", [])


@pytest.mark.parametrize("tr", ["opt10079", "opt10080", *DAILY, *INDEX])
def test_nothing_gives_empty_bars_with_the_columns_of_full_ones(tr):
    row = days("20220118 1 1 1 1 1 1")[0] | {"체결시간": "20220118090000"}
    full = parse(tr, [page(tr, [row])])
    for pages in ([], [page(tr, [])], [page(tr, [{}])], [page(tr, [{}, {}])]):
        bars = parse(tr, pages)
        assert len(bars) == 0
        for name in ("time", "open", "volume", "value", "event", "ratio"):
            empty, filled = getattr(bars, name), getattr(full, name)
            assert (empty is None) == (filled is None)
            assert empty is None or empty.dtype == filled.dtype
