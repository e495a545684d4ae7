"""opt10098: the whole market by its change in 시간외 단일가."""

from __future__ import annotations

import pytest

from tests.support.few_issues import whole_market
from tests.support.simulated_broker import Page
from tests.support.synthetic_day import SEVERAL, SyntheticDay

INPUTS = {
    "시장구분": "000",
    "정렬기준": "1",
    "종목조건": "0",
    "거래량조건": "0",
    "신용조건": "0",
    "거래대금": "0",
}
NOTHING = "[571578] 모의투자 해당조회내역이 없습니다"


@pytest.fixture(scope="module")
def evening() -> SyntheticDay:
    """After the last auction."""
    return SyntheticDay("18:05").begin()


def rows(rig: SyntheticDay, **inputs: str) -> list[dict[str, str]]:
    """Every row."""
    return [page.row(n) for page in pages(rig, **inputs) for n in range(len(page.rows))]


def pages(rig: SyntheticDay, **inputs: str) -> list[Page]:
    rig.settle(1)
    found = [rig.page("opt10098", **{**INPUTS, **inputs})]
    while found[-1].prev_next == "2":
        rig.settle(1)
        found.append(rig.page("opt10098", 2, **{**INPUTS, **inputs}))
    return found


def price(text: str) -> int:
    return abs(int(text))


def test_changes_are_from_the_close_and_amounts_in_백만원(evening: SyntheticDay) -> None:
    found = rows(evening)
    assert len(found) > 150
    for row in found:
        last, close = price(row["현재가"]), int(row["당일종가"])
        assert int(row["전일대비"]) == last - close > 0
        assert abs(float(row["등락률"]) - 100 * (last - close) / close) <= 0.005 + 1e-9
        assert (row["현재가"][0], row["등락률"][0]) == ("+", "+")
        assert row["전일대비기호"] in "12"
        assert close * 0.9 <= last <= close * 1.1
        # One price an auction: what was traded is worth about the newest of them.
        assert int(row["누적거래대금"]) == pytest.approx(
            last * int(row["누적거래량"]) / 1e6, rel=0.1, abs=0.6
        )


@pytest.mark.parametrize(
    ("order", "field", "sense", "sign"),
    [("1", "등락률", -1, 1), ("2", "전일대비", -1, 1), ("3", "등락률", 1, -1), ("4", "전일대비", 1, -1)],
)
def test_rows_are_in_order(evening: SyntheticDay, order: str, field: str, sense: int, sign: int) -> None:
    found = rows(evening, 정렬기준=order)
    values = [float(row[field]) for row in found]
    assert values == sorted(values, key=lambda value: sense * value)
    assert all(value * sign > 0 for value in values)
    assert [row["순위"] for row in found] == [str(n + 1) for n in range(len(found))]


def test_who_has_not_moved_has_traded_all_the_same(evening: SyntheticDay) -> None:
    found = rows(evening, 정렬기준="5")
    assert found
    assert {row["전일대비"] for row in found} == {"0"}
    assert all(int(row["누적거래량"]) > 0 for row in found)


def test_every_issue_that_has_traded_is_in_one_of_the_three_orders(evening: SyntheticDay) -> None:
    codes = [row["종목코드"] for order in "135" for row in rows(evening, 정렬기준=order)]
    assert len(codes) == len(set(codes))
    both = [row["종목코드"] for market in ("001", "101") for row in rows(evening, 시장구분=market)]
    assert sorted(both) == sorted(row["종목코드"] for row in rows(evening))


@pytest.mark.parametrize(
    ("name", "value", "field", "least"),
    [
        ("거래량조건", "100", "누적거래량", 1_000),
        ("거래량조건", "500", "누적거래량", 5_000),
        ("거래대금", "50", "누적거래대금", 50),
    ],
)
def test_conditions_leave_out_what_is_less(
    evening: SyntheticDay, name: str, value: str, field: str, least: int
) -> None:
    found = rows(evening, **{name: value})
    assert found
    assert all(int(row[field]) >= least for row in found)
    assert len(found) < len(rows(evening))


def test_funds_and_preferred_shares_can_be_left_out(evening: SyntheticDay) -> None:
    everything = {row["종목코드"] for row in rows(evening)}
    without = {row["종목코드"] for row in rows(evening, 종목조건="3")}
    assert without < everything
    assert all(not code.endswith("0") for code in everything - without)
    assert {row["종목코드"] for row in rows(evening, 종목조건="16")} < everything


@pytest.mark.parametrize(
    "bad", [{"정렬기준": "9"}, {"시장구분": "7"}, {"거래량조건": "x"}, {"종목조건": "99"}]
)
def test_an_unknown_choice_is_a_bad_input(evening: SyntheticDay, bad: dict[str, str]) -> None:
    evening.settle(1)
    page = evening.page("opt10098", **{**INPUTS, **bad})
    assert page.rows == []
    assert "전문작성 입력값 오류 (-202)" in evening.messages()[-1]


def test_a_row_is_what_opt10087_says_of_the_issue() -> None:
    rig = SyntheticDay("18:05", issues=SEVERAL).begin()  # the book does not change any more
    for row in rows(rig, 정렬기준="3")[:5]:
        rig.settle(1)
        shown = rig.page("opt10087", screen="0203", 종목코드=row["종목코드"]).row(0)
        names = {
            "현재가": "현재가", "전일대비기호": "전일대비기호", "전일대비": "전일대비", "등락률": "등락률",
            "누적거래량": "누적거래량", "매도총잔량": "매도호가총잔량", "매수총잔량": "매수호가총잔량",
        }  # fmt: skip
        assert {name: row[name] for name in names} == {
            name: shown[f"시간외단일가_{field}"] for name, field in names.items()
        }


def test_it_grows_with_the_evening_and_stays_until_the_next_session() -> None:
    with whole_market():
        rig = SyntheticDay("16:09").begin()
    counts = [len(rows(rig))]
    for time in ("16:11", "17:59", "18:01", "23:00"):
        rig.until(time)
        counts.append(len(rows(rig)))
    assert counts[0] == 0 < counts[1] < counts[2] < counts[3] == counts[4]
    before = rows(rig)
    rig.settle(9.5 * 3600)  # until the morning
    assert rows(rig) == before


@pytest.mark.parametrize("start", ["16:05", "12:00"])
def test_before_the_first_auction_there_is_nothing(start: str) -> None:
    rig = SyntheticDay(start, issues=SEVERAL).begin()
    assert rows(rig) == []
    assert rig.messages()[-1] == NOTHING


def test_the_evening_of_an_issue_without_a_trade_stands_at_the_close() -> None:
    rig = SyntheticDay("16:05").begin()
    row = rig.page("opt10087", 종목코드="005930").row(0)
    name = "시간외단일가_"
    close = str(abs(int(rig.page("opt10081", 종목코드="005930", 수정주가구분="0").row(0)["현재가"])))
    fields = ("현재가", "전일대비기호", "전일대비", "등락률", "누적거래량")
    assert [row[name + field] for field in fields] == [close, "0", "0", "0.00", "0"]


def test_an_unknown_code_has_no_evening() -> None:
    rig = SyntheticDay("16:05").begin()
    rig.page("opt10087", 종목코드="999999")
    assert rig.messages()[-1] == "[00Z211] 종목코드 오류"
