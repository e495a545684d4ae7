"""Whatever is ordered and traded: no won and no share is made or lost, and every TR tells the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.clock import seoul
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.trade_script import Side
from tests.support.brokerage import ACCOUNT, Desk, Told
from tests.support.examples import examples

CODES = ("005930", "900290")
PRICES = {"005930": range(76_000, 78_600, 100), "900290": range(1_200, 1_260, 5)}
DEPOSIT = 1_000_000
HELD = {"005930": [12, 924_000, 3_230], "900290": [20, 24_400, 80]}
WORTH = sum(cost + fees for _shares, cost, fees in HELD.values())
KINDS = {"order": 30, "change": 25, "trade": 15, "book": 10, "day": 2, "phase": 2, "restart": 2}


def holding() -> Desk:
    """A desk with some cash and some shares of both issues."""
    desk = Desk("2022-01-18 09:30", deposit=DEPOSIT, limited=False)
    state = desk.brokerage.snapshot()
    state["accounts"][ACCOUNT]["holdings"] = HELD
    desk.brokerage.restore(state)
    return desk


def steps(seed: int) -> Iterator[tuple[object, ...]]:
    """What clients, the market and the calendar do; the same for the same seed."""
    random = Random(seed)
    for _ in range(random.randint(1, 60)):
        code = random.choice(CODES)
        price = random.choice(PRICES[code])
        quantity = random.choice((0, 1, 1, 2, 3, 4, 7, 13))
        kind = random.choices([*KINDS], [*KINDS.values()])[0]
        if kind == "order":
            yield kind, random.choice((1, 2)), code, quantity, random.choice((0, price, price, price))
        elif kind == "change":
            yield kind, random.random() < 0.4, quantity, random.randint(-9, 9), random.randint(0, 12)
        elif kind == "trade":
            yield kind, code, price, 1 + quantity, random.choice((Side.BUY, Side.SELL))
        elif kind == "book":
            yield kind, code, price, 1 + quantity
        else:
            yield (kind,)


def take(desk: Desk, step: tuple[object, ...]) -> None:
    match step:
        case ("order", int(type), str(code), int(quantity), int(price)):
            desk.order(type, code, quantity, price)
        case ("change", bool(cancels), int(quantity), int(ticks), int(place)):
            change(desk, cancels, quantity, ticks, place)
        case ("trade", str(code), int(price), int(volume), Side() as side):
            desk.exchange.trade(code, price, volume, side)
        case ("book", str(code), int(price), int(volume)):
            desk.exchange.book(code, price + (100 if code == "005930" else 5), price, volume)
        case ("day",):
            desk.settle(86_400)
            while seoul(desk.now()).weekday() > 4:
                desk.settle(86_400)
        case ("phase",):
            desk.brokerage.on_phase(Phase.PAUSE)
        case ("restart",):
            state = json.loads(json.dumps(desk.brokerage.snapshot()))
            desk.exchange.resting.clear()
            desk.brokerage = desk.build()
            desk.brokerage.connect()  # first, so that what the restored orders meet is told
            desk.brokerage.restore(state)
    desk.settle(1)


def change(desk: Desk, cancels: bool, quantity: int, ticks: int, place: int) -> None:
    """Cancels or modifies one of the open orders, now and then one that is no longer open."""
    orders = desk.rows("opt10075", 체결구분="1" if place % 4 else "0")
    if not orders:
        return
    order = orders[place % len(orders)]
    code, sells = order["종목코드"], "매도" in order["주문구분"]
    price = int(order["주문가격"]) and int(order["주문가격"]) + ticks * (100 if code == "005930" else 5)
    if cancels:
        desk.order(3 + sells, code, quantity, original=order["주문번호"])
    else:
        desk.order(5 + sells, code, quantity, price, original=order["주문번호"])


def numbers(row: dict[str, str], *names: str) -> list[int]:
    return [int(row[name]) for name in names]


def check(desk: Desk, told: list[Told]) -> None:
    single = desk.single("opw00001")
    state = desk.brokerage.snapshot()
    account = state["accounts"][ACCOUNT]
    cash, holdings = account["cash"], account["holdings"]
    # An order that is cut down after a fill tells of that fill again: each counts once in its session.
    known = {
        (seoul(each.time).date(), each.values[9203], each.values[909]): each.values
        for each in told
        if each.short == "체결"
    }
    fills = known.values()
    bought = {code: HELD[code][0] for code in CODES}
    spent = 0
    for values in fills:
        side = 1 if values[907] == "2" else -1
        bought[values[9001][1:]] += side * int(values[915])
        spent += side * int(values[914]) * int(values[915])

    # Shares are what the events said; cash is that less the charges, and neither is ever owed.
    assert {code: held[0] for code, held in holdings.items()} == {c: n for c, n in bought.items() if n}
    charges = sum(fee + tax for fee, tax in (deal[8:10] for deal in account["deals"]))
    assert cash == DEPOSIT - spent - charges
    assert cash >= int(single["주문가능금액"]) >= 0
    assert int(single["d+2추정예수금"]) == cash
    assert cash - int(single["예수금"]) == sum(numbers(single, "d+1매도매수정산금", "d+2매도매수정산금"))

    # What was lost or won is what the cash lacks once the shares are counted at cost.
    by_day = desk.single("opt10074")
    profit = int(by_day["실현손익"])
    assert cash == DEPOSIT + WORTH + profit - sum(cost + fees for _n, cost, fees in holdings.values())
    assert cash - DEPOSIT == int(by_day["총매도금액"]) - int(by_day["총매수금액"]) - sum(
        numbers(by_day, "매매수수료", "매매세금")
    )
    assert profit == sum(int(row["당일매도손익"]) for row in desk.rows("opt10073"))
    today = desk.rows("opt10074", 시작일자=str(state["day"]), 종료일자=str(state["day"]))
    won = int(today[0]["당일매도손익"]) if today else 0
    assert (
        won
        == int(desk.single("opt10077")["당일실현손익"])
        == sum(int(row["당일매도손익"]) for row in desk.rows("opt10077"))
    )

    # Three TRs list the same holdings, and their sums are in the blocks above them.
    big, small, returns = desk.rows("opw00018"), desk.rows("opw00004"), desk.rows("opt10085")
    assert [row["종목번호"] for row in big] == [row["종목코드"] for row in small]
    for one, two, three in zip(big, small, returns, strict=True):
        code = three["종목코드"]
        assert (
            numbers(one, "보유수량", "매입금액") == numbers(two, "보유수량", "매입금액") == holdings[code][:2]
        )
        assert numbers(three, "보유수량", "매입금액") == holdings[code][:2]
        assert numbers(one, "평가금액", "평가손익") == numbers(two, "평가금액", "손익금액")
        assert int(one["매매가능수량"]) == int(three["청산가능수량"]) >= 0
        offered = sum(
            int(row["미체결수량"])
            for row in desk.rows("opt10075", 체결구분="1", 매매구분="1")
            if row["종목코드"] == code
        )
        assert int(one["보유수량"]) - int(one["매매가능수량"]) == offered
    total = desk.single("opw00018")
    assert int(total["총평가손익금액"]) == sum(int(row["평가손익"]) for row in big)
    assert int(total["추정예탁자산"]) == int(desk.single("opw00004")["추정예탁자산"])

    # The orders that are open here are those at the exchange.
    listed = [(row["종목코드"], int(row["미체결수량"])) for row in desk.rows("opt10075", 체결구분="1")]
    resting = [(held.order.code, held.left) for held in desk.exchange.resting.values()]
    assert sorted(listed) == sorted(resting)


@settings(max_examples=examples(10, 25), deadline=None)
@given(st.integers(0, 2**32))
def test_everything_agrees_to_the_won(seed: int) -> None:
    desk = holding()
    for step in steps(seed):
        take(desk, step)
        check(desk, desk.told)


@settings(max_examples=examples(15, 40), deadline=None)
@given(st.integers(0, 2**32))
def test_every_order_is_told_in_sequence(seed: int) -> None:
    desk = holding()
    for step in steps(seed):
        desk.told.clear()
        take(desk, step)
        shorts = [each.short for each in desk.told]
        if "TrData" in shorts and shorts != ["Msg", "TrData"]:  # those two alone refuse it
            # An answer is followed by 접수, and every fill by what is held after it.
            assert shorts[:3] == ["Msg", "TrData", "접수"]
        opened = {each.number for each in desk.told if each.name == "OnReceiveTrData"}
        for place, each in enumerate(desk.told):
            if each.short == "체결" and each.values[9203] in opened:
                assert shorts[place + 1] == "잔고"
                assert each.values[9001] == desk.told[place + 1].values[9001]
            if each.short == "확인" and each.values[9203] in opened:
                assert desk.told[place + 1].values[9203] == each.values[904]
