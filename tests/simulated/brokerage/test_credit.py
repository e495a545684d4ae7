"""Orders on credit (SendOrderCredit, 자기융자): what is lent, the loans as holdings apart, and their repayment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kernel_server.simulated.brokerage import account_file
from kernel_server.simulated.brokerage.account_file import Saved
from kernel_server.simulated.market.trade_script import Side
from kernel_server.simulated.settings import AccountSetting
from tests.support.brokerage import ACCOUNT, Desk, Told, messages, shorts

TODAY = "20220118"
ALL = ("99", "99991231")


def desk(**settings: Any) -> Desk:
    settings.setdefault("accounts", (AccountSetting(ACCOUNT, credit=True),))
    return Desk(**settings)


def send(
    desk: Desk,
    type: int,
    quantity: int,
    credit: tuple[str, str] = ("03", ""),
    price: int = 0,
    original: str = "",
    code: str = "005930",
) -> int:
    quote = "00" if price or original else "03"
    arguments = ("신용", "0001", ACCOUNT, type, code, quantity, price, quote, *credit, original)
    return desk.brokerage.SendOrderCredit(*arguments)


def do(desk: Desk, *order: Any, **more: Any) -> list[Told]:
    desk.told.clear()
    assert send(desk, *order, **more) == 0
    desk.settle()
    return desk.told


def refused(told: list[Told]) -> bool:
    return "접수" not in shorts(told)


def account(desk: Desk) -> Any:
    return desk.brokerage.account_parts.books.accounts[ACCOUNT]


def next_day(desk: Desk) -> None:
    desk.clock.advance(timedelta(days=1).total_seconds())
    desk.settle()
    desk.exchange.book("005930", 77_100, 77_000)


def test_a_purchase_costs_its_margin_and_the_rest_is_lent() -> None:
    found = desk()
    told = do(found, 1, 10)
    assert shorts(told) == ["Msg", "TrData", "접수", "체결", "잔고"]
    assert (told[2].values[922], told[2].values[923]) == ("03", "00000000")
    amount, lent = 771_000, 771_000 * 55 // 100
    held = told[-1].values
    assert (held[917], held[916], held[918]) == ("03", TODAY, "20220418")
    assert (held[930], held[957]) == ("10", str(lent))
    assert account(found).cash == 10_000_000 - (amount - lent) - 2690
    assert account(found).borrowed == lent


def test_a_loan_is_a_holding_apart() -> None:
    found = desk()
    found.do(1, quantity=3)
    do(found, 1, 10)
    rows = found.rows("opw00018", 조회구분="2")
    assert [(row["신용구분"].strip(), row["대출일"].strip(), int(row["보유수량"])) for row in rows] == [
        ("00", "", 3),
        ("03", TODAY, 10),
    ]
    (summed,) = found.rows("opw00018", 조회구분="1")
    assert int(summed["보유수량"]) == 13
    assert int(found.single("opw00018", 조회구분="2")["총융자금액"]) == 424_050
    assert [row["신용금액"] for row in found.rows("opt10085")] == ["0", "424050"]
    assert [row["대출일"].strip() for row in found.rows("opw00005")] == ["00000000", TODAY]
    assert [row["신용구분"].strip() for row in found.rows("opw00007", 조회구분="1")] == ["보통", "자기융자"]


def test_cash_cannot_sell_what_a_loan_holds_and_the_other_way_round() -> None:
    found = desk()
    do(found, 1, 10)
    assert messages(found.do(2, quantity=1)) == ["[800033] 모의투자 매도가능수량이 부족합니다."]
    found.do(1, quantity=3)
    assert refused(do(found, 2, 11, ("33", TODAY)))
    assert refused(do(found, 2, 1, ("33", "20220117")))


def test_a_repayment_pays_back_its_part_of_the_loan() -> None:
    found = desk()
    do(found, 1, 10)
    before, lent = account(found).cash, account(found).borrowed
    told = do(found, 2, 4, ("33", TODAY))
    assert shorts(told) == ["Msg", "TrData", "접수", "잔고", "체결", "잔고"]
    assert (told[2].values[922], told[2].values[923]) == ("33", TODAY)
    assert (told[3].values[930], told[3].values[933]) == ("10", "6")
    assert (told[5].values[930], told[5].values[957]) == ("6", str(lent - lent * 4 // 10))
    assert told[5].values[990] == "0"
    assert int(told[5].values[992]) < 0  # what was realized on credit
    assert account(found).cash == before + 308_000 - 1070 - 462 - 246 - lent * 4 // 10
    do(found, 2, 6, ("33", TODAY))
    assert (account(found).borrowed, account(found).loans) == (0, {})


def test_the_sum_of_all_loans_is_repaid_from_the_oldest_on() -> None:
    found = desk()
    do(found, 1, 10)
    next_day(found)
    do(found, 1, 5)
    told = do(found, 2, 12, ALL)
    after = [told_.values for told_ in told if told_.short == "잔고"][-2:]
    assert [(one[916], one[930]) for one in after] == [(TODAY, "0"), ("20220119", "3")]
    assert {held[1]: one.quantity for held, one in account(found).loans.items()} == {"20220119": 3}
    assert refused(do(found, 2, 4, ALL))


def test_an_open_repayment_reserves_the_shares_of_its_loan() -> None:
    found = desk()
    do(found, 1, 10)
    do(found, 2, 7, ("33", TODAY), price=80_000)
    assert refused(do(found, 2, 4, ALL))
    do(found, 2, 3, ALL, price=80_000)
    assert [int(row["매매가능수량"]) for row in found.rows("opw00018", 조회구분="2")] == [0]


@pytest.mark.parametrize(
    ("type", "credit"),
    [
        (1, ("33", TODAY)),
        (1, ("", "")),
        (1, ("00", "")),
        (2, ("03", "")),
        (2, ("33", "")),
        (2, ("99", TODAY)),
    ],
)
def test_what_does_not_go_together_is_refused_at_once(type: int, credit: tuple[str, str]) -> None:
    assert send(desk(), type, 1, credit) == -300


def test_an_account_without_credit_refuses() -> None:
    found = Desk()
    assert send(found, 1, 1) == 0
    found.settle()
    assert messages(found.told) == ["모의투자 신용거래 계좌가 아닙니다"]


def test_a_fund_is_not_bought_on_credit() -> None:
    assert messages(do(desk(), 1, 1, code="069500")) == ["모의투자 신용거래를 할 수 없는 종목입니다"]


def test_the_margin_is_reserved_and_checked() -> None:
    assert shorts(do(desk(deposit=45_225 + 350), 1, 1))[:2] == ["Msg", "TrData"]
    assert refused(do(desk(deposit=45_225 + 349), 1, 1))


@pytest.mark.parametrize("by_credit", [True, False])
@pytest.mark.parametrize("rule", ["any", "same"])
def test_how_an_order_on_credit_is_changed_is_a_setting(by_credit: bool, rule: str) -> None:
    found = desk(credit_changes=rule)
    do(found, 1, 10, price=76_000)
    number = found.number()
    if by_credit:
        told = do(found, 5, 10, price=76_100, original=number)
    else:
        told = found.do(5, quantity=10, price=76_100, original=number)
    taken = by_credit or rule == "any"
    assert refused(told) is not taken
    if taken:
        assert told[2].values[922] == "03"  # it stays an order on credit
        found.trade("005930", 76_100, 10, Side.BUY)
        assert account(found).borrowed > 0


def test_loans_survive_a_restart(tmp_path: Path) -> None:
    found, file = desk(), tmp_path / "paper.json"
    do(found, 1, 10)
    do(found, 2, 4, ("33", TODAY), price=80_000)
    account_file.write(file, Saved("hand", found.now(), found.brokerage.snapshot()))
    saved = account_file.read(file)
    assert saved is not None
    found.brokerage = found.build()
    found.brokerage.restore(account_file.books_of(file, saved))
    found.brokerage.connect()
    found.exchange.resting.clear()
    assert account(found).borrowed == 424_050
    assert account(found).sellable("005930", "33", TODAY) == 6


def test_what_the_account_is_worth_has_the_loan_off() -> None:
    found = desk()
    do(found, 1, 10)
    assets = int(found.single("opw00018")["추정예탁자산"])
    assert 9_980_000 < assets < 10_000_000


def test_the_loan_date_may_be_that_of_the_settlement() -> None:
    assert do(desk(loan_date="settlement"), 1, 1)[-1].values[916] == "20220120"
