"""Volatility interruptions at the exchange: trading stops, orders are collected, and a single price ends it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.simulated.exchange.interface import ExpectedPrice, NewOrder, OrderRejected
from kernel_server.simulated.market.trade_script import Side
from tests.support.examples import examples
from tests.support.exchange import (
    CODE,
    DAY,
    Scripted,
    SteppedExchange,
    hand_market,
    hand_sessions,
    script,
    scripted,
)
from tests.support.market_calendar import at

BUY, SELL, NONE = Side.BUY, Side.SELL, Side.NONE

RISE: Scripted = [
    ("09:00:00", 77_500, 1000, NONE),
    ("09:39:00", 85_000, 10, BUY),
    ("09:41:20", 86_000, 500, BUY),  # 85,300 would have set it off: nobody has traded for 140 s
    ("09:41:30", 86_100, 20, BUY),
    ("15:30:00", 86_000, 2000, NONE),
]
"""A day whose price rises beyond the trigger of 77,500, which is 85,300."""


def test_trading_that_stops_and_goes_on_beyond_the_trigger_was_interrupted() -> None:
    floor = scripted(RISE)
    floor.settle("09:45")
    on, off = floor.notes.interruptions
    assert (on.code, on.price, on.static, on.dynamic, on.number) == (CODE, 85_300, 77_500, 0, 1)
    assert at(DAY, "09:39") <= on.time
    assert 120 < at(DAY, "09:41:20") - on.time <= 140
    assert off == on._replace(released=at(DAY, "09:41:20"))


def test_it_ends_with_a_trade_without_an_initiating_side() -> None:
    floor = scripted(RISE)
    floor.settle("09:45")
    assert [(t.price, t.volume, t.side) for t in floor.notes.trades] == [
        (85_000, 10, BUY),
        (86_000, 500, NONE),
        (86_100, 20, BUY),
    ]
    kinds = [kind for kind, *_ in floor.notes.all]
    on, off = (place for place, kind in enumerate(kinds) if kind == "interrupted")
    assert kinds[on + 1 : on + 3] == ["expected", "quoted"]
    assert kinds[off - 2 : off] == ["traded", "quoted"]
    assert set(kinds[on + 1 : off - 2]) == {"expected", "quoted"}


def test_while_it_lasts_its_price_is_expected_as_in_other_auctions() -> None:
    floor = scripted(RISE)
    floor.settle("09:45")
    on, off = floor.notes.interruptions
    times = [time for _, time, _ in floor.notes.expectations]
    assert len(times) > 20
    assert times[0] == on.time
    assert times[-1] < off.released
    assert floor.notes.expectations[-1][2] == ExpectedPrice(86_000, 500)
    first = floor.notes.expectations[0][2]
    assert abs(first.price - 85_300) <= 200
    assert first.volume < 500


def test_the_book_is_around_the_expected_price() -> None:
    floor = scripted(RISE)
    floor.settle("09:41:19")
    asks, bids = floor.exchange.depth(CODE)
    assert 86_000 in (asks[0].price, bids[0].price)
    assert len(asks) == len(bids) == 10


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ([("09:39:00", 85_000, 10, BUY), ("09:40:59", 86_000, 9, BUY)], "only 119 s without a trade"),
        ([("09:39:00", 85_000, 10, BUY), ("09:42:00", 85_200, 9, BUY)], "a tick below the trigger"),
        ([("09:39:00", 70_000, 10, SELL), ("09:42:00", 69_800, 9, SELL)], "a tick above the trigger"),
        ([("15:19:00", 85_000, 10, BUY), ("15:30:00", 90_000, 9, NONE)], "the closing auction ends on time"),
    ],
)
def test_other_pauses_interrupt_nothing(day: Scripted, why: str) -> None:
    floor = scripted([("09:00:00", 77_500, 1000, NONE), *day])
    floor.settle("15:40")
    assert floor.notes.interruptions == [], why
    assert NONE not in [trade.side for trade in floor.notes.trades if trade.time < at(DAY, "15:20")]


def test_the_price_of_each_is_the_base_of_the_next() -> None:
    floor = scripted(
        [
            ("09:00:00", 77_500, 1000, NONE),
            ("10:00:00", 86_000, 10, BUY),
            ("11:00:00", 77_400, 10, SELL),  # a tenth below 86,000
            ("11:10:00", 80_000, 10, BUY),
            ("12:00:00", 69_600, 10, SELL),  # a tenth below 77,400, whatever was traded since
        ]
    )
    floor.settle("13:00")
    released = [each for each in floor.notes.interruptions if each.released]
    assert [(each.static, each.price, each.number, each.rises) for each in released] == [
        (77_500, 85_300, 1, True),
        (86_000, 77_400, 2, False),
        (77_400, 69_600, 3, False),
    ]


def test_before_the_first_trade_it_is_measured_from_the_base_price() -> None:
    floor = scripted([("09:02:20", 86_000, 100, NONE), ("09:02:30", 86_100, 5, BUY)], "08:50")
    floor.settle("09:05")
    on, off = floor.notes.interruptions
    assert (on.static, on.price, off.released) == (77_500, 85_300, at(DAY, "09:02:20"))
    assert at(DAY, "09:00") <= on.time
    assert [trade.side for trade in floor.notes.trades] == [NONE, BUY]


def test_at_a_limit_it_is_no_other() -> None:
    floor = scripted(
        [("09:00:00", 77_500, 9, NONE), ("09:30:00", 84_000, 5, BUY), ("09:40:00", 100_500, 5, BUY)]
    )
    floor.settle("09:45")
    assert floor.notes.interruptions[-1].released == at(DAY, "09:40")
    assert floor.exchange.depth(CODE)[0] == []


# Clients' orders


def stopped() -> SteppedExchange:
    """In the middle of the interruption of ``RISE``."""
    floor = scripted(RISE)
    floor.settle("09:40")
    assert len(floor.notes.interruptions) == 1
    return floor


def shares(floor: SteppedExchange, number: int) -> int:
    return sum(volume for _, volume in floor.filled(number))


def test_orders_that_come_during_it_trade_at_the_single_price() -> None:
    floor = stopped()
    dear, exact, cheap = floor.buy(5, 87_000), floor.buy(6, 86_000), floor.buy(7, 84_000)
    any_price, too_dear = floor.sell(3), floor.sell(4, 88_000)
    floor.settle("09:41:19")
    assert floor.fills == []
    assert floor.notes.expectations[-1][2] == ExpectedPrice(86_000, 500)
    floor.settle("09:41:20")
    assert [shares(floor, n) for n in (dear, exact, cheap, any_price, too_dear)] == [5, 6, 0, 3, 0]
    assert {fill.price for fill in floor.fills} == {86_000}
    auction = [trade for trade in floor.notes.trades if trade.time == at(DAY, "09:41:20")]
    assert {(trade.price, trade.side) for trade in auction} == {(86_000, NONE)}
    assert sum(trade.volume for trade in auction) == 500
    assert floor.exchange.tape(CODE).volume == 1000 + 10 + 500
    assert floor.exchange.cancel(cheap) == 7
    assert floor.exchange.cancel(too_dear) == 4


def test_what_is_left_goes_on_in_the_book() -> None:
    floor = stopped()
    order = floor.buy(7, 85_800)
    floor.settle("09:41:25")
    assert floor.filled(order) == []
    assert dict(floor.exchange.depth(CODE)[1])[85_800] >= 7
    assert floor.exchange.cancel(order) == 7


def test_an_order_that_rested_in_the_book_takes_part() -> None:
    floor = scripted(RISE)
    floor.settle("09:38")
    seller = floor.sell(4, 85_500)
    buyer = floor.buy(9, 70_000)
    floor.settle("09:41:19")
    assert floor.fills == []
    floor.settle("09:41:20")
    assert floor.filled(seller) == [(86_000, 4)]
    assert floor.filled(buyer) == []
    assert floor.exchange.cancel(buyer) == 9


def test_two_clients_do_not_trade_before_it_is_over() -> None:
    floor = stopped()
    buyer, seller = floor.buy(5, 90_000), floor.sell(5, 80_000)
    floor.settle("09:41:10")
    assert floor.fills == []
    floor.settle("09:41:20")
    assert floor.filled(buyer) == floor.filled(seller) == [(86_000, 5)]


def test_an_order_may_be_cancelled_during_it() -> None:
    floor = stopped()
    order = floor.buy(5, 90_000)
    assert floor.exchange.cancel(order, 2) == 2
    assert floor.exchange.cancel(order) == 3
    floor.settle("09:42")
    assert floor.fills == []


@pytest.mark.parametrize("kind", ["ioc", "fok"])
def test_immediate_orders_are_refused_during_it(kind: str) -> None:
    floor = stopped()
    with pytest.raises(OrderRejected, match="kind"):
        floor.buy(5, 86_000, kind)
    floor.settle("09:41:25")
    assert floor.filled(floor.buy(1, 90_000, kind)) != []


def test_who_comes_in_the_middle_of_it_finds_it_on() -> None:
    floor = SteppedExchange(
        hand_market(), f"{DAY} 09:40", hand_sessions, recorded=lambda code, day: script(RISE)
    )
    order = floor.buy(5, 87_000)  # nobody watches
    assert floor.fills == []
    floor.exchange.subscribe(CODE)
    floor.settle("09:41:30")
    assert floor.filled(order) == [(86_000, 5)]
    (off,) = floor.notes.interruptions
    assert off.released == at(DAY, "09:41:20")


def test_an_order_sent_from_within_a_fill_of_the_auction_meets_the_open_book() -> None:
    floor = stopped()
    later: list[int] = []
    floor.exchange.submit(
        NewOrder(CODE, BUY, 5, 87_000),
        lambda fill: later.append(floor.sell(5)) if fill.left == 0 else None,
    )
    floor.settle("09:41:20")
    assert shares(floor, later[0]) == 5


wishes = st.lists(
    st.tuples(
        st.integers(0, 240),  # seconds after 09:38
        st.sampled_from([BUY, SELL]),
        st.integers(-30, 30),  # ticks from 85,500
        st.integers(1, 300),
        st.sampled_from(["day", "day", "market", "cancel"]),
    ),
    min_size=1,
    max_size=25,
).map(lambda found: sorted(found, key=lambda wish: wish[0]))


@given(wishes)
@settings(max_examples=examples(15, 40), deadline=None)
def test_with_any_client_orders_nothing_trades_during_it_and_shares_are_conserved(
    stream: list[tuple[int, Side, int, int, str]],
) -> None:
    floor = scripted(RISE, "09:37")
    sides: dict[int, Side] = {}
    asked: dict[int, int] = {}
    gone: dict[int, int] = {}
    for second, side, steps, quantity, kind in stream:
        floor.settle(f"09:{38 + second // 60}:{second % 60}")
        if kind == "cancel" and asked:
            number = max(asked)
            gone[number] = gone.get(number, 0) + floor.exchange.cancel(number, quantity)
            continue
        price = 0 if kind == "market" else 85_500 + 100 * steps
        number = floor.exchange.submit(NewOrder(CODE, side, quantity, price), floor.fills.append)
        sides[number], asked[number] = side, quantity
    floor.settle("09:50")
    on, off = floor.notes.interruptions
    assert [t for t in floor.notes.trades if on.time < t.time < off.released] == []
    assert [fill for fill in floor.fills if on.time < fill.time < off.released] == []
    single = {t.price for t in floor.notes.trades if t.time == off.released and t.side is NONE}
    assert single == {86_000}
    for number, quantity in asked.items():
        open_ = floor.exchange.cancel(number)
        assert shares(floor, number) + gone.get(number, 0) + open_ == quantity
    bought = sum(f.volume for f in floor.fills if f.time == off.released and sides[f.order] is BUY)
    sold = sum(f.volume for f in floor.fills if f.time == off.released and sides[f.order] is SELL)
    matched = sum(t.volume for t in floor.notes.trades if t.time == off.released)
    assert 500 <= matched <= 500 + bought + sold
    assert floor.exchange.tape(CODE).volume == 1000 + sum(t.volume for t in floor.notes.trades)
