"""What follows a SendOrder: the events, their order, and what the account makes of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel_server.simulated.base.tr import TrRejected
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from tests.support.brokerage import ACCOUNT, Desk, messages, shorts

DONE = "[100000] 모의투자 매수주문완료"


def test_a_market_order_that_is_filled_at_once_is_answered_acknowledged_and_filled() -> None:
    desk = Desk()
    told = desk.do(1)
    assert shorts(told) == ["Msg", "TrData", "접수", "체결", "잔고"]
    assert told[0].arguments == ("0001", "주문", "KOA_NORMAL_BUY_KP_ORD", DONE)
    assert told[1].arguments == ("0001", "주문", "KOA_NORMAL_BUY_KP_ORD", "", "")
    assert told[1].number == told[2].values[9203] == "0000001"
    assert [each.values[902] for each in told[2:4]] == ["1", "0"]


def test_send_order_returns_before_anything_is_told() -> None:
    desk = Desk()
    assert desk.order(1) == 0
    assert desk.told == []


def test_each_part_of_a_fill_is_told_with_the_holding_after_it() -> None:
    desk = Desk()
    told = desk.do(1, quantity=10, price=77_000)
    assert shorts(told) == ["Msg", "TrData", "접수"]
    told = desk.trade("005930", 77_000, 4, Side.BUY)
    assert shorts(told) == ["체결", "잔고"]
    assert (told[0].values[902], told[0].values[915], told[1].values[930]) == ("6", "4", "4")
    told = desk.trade("005930", 77_000, 100, Side.BUY)
    assert shorts(told) == ["체결", "잔고"]
    order = told[0].values
    assert (order[902], order[903], order[911], order[915]) == ("0", "770000", "10", "6")
    assert told[1].values[930] == "10"


def test_one_order_may_be_filled_at_several_prices() -> None:
    desk = Desk()
    desk.exchange.asks["005930"] = [*desk.exchange.asks["005930"][:0], *_levels((77_100, 2), (77_200, 3))]
    told = desk.do(1, quantity=5)
    assert shorts(told) == ["Msg", "TrData", "접수", "체결", "잔고", "체결", "잔고"]
    first, second = told[3].values, told[5].values
    assert (first[914], first[910], second[914], second[910]) == ("77100", "77100", "77200", "77160")
    assert told[6].values[931] == "77160"


def test_of_fills_910_and_911_may_tell_the_newest_alone() -> None:
    desk = Desk(chejan_fills="fill")
    desk.exchange.asks["005930"] = _levels((77_100, 2), (77_200, 3))
    told = desk.do(1, quantity=5)
    assert (told[5].values[910], told[5].values[911]) == ("77200", "3")


def test_a_sale_first_lowers_what_can_be_ordered() -> None:
    desk = Desk()
    desk.do(1, quantity=3)
    told = desk.do(2, quantity=2)
    assert shorts(told) == ["Msg", "TrData", "접수", "잔고", "체결", "잔고"]
    assert told[0].arguments[2:] == ("KOA_NORMAL_SELL_KP_ORD", "[100000] 모의투자 매도주문완료")
    assert [told[n].values[930] for n in (3, 5)] == ["3", "1"]
    assert [told[n].values[933] for n in (3, 5)] == ["1", "1"]
    assert told[2].values[905] == "-매도"
    assert told[2].values[907] == "1"


def test_the_last_share_leaves_a_holding_of_nothing() -> None:
    desk = Desk()
    desk.do(1)
    told = desk.do(2)
    assert (told[-1].values[930], told[-1].values[932], told[-1].values[931]) == ("0", "0", "0")


@pytest.mark.parametrize(
    ("type", "code"), [(1, "KOA_NORMAL_BUY_KQ_ORD"), (5, "KOA_NORMAL_KQ_MODIFY"), (3, "KOA_NORMAL_KQ_CANCEL")]
)
def test_on_kosdaq_the_tr_codes_say_kq(type: int, code: str) -> None:
    desk = Desk()
    told = desk.do(1, "900290", price=1_200)
    if type != 1:
        told = desk.do(type, "900290", price=1_205 if type == 5 else 0, original=desk.number())
    assert told[0].arguments[2] == told[1].arguments[2] == code


def test_a_cancel_is_a_separate_order_that_closes_the_original() -> None:
    desk = Desk()
    desk.do(1, quantity=10, price=76_000)
    original = desk.number()
    told = desk.do(3, quantity=10, original=original)
    assert shorts(told) == ["Msg", "TrData", "접수", "확인", "접수"]
    assert told[0].arguments[2:] == ("KOA_NORMAL_KP_CANCEL", "[100000] 모의투자 취소주문완료")
    cancel, confirmed, closed = (each.values for each in told[2:])
    assert told[1].number == cancel[9203] == confirmed[9203] == "0000002"
    assert (cancel[904], cancel[905]) == (original, "매수취소")
    assert (closed[9203], closed[904], closed[902], closed[819]) == (original, "0000000", "0", "1")
    assert (cancel[819], confirmed[819], confirmed[902]) == ("0", "0", "0")
    assert desk.exchange.resting == {}


def test_a_cancel_of_a_part_leaves_the_rest_in_the_book() -> None:
    desk = Desk()
    desk.do(1, quantity=10, price=76_000)
    original = desk.number()
    closed = desk.do(3, quantity=4, original=original)[-1].values
    assert (closed[9203], closed[902], closed[819]) == (original, "6", "0")
    assert [held.left for held in desk.exchange.resting.values()] == [6]


def test_what_was_filled_keeps_its_state_when_the_rest_is_cancelled() -> None:
    desk = Desk()
    desk.do(1, quantity=10, price=77_000)
    original = desk.number()
    desk.trade("005930", 77_000, 4, Side.BUY)
    closed = desk.do(3, quantity=6, original=original)[-1].values
    assert (closed[913], closed[902], closed[819], closed[903]) == ("체결", "0", "1", "308000")


def test_a_modify_closes_the_original_and_lives_on_at_its_price() -> None:
    desk = Desk()
    desk.do(1, quantity=10, price=76_000)
    original = desk.number()
    told = desk.do(5, quantity=10, price=76_500, original=original)
    assert shorts(told) == ["Msg", "TrData", "접수", "확인", "접수"]
    assert told[0].arguments[2:] == ("KOA_NORMAL_KP_MODIFY", DONE)
    modify, confirmed, closed = (each.values for each in told[2:])
    assert (modify[904], modify[905], modify[902], modify[901]) == (original, "+매수정정", "10", "76500")
    assert (confirmed[9203], confirmed[902]) == ("0000002", "10")
    assert (closed[9203], closed[902], closed[819]) == (original, "0", "1")
    told = desk.trade("005930", 76_500, 10, Side.BUY)
    assert shorts(told) == ["체결", "잔고"]
    assert (told[0].values[9203], told[0].values[905], told[0].values[902]) == ("0000002", "+매수정정", "0")


def test_a_modify_that_meets_the_market_is_filled_after_the_original_is_closed() -> None:
    desk = Desk()
    desk.do(1, quantity=2, price=76_000)
    told = desk.do(5, quantity=2, price=77_100, original=desk.number())
    assert shorts(told) == ["Msg", "TrData", "접수", "확인", "접수", "체결", "잔고"]


def test_a_modify_of_a_part_leaves_the_rest_at_the_old_price() -> None:
    desk = Desk()
    desk.do(1, quantity=10, price=76_000)
    desk.do(5, quantity=3, price=76_500, original=desk.number())
    assert [(held.order.price, held.left) for held in desk.exchange.resting.values()] == [
        (76_000, 7),
        (76_500, 3),
    ]


def test_a_modify_may_use_the_cash_of_the_order_it_replaces() -> None:
    desk = Desk(deposit=780_000)
    desk.do(1, quantity=10, price=77_000)
    assert desk.brokerage.snapshot()["accounts"][ACCOUNT]["cash"] == 780_000
    assert messages(desk.do(5, quantity=10, price=76_900, original=desk.number())) == [DONE]
    told = desk.do(5, quantity=10, price=77_900, original=desk.number())
    assert messages(told) == ["[RC4025] 모의투자 매수증거금이 부족합니다."]


REJECTED = {
    "no cash": (1, {"quantity": 200}, "[RC4025] 모의투자 매수증거금이 부족합니다."),
    "above the limit": (1, {"price": 100_600}, "[RC4027] 모의투자 상/하한가 오류입니다."),
    "below the limit": (1, {"price": 54_200}, "[RC4027] 모의투자 상/하한가 오류입니다."),
    "no price": (1, {"quote": "00"}, "[RC4027] 모의투자 상/하한가 오류입니다."),
    "off the tick": (1, {"price": 77_050}, "모의투자 호가단위를 확인하세요"),
    "no shares": (2, {}, "[800033] 모의투자 매도가능수량이 부족합니다."),
    "a price with a market order": (
        1,
        {"price": 77_000, "quote": "03"},
        "[00Z237] 모의투자 단가를 입력하지 않는 호가입니다.",
    ),
    "no quantity": (1, {"quantity": 0}, "[00Z214] 주문수량을 확인하세요"),
    "a quote type of the real server": (1, {"quote": "06"}, "모의투자에서 지원하지 않는 매매구분입니다"),
    "unknown code": (1, {"code": "999999"}, "[00Z211] 종목코드 오류"),
    "unknown order": (3, {"original": "0000099"}, "[RC4061] 모의투자 주문번호를 확인하세요."),
}


@pytest.mark.parametrize("case", REJECTED)
def test_a_rejected_order_is_a_message_and_a_blank_number(case: str) -> None:
    type, order, text = REJECTED[case]
    desk = Desk()
    told = desk.do(type, **order)  # type: ignore[arg-type]
    assert shorts(told) == ["Msg", "TrData"]
    assert messages(told) == [text]
    assert told[1].number == ""
    assert desk.exchange.resting == {}
    assert desk.rows("opt10075", 체결구분="0") == []


def test_a_rejected_order_may_have_a_message_alone() -> None:
    assert shorts(Desk(rejected_order="silent").do(2)) == ["Msg"]


def test_a_restricted_issue_is_not_traded() -> None:
    desk = Desk(restricted=("005930",))
    assert messages(desk.do(1)) == ["[RC4007] 모의투자 매매금지(제한) 종목입니다."]


def test_nothing_is_left_to_cancel_of_a_filled_order() -> None:
    desk = Desk()
    desk.do(1)
    told = desk.do(3, original=desk.number())
    assert messages(told) == ["[RC4033] 모의투자 정정/취소할 수량이 없습니다"]


@pytest.mark.parametrize(
    ("type", "text"),
    [
        (3, "[00Z924] 모의투자 취소수량이 취소가능수량을 초과합니다"),
        (5, "[RC4042] 모의투자 정정수량이 정정가능수량을 초과합니다"),
    ],
)
def test_no_more_can_be_taken_back_than_is_open(type: int, text: str) -> None:
    desk = Desk()
    desk.do(1, quantity=2, price=76_000)
    assert messages(desk.do(type, quantity=3, price=76_500 if type == 5 else 0, original=desk.number())) == [
        text
    ]


def test_what_was_filled_cannot_be_cancelled() -> None:
    desk = Desk()
    desk.do(1, quantity=10, price=77_000)
    number = desk.number()
    desk.trade("005930", 77_000, 4, Side.BUY)
    text = "[00Z924] 모의투자 취소수량이 취소가능수량을 초과합니다"
    assert messages(desk.do(3, quantity=7, original=number)) == [text]


def test_a_cancel_has_no_price_even_if_sent_with_one() -> None:
    desk = Desk()
    desk.do(1, price=76_000)
    assert [told.values[901] for told in desk.do(3, price=76_000, original=desk.number())[2:]] == [
        "0",
        "0",
        "76000",
    ]


def test_an_order_is_cancelled_by_its_own_side_and_code_alone() -> None:
    desk = Desk()
    desk.do(1, quantity=2, price=76_000)
    number = desk.number()
    for type, code in ((4, "005930"), (3, "900290")):
        assert messages(desk.do(type, code, original=number)) == ["[RC4061] 모의투자 주문번호를 확인하세요."]


@pytest.mark.parametrize(
    ("start", "phase", "text"),
    [
        ("2022-01-18 07:30", Phase.CLOSED, "[00Z217] 모의투자 장시작전입니다"),
        ("2022-01-18 19:00", Phase.CLOSED, "[00Z218] 모의투자 장종료 상태입니다"),
        ("2022-01-18 15:35", Phase.PAUSE, "[00Z218] 모의투자 장종료 상태입니다"),
        ("2022-01-18 16:10", Phase.SINGLE_PRICE, "[00Z218] 모의투자 장종료 상태입니다"),
        ("2022-01-16 10:00", Phase.CLOSED, "[571489] 장이 열리지않는 날입니다."),
    ],
)
def test_outside_the_hours_the_message_says_why(start: str, phase: Phase, text: str) -> None:
    desk = Desk(start)
    desk.exchange.now_in = phase
    assert messages(desk.do(1)) == [text]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("halted", "[RC4007] 모의투자 매매금지(제한) 종목입니다."),
        ("whatever", "모의투자 주문이 거부되었습니다"),
    ],
)
def test_what_the_exchange_refuses_is_told_in_the_brokers_words(reason: str, text: str) -> None:
    desk = Desk()
    desk.exchange.refuse = reason
    assert messages(desk.do(1)) == [text]


def test_a_modify_that_the_exchange_refuses_ends_as_거부() -> None:
    desk = Desk()
    desk.do(1, price=76_000)
    desk.exchange.refuse = "halted"
    told = desk.do(5, price=76_500, original=desk.number())
    assert shorts(told) == ["Msg", "TrData", "접수", "거부", "접수"]
    assert told[3].values[919] == "[RC4007] 모의투자 매매금지(제한) 종목입니다."
    assert told[4].values[819] == "1"


def test_the_answer_may_come_in_the_guides_order() -> None:
    assert shorts(Desk(order_answer="data").do(1))[:2] == ["TrData", "Msg"]


def test_chejan_events_may_outrun_the_answer() -> None:
    assert shorts(Desk(chejan_first=True).do(1, price=76_000)) == ["접수", "Msg", "TrData"]


def test_quote_types_of_the_real_server_can_be_allowed() -> None:
    desk = Desk(quote_types=("00", "03", "06", "07", "10"))
    told = desk.do(1, quote="06")
    assert (told[-2].values[906], told[-2].values[910]) == ("최유리지정가", "77100")
    desk.do(1, quote="07")
    assert [held.order.price for held in desk.exchange.resting.values()] == [77_000]
    told = desk.do(1, quantity=120, price=77_100, quote="10")
    assert shorts(told) == ["Msg", "TrData", "접수", "체결", "잔고", "체결"]
    assert (told[-1].values[902], told[-1].values[819]) == ("0", "1")


LOCAL = {
    "screen": ({"screen": "0000"}, -105),
    "no account": ({"account": ""}, -340),
    "another's account": ({"account": "8000000099"}, -302),
    "no code": ({"code": ""}, -500),
    "unknown order type": ({"type": 7}, -300),
    "unknown quote type": ({"quote": "99"}, -300),
    "negative quantity": ({"quantity": -1}, -300),
    "negative price": ({"price": -1}, -300),
    "cancel of nothing": ({"type": 3, "quote": "00"}, -300),
    "over 2 billion won": ({"quantity": 30_000, "price": 77_000}, -303),
    "over 5 billion won": ({"quantity": 70_000, "price": 77_000}, -304),
    "over 1 % of the shares": ({"code": "900290", "quantity": 673_751}, -305),
    "over 3 % of the shares": ({"code": "900290", "quantity": 2_021_251}, -306),
}


@pytest.mark.parametrize("case", LOCAL)
def test_what_the_module_refuses_itself_is_not_sent(case: str) -> None:
    order, code = LOCAL[case]
    desk = Desk()
    assert desk.order(**{"type": 1, **order}) == code  # type: ignore[arg-type]
    desk.settle()
    assert desk.told == []


def test_without_a_saved_password_there_is_no_order() -> None:
    assert Desk(password_saved=False).order(1) == -301


def test_the_sixth_order_of_a_second_is_refused() -> None:
    desk = Desk()
    assert [desk.order(1, price=76_000) for _ in range(6)] == [0] * 5 + [-308]
    desk.settle(1)
    assert desk.order(1, price=76_000) == 0


def test_an_order_from_another_client_comes_as_chejan_alone() -> None:
    desk = Desk()
    number = desk.brokerage.other_client(ACCOUNT, 1, "005930", 2, quote="03")
    assert shorts(desk.told) == ["접수", "체결", "잔고"]
    assert (desk.told[0].values[9203], desk.told[0].values[920]) == (number, "0000")
    with pytest.raises(TrRejected):
        desk.brokerage.other_client(ACCOUNT, 2, "005930", 3, quote="03")


def test_orders_go_on_without_a_connection_and_their_events_are_not_sent_later() -> None:
    desk = Desk()
    desk.do(1, quantity=2, price=77_000)
    desk.brokerage.disconnect()
    assert desk.trade("005930", 77_000, 2, Side.BUY) == []
    desk.brokerage.connect()
    desk.settle()
    assert desk.told == []
    assert desk.rows("opw00018")[0]["보유수량"] == "000000000000002"


def test_what_had_not_been_told_at_a_cut_is_never_told() -> None:
    desk = Desk()
    desk.do(1, price=77_000)
    desk.told.clear()
    desk.exchange.trade("005930", 77_000, 1, Side.BUY)
    desk.brokerage.disconnect()
    desk.brokerage.connect()
    desk.settle()
    assert desk.told == []


def test_what_is_open_when_its_session_closes_ends_without_a_word() -> None:
    desk = Desk()
    desk.do(1, quantity=2, price=76_000)
    number = desk.number()
    desk.told.clear()
    desk.exchange.now_in = Phase.PAUSE
    desk.brokerage.on_phase(Phase.PAUSE)
    desk.settle()
    assert desk.told == []
    assert desk.exchange.resting == {}
    assert desk.single("opw00001")["주문가능금액"] == "000000010000000"
    assert desk.rows("opt10075", 체결구분="1") == []
    assert desk.rows("opt10075", 체결구분="0")[0]["주문번호"] == number


def test_a_new_session_counts_its_orders_from_the_start() -> None:
    desk = Desk()
    desk.do(1, quantity=2, price=76_000)
    desk.settle(timedelta(days=1).total_seconds())
    assert desk.do(1, price=76_000)[1].number == "0000001"
    assert len(desk.exchange.resting) == 1


def _levels(*levels: tuple[int, int]) -> list:  # type: ignore[type-arg]
    from kernel_server.simulated.exchange.interface import Level

    return [Level(*level) for level in levels]
