"""Credit and lending by day: today's balance is yesterday's with what is new and without what is repaid."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kernel_server.simulated.base.tr import TrRejected
from tests.support.market_trs import OVER, MarketTrs, size
from tests.support.simulated_broker import SAMSUNG, small_market
from tests.support.tr_handlers import ask, single

CODE = "005930"
CREDIT = {"종목코드": CODE, "일자": "", "조회구분": "1"}
LENDING = {"종목코드": CODE, "시작일자": "20210601", "종료일자": "", "전체구분": "0"}


@pytest.mark.parametrize("kind", ["1", "2"])
@pytest.mark.parametrize("code", [CODE, "247540"])
def test_credit_by_day(trs: MarketTrs, kind: str, code: str) -> None:
    rows = trs.rows("opt10013", 300, **CREDIT | {"조회구분": kind, "종목코드": code})[:300]
    shares = trs.market.issues()[code].shares
    assert len(rows) > 200
    # The session that has not been followed by another is not known yet.
    unknown = ("신규", "상환", "잔고", "금액", "대비", "공여율", "잔고율")
    assert {rows[0][name] for name in unknown} == {""}
    for row, before in pairwise(rows[1:]):
        new, repaid, balance = (int(row[name]) for name in ("신규", "상환", "잔고"))
        assert balance == int(before["잔고"]) + new - repaid
        assert int(row["대비"]) == new - repaid
        assert 0 <= new <= int(row["거래량"])
        assert 0 <= repaid <= int(before["잔고"])
        assert int(row["금액"]) == (balance * size(row["현재가"]) + 500_000) // 1_000_000
        assert float(row["잔고율"]) == pytest.approx(balance * 100 / shares, abs=0.006)
        assert float(row["공여율"]) == pytest.approx(new * 100 / int(row["거래량"]), abs=0.006)


def test_a_day_s_balance_is_the_same_in_every_answer(trs: MarketTrs) -> None:
    rows = trs.page("opt10013", **CREDIT)
    older = trs.page("opt10013", **CREDIT | {"일자": rows[30]["일자"]})
    assert older[:50] == rows[30:80]


def test_the_credit_ratio_is_the_same_in_every_tr(trs: MarketTrs) -> None:
    rows = trs.page("opt10013", **CREDIT)
    ratios = {row["일자"]: row["잔고율"] for row in rows}
    basic = single("opt10001", ask(trs.handlers, "opt10001", trs.now, 종목코드=CODE)[0])
    assert basic["신용비율"] == rows[1]["잔고율"]
    for tr, day, name, inputs in (
        ("opt10086", "날짜", "신용비", {"조회일자": "", "표시구분": "0"}),
        ("opt10015", "일자", "신용잔고율", {"시작일자": ""}),
    ):
        for row in trs.page(tr, 종목코드=CODE, **inputs)[:20]:
            assert row[name] == ratios[row[day]]


def test_an_etf_and_given_prices_have_no_credit(trs: MarketTrs) -> None:
    etf = next(code for code, issue in trs.market.issues().items() if issue.kind == "etf")
    assert {row["잔고"] for row in trs.page("opt10013", **CREDIT | {"종목코드": etf})} == {""}
    given = MarketTrs(small_market(), OVER).page("opt10013", **CREDIT | {"종목코드": SAMSUNG.code})
    assert [row["거래량"] for row in given]
    assert {row["잔고"] for row in given} == {""}


@pytest.mark.parametrize("code", [CODE, "247540"])
def test_lending_by_day_is_written_as_recorded(trs: MarketTrs, code: str) -> None:
    rows = trs.rows("opt20068", **LENDING | {"종목코드": code})
    assert rows[-1]["일자"] >= "20210601"
    # Recorded: the newest day is all 0, the shares are single ones, and the amount is in 백만원 at the close.
    assert list(rows[0].values()) == ["20220118", "0", "0", "0", "0", "0"]
    closes = {
        bar["일자"]: int(bar["현재가"])
        for bar in trs.page("opt10081", 종목코드=code, 기준일자="", 수정주가구분="1")
    }
    for row, before in pairwise(rows[1:]):
        new, repaid, balance = (
            int(row[name]) for name in ("대차거래체결주수", "대차거래상환주수", "잔고주수")
        )
        assert balance == int(before["잔고주수"]) + new - repaid
        assert int(row["대차거래증감"]) == new - repaid
        assert int(row["잔고금액"]) == (balance * closes[row["일자"]] + 500_000) // 1_000_000
        assert min(new, repaid) >= 0


@pytest.mark.parametrize(
    ("tr", "inputs"),
    [
        ("opt10013", CREDIT | {"조회구분": "3"}),
        ("opt10013", CREDIT | {"종목코드": "999999"}),
        ("opt20068", LENDING | {"시작일자": "2021"}),
    ],
)
def test_wrong_inputs_are_rejected(trs: MarketTrs, tr: str, inputs: dict[str, str]) -> None:
    with pytest.raises(TrRejected):
        trs.page(tr, **inputs)


def test_lending_of_a_market_on_a_day_is_that_of_its_issues(trs: MarketTrs) -> None:
    day = "20220110"
    for tr, name in (("opt10067", "기준일자"), ("opt90012", "일자")):
        rows = {row["종목코드"]: row for row in trs.rows(tr, 시장구분="001", **{name: day})}
        one = next(row for row in trs.rows("opt20068", **LENDING) if row["일자"] == day)
        for field in ("대차거래체결주수", "대차거래상환주수", "잔고주수", "잔고금액"):
            assert rows[CODE][field] == one[field]


def test_lending_of_the_market_by_day_is_the_sum_of_its_issues(trs: MarketTrs) -> None:
    asked = {"시작일자": "20211101", "종료일자": "", "전체구분": "1"}
    rows = trs.rows("opt10068", **asked)
    assert list(rows[0].values()) == ["20220118", "0", "0", "0", "0", "0"]
    row = rows[3]
    issues = [
        issue
        for market in ("001", "101")
        for issue in trs.rows("opt10067", 시장구분=market, 기준일자=row["일자"])
    ]
    for field in ("대차거래체결주수", "대차거래상환주수", "잔고주수", "잔고금액"):
        assert int(row[field]) == sum(int(issue[field]) for issue in issues)
    for row, before in pairwise(rows[1:]):
        change = int(row["대차거래체결주수"]) - int(row["대차거래상환주수"])
        assert int(row["대차거래증감"]) == change
        assert int(row["잔고주수"]) == int(before["잔고주수"]) + change
