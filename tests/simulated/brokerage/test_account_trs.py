"""The TRs about an account: widths, signs, prefixes, and what each number is made of."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from kernel_server import reference
from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.brokerage.trs.field_widths import fixed_width
from kernel_server.simulated.exchange.interface import Tape
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import AccountSetting
from tests.support.brokerage import ACCOUNT, Desk

DONE = "[100000] 조회가 완료되었습니다."
EMPTY = "[571578] 모의투자 해당조회내역이 없습니다"
TRS = (
    *("opw00001", "opw00004", "opw00018", "opt10085", "opt10075", "opt10076", "opw00007"),
    *("opt10073", "opt10074", "opt10077"),
)


def traded() -> Desk:
    """Three shares of one issue bought at 77,100, one sold at 80,000, and two orders open."""
    desk = Desk()
    desk.do(1, quantity=3)
    desk.exchange.book("005930", 80_100, 80_000)
    desk.do(2, quantity=1)
    desk.do(2, quantity=1, price=81_000)
    desk.do(1, "900290", quantity=10, price=1_200)
    return desk


CASH = 10_000_000 - 3 * 77_100 - 800 + 80_000 - 280 - 184


def test_an_account_tr_says_that_it_is_done() -> None:
    desk = traded()
    for tr in ("opw00001", "opw00004", "opw00018", "opw00007"):
        assert desk.answer(tr).message == DONE


def test_an_empty_account_says_so_and_has_no_rows() -> None:
    desk = Desk()
    for tr in ("opw00004", "opw00018", "opw00007"):
        answer = desk.answer(tr)
        assert (answer.message, answer.rows) == (EMPTY, [])
    assert desk.answer("opw00001").message == DONE
    assert desk.single("opw00001")["예수금"] == "000000010000000"


@pytest.mark.parametrize("tr", TRS)
def test_another_account_is_not_answered(tr: str) -> None:
    with pytest.raises(TrRejected):
        Desk().answer(tr, 계좌번호="8000000099")


@pytest.mark.parametrize("tr", TRS)
def test_every_row_has_a_value_for_every_field(tr: str) -> None:
    answer, block = traded().answer(tr), reference.tr(tr)
    assert answer.rows or tr == "opw00001"
    assert {len(row) for row in answer.rows} <= {len(block.multi_names)}
    assert len(answer.single) == len(block.single_names)


def test_the_deposit_settles_two_sessions_later() -> None:
    desk = traded()
    bought, sold = 3 * 77_100 + 800, 80_000 - 280 - 184
    today = desk.single("opw00001")
    assert int(today["예수금"]) == int(today["d+1추정예수금"]) == 10_000_000
    assert int(today["d+2추정예수금"]) == CASH
    assert int(today["d+2매수정산금"]) == bought
    assert int(today["d+2매도정산금"]) == sold
    assert today["d+2매도매수정산금"] == f"{sold - bought:015d}"
    desk.settle(timedelta(days=1).total_seconds())
    tomorrow = desk.single("opw00001")
    assert int(tomorrow["예수금"]) == 10_000_000
    assert int(tomorrow["d+1추정예수금"]) == int(tomorrow["d+2추정예수금"]) == CASH
    assert int(tomorrow["d+1매수정산금"]) == bought
    desk.settle(timedelta(days=1).total_seconds())
    assert int(desk.single("opw00001")["예수금"]) == CASH


def test_open_orders_keep_cash_and_shares_back() -> None:
    desk = traded()
    single = desk.single("opw00001")
    # ten shares at 1,200 won and 0.35 % of that, cut below 10 won
    assert int(single["주식증거금현금"]) == 12_000 + 40
    assert int(single["주문가능금액"]) == int(single["100%종목주문가능금액"]) == CASH - 12_040
    row = desk.rows("opw00018")[0]
    assert (int(row["보유수량"]), int(row["매매가능수량"])) == (2, 1)


def test_a_market_order_keeps_back_what_it_costs_at_the_upper_limit() -> None:
    desk = Desk(deposit=100_500 + 350)
    desk.exchange.idle = True
    desk.do(1)
    assert int(desk.single("opw00001")["주문가능금액"]) == 0
    assert [told.short for told in Desk(deposit=100_500 + 349).do(1)] == ["Msg", "TrData"]


def test_holdings_follow_the_formula_of_the_guide() -> None:
    desk = traded()
    answer = desk.single("opw00018")
    row = desk.rows("opw00018")[0]
    value, cost = 2 * 80_000, 2 * 77_100
    buy, sell, tax = 530, 560, 128 + 240
    profit = value - cost - buy - sell - tax
    assert row["종목번호"] == "A005930     "
    assert row["종목명"] == "삼성전자" + " " * 32
    assert row["평가손익"] == answer["총평가손익금액"] == f"{profit:015d}"
    assert (int(row["매입수수료"]), int(row["평가수수료"]), int(row["수수료합"])) == (buy, sell, buy + sell)
    assert int(row["세금"]) == tax
    assert row["수익률(%)"] == answer["총수익률(%)"] == "000000002.82"
    assert (row["매입가"], row["현재가"], row["전일종가"]) == (
        "000000000077100",
        "000000080000",
        "000000077500",
    )
    assert (int(row["금일매수수량"]), int(row["금일매도수량"]), int(row["전일매수수량"])) == (3, 1, 0)
    assert (row["보유비중(%)"], row["신용구분"], row["신용구분명"], row["대출일"]) == (
        "000000100.00",
        "00",
        "    ",
        "        ",
    )
    assert (answer["조회건수"], int(answer["총매입금액"]), int(answer["총평가금액"])) == ("0001", cost, value)
    assert int(answer["추정예탁자산"]) == CASH + value - sell - tax


def test_a_loss_has_its_sign_before_the_zeros() -> None:
    desk = Desk()
    desk.do(1)
    desk.exchange.book("005930", 77_100, 77_000)
    row = desk.rows("opw00004")[0]
    loss = 77_000 - 77_100 - 260 - 260 - 61 - 115
    assert row["손익금액"] == f"-{-loss:011d}"
    assert row["손익율"] == "-1.03"


def test_the_overview_tells_todays_this_months_and_all_profit() -> None:
    desk = traded()
    first = desk.single("opw00004")
    profit = int(first["추정예탁자산"]) - 10_000_000
    assert [int(first[f"{span}투자손익"]) for span in ("당일", "당월", "누적")] == [profit] * 3
    desk.settle(timedelta(days=1).total_seconds())
    desk.exchange.tapes["005930"].base = 80_000  # where it closed
    second = desk.single("opw00004")
    assert [int(second[f"{span}투자손익"]) for span in ("당일", "당월", "누적")] == [0, profit, profit]
    assert int(second["당일투자원금"]) == 10_000_000 + profit
    desk.settle(timedelta(days=14).total_seconds())
    assert int(desk.single("opw00004")["당월투자손익"]) == 0
    row = desk.rows("opw00004")[0]
    assert (row["종목코드"], row["평균단가"], row["대출일"]) == ("A005930     ", "000000077100", "00000000  ")
    assert (int(row["결제잔고"]), int(row["금일매수수량"])) == (2, 0)


def test_shares_are_delivered_two_sessions_later_too() -> None:
    desk = traded()
    moved = []
    for _ in range(3):
        row = desk.rows("opw00004")[0]
        moved.append(
            [
                int(row[name])
                for name in ("결제잔고", "금일매수수량", "금일매도수량", "전일매수수량", "전일매도수량")
            ]
        )
        desk.settle(timedelta(days=1).total_seconds())
    assert moved == [[0, 3, 1, 0, 0], [0, 0, 0, 3, 1], [2, 0, 0, 0, 0]]


def test_returns_are_neither_padded_nor_prefixed() -> None:
    row = traded().rows("opt10085")[0]
    assert (row["종목코드"], row["종목명"], row["현재가"], row["매입가"]) == (
        "005930",
        "삼성전자",
        "+80000",
        "77100",
    )
    assert (row["보유수량"], row["매입금액"], row["청산가능수량"], row["일자"]) == (
        "2",
        "154200",
        "1",
        "20220118",
    )


def test_open_orders_are_listed_newest_first_and_by_what_is_asked() -> None:
    desk = traded()
    everything = desk.rows("opt10075", 전체종목구분="0", 매매구분="0", 체결구분="0")
    assert [row["주문번호"] for row in everything] == ["0000004", "0000003", "0000002", "0000001"]
    assert [row["주문번호"] for row in desk.rows("opt10075", 체결구분="1")] == ["0000004", "0000003"]
    assert [row["주문번호"] for row in desk.rows("opt10075", 체결구분="2")] == ["0000002", "0000001"]
    assert [row["주문번호"] for row in desk.rows("opt10075", 매매구분="1")] == ["0000003", "0000002"]
    one = desk.rows("opt10075", 전체종목구분="1", 종목코드="900290")[0]
    assert (one["종목코드"], one["주문구분"], one["주문상태"], one["매매구분"]) == (
        "900290",
        "+매수",
        "접수",
        "보통",
    )
    assert (one["주문수량"], one["주문가격"], one["미체결수량"], one["체결량"]) == ("10", "1200", "10", "0")
    assert (one["계좌번호"], one["업무구분"], one["원주문번호"]) == (ACCOUNT, "JJ", "0000000")


def test_executions_older_than_an_order_can_be_asked_for() -> None:
    desk = traded()
    assert [row["주문번호"] for row in desk.rows("opt10076", 주문번호="0000002")] == ["0000001"]
    row = desk.rows("opt10076", 체결구분="2")[0]
    assert (row["체결가"], row["체결량"], row["당일매매수수료"], row["당일매매세금"]) == (
        "80000",
        "1",
        "280",
        "184",
    )


def test_the_history_of_orders_is_kept_by_day() -> None:
    desk = traded()
    desk.settle(timedelta(days=1).total_seconds())
    assert desk.rows("opw00007", 조회구분="1") == []
    rows = desk.rows("opw00007", 주문일자="20220118", 조회구분="1")
    assert [row["주문번호"] for row in rows] == ["0000001", "0000002", "0000003", "0000004"]
    assert (rows[0]["주문시간"], rows[0]["체결수량"], rows[0]["체결단가"]) == (
        "14:29:40",
        "0000000003",
        "0000077100",
    )
    backwards = desk.rows("opw00007", 주문일자="20220118", 조회구분="2", 시작주문번호="0000003")
    assert [row["주문번호"] for row in backwards] == ["0000003", "0000002", "0000001"]
    assert desk.rows("opw00007", 주문일자="20220118", 조회구분="1", 주식채권구분="1") == rows
    assert desk.rows("opw00007", 주문일자="20220118", 조회구분="1", 주식채권구분="2") == []  # bonds


def test_a_long_list_comes_in_pages() -> None:
    desk = Desk(account_rows=3, limited=False)
    for _ in range(7):
        desk.order(1, price=76_000)
    desk.settle()
    pages, after = [], None
    while not pages or after is not None:
        answer = desk.answer("opw00007", after, 조회구분="1")
        pages.append(len(answer.rows))
        after = answer.after
    assert pages == [3, 3, 1]
    assert len(desk.rows("opw00007")) == 7


def test_pages_of_open_orders_go_on_at_an_order_number() -> None:
    desk = Desk(limited=False)
    for _ in range(105):
        desk.order(1, price=54_300)
    desk.settle()
    first = desk.answer("opt10075")
    assert (len(first.rows), first.after) == (100, 6)
    desk.do(1, price=54_300)
    assert [row[1] for row in desk.answer("opt10075", first.after).rows] == [
        f"{n:07d}" for n in (5, 4, 3, 2, 1)
    ]


@pytest.mark.parametrize("tr", ["opt10075", "opt10076"])
def test_a_page_of_orders_reads_the_prices_of_an_issue_once(tr: str, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(limited=False)
    for code in ["005930", "900290"] * 10:
        desk.order(1, code, price=76_000 if code == "005930" else 1_200)
    desk.settle()
    tape, read = desk.exchange.tape, Counter[str]()

    def counted(code: str) -> Tape:
        read[code] += 1
        return tape(code)

    monkeypatch.setattr(desk.exchange, "tape", counted)
    assert len(desk.rows(tr, 체결구분="0")) == 20
    assert read == {"005930": 1, "900290": 1}


def test_realised_profits_are_told_by_day_by_issue_and_for_today() -> None:
    desk = traded()
    profit = 80_000 - 77_100 - 280 - 184 - 266  # of the 800 won for three shares one third, cut
    by_day = desk.rows("opt10074", 시작일자="20220101", 종료일자="20220131")
    assert [list(row.values()) for row in by_day] == [
        ["20220118", "231300", "80000", str(profit), "1080", "184"]
    ]
    assert list(desk.single("opt10074").values()) == ["231300", "80000", str(profit), "1080", "184"]
    by_issue = desk.rows("opt10073", 시작일자="20220101", 종료일자="20220131")[0]
    today = desk.rows("opt10077")[0]
    assert desk.single("opt10077") == {"당일실현손익": str(profit)}
    for row in (by_issue, today):
        assert (row["당일매도손익"], row["체결량"], row["매입단가"], row["체결가"]) == (
            str(profit),
            "1",
            "77100",
            "80000",
        )
        assert int(row["당일매매수수료"]) == 280 + 266
        assert row["손익율"] == "2.81"
    assert desk.rows("opt10074", 시작일자="20220119", 종료일자="20220131") == []


@pytest.mark.parametrize(
    ("day", "code", "tax"),
    [
        ("2022-01-18", "005930", 61 + 115),
        ("2023-01-18", "005930", 38 + 115),
        ("2022-01-18", "900290", 177),
        ("2022-01-18", "069500", 0),
    ],
)
def test_taxes_follow_board_and_year(day: str, code: str, tax: int) -> None:
    desk = Desk(f"{day} 10:00")
    desk.exchange.book(code, 77_000, 77_000)
    desk.exchange.tapes[code].upper = 100_000
    desk.do(1, code)
    desk.exchange.book(code, 77_000, 77_000)
    assert desk.do(2, code)[-2].values[939] == str(tax)


def test_accounts_know_nothing_of_each_other() -> None:
    desk = Desk(accounts=(AccountSetting(ACCOUNT), AccountSetting("8000000012")))
    desk.do(1, account="8000000012")
    assert desk.rows("opw00018") == []
    assert len(desk.rows("opw00018", 계좌번호="8000000012")) == 1
    assert desk.do(2)[0].arguments[3] == "[800033] 모의투자 매도가능수량이 부족합니다."


def test_a_long_name_is_cut_to_its_width() -> None:
    assert fixed_width("opw00004", ["종목명"], {"종목명": "가" * 16}) == ["가" * 15]
    assert fixed_width("opw00004", ["종목명"], {"종목명": "A" + "가" * 15}) == ["A" + "가" * 14 + " "]


def test_another_process_goes_on_from_a_snapshot() -> None:
    import json

    desk = traded()
    state = json.loads(json.dumps(desk.brokerage.snapshot()))
    before = {tr: desk.answer(tr) for tr in TRS}
    desk.exchange.resting.clear()  # another process has another exchange
    desk.brokerage = desk.build()
    desk.brokerage.restore(state)
    desk.brokerage.connect()
    assert {tr: desk.answer(tr) for tr in TRS} == before
    assert desk.brokerage.snapshot()["accounts"] == state["accounts"]
    assert [told.short for told in desk.trade("005930", 81_000, 1, Side.SELL)] == ["체결", "잔고"]
    assert desk.do(3, "900290", 10, original="0000004")[1].number == "0000005"


def test_an_account_that_a_snapshot_does_not_know_begins_with_its_deposit() -> None:
    desk = traded()
    state = desk.brokerage.snapshot()
    again = Desk(accounts=(AccountSetting(ACCOUNT), AccountSetting("8000000012")))
    again.brokerage.restore(state)
    assert int(again.single("opw00004", 계좌번호="8000000012")["당일투자원금"]) == 10_000_000
    assert int(again.single("opw00001")["d+2추정예수금"]) == CASH


def test_a_snapshot_of_another_session_has_nothing_open() -> None:
    desk = traded()
    state = desk.brokerage.snapshot()
    desk.exchange.resting.clear()
    desk.settle(timedelta(days=1).total_seconds())
    desk.brokerage = desk.build()
    desk.brokerage.restore(state)
    assert desk.exchange.resting == {}
    assert int(desk.single("opw00001")["주식증거금현금"]) == 0
    assert int(desk.rows("opw00018")[0]["매매가능수량"]) == 2
