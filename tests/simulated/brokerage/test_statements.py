"""Accounts over time and what they can still order: in agreement with the TRs of the moment, to the won."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server import reference
from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.brokerage.trs.field_widths import fixed_width
from kernel_server.simulated.market.closes import Closes
from kernel_server.simulated.market.trade_script import Side
from tests.support.brokerage import ACCOUNT, Desk
from tests.support.examples import examples
from tests.support.simulated_broker import small_market

DONE = "[100000] 조회가 완료되었습니다."
EMPTY = "[571578] 모의투자 해당조회내역이 없습니다"
LISTS = ("opw00005", "opw00008", "opw00009", "opw00015")
SINGLE = ("opw00003", "opw00010", "opw00011", "opw00013", "opw00016", "opw00017")
NEEDED = {"opt10170": {"단주구분": "2"}}
TRS = (*LISTS, *SINGLE, "opw00002", "opt10012", "opt10072", "opt10170")
DAY = timedelta(days=1).total_seconds()
BOUGHT, SOLD = 3 * 77_100 + 800, 80_000 - 280 - 184
CASH = 10_000_000 - BOUGHT + SOLD


def traded() -> Desk:
    """On Tuesday three shares of one issue bought at 77,100, one sold at 80,000, and two orders left open."""
    desk = Desk()
    desk.do(1, quantity=3)
    desk.exchange.book("005930", 80_100, 80_000)
    desk.do(2, quantity=1)
    desk.do(2, quantity=1, price=81_000)
    desk.do(1, "900290", quantity=10, price=1_200)
    return desk


@pytest.mark.parametrize("tr", TRS)
def test_another_account_is_not_answered(tr: str) -> None:
    with pytest.raises(TrRejected):
        Desk().answer(tr, **{**NEEDED.get(tr, {}), "계좌번호": "8000000099"})


@pytest.mark.parametrize("tr", TRS)
@pytest.mark.parametrize("days", [0, 1, 2])
def test_every_value_is_as_wide_as_its_table_says(tr: str, days: int) -> None:
    desk, block = traded(), reference.tr(tr)
    desk.settle(days * DAY)
    answer = desk.answer(tr, **NEEDED.get(tr, {}))
    assert len(answer.single) == len(block.single_names)
    assert {len(row) for row in answer.rows} <= {len(block.multi_names)}
    if tr.startswith("opw"):
        blank = {
            name: len(text)
            for name, text in zip(block.multi_names, fixed_width(tr, block.multi_names, {}), strict=True)
        }
        for row in answer.rows:
            for name, value in zip(block.multi_names, row, strict=True):
                # Korean letters are two wide; ratios and unit prices are as long as they are.
                wide = len(value) + sum(letter > "ᄀ" for letter in value)
                assert wide == blank[name] or name in (
                    "손익률",
                    "거래단가/환율",
                    "거래수량/좌수",
                    "유가금잔",
                ), name


@pytest.mark.parametrize("tr", LISTS)
def test_an_empty_list_says_so(tr: str) -> None:
    answer = Desk().answer(tr)
    assert (answer.message, answer.rows) == (EMPTY, [])


@pytest.mark.parametrize("tr", SINGLE)
def test_what_is_no_list_is_done(tr: str) -> None:
    assert Desk().answer(tr).message == DONE


def test_what_an_account_is_worth_is_the_same_wherever_it_is_said() -> None:
    desk = traded()
    worth = desk.single("opw00018")["추정예탁자산"]
    assert int(desk.single("opw00003")["추정예탁자산"]) == int(worth)
    assert int(desk.rows("opw00002")[-1]["추정예탁자산"]) == int(worth)
    assert int(desk.single("opw00016")["순자산액계_말"]) == int(worth)


def test_a_day_that_is_over_was_worth_what_it_was() -> None:
    """What an account was worth at a close is 당일투자원금 of the next session."""
    desk = traded()
    desk.closes["005930", 20220118] = desk.exchange.tapes["005930"].base = 80_000
    desk.settle(DAY)
    rows = desk.rows("opw00002", 시작조회기간="20220114", 종료조회기간="20220119")
    assert [row["일자"] for row in rows] == ["20220114", "20220117", "20220118", "20220119"]
    start = int(desk.single("opw00004")["당일투자원금"])
    assert start > 10_000_000
    assert [int(row["추정예탁자산"]) for row in rows] == [10_000_000, 10_000_000, start, start]
    assert [int(row["예수금"]) for row in rows] == [10_000_000] * 4
    desk.settle(DAY)
    row = desk.rows("opw00002", 시작조회기간="20220120", 종료조회기간="20220120")[0]
    assert int(row["예수금"]) == int(desk.single("opw00001")["예수금"]) == CASH


def test_a_day_that_is_over_is_valued_at_its_own_close() -> None:
    desk = traded()
    desk.closes["005930", 20220118] = 70_000
    desk.settle(DAY)
    row = desk.rows("opw00002", 시작조회기간="20220118", 종료조회기간="20220118")[0]
    value = 2 * 70_000
    assert int(row["추정예탁자산"]) == CASH + value - 490 - 112 - 210


def test_days_come_in_pages() -> None:
    desk = Desk(account_rows=7)
    days = [row["일자"] for row in desk.rows("opw00002", 시작조회기간="20211201", 종료조회기간="20220118")]
    assert len(days) > 30
    assert days == sorted(set(days))
    assert len(desk.answer("opw00002", 시작조회기간="20211201").rows) == 7
    assert desk.rows("opw00002", 시작조회기간="20220119", 종료조회기간="20220118") == []


def test_the_balance_is_that_of_opw00018_and_opw00001() -> None:
    desk = traded()
    for _ in range(3):
        held, cash, balance = (desk.single(tr) for tr in ("opw00018", "opw00001", "opw00005"))
        same = {
            "주식매수총액": held["총매입금액"],
            "평가금액합계": held["총평가금액"],
            "총손익합계": held["총평가손익금액"],
            "예수금": cash["예수금"],
            "예수금D+1": cash["d+1추정예수금"],
            "예수금D+2": cash["d+2추정예수금"],
            "출금가능금액": cash["출금가능금액"],
            "주문가능현금": cash["주문가능금액"],
            "100주문가능금액": cash["100%종목주문가능금액"],
            "증거금현금": cash["주식증거금현금"],
        }
        assert {name: int(balance[name]) for name in same} == {
            name: int(there) for name, there in same.items()
        }
        assert float(balance["총손익률"]) == float(held["총수익률(%)"])
        rows = zip(desk.rows("opw00005"), desk.rows("opw00018"), desk.rows("opw00004"), strict=True)
        for row, other, delivered in rows:
            assert (row["종목번호"].strip(), row["종목명"].strip()) == ("A005930", "삼성전자")
            for name, there in (("현재잔고", "보유수량"), ("매입단가", "매입가"), ("평가손익", "평가손익")):
                assert int(row[name]) == int(other[there])
            assert int(row["결제잔고"]) == int(delivered["결제잔고"])
        desk.settle(DAY)


def test_what_is_settled_tomorrow_was_traded_yesterday() -> None:
    desk = traded()
    assert desk.rows("opw00008") == []
    desk.settle(DAY)
    single, cash = desk.single("opw00008"), desk.single("opw00001")
    assert (single["매매일자"], single["결제일자"]) == ("20220118", "20220120")
    assert int(single["매도정산합"]) == int(cash["d+1매도정산금"]) == SOLD
    assert int(single["매수정산합"]) == int(cash["d+1매수정산금"]) == BOUGHT
    bought, sold = desk.rows("opw00008")
    assert (bought["매도수구분"].strip(), sold["매도수구분"].strip()) == ("매수", "매도")
    assert (int(bought["정산금액"]), int(sold["정산금액"])) == (BOUGHT, SOLD)
    assert (int(sold["거래세"]), int(sold["농특세"]), int(sold["수수료"])) == (64, 120, 280)
    assert (int(bought["거래세"]), int(bought["농특세"])) == (0, 0)
    assert (int(bought["수량"]), int(bought["단가"])) == (3, 77_100)
    assert [int(row["일련번호"]) for row in desk.rows("opw00008", 시작결제번호="2")] == [2]
    desk.settle(DAY)
    assert desk.rows("opw00008") == []


def test_orders_of_a_day_add_up_to_what_was_agreed() -> None:
    desk = traded()
    rows, single = desk.rows("opw00009"), desk.single("opw00009")
    assert [int(row["주문번호"]) for row in rows] == [4, 3, 2, 1]
    assert (int(single["매수약정금액"]), int(single["매도약정금액"])) == (231_300, 80_000)
    assert int(single["약정금액"]) == 311_300
    history = {int(row["주문번호"]): row for row in desk.rows("opw00007")}
    for row in rows:
        there = history[int(row["주문번호"])]
        for name in ("주문수량", "주문단가", "체결수량", "체결단가", "확인수량"):
            assert int(row[name]) == int(there[name])
        for name in ("종목번호", "종목명", "매매구분", "접수구분"):
            assert row[name].strip() == there[name].strip()
    assert [int(row["주문번호"]) for row in desk.rows("opw00009", 조회구분="1")] == [2, 1]
    assert [int(row["주문번호"]) for row in desk.rows("opw00009", 매도수구분="1")] == [3, 2]
    assert [int(row["주문번호"]) for row in desk.rows("opw00009", 시장구분="2")] == [4]
    assert [int(row["주문번호"]) for row in desk.rows("opw00009", 종목코드="005930")] == [3, 2, 1]
    assert [int(row["주문번호"]) for row in desk.rows("opw00009", 시작주문번호="0000002")] == [2, 1]
    desk.settle(DAY)
    assert desk.rows("opw00009") == []
    assert len(desk.rows("opw00009", 주문일자="20220118")) == 4


@settings(max_examples=examples(15, 40), deadline=None)
@given(price=st.integers(1, 200_000), deposit=st.integers(1, 50_000_000))
def test_no_more_shares_than_there_is_cash_for(price: int, deposit: int) -> None:
    desk = Desk(deposit=deposit)
    values = desk.single("opw00011", 종목번호="005930", 매수가격=str(price))
    most = int(values["증거금100주문가능수량"])

    def costs(shares: int) -> int:
        return shares * price + shares * price * 350 // 100_000 // 10 * 10

    assert costs(most) <= deposit < costs(most + 1)
    assert int(values["증거금100주문가능금액"]) == int(desk.single("opw00001")["주문가능금액"]) == deposit
    there = desk.single("opw00010", 종목번호="A005930", 매수가격=str(price))
    assert int(there["증거금100주문가능수량"]) == most


def test_as_many_shares_as_are_offered_can_be_ordered() -> None:
    desk = Desk(deposit=1_000_000)
    desk.exchange.idle = True
    most = int(desk.single("opw00011", 종목번호="005930", 매수가격="76000")["증거금100주문가능수량"])
    assert [told.short for told in desk.do(1, quantity=most + 1, price=76_000)] == ["Msg", "TrData"]
    assert "접수" in [told.short for told in desk.do(1, quantity=most, price=76_000)]
    left = desk.single("opw00011", 종목번호="005930", 매수가격="76000")
    assert int(left["증거금100주문가능수량"]) == 0
    assert int(left["주문가능현금"]) == int(desk.single("opw00001")["주문가능금액"])


def test_what_a_purchase_would_cost() -> None:
    desk = traded()
    inputs = {"종목번호": "005930", "매수가격": "77100", "매매수량": "3", "예상매수단가": ""}
    values = desk.single("opw00010", **inputs)
    assert [int(values[name]) for name in ("매입금액", "수수료", "매입정산금")] == [231_300, 800, BOUGHT]
    assert int(desk.single("opw00010", **{**inputs, "예상매수단가": "80000"})["매입금액"]) == 240_000
    cash = desk.single("opw00001")
    assert int(values["D2추정예수금"]) == int(cash["d+2추정예수금"])
    assert int(values["인출가능금액"]) == int(cash["출금가능금액"])
    assert int(values["익일인출가능금액"]) == int(cash["d+1출금가능금액"])


@pytest.mark.parametrize("tr", ["opw00010", "opw00011"])
@pytest.mark.parametrize("wrong", [{"종목번호": "999999"}, {"매수가격": "비싸게"}, {"매수가격": "-5"}])
def test_what_cannot_be_bought_is_rejected(tr: str, wrong: dict[str, str]) -> None:
    with pytest.raises(TrRejected):
        Desk().answer(tr, **{"종목번호": "005930", "매수가격": "1000", **wrong})


def test_orders_are_paid_for_in_cash() -> None:
    desk = traded()
    values, cash = desk.single("opw00013"), desk.single("opw00001")
    assert int(values["현금금액"]) == int(cash["예수금"])
    assert int(values["현금증거금"]) == int(cash["주식증거금현금"]) == 12_040
    assert int(values["사용가능현금"]) == int(values["100주문가능금액"]) == int(cash["주문가능금액"])
    others = {name for name, text in values.items() if text.strip("0.")}
    assert {name for name in others if not name.endswith("주문가능금액")} == {
        *("현금금액", "현금증거금", "사용가능현금", "사용가능현금최종"),
    }


def test_movements_of_cash_end_in_the_deposit() -> None:
    desk = traded()
    period = {"시작일자": "20220101", "종료일자": "20221231", "구분": "0"}
    assert desk.rows("opw00015", **period) == []
    desk.settle(2 * DAY)
    bought, sold = desk.rows("opw00015", **period)
    assert int(sold["예수금잔고"]) == int(desk.single("opw00001")["예수금"]) == CASH
    assert (bought["거래일자"], bought["체결일"].strip()) == ("20220120", "20220118")
    assert [int(row["거래번호"]) for row in (bought, sold)] == [1, 2]
    assert (int(bought["정산금액"]), int(sold["정산금액"])) == (BOUGHT, SOLD)
    assert (int(sold["수수료"]), int(sold["거래및농특세"]), int(sold["세금수수료합"])) == (280, 184, 464)
    assert (bought["유가금잔"].strip(), sold["유가금잔"].strip()) == ("3", "2")
    assert desk.single("opw00015", **period)["계좌번호"].strip() == ACCOUNT
    for kind, rows in (("3", [bought, sold]), ("4", [bought]), ("5", [sold]), ("1", []), ("6", [])):
        assert desk.rows("opw00015", **{**period, "구분": kind}) == rows
    assert desk.rows("opw00015", **period, 종목코드="900290") == []
    assert desk.rows("opw00015", **{**period, "종료일자": "20220119"}) == []
    with pytest.raises(TrRejected):
        desk.answer("opw00015", **{**period, "구분": "X"})


def test_a_period_s_return() -> None:
    desk = traded()
    values = desk.single("opw00016", 평가시작일="20220117", 평가종료일="20220118")
    worth = int(desk.single("opw00018")["추정예탁자산"])
    assert int(values["순자산액계_초"]) == int(values["예수금_초"]) == 10_000_000
    assert (int(values["순자산액계_말"]), int(values["유가증권평가금액_말"])) == (worth, 160_000)
    assert int(values["평가손익"]) == worth - 10_000_000
    assert float(values["수익률"]) == pytest.approx((worth / 10_000_000 - 1) * 100, abs=0.006)
    assert float(values["회전율"]) == pytest.approx(0.8)
    desk.closes["005930", 20220118] = 80_000
    desk.settle(DAY)
    later = desk.single("opw00016", 평가시작일="20220119", 평가종료일="20220119")
    assert (int(later["순자산액계_초"]), int(later["평가손익"])) == (worth, 0)
    with pytest.raises(TrRejected):
        desk.answer("opw00016", 평가시작일="20220119", 평가종료일="20220118")
    with pytest.raises(TrRejected):
        desk.answer("opw00016", 평가시작일="20221345", 평가종료일="20220118")


def test_the_day_of_an_account() -> None:
    desk = traded()
    values = desk.single("opw00017")
    known = {
        "D+2추정예수금": CASH,
        "일반주식평가금액D+2": 160_000,
        "매도금액": 80_000,
        "매수금액": 231_300,
        "수수료": 1_080,
        "세금": 184,
    }
    assert {name: int(values[name]) for name in known} == known
    by_day = desk.single("opt10074", 시작일자="20220118", 종료일자="20220118")
    assert int(values["매수금액"]) == int(by_day["총매수금액"])
    assert int(values["수수료"]) == int(by_day["매매수수료"])
    desk.settle(DAY)
    assert int(desk.single("opw00017")["매수금액"]) == 0


def test_the_newest_order_and_what_is_held_of_its_issue() -> None:
    desk = traded()
    row, cash = desk.rows("opt10012")[0], desk.single("opw00001")
    newest = desk.rows("opt10075")[0]
    for name in ("주문수량", "주문가격", "미체결수량", "주문구분", "주문상태"):
        assert row[name] == newest[name]
    assert (row["보유수량"], row["예수금"], row["현금증거금"]) == ("0", "10000000", "12040")
    assert int(row["사용가능현금"]) == int(cash["주문가능금액"])
    assert int(row["D+2추정예수금"]) == int(cash["d+2추정예수금"])
    assert int(row["D+2매수/매도정산금"]) == int(cash["d+2매도매수정산금"])
    desk.do(2, quantity=1, price=82_000)
    row, held = desk.rows("opt10012")[0], desk.rows("opw00018")[0]
    assert (row["보유수량"], row["매입단가"], row["주문가능수량"]) == ("2", "77100", "0")
    assert int(row["총매입가"]) == int(held["매입금액"])
    assert row["당일매도손익"] == desk.single("opt10077")["당일실현손익"]
    assert (row["당일매수수량"], row["당일매도수량"], row["당일순매수량"]) == ("3", "1", "2")


def test_an_account_without_orders_has_its_cash() -> None:
    row = Desk().rows("opt10012")[0]
    assert (row["예수금"], row["주문수량"], row["주문상태"]) == ("10000000", "", "")


def test_the_sales_of_a_day_are_those_of_opt10073() -> None:
    desk = traded()
    row = desk.rows("opt10072", 종목코드="", 시작일자="20220118")[0]
    there = desk.rows("opt10073", 시작일자="20220118", 종료일자="20220118")[0]
    shared = [name for name in there if there[name] and name in row]
    assert len(shared) > 9
    assert {name: row[name] for name in shared} == {name: there[name] for name in shared}
    assert (row["당일매도손익1"], row["종목코드1"]) == (row["당일매도손익"], row["종목코드"])
    assert desk.rows("opt10072", 종목코드="900290", 시작일자="20220118") == []
    desk.settle(DAY)
    assert desk.rows("opt10072", 시작일자="20220118")[0]["당일매도손익"] == row["당일매도손익"]
    assert desk.rows("opt10072", 시작일자="20220119") == []


def test_the_journal_of_a_day_adds_up() -> None:
    desk = traded()
    row, single = desk.rows("opt10170", 단주구분="2")[0], desk.single("opt10170", 단주구분="2")
    by_day = desk.single("opt10074", 시작일자="20220118", 종료일자="20220118")
    assert (row["매수평균가"], row["매수수량"], row["매도평균가"], row["매도수량"]) == (
        "77100",
        "3",
        "80000",
        "1",
    )
    assert single["총매수금액"] == row["매수금액"] == by_day["총매수금액"]
    assert single["총매도금액"] == row["매도금액"] == by_day["총매도금액"]
    assert single["총손익금액"] == row["손익금액"] == by_day["실현손익"]
    charges = int(by_day["매매수수료"]) + int(by_day["매매세금"])
    assert int(single["총수수료_세금"]) == int(row["수수료_제세금"]) == charges
    assert int(single["총정산금액"]) == SOLD - BOUGHT
    desk.settle(DAY)
    desk.exchange.book("005930", 80_100, 80_000)
    desk.do(2, quantity=1)
    assert desk.rows("opt10170", 단주구분="1") == []
    assert [row["매도수량"] for row in desk.rows("opt10170", 단주구분="2")] == ["1"]
    assert len(desk.rows("opt10170", 단주구분="1", 기준일자="20220118")) == 1
    with pytest.raises(TrRejected):
        desk.answer("opt10170", 단주구분="")


@settings(max_examples=examples(15, 40), deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(60_000, 90_000), st.booleans()), max_size=6))
def test_days_go_on_from_one_another(deals: list[tuple[int, int, bool]]) -> None:
    """Whatever was traded on which day: every day is worth what it was worth then, and cash settles two days on."""
    desk = Desk()
    worths: list[tuple[str, int, int]] = []
    for quantity, price, buys in deals:
        desk.exchange.book("005930", price, price)
        desk.exchange.tapes["005930"].upper = 100_500
        held = desk.rows("opw00018")
        if buys or (held and int(held[0]["매매가능수량"]) >= quantity):
            desk.do(1 if buys else 2, quantity=quantity)
        desk.exchange.book("005930", price, price)
        row = desk.rows("opw00002")[-1]
        assert int(row["추정예탁자산"]) == int(desk.single("opw00018")["추정예탁자산"])
        assert int(row["예수금"]) == int(desk.single("opw00001")["예수금"])
        worths.append((row["일자"], int(row["예수금"]), int(row["추정예탁자산"])))
        desk.closes["005930", int(row["일자"])] = price
        desk.settle(DAY)
        while desk.rows("opw00002")[-1]["일자"] == row["일자"]:
            desk.settle(DAY)  # over the weekend
    known = desk.rows("opw00002", 시작조회기간="20220118", 종료조회기간="20220301")
    assert [(row["일자"], int(row["예수금"]), int(row["추정예탁자산"])) for row in known][
        : len(worths)
    ] == worths


def test_closes_are_those_of_the_daily_chart() -> None:
    desk = Desk("2022-01-18 18:00")
    market = small_market()
    closes = Closes(market, desk.clock)
    bars = market.daily("005930", False, desk.now())
    for day, close in list(zip(bars.time.tolist(), bars.close.tolist(), strict=True))[-5:]:
        assert closes("005930", day) == close
    assert closes("005930", 19000101) == 0


def test_shares_are_sold_at_what_a_snapshot_says_too() -> None:
    """Another process tells the same days of the account."""
    desk = traded()
    desk.settle(DAY)
    inputs = {"시작조회기간": "20220117", "종료조회기간": "20220119"}
    before = desk.rows("opw00002", **inputs), desk.rows("opw00008"), desk.single("opw00017")
    state = desk.brokerage.snapshot()
    desk.exchange.resting.clear()
    desk.brokerage = desk.build()
    desk.brokerage.restore(state)
    desk.brokerage.connect()
    assert (desk.rows("opw00002", **inputs), desk.rows("opw00008"), desk.single("opw00017")) == before
    assert desk.trade("005930", 81_000, 1, Side.SELL) == []
