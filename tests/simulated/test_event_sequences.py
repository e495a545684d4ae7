"""What comes after what at the control: each scenario that is known, told whole and in its order.

An order that the exchange refuses after it was accepted (거부) cannot come about at this exchange, which refuses
nothing that the broker lets through; ``brokerage/test_orders`` has one that does.
"""

from __future__ import annotations

import re
from datetime import date

import pytest

from kernel_server import reference
from tests.support.event_log import (
    ACCOUNT,
    BALANCE_FIDS,
    BUY,
    CANCEL_BUY,
    CANCEL_SELL,
    CODE,
    MARKET,
    MODIFY_BUY,
    MODIFY_SELL,
    NAME,
    ORDER_FIDS,
    SELL,
    EventLog,
    Heard,
    answered,
    of_balance,
    of_order,
    told,
)
from tests.support.simulated_broker import GRT, SAMSUNG, Row, number, small_market, weekdays
from tests.support.tr_handlers import market_of

BOUGHT, SOLD = "KOA_NORMAL_BUY_KP_ORD", "KOA_NORMAL_SELL_KP_ORD"
MODIFIED, CANCELLED = "KOA_NORMAL_KP_MODIFY", "KOA_NORMAL_KP_CANCEL"
BUY_DONE = "[100000] 모의투자 매수주문완료"
SELL_DONE = "[100000] 모의투자 매도주문완료"
CANCEL_DONE = "[100000] 모의투자 취소주문완료"
LIMITED = {906: "보통"}
DAILY = {"종목코드": CODE, "기준일자": "", "수정주가구분": "1"}


def page_of(tr: str, prev_next: str, screen: str = "0101", name: str = "요청") -> Heard:
    """OnReceiveTrData: the record name and all that follows sPrevNext are unused."""
    return ("OnReceiveTrData", screen, name, tr, "", prev_next, 0, "", "", "")


def said(text: str, tr: str, screen: str = "0101", name: str = "요청") -> Heard:
    return ("OnReceiveMsg", screen, name, tr, text)


# Login.


def test_login() -> None:
    rig = EventLog()
    assert rig.call("CommConnect") == 0
    assert (rig.heard, rig.call("GetConnectState")) == ([], 0)
    rig.settle()
    assert rig.take() == [("OnEventConnect", 0, 1)]  # connected by the time of the event
    rig.settle(60)
    assert rig.take() == []


def test_a_failed_login_may_be_tried_again() -> None:
    rig = EventLog(login_result=-101)
    for _ in range(2):
        assert rig.call("CommConnect") == 0
        rig.settle()
        assert rig.take() == [("OnEventConnect", -101, 0)]
    assert rig.call("CommRqData", "요청", "opt10001", 0, "0101") == -100


def test_a_login_when_connected_gives_no_event() -> None:
    rig = EventLog()
    assert [rig.call("CommConnect"), rig.call("CommConnect")] == [0, 0]
    rig.settle()
    assert rig.take() == [("OnEventConnect", 0, 1)]
    assert rig.call("CommConnect") == 0
    rig.settle(60)
    assert (rig.take(), rig.call("GetConnectState")) == ([], 1)


# TRs.


def test_a_single_tr() -> None:
    rig = EventLog().begin()
    assert rig.send("opt10001", 종목코드=GRT.code) == 0
    assert rig.heard == []
    rig.settle()
    assert rig.take() == [page_of("opt10001", "0")]
    assert rig.pages[-1].count == 0  # no multi block


def test_an_account_tr_says_first_that_it_is_done() -> None:
    rig = EventLog().begin()
    assert rig.send("opw00001", 계좌번호=ACCOUNT, 비밀번호="", 비밀번호입력매체구분="00", 조회구분="2") == 0
    rig.settle()
    assert rig.take() == [said("[100000] 조회가 완료되었습니다.", "opw00001"), page_of("opw00001", "")]
    assert rig.pages[-1].single["예수금"] == "000000010000000"


@pytest.mark.parametrize(
    ("tr", "inputs", "text"),
    [
        ("opt10001", {"종목코드": "999999"}, "[00Z211] 종목코드 오류"),
        (
            "opw00004",
            {"계좌번호": ACCOUNT, "비밀번호": "", "상장폐지조회구분": "0", "비밀번호입력매체구분": "00"},
            "[571578] 모의투자 해당조회내역이 없습니다",
        ),
        (
            "opw00018",
            {"계좌번호": ACCOUNT, "비밀번호": "", "비밀번호입력매체구분": "00", "조회구분": "1"},
            "[571578] 모의투자 해당조회내역이 없습니다",
        ),
    ],
)
def test_a_query_without_data_has_a_message_and_no_rows(tr: str, inputs: dict[str, str], text: str) -> None:
    rig = EventLog().begin()
    assert rig.send(tr, **inputs) == 0
    rig.settle()
    assert rig.take() == [said(text, tr), page_of(tr, "0" if tr == "opt10001" else "")]
    assert (rig.pages[-1].count, rig.pages[-1].rows) == (0, [])


def test_a_rejected_query_may_have_a_message_alone() -> None:
    rig = EventLog(rejected_query="silent").begin()
    assert rig.send("opt10001", 종목코드="999999") == 0
    rig.settle()
    assert rig.take() == [said("[00Z211] 종목코드 오류", "opt10001")]


def test_inputs_that_cannot_be_packed_have_no_answer() -> None:
    rig = EventLog().begin()
    assert rig.send("opt10081", 수정주가구분="1", 종목코드=CODE) == 0
    rig.settle()
    assert rig.take() == [("OnReceiveMsg", "", "", "", "Fail to parse Request TR")]


def test_a_continuous_tr() -> None:
    rig = EventLog(market=small_market()).begin()
    days: list[str] = []
    for prev_next, rows in (("2", 600), ("2", 600), ("0", 532)):
        assert rig.send("opt10081", 2 if days else 0, **DAILY) == 0
        rig.settle()
        # Only the first page registers the code on the screen, so nothing but the pages comes.
        assert [event for event in rig.take() if event[0] != "OnReceiveRealData"] == [
            page_of("opt10081", prev_next)
        ]
        assert rig.pages[-1].count == rows
        days += rig.pages[-1].column("일자")
    assert days == sorted(set(days), reverse=True)
    assert (days[0], days[-1]) == ("20220118", "20150601")


def test_another_tr_between_its_pages_breaks_a_continuous_tr() -> None:
    rig = EventLog(market=small_market()).begin()
    first = rig.page("opt10081", **DAILY)
    rig.page("opt10001", 종목코드=GRT.code)
    again = rig.page("opt10081", 2, **DAILY)
    assert (again.prev_next, again.rows) == ("2", first.rows)
    rig.page("opt10001", screen="0102", 종목코드=GRT.code)  # on another screen it does no harm
    assert rig.page("opt10081", 2, **DAILY).column("일자")[0] < first.column("일자")[-1]


def test_CommKwRqData_answers_in_the_order_of_the_request() -> None:
    rig = EventLog().begin()
    for codes in ([CODE, GRT.code], [GRT.code, CODE]):
        assert rig.call("CommKwRqData", ";".join(codes), 0, 2, 0, "관심종목정보요청", "9991") == 0
        rig.settle()
        assert [event for event in rig.take() if event[0] != "OnReceiveRealData"] == [
            page_of("OPTKWFID", "0", "9991", "관심종목정보요청")
        ]
        assert rig.pages[-1].column("종목코드") == codes
        rig.call("DisconnectRealData", "9991")


def test_CommKwRqData_takes_a_hundred_codes_and_no_more() -> None:
    rig = EventLog().begin()
    many = [f"{place:06d}" for place in range(1, 102)]
    assert rig.call("CommKwRqData", ";".join(many), 0, 101, 0, "관심", "9991") == -204
    rig.settle()
    assert rig.take() == []
    assert rig.call("CommKwRqData", ";".join(many[:100]), 0, 100, 0, "관심", "9991") == 0
    rig.settle()
    assert rig.take() == [page_of("OPTKWFID", "0", "9991", "관심")]
    assert rig.pages[-1].count == 100


# Orders.


def trader(**settings: object) -> EventLog:
    return EventLog(deposit=100_000_000, **settings).begin()


def time_of(event: Heard) -> str:
    """주문/체결시간 of a Chejan event; a trade of the market comes at a moment of its own."""
    values = event[-1]
    assert isinstance(values, dict)
    return str(values[908])


def holder(shares: int) -> EventLog:
    """Who has bought so many shares at 77,000, all at once."""
    rig = trader()
    rig.order(BUY, shares, quote=MARKET)
    return rig


def test_a_purchase_is_told_in_five_steps() -> None:
    assert trader().order(BUY, 1, quote=MARKET) == [
        told(BOUGHT, BUY_DONE),
        answered(BOUGHT, "0000001"),
        of_order({}),
        of_order(
            {
                913: "체결", 902: "0", 903: "77000", 909: "1", 910: "77000", 911: "1", 914: "77000", 915: "1",
                938: "260",  # 0.35 %, cut to ten won
            }
        ),
        of_balance({}),
    ]  # fmt: skip


def test_the_answer_may_come_in_the_guides_order() -> None:
    first = trader().order(BUY, 1, 76_000)
    assert trader(order_answer="data").order(BUY, 1, 76_000) == [first[1], first[0], *first[2:]]


def test_chejan_may_come_before_the_answer() -> None:
    first = trader().order(BUY, 1, 76_000)
    assert trader(chejan_first=True).order(BUY, 1, 76_000) == [first[2], *first[:2]]


def test_a_sale_first_lowers_what_can_be_ordered() -> None:
    rig = holder(2)
    sold = {9203: "0000002", 905: "-매도", 907: "1", 908: "100002", 10: "-77000"}
    balance = {10: "-77000", 11: "-500", 12: "-0.65"}
    # 76,900 won with fees of 260 and 265, taxes of 61 and 115, for a share of 77,000 with a fee of 265.
    loss = str(76_900 - 77_000 - 260 - 265 - 61 - 115)
    assert rig.order(SELL, 1, quote=MARKET) == [
        told(SOLD, SELL_DONE),
        answered(SOLD, "0000002"),
        of_order(sold),
        of_balance({**balance, 930: "2", 932: "154000", 933: "1", 945: "2"}),
        of_order(
            {
                **sold, 913: "체결", 902: "0", 903: "76900", 909: "2", 910: "76900", 911: "1", 914: "76900", 915: "1",
                938: "260", 939: "176",
            }
        ),
        of_balance({**balance, 950: loss, 990: loss, 991: "-1.04"}),
    ]  # fmt: skip


def test_the_last_share_leaves_a_holding_of_nothing() -> None:
    rig = holder(1)
    *_, filled, balance = rig.order(SELL, 1, quote=MARKET)
    assert filled == of_order(
        {
            9203: "0000002", 905: "-매도", 907: "1", 908: "100002", 913: "체결", 902: "0", 903: "76900",
            909: "2", 910: "76900", 911: "1", 914: "76900", 915: "1", 938: "260", 939: "176", 10: "-77000",
        }
    )  # fmt: skip
    loss = str(76_900 - 77_000 - 260 - 260 - 176)
    assert balance == of_balance(
        {
            930: "0", 931: "0", 932: "0", 933: "0", 945: "0", 950: loss, 990: loss, 991: "-1.03", 10: "-77000",
            11: "-500", 12: "-0.65",
        }
    )  # fmt: skip


def test_partial_fills_come_each_with_the_holding_after_it() -> None:
    rig = trader()
    there = rig.quotes()["asked"]
    whole = there + 2
    at_once = rig.order(BUY, whole, 77_000)
    # What was asked at 77,000 is gone, and the rest of the order bids there.
    bidding = {27: "-77100", 28: "-77000"}
    order = {**LIMITED, 900: str(whole), 901: "77000", 902: str(whole), 908: "100002"}
    first = there * 77_000
    fee = first * 35 // 10_000 // 10 * 10
    part = {
        **order, 913: "체결", 902: "2", 903: str(first), 909: "1", 910: "77000", 911: str(there), 914: "77000",
        915: str(there), 938: str(fee),
    }  # fmt: skip
    held = {930: str(there), 932: str(first), 933: str(there), 945: str(there)}
    assert at_once == [
        told(BOUGHT, BUY_DONE),
        answered(BOUGHT, "0000001"),
        of_order({**order, **bidding}),
        of_order({**part, **bidding}),
        of_balance({**held, **bidding}),
    ]
    rig.settle(120)
    later = rig.take()
    assert later == [
        of_order(
            {
                **part, 902: "0", 903: str(whole * 77_000), 908: time_of(later[0]), 909: "2", 911: str(whole), 915: "2",
                938: str(fee + 530),
            }
        ),
        of_balance(
            {**held, 930: str(whole), 932: str(whole * 77_000), 933: str(whole), 945: str(whole)},
        ),
    ]  # fmt: skip


def test_a_modified_purchase_closes_its_original_and_lives_on() -> None:
    rig = trader()
    order = {**LIMITED, 900: "10", 901: "76000", 902: "10"}
    assert rig.order(BUY, 10, 76_000) == [
        told(BOUGHT, BUY_DONE),
        answered(BOUGHT, "0000001"),
        of_order(order),
    ]
    modify = {
        **LIMITED, 9203: "0000002", 900: "10", 901: "76900", 902: "10", 904: "0000001", 905: "+매수정정",
        908: "100002",
    }  # fmt: skip
    assert rig.order(MODIFY_BUY, 10, 76_900, original="0000001") == [
        told(MODIFIED, BUY_DONE),
        answered(MODIFIED, "0000002"),
        of_order(modify),
        of_order({**modify, 913: "확인"}),
        of_order({**order, 902: "0", 908: "100002", 819: "1"}),
    ]
    rig.settle(15 * 60)  # it is met when the market comes down to 76,800
    fill, balance = rig.take()
    down = {10: "-76800", 27: "-76900", 28: "-76800"}
    assert "101000" <= time_of(fill) < "101100"
    assert fill == of_order(
        {
            **modify, **down, 913: "체결", 902: "0", 903: "769000", 908: time_of(fill), 909: "1", 910: "76900",
            911: "10", 914: "76900", 915: "10", 938: "2690",
        }
    )  # fmt: skip
    assert balance == of_balance(
        {
            **down, 930: "10", 931: "76900", 932: "769000", 933: "10", 945: "10", 11: "-700", 12: "-0.90",
        }
    )  # fmt: skip


def test_a_modified_sale() -> None:
    rig = holder(3)
    order = {
        **LIMITED, 9203: "0000002", 900: "3", 901: "78000", 902: "3", 905: "-매도", 907: "1", 908: "100002",
    }  # fmt: skip
    balance = of_balance({930: "3", 932: "231000", 933: "0", 945: "3"})
    assert rig.order(SELL, 3, 78_000) == [
        told(SOLD, SELL_DONE),
        answered(SOLD, "0000002"),
        of_order(order),
        balance,
    ]
    modify = {**order, 9203: "0000003", 901: "78500", 904: "0000002", 905: "-매도정정", 908: "100003"}
    assert rig.order(MODIFY_SELL, 3, 78_500, original="0000002") == [
        told(MODIFIED, SELL_DONE),
        answered(MODIFIED, "0000003"),
        of_order(modify),
        of_order({**modify, 913: "확인"}),
        of_order({**order, 902: "0", 908: "100003", 819: "1"}),
    ]


def test_a_part_of_an_order_is_modified() -> None:
    rig = trader()
    rig.order(BUY, 10, 76_000)
    modify = {
        **LIMITED, 9203: "0000002", 900: "4", 901: "76100", 902: "4", 904: "0000001", 905: "+매수정정",
        908: "100002",
    }  # fmt: skip
    assert rig.order(MODIFY_BUY, 4, 76_100, original="0000001")[2:] == [
        of_order(modify),
        of_order({**modify, 913: "확인"}),
        of_order({**LIMITED, 900: "10", 901: "76000", 902: "6", 908: "100002"}),
    ]


@pytest.mark.parametrize(
    ("kind", "cancel", "name", "side"),
    [(BUY, CANCEL_BUY, "매수취소", {}), (SELL, CANCEL_SELL, "매도취소", {905: "-매도", 907: "1"})],
)
def test_a_cancelled_order(kind: int, cancel: int, name: str, side: dict[int, str]) -> None:
    rig = holder(2)
    price = 76_000 if kind == BUY else 78_000
    rig.order(kind, 2, price)
    gone = {**LIMITED, **side, 9203: "0000003", 900: "2", 902: "2", 904: "0000002", 905: name, 908: "100003"}
    assert rig.order(cancel, 2, original="0000002") == [
        told(CANCELLED, CANCEL_DONE),
        answered(CANCELLED, "0000003"),
        of_order(gone),
        of_order({**gone, 913: "확인", 902: "0"}),
        of_order(
            {**LIMITED, **side, 9203: "0000002", 900: "2", 901: str(price), 902: "0", 908: "100003", 819: "1"}
        ),
    ]


def test_the_rest_of_a_partly_filled_order_is_cancelled() -> None:
    rig = trader()
    there = rig.quotes()["asked"]
    rig.order(BUY, there + 5, 77_000)
    gone = {
        **LIMITED, 9203: "0000002", 900: "5", 902: "5", 904: "0000001", 905: "매수취소", 908: "100003", 27: "-77100",
    }  # fmt: skip
    amount = there * 77_000
    *answer, accepted, confirmed, closed = rig.order(CANCEL_BUY, 5, original="0000001")
    assert answer == [told(CANCELLED, CANCEL_DONE), answered(CANCELLED, "0000002")]
    assert (accepted, confirmed) == (of_order(gone), of_order({**gone, 913: "확인", 902: "0"}))
    # What was filled is told on, as it stood.
    assert closed == of_order(
        {
            **LIMITED, 913: "체결", 900: str(there + 5), 901: "77000", 902: "0", 903: str(amount), 908: "100003",
            909: "1", 910: "77000", 911: str(there), 914: "77000", 915: str(there),
            938: str(amount * 35 // 10_000 // 10 * 10), 819: "1", 27: "-77100",
        }
    )  # fmt: skip


REJECTED = {
    "no cash": ((BUY, 2_000), {"quote": MARKET}, BOUGHT, "[RC4025] 모의투자 매수증거금이 부족합니다."),
    "no shares": ((SELL, 1), {"quote": MARKET}, SOLD, "[800033] 모의투자 매도가능수량이 부족합니다."),
    "beyond the limits": ((BUY, 1, 100_600), {}, BOUGHT, "[RC4027] 모의투자 상/하한가 오류입니다."),
    "a price at the market": (
        (BUY, 1, 77_000),
        {"quote": MARKET},
        BOUGHT,
        "[00Z237] 모의투자 단가를 입력하지 않는 호가입니다.",
    ),
    "no such order": (
        (CANCEL_BUY, 1),
        {"original": "0000009"},
        CANCELLED,
        "[RC4061] 모의투자 주문번호를 확인하세요.",
    ),
    "modify no such order": (
        (MODIFY_BUY, 1, 77_000),
        {"original": "0000009"},
        MODIFIED,
        "[RC4061] 모의투자 주문번호를 확인하세요.",
    ),
}


@pytest.mark.parametrize("case", REJECTED)
@pytest.mark.parametrize("form", ["silent", "blank"])
def test_a_rejected_order_is_told_in_a_message_without_chejan(case: str, form: str) -> None:
    order, more, code, text = REJECTED[case]
    rig = trader(rejected_order=form)
    expected = [told(code, text)] + ([answered(code, "")] if form == "blank" else [])
    assert rig.order(*order, **more) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "text"),
    [("08:10", "[00Z217] 모의투자 장시작전입니다"), ("18:30", "[00Z218] 모의투자 장종료 상태입니다")],
)
def test_an_order_outside_the_hours_is_rejected(start: str, text: str) -> None:
    rig = EventLog(start, deposit=100_000_000).begin()
    assert rig.order(BUY, 1, 77_000) == [told(BOUGHT, text), answered(BOUGHT, "")]


# Conditions.

LOADED = ("OnReceiveConditionVer", 1, "[OK] 사용자 조건검색식 읽기")
RISING, FAILING = (5, "장중 급등주"), (6, "대형주 급락")


def screener() -> EventLog:
    """900290 is a tenth up from 09:31 to 10:31, and 005930 six percent down all day."""
    days = weekdays(date(2021, 1, 4), date(2022, 1, 18))
    small: list[Row] = [(number(day), 1_225, 1_225, 1_225, 1_225, 5_000_000) for day in days]
    small[-1] = (20220118, 1_225, 1_350, 1_225, 1_230, 20_000_000)
    large: list[Row] = [(number(day), 77_500, 77_500, 77_500, 77_500, 1_000_000) for day in days]
    large[-1] = (20220118, 72_800, 72_800, 72_800, 72_800, 1_000_000)
    market = market_of(
        [SAMSUNG, GRT],
        {CODE: large, GRT.code: small},
        {
            CODE: [(20220118_090000, 72_800, 72_800, 72_800, 72_800, 1_000_000)],
            GRT.code: [
                (20220118_000000 + at * 100, price, price, price, price, 5_000_000)
                for at, price in ((900, 1_225), (930, 1_350), (1030, 1_230), (1100, 1_230))
            ],
        },
    )
    return EventLog("09:20", market).begin()


def loaded() -> EventLog:
    rig = screener()
    assert rig.call("GetConditionLoad") == 1
    assert rig.heard == []
    rig.settle()
    assert rig.take() == [LOADED]
    return rig


def send(rig: EventLog, condition: tuple[int, str], search: int, screen: str = "8686") -> list[Heard]:
    """SendCondition takes it; what comes within the next second."""
    index, name = condition
    assert rig.call("SendCondition", screen, name, index, search) == 1
    assert rig.heard == []
    rig.settle()
    return rig.take()


def test_conditions_are_loaded_and_then_named() -> None:
    rig = screener()
    assert rig.call("GetConditionNameList") == ""
    assert rig.call("GetConditionLoad") == 1
    rig.settle()
    assert rig.take() == [LOADED]
    assert rig.call("GetConditionNameList") == (
        "0^대형 저평가 우량주;1^중소형 저평가주;2^단기 골든크로스;3^거래량 급증주;4^250일 신고가 근접;"
        "5^장중 급등주;6^대형주 급락;7^전체 대형주;"
    )


def test_a_search_lists_codes_each_with_a_semicolon() -> None:
    rig = loaded()
    assert send(rig, FAILING, 0) == [("OnReceiveTrCondition", "8686", f"{CODE};", "대형주 급락", 6, 0)]
    assert send(rig, RISING, 0) == [("OnReceiveTrCondition", "8686", "", "장중 급등주", 5, 0)]
    rig.settle(3600)
    assert rig.take() == []


def test_a_live_condition_says_who_comes_and_who_goes_and_no_prices() -> None:
    rig = loaded()
    assert send(rig, RISING, 1) == [("OnReceiveTrCondition", "8686", "", "장중 급등주", 5, 0)]
    rig.settle(3600 * 2)
    assert rig.take() == [
        ("OnReceiveRealCondition", GRT.code, "I", "장중 급등주", "5"),
        ("OnReceiveRealCondition", GRT.code, "D", "장중 급등주", "5"),
    ]


def test_a_second_condition_on_the_screen_stops_the_first() -> None:
    rig = loaded()
    send(rig, RISING, 1)
    assert send(rig, FAILING, 1) == [("OnReceiveTrCondition", "8686", f"{CODE};", "대형주 급락", 6, 0)]
    rig.settle(3600 * 2)
    assert rig.take() == []


def test_a_stopped_condition_is_silent() -> None:
    rig = loaded()
    send(rig, RISING, 1)
    assert rig.call("SendConditionStop", "8686", "장중 급등주", 5) is None
    rig.settle(3600 * 2)
    assert rig.take() == []


def test_a_condition_twice_in_a_minute_fails_with_a_message() -> None:
    rig = loaded()
    send(rig, RISING, 0)
    assert rig.call("SendCondition", "8686", "장중 급등주", 5, 0) == 0
    rig.settle()
    assert rig.take() == [
        ("OnReceiveMsg", "8686", "장중 급등주", "", "같은 조건식은 1분에 한 번만 조회할 수 있습니다 (-13)")
    ]


# Real-time prices.


def test_SetRealReg_gives_no_snapshot() -> None:
    rig = EventLog("10:00").begin()
    assert rig.call("SetRealReg", "0101", CODE, "10;15", "0") == 0
    rig.settle(0)
    assert rig.take() == []
    rig.settle(10 * 60)
    events = rig.take()
    # A share a minute is traded. Who registered later than the first trade of the day hears of the next one on.
    assert [event[:3] for event in events] == [("OnReceiveRealData", CODE, "주식체결")] * len(events)
    fields = [dict(zip(FIDS, str(event[3]).split("\t"), strict=True)) for event in events]
    assert [int(field[13]) for field in fields] == list(range(61, 61 + len(events)))
    assert {int(field[20]) // 100 for field in fields} == set(range(1000, 1010))


def test_SetRealRemove_ends_it_at_once() -> None:
    rig = EventLog("10:00").begin()
    rig.call("SetRealReg", "0101", CODE, "10;15", "0")
    rig.settle(120)
    assert rig.take() != []
    rig.call("SetRealRemove", "0101", CODE)
    rig.settle(3600)
    assert rig.take() == []


FIDS = reference.realtype("주식체결").fids

# Chejan values, in the form in which each is known.

PRICE, COUNT, RATE = r"[+-]?\d+", r"\d+", r"-?\d+\.\d\d"
FORMS = {
    9201: r"\d{10}", 9203: r"\d{7}", 9205: "", 9001: r"A\d{6}", 912: "JJ", 913: "접수|확인|체결", 302: NAME,
    900: COUNT, 901: COUNT, 902: COUNT, 903: COUNT, 904: r"\d{7}",
    905: r"\+매수|-매도|\+매수정정|-매도정정|매수취소|매도취소", 906: "보통|시장가", 907: "1|2", 908: r"\d{6}",
    909: r"\d*", 910: r"\d*", 911: r"\d*", 10: PRICE, 27: PRICE, 28: PRICE, 914: r"\d*", 915: r"\d*", 938: COUNT,
    939: COUNT, 919: "0", 920: "0001", 921: "", 922: "00", 923: "00000000", 949: "3", 10010: PRICE, 969: "0",
    819: "0|1", 917: "00", 916: "00000000", 930: COUNT, 931: COUNT, 932: COUNT, 933: COUNT, 945: r"-?\d+", 946: "2",
    950: r"-?\d+", 951: "0", 307: COUNT, 8019: r"0\.00", 957: "0", 958: "0", 918: "00000000", 990: r"-?\d+",
    991: RATE, 992: "0", 993: r"0\.00", 959: "0", 924: "0", 25: "[1-5]", 11: PRICE, 12: r"[+-]?\d+\.\d\d",
    306: r"-\d+", 305: r"\+\d+", 970: "10",
}  # fmt: skip


def test_every_chejan_value_has_its_form() -> None:
    rig = trader()
    events = [
        *rig.order(BUY, 5, quote=MARKET),
        *rig.order(BUY, rig.quotes()["asked"] + 3, 77_000),
        *rig.order(CANCEL_BUY, 1, original="0000002"),
        *rig.order(BUY, 4, 76_000),
        *rig.order(MODIFY_BUY, 4, 76_100, original="0000004"),
        *rig.order(SELL, 2, 78_000),
        *rig.order(MODIFY_SELL, 2, 78_100, original="0000006"),
        *rig.order(CANCEL_SELL, 2, original="0000007"),
        *rig.order(SELL, 3, quote=MARKET),
    ]
    rig.settle(300)
    chejan = [event for event in [*events, *rig.take()] if event[0] == "OnReceiveChejanData"]
    assert {(event[1], event[2], event[3]) for event in chejan} == {
        ("0", 35, ORDER_FIDS),
        ("1", 34, BALANCE_FIDS),
    }
    seen: dict[int, set[str]] = {}
    for event in chejan:
        values = event[-1]
        assert isinstance(values, dict)
        for fid, value in values.items():
            assert re.fullmatch(FORMS[fid], value), (fid, value)
            seen.setdefault(fid, set()).add(value)
        filled = values.get(913) == "체결"
        if event[1] == "0":
            assert {bool(values[fid]) for fid in (909, 910, 911, 914, 915)} == {filled}
    assert seen.keys() == FORMS.keys()
    assert seen[905] == {"+매수", "-매도", "+매수정정", "-매도정정", "매수취소", "매도취소"}
    assert (seen[913], seen[819], seen[907]) == ({"접수", "확인", "체결"}, {"0", "1"}, {"1", "2"})
    assert len(NAME.encode("cp949")) == 40


def test_a_chejan_value_can_be_read_in_its_event_alone() -> None:
    rig = holder(1)
    assert [rig.call("GetChejanData", fid) for fid in (9201, 930)] == ["", ""]
