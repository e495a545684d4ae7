"""Forms of orders and account TRs that have been recorded or documented, value by value."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel_server.simulated.brokerage.trs.field_widths import fixed_width
from tests.support.brokerage import Desk

NOTE, FUND, SAMSUNG = "530031", "069500", "005930"


def orders(desk: Desk) -> list[dict[int, str]]:
    return [event.values for event in desk.told if event.short in ("접수", "체결")]


@pytest.mark.parametrize(("text", "written"), [("11.43", "000000011.43"), ("-3.21", "-00000003.21")])
@pytest.mark.parametrize("field", ["총수익률(%)", "수익률(%)", "보유비중(%)"])
def test_rates_of_opw00018_are_padded_with_zeros(field: str, text: str, written: str) -> None:
    assert fixed_width("opw00018", [field], {field: text}) == [written]


def test_the_profit_of_a_position_starts_from_the_rounded_price() -> None:
    desk = Desk()
    desk.do(1, quantity=2)
    desk.exchange.book(SAMSUNG, 77_200, 77_100)
    desk.do(1, quantity=1)
    (row,) = desk.rows("opw00018")
    average, charges = 77_133, int(row["수수료합"]) + int(row["세금"])
    assert int(row["매입가"]) == average  # 231,400 / 3 = 77,133.33
    assert int(row["평가손익"]) == (int(row["현재가"]) - average) * 3 - charges
    assert desk.single("opw00018")["총평가손익금액"] == row["평가손익"]


def test_the_weight_of_a_position_is_that_of_its_cost() -> None:
    desk = Desk()
    desk.do(1, quantity=1)
    desk.do(1, FUND, quantity=2)
    desk.exchange.book(FUND, 76_005, 76_000)
    weights = {row["종목번호"].strip(): float(row["보유비중(%)"]) for row in desk.rows("opw00018")}
    cost = 77_100 + 2 * 38_005
    assert weights == {"A005930": round(100 * 77_100 / cost, 2), "A069500": round(100 * 76_010 / cost, 2)}


def test_a_position_without_credit_has_no_loan_date() -> None:
    desk = Desk()
    desk.do(1)
    assert desk.rows("opw00018")[0]["대출일"].strip() == ""


def test_the_fee_of_opt10085_is_blank_on_a_day_without_trades() -> None:
    desk = Desk()
    desk.do(1)
    assert int(desk.rows("opt10085")[0]["당일매매수수료"]) > 0
    desk.settle(timedelta(days=1).total_seconds())
    (row,) = desk.rows("opt10085")
    assert row["당일매매수수료"] == ""


def test_an_etn_has_a_q_before_its_code_and_all_else_an_a() -> None:
    desk = Desk()
    events = [event for code in (NOTE, FUND, SAMSUNG) for event in desk.do(1, code)]
    written = ["Q530031", "A069500", "A005930"]
    reports = [event.values[9001] for event in events if event.short in ("체결", "잔고")]
    assert reports == [code for code in written for _ in ("체결", "잔고")]
    for tr, field in (
        ("opw00018", "종목번호"),
        ("opw00004", "종목코드"),
        ("opw00005", "종목번호"),
        ("opw00007", "종목번호"),
    ):
        assert sorted(row[field].strip() for row in desk.rows(tr)) == sorted(written), tr


@pytest.mark.parametrize(("server", "branch"), [("1", ""), ("0", "6601010 ")])
def test_fid_921_is_filled_on_a_real_server_alone(server: str, branch: str) -> None:
    desk = Desk(server_gubun=server)
    desk.do(1)
    assert {values[921] for values in orders(desk)} == {branch}
