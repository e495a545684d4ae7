"""What stands in a Chejan event. One order has been recorded whole, on 2022-01-18 on the mock server."""

from __future__ import annotations

import pytest

from kernel_server.simulated.market.trade_script import Side
from tests.support.brokerage import ACCOUNT, Desk, Told, shorts

ORDER_FIDS = (
    "9201;9203;9205;9001;912;913;302;900;901;902;903;904;905;906;907;908;909;910;911;10;27;28;914;915;938;939;919;"
    "920;921;922;923;949;10010;969;819"
)
BALANCE_FIDS = (
    "9201;9001;917;916;302;10;930;931;932;933;945;946;950;951;27;28;307;8019;957;958;918;990;991;992;993;959;924;"
    "10010;25;11;12;306;305;970"
)
ACCEPTED = (
    f"{ACCOUNT},0163911,,A005930,JJ,접수,삼성전자,1,0,1,0,0000000,+매수,시장가,2,142940,,,,-77000,-77100,-77000,,,0,0,0,"
    "0001,,00,00000000,3,-77300,0,0"
)
FILLED = (
    f"{ACCOUNT},0163911,,A005930,JJ,체결,삼성전자,1,0,0,77000,0000000,+매수,시장가,2,142941,1234931,77000,1,-77000,"
    "-77100,-77000,77000,1,260,0,0,0001,,00,00000000,3,-77300,0,0"
)
HELD = (
    f"{ACCOUNT},A005930,00,00000000,삼성전자,-77000,2,77150,154300,2,1,2,0,0,-77100,-77000,77500,0.00,0,0,00000000,0,"
    "0.00,0,0.00,0,0,-77300,5,-500,-0.65,-54300,+100500,10"
)


def listed(told: Told) -> str:
    return ",".join(value.strip() for value in told.values.values())


def test_the_recorded_order_comes_out_value_for_value() -> None:
    desk = Desk(first_order=163_911, first_fill=1_234_931, after_hours={"005930": 77_300})
    state = desk.brokerage.snapshot()
    state["accounts"][ACCOUNT]["holdings"] = {"005930": [1, 77_300, 270]}
    desk.brokerage.restore(state)
    desk.exchange.idle = True
    desk.do(1)
    told = [*desk.told, *desk.trade("005930", 77_000, 1, Side.BUY)]
    assert shorts(told) == ["Msg", "TrData", "접수", "체결", "잔고"]
    assert told[1].number == "0163911"
    assert told[2].arguments == ("0", 35, ORDER_FIDS)
    assert told[4].arguments == ("1", 34, BALANCE_FIDS)
    assert [listed(each) for each in told[2:]] == [ACCEPTED, FILLED, HELD]


def test_names_are_filled_with_blanks_to_forty_bytes() -> None:
    told = Desk().do(1)
    for each in told[2:]:
        assert each.values[302] == "삼성전자" + " " * 32
        assert len(each.values[302].encode("cp949")) == 40


def test_a_value_can_be_read_inside_its_event_alone() -> None:
    desk = Desk()
    told = desk.do(1)
    assert told[3].values[914] == "77100"
    assert desk.brokerage.GetChejanData(914) == ""
    seen = []
    desk.fire = lambda *_: seen.append([desk.brokerage.GetChejanData(fid) for fid in (930, 902, 1)])  # type: ignore[method-assign]
    desk.brokerage = desk.build()
    desk.brokerage.connect()
    desk.do(1)
    assert seen == [["", "", ""], ["", "1", ""], ["", "0", ""], ["1", "", ""]]


def test_what_is_ordered_from_inside_an_event_is_told_after_it() -> None:
    desk = Desk()
    fire = desk.fire

    def ordering(name: str, *arguments: str | int) -> None:
        fire(name, *arguments)
        if desk.told[-1].short == "접수" and len(desk.told) < 4:
            desk.order(1, price=76_000)

    desk.fire = ordering  # type: ignore[method-assign]
    desk.brokerage = desk.build()
    desk.brokerage.connect()
    desk.do(1)
    desk.settle()
    assert shorts(desk.told) == ["Msg", "TrData", "접수", "체결", "잔고", "Msg", "TrData", "접수"]


def test_no_event_is_told_inside_another() -> None:
    desk = Desk()
    fire = desk.fire
    depth = []

    def another(name: str, *arguments: str | int) -> None:
        fire(name, *arguments)
        if len(desk.told) == 3:
            desk.brokerage.other_client(ACCOUNT, 1, "005930", 1, 76_000)
            depth.append(len(desk.told))

    desk.fire = another  # type: ignore[method-assign]
    desk.brokerage = desk.build()
    desk.brokerage.connect()
    desk.do(1)
    assert depth == [3]
    assert shorts(desk.told) == ["Msg", "TrData", "접수", "체결", "잔고", "접수"]


def test_prices_carry_their_colour_against_the_base_price() -> None:
    desk = Desk()
    desk.exchange.book("005930", 77_600, 77_500)
    told = desk.do(1, price=76_000)
    assert [told[2].values[fid] for fid in (10, 27, 28)] == ["77500", "+77600", "77500"]


def test_a_sale_tells_what_it_brought_and_cost() -> None:
    desk = Desk()
    desk.do(1, quantity=2)
    desk.exchange.book("005930", 80_100, 80_000)
    told = desk.do(2, quantity=1)
    # 0.35 % of 80,000 is 280; the taxes of 2022 are 0.08 % and 0.15 %
    assert (told[4].values[938], told[4].values[939]) == ("280", "184")
    # of the 530 won paid for two shares half goes with the one that is sold
    profit = 80_000 - 77_100 - 280 - 184 - 265
    assert told[5].values[950] == told[5].values[990] == str(profit)
    assert told[5].values[991] == "2.82"
    assert (told[5].values[931], told[5].values[932], told[5].values[945]) == ("77100", "77100", "1")


@pytest.mark.parametrize(
    ("shares", "cost", "average"), [(5, 4043, "809"), (2, 154_300, "77150"), (3, 10, "3")]
)
def test_the_average_price_is_the_cost_by_the_shares_rounded(shares: int, cost: int, average: str) -> None:
    desk = Desk()
    state = desk.brokerage.snapshot()
    state["accounts"][ACCOUNT]["holdings"] = {"005930": [shares, cost, 0]}
    desk.brokerage.restore(state)
    told = desk.do(2, price=80_000)
    assert told[-1].values[931] == average
