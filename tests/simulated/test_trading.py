"""Orders through the whole control: what is told of them, and what the account TRs say afterwards."""

from __future__ import annotations

import pytest

from tests.support.synthetic_day import (
    ACCOUNT,
    BUY,
    CANCEL_BUY,
    MARKET,
    MODIFY_BUY,
    MODIFY_SELL,
    SELL,
    SyntheticDay,
    Told,
)

CODE = "005930"
SEED = 8  # of a day on which 005930 goes down for a while after 10:01
DEPOSIT = 100_000_000_000
BOUGHT = "[100000] 모의투자 매수주문완료"
SOLD = "[100000] 모의투자 매도주문완료"
CANCELLED = "[100000] 모의투자 취소주문완료"
NO_CASH = "[RC4025] 모의투자 매수증거금이 부족합니다."
NO_SHARES = "[800033] 모의투자 매도가능수량이 부족합니다."


def trader(start: str = "10:00", **settings: object) -> SyntheticDay:
    """Registered for 005930 a minute before ``start`` is over."""
    rig = SyntheticDay(start, SEED, deposit=DEPOSIT, order_size_checks=False, **settings).begin()
    rig.register(CODE)
    rig.settle(60)
    return rig


def quotes(rig: SyntheticDay) -> tuple[int, int]:
    """Best ask and best bid, as they were told last."""
    best = rig.of("주식우선호가", CODE)[-1]
    return best.number(27), best.number(28)


def wait(rig: SyntheticDay, number: str, left: int = 0) -> None:
    """Until the order has no more than that open, by its own events; at most an hour."""
    for _ in range(360):
        if last(rig, number).number(902) <= left:
            return
        rig.settle(10)
    raise AssertionError(f"{number} has not been filled: {last(rig, number)}")


def of(rig: SyntheticDay, number: str) -> list[Told]:
    """The events of an order."""
    return [told for told in rig.told if told.kind == "0" and told.values[9203] == number]


def last(rig: SyntheticDay, number: str) -> Told:
    return of(rig, number)[-1]


def balance(rig: SyntheticDay) -> Told:
    return [told for told in rig.told if told.kind == "1"][-1]


def sent(story: list[str]) -> str:
    """The number an order was given."""
    return next(text for text in story if len(text) == 7 and text.isdecimal())


def test_own_fills_stand_in_no_public_trade_and_no_minute() -> None:
    rig, alone = trader(), trader()
    ask, _ = quotes(rig)
    number = sent(rig.order(BUY, 10, quote=MARKET))
    assert of(rig, number)[1].values[914] == str(ask)
    for _ in range(3):
        rig.order(BUY, 10, quote=MARKET)
    for each in (rig, alone):
        each.until("10:03")
    trades, plain = ([each.values for each in day.of("주식체결")] for day in (rig, alone))
    prices = (10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 228)
    assert [[trade[fid] for fid in prices] for trade in trades] == [
        [trade[fid] for fid in prices] for trade in plain
    ]
    minute = rig.page("opt10080", 종목코드=CODE, 틱범위="1", 수정주가구분="1").row(0)
    collected = [abs(int(trade[15])) for trade in trades if trade[20].startswith("1002")]
    assert (minute["체결시간"][8:12], int(minute["거래량"])) == ("1002", sum(collected))


def test_a_limit_order_waits_until_the_market_comes_to_it() -> None:
    rig = trader()
    _, bid = quotes(rig)
    story = rig.order(BUY, 5, bid)
    number = sent(story)
    assert story == [BOUGHT, number, "접수"]
    wait(rig, number)
    filled = [told for told in of(rig, number) if told.values[913] == "체결"]
    assert sum(told.number(915) for told in filled) == 5
    assert {told.number(914) for told in filled} == {bid}
    # It is filled beside public trades, in which sellers came to that price.
    sold = {
        each.values[20]
        for each in rig.of("주식체결")
        if each.values[15][0] == "-" and abs(each.number(10)) <= bid
    }
    assert {told.values[908] for told in filled} <= sold


def test_partial_fills_come_in_pairs_and_add_up() -> None:
    rig = trader()
    ask, _ = quotes(rig)
    waiting = rig.of("주식호가잔량", CODE)[-1].number(61)
    story = rig.order(BUY, waiting + 50, ask)
    number = sent(story)
    assert story[3:] == ["체결", "잔고"] * (len(story[3:]) // 2) != []
    assert last(rig, number).number(902) == 50
    wait(rig, number)
    open_, total, amount = waiting + 50, 0, 0
    for told in of(rig, number)[1:]:
        total, amount = total + told.number(915), amount + told.number(914) * told.number(915)
        assert told.number(902) == open_ - total
        assert (told.number(911), told.number(903)) == (total, amount)
    assert total == open_
    assert balance(rig).number(932) == amount


def test_a_modified_order_is_another_one_that_lives_on() -> None:
    rig = trader()
    ask, bid = quotes(rig)
    original = sent(rig.order(BUY, 10, bid - 20 * (ask - bid)))
    story = rig.order(MODIFY_BUY, 10, ask, original=original)
    number = sent(story)
    assert story[:5] == [BOUGHT, number, "접수", "확인", "접수"]
    closing = last(rig, original)
    assert (closing.values[902], closing.values[819]) == ("0", "1")
    assert {told.values[904] for told in of(rig, number)} == {original}
    wait(rig, number)
    assert last(rig, number).values[911] == "10"


def test_a_cancelled_order_gives_its_cash_back() -> None:
    rig = trader()
    ask, bid = quotes(rig)
    price = bid - 20 * (ask - bid)
    original = sent(rig.order(BUY, 10, price))
    held = int(rig.account("opw00001").single["주문가능금액"])
    assert held <= DEPOSIT - 10 * price
    story = rig.order(CANCEL_BUY, 10, original=original)
    number = sent(story)
    assert story == [CANCELLED, number, "접수", "확인", "접수"]
    assert (last(rig, original).values[902], last(rig, original).values[819]) == ("0", "1")
    assert int(rig.account("opw00001").single["주문가능금액"]) == DEPOSIT


def test_a_sale_first_takes_the_shares_out_of_what_can_be_ordered() -> None:
    rig = trader()
    rig.order(BUY, 4, quote=MARKET)
    story = rig.order(SELL, 4, quote=MARKET)
    number = sent(story)
    assert story[:4] == [SOLD, number, "접수", "잔고"]
    assert story[4:] == ["체결", "잔고"] * (len(story[4:]) // 2) != []
    place = next(n for n, told in enumerate(rig.told) if told.values.get(9203) == number)
    taken = rig.told[place + 1]
    assert (taken.values[930], taken.values[933]) == ("4", "0")
    assert balance(rig).values[930] == "0"
    assert rig.account("opw00004").rows == []


@pytest.mark.parametrize(("kind", "quantity", "text"), [(BUY, 100_000_000, NO_CASH), (SELL, 1, NO_SHARES)])
def test_an_order_beyond_the_account_is_refused_with_a_message_and_a_blank_number(
    kind: int, quantity: int, text: str
) -> None:
    rig = trader()
    assert rig.order(kind, quantity, quote=MARKET) == [text, ""]
    assert rig.told == []
    assert rig.account("opt10075", 전체종목구분="0", 매매구분="0", 체결구분="0").rows == []


@pytest.fixture(scope="module")
def busy() -> SyntheticDay:
    """Bought at once, waited for, modified, partly sold; one sale and one purchase are still open."""
    rig = trader()
    ask, bid = quotes(rig)
    rig.order(BUY, 100, quote=MARKET)
    wait(rig, sent(rig.order(BUY, 20, bid)))
    ask, bid = quotes(rig)
    low, high = bid - 20 * (ask - bid), ask + 30 * (ask - bid)
    modified = sent(rig.order(BUY, 30, low))
    wait(rig, sent(rig.order(MODIFY_BUY, 30, quotes(rig)[0], original=modified)))
    dropped = sent(rig.order(BUY, 7, low))
    rig.order(CANCEL_BUY, 7, original=dropped)
    rig.order(SELL, 40, quote=MARKET)
    waiting = sent(rig.order(SELL, 10, high))
    rig.order(MODIFY_SELL, 10, high + (ask - bid), original=waiting)
    rig.order(BUY, 9, low)
    rig.settle(5)
    return rig


def closing(rig: SyntheticDay) -> dict[str, Told]:
    """The newest event of each order."""
    return {told.values[9203]: told for told in rig.told if told.kind == "0"}


def cash(rig: SyntheticDay) -> int:
    """KRW left after every fill and its charges, as the events told them."""
    left = DEPOSIT
    for told in closing(rig).values():
        side = 1 if told.values[907] == "1" else -1
        left += side * told.number(903) - told.number(938) - told.number(939)
    return left


def test_the_deposit_is_what_the_fills_have_left_of_it(busy: SyntheticDay) -> None:
    single = busy.account("opw00001").single
    assert int(single["d+2추정예수금"]) == cash(busy)
    assert int(single["예수금"]) == DEPOSIT  # nothing is settled on the day
    reserved = int(single["주식증거금현금"])
    waiting = [told for told in closing(busy).values() if told.number(902) and told.values[907] == "2"]
    amount = sum(told.number(901) * told.number(902) for told in waiting)
    assert amount <= reserved <= amount * 1.004
    assert int(single["주문가능금액"]) == cash(busy) - reserved


def test_the_holding_is_what_the_last_event_said(busy: SyntheticDay) -> None:
    held = balance(busy)
    assert held.number(930) == 110
    assert held.number(933) == 100
    overview = busy.account("opw00004")
    row = overview.row(0)
    assert (row["종목코드"].rstrip(), int(row["보유수량"])) == (held.values[9001], held.number(930))
    assert (int(row["평균단가"]), int(row["매입금액"])) == (held.number(931), held.number(932))
    assert int(overview.single["D+2추정예수금"]) == cash(busy)
    holdings = busy.account("opw00018", 조회구분="1")
    row = holdings.row(0)
    pairs = (("보유수량", 930), ("매입가", 931), ("매입금액", 932), ("매매가능수량", 933), ("전일종가", 307))
    assert [int(row[name]) for name, _ in pairs] == [held.number(fid) for _, fid in pairs]
    assert int(row["평가금액"]) == int(row["현재가"]) * 110
    assert int(row["금일매수수량"]) - int(row["금일매도수량"]) == held.number(945) == 110
    assert int(holdings.single["총평가금액"]) == int(row["평가금액"])


def test_returns_have_the_charges_of_the_fills(busy: SyntheticDay) -> None:
    row = busy.account("opt10085").row(0)
    held, orders = balance(busy), closing(busy).values()
    assert (row["종목코드"], int(row["보유수량"])) == (CODE, held.number(930))
    assert (int(row["매입가"]), int(row["매입금액"])) == (held.number(931), held.number(932))
    assert int(row["당일매매수수료"]) == sum(told.number(938) for told in orders)
    assert int(row["당일매매세금"]) == sum(told.number(939) for told in orders)
    assert row["당일매도손익"] == held.values[990]


def test_orders_are_listed_as_their_last_events_left_them(busy: SyntheticDay) -> None:
    orders = closing(busy)
    page = busy.account("opt10075", 전체종목구분="0", 매매구분="0", 체결구분="0")
    rows = {page.row(n)["주문번호"]: page.row(n) for n in range(len(page.rows))}
    assert rows.keys() == orders.keys()
    fields = {
        "주문상태": 913, "주문수량": 900, "주문가격": 901, "미체결수량": 902, "체결누계금액": 903,
        "원주문번호": 904, "주문구분": 905, "매매구분": 906, "당일매매수수료": 938, "당일매매세금": 939,
    }  # fmt: skip
    for number, told in orders.items():
        assert {name: rows[number][name] for name in fields} == {
            name: told.values[fid] for name, fid in fields.items()
        }
    page = busy.account("opt10075", 전체종목구분="0", 매매구분="0", 체결구분="1")
    assert set(page.column("주문번호")) == {number for number, told in orders.items() if told.number(902)}


def test_executions_are_the_fills_that_were_told(busy: SyntheticDay) -> None:
    orders = {number: told for number, told in closing(busy).items() if told.number(903)}
    page = busy.account("opt10076", 조회구분="0", 매도수구분="0", 체결구분="2")
    rows = {page.row(n)["주문번호"]: page.row(n) for n in range(len(page.rows))}
    assert rows.keys() == orders.keys()
    for number, told in orders.items():
        row = rows[number]
        assert (row["종목코드"], row["체결량"], row["체결가"]) == (CODE, told.values[911], told.values[910])
        assert row["미체결수량"] == told.values[902]


def test_an_order_takes_part_in_the_closing_auction() -> None:
    rig = trader("15:18")
    rig.until("15:25")
    number = sent(rig.order(BUY, 9, quote=MARKET))
    assert last(rig, number).values[913] == "접수"
    rig.until("15:31")
    closing = rig.of("주식체결", CODE)[-1]
    assert closing.values[15][0] == " "
    filled = last(rig, number)
    assert (filled.values[913], filled.values[914]) == ("체결", str(closing.number(10)))
    assert (filled.values[902], filled.values[908]) == ("0", "153000")


def test_the_close_ends_what_is_open() -> None:
    rig = trader("15:18")
    ask, bid = quotes(rig)
    rig.order(BUY, 9, bid - 20 * (ask - bid))
    rig.until("15:31")
    assert rig.account("opt10075", 전체종목구분="0", 매매구분="0", 체결구분="1").rows == []
    assert int(rig.account("opw00001").single["주문가능금액"]) == DEPOSIT
    assert ACCOUNT in rig.text("GetLoginInfo", "ACCNO")


def test_an_account_was_worth_yesterday_what_today_begins_with() -> None:
    rig = SyntheticDay("10:00", issues=40).begin()
    rig.order(BUY, 12, quote=MARKET)
    rig.order(BUY, 5, quote=MARKET, code="000660")
    rig.until("16:00")
    evening = rig.account("opw00004").single["추정예탁자산"]
    rig.settle(18 * 3600)  # until the next morning
    rig.login()
    days = rig.account("opw00002", 시작조회기간="20220118", 종료조회기간="20220118")
    worth = days.row(0)["추정예탁자산"]
    assert (int(worth), int(evening)) == (int(rig.account("opw00004").single["당일투자원금"]),) * 2
