"""Clients' orders: they stand in the public book and trade with it, and are in nothing that is published."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.reference.price_rules import rules
from kernel_server.simulated.exchange.interface import NewOrder, OrderRejected
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.market.trade_script import Side
from tests.support.examples import examples
from tests.support.exchange import CODE, SteppedExchange, hand_market, hand_sessions, scripted
from tests.support.market_calendar import weekdays

BUY, SELL, NONE = Side.BUY, Side.SELL, Side.NONE


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(7, weekdays)


def volume(floor: SteppedExchange) -> int:
    return floor.exchange.tape(CODE).volume


def shares(floor: SteppedExchange, number: int) -> int:
    """What the order has traded."""
    return sum(count for _, count in floor.filled(number))


def test_a_limit_order_waits_until_the_script_trades_through_its_price() -> None:
    floor = scripted([("09:40:00", 77_500, 10, SELL), ("09:50:00", 77_300, 20, SELL)])
    order = floor.buy(5, 77_400)
    floor.settle("09:45")
    assert floor.filled(order) == []
    floor.settle("09:55")
    assert floor.filled(order) == [(77_400, 5)]
    assert floor.fills[0].left == 0
    assert [(t.price, t.volume) for t in floor.notes.trades] == [(77_500, 10), (77_300, 20)]
    assert volume(floor) == 30


def test_at_its_own_price_an_order_comes_after_those_who_waited_before() -> None:
    floor = scripted(
        [("09:31:00", 77_400, 1, SELL), ("09:40:00", 77_400, 10, SELL), ("09:50:00", 77_400, 1_000_000, SELL)]
    )
    floor.settle("09:31:00")
    order = floor.buy(5, 77_400)
    floor.settle("09:45")
    assert floor.filled(order) == []
    floor.settle("09:55")
    assert floor.filled(order) == [(77_400, 5)]
    assert volume(floor) == 1_000_011


def test_a_market_order_takes_the_best_price_there_is() -> None:
    floor = scripted([("09:31:00", 77_400, 1, SELL)])
    floor.settle("09:32")
    asks, _ = floor.exchange.depth(CODE)
    order = floor.buy(3)
    assert floor.filled(order) == [(asks[0].price, 3)]
    assert floor.exchange.depth(CODE)[0][0].volume == asks[0].volume - 3
    assert [(trade.price, trade.volume) for trade in floor.exchange.trades(CODE)] == [(77_400, 1)]
    assert floor.exchange.tape(CODE).last == 77_400
    assert volume(floor) == 1


def test_an_order_larger_than_the_best_price_takes_the_next_ones_and_the_rest_waits() -> None:
    floor = scripted([("09:31:00", 77_400, 1, SELL), ("09:40:00", 77_400, 9, SELL)])
    floor.settle("09:32")
    asks, _ = floor.exchange.depth(CODE)
    order = floor.buy(asks[0].volume + asks[1].volume + 5, asks[1].price)
    assert floor.filled(order) == [tuple(level) for level in asks[:2]]
    assert floor.fills[-1].left == 5
    assert floor.exchange.depth(CODE)[1][0] == (asks[1].price, 5)
    floor.settle("09:41")
    assert floor.filled(order)[2:] == [(asks[1].price, 5)]


def test_an_order_that_has_taken_the_best_price_away_is_met_when_the_script_comes_back_to_it() -> None:
    floor = scripted([("09:31:00", 77_500, 1, BUY), ("09:40:00", 77_500, 9, BUY)])
    floor.settle("09:32")
    (price, waiting), *_ = floor.exchange.depth(CODE)[0]
    assert price == 77_500
    order = floor.buy(waiting + 5, price)
    floor.settle("09:41")
    assert floor.filled(order) == [(price, waiting), (price, 5)]
    assert [(t.volume, t.side) for t in floor.notes.trades] == [(1, BUY), (9, BUY)]


def test_ioc_trades_what_it_can_and_fok_all_or_nothing() -> None:
    floor = scripted([("09:31:00", 77_400, 1, SELL)])
    floor.settle("09:32")
    asks, bids = floor.exchange.depth(CODE)
    all_or_nothing = floor.buy(asks[0].volume + 1, asks[0].price, "fok")
    assert floor.filled(all_or_nothing) == []
    what_there_is = floor.buy(asks[0].volume + 1, asks[0].price, "ioc")
    assert floor.filled(what_there_is) == [tuple(asks[0])]
    assert floor.exchange.depth(CODE)[1] == bids
    assert floor.exchange.cancel(what_there_is) == 0
    assert floor.filled(floor.sell(bids[0].volume, bids[0].price, "fok")) == [tuple(bids[0])]


def test_what_is_taken_back_is_not_traded() -> None:
    floor = scripted([("09:40:00", 77_300, 20, SELL)])
    order = floor.buy(5, 77_400)
    assert floor.exchange.cancel(order, 2) == 2
    assert floor.exchange.cancel(order + 1) == 0
    floor.settle("09:45")
    assert floor.filled(order) == [(77_400, 3)]
    assert floor.exchange.cancel(order) == 0
    other = floor.buy(5, 76_000)
    assert floor.exchange.cancel(other) == 5
    assert floor.exchange.cancel(other) == 0


def test_an_order_sees_what_was_due_before_it_came() -> None:
    floor = scripted([("09:40:00", 77_500, 10, SELL), ("09:50:00", 76_500, 20, SELL)])
    floor.clock.advance(30 * 60)  # nobody has done the work yet
    order = floor.buy(5, 77_400)
    assert floor.filled(order)[0][0] < 77_000
    assert [trade.price for trade in floor.notes.trades[:2]] == [77_500, 76_500]


def test_two_clients_trade_with_each_other() -> None:
    floor = scripted([("09:31:00", 77_400, 1, SELL)])
    floor.settle("09:32")
    asks, bids = floor.exchange.depth(CODE)
    inside = bids[0].price + 100
    if inside == asks[0].price:  # the spread is one tick: make room
        floor.buy(asks[0].volume, asks[0].price)
    seller = floor.sell(4, inside)
    buyer = floor.buy(3, inside)
    assert floor.filled(seller) == floor.filled(buyer) == [(inside, 3)]


class TestAuctions:
    DAY = (
        ("09:00:00", 77_600, 1000, NONE),
        ("09:01:00", 77_500, 10, SELL),
        ("15:30:00", 77_000, 2000, NONE),
    )

    def test_who_meets_the_opening_price_trades_at_it(self) -> None:
        floor = scripted(self.DAY, "08:40")
        dear, exact, cheap = floor.buy(5, 78_000), floor.buy(6, 77_600), floor.buy(7, 77_000)
        any_price, too_dear = floor.sell(3), floor.sell(4, 77_700)
        floor.settle("08:59:59")
        assert floor.fills == []
        expected = floor.notes.expectations[-1][2]
        assert (expected.price, expected.volume) == (77_600, 1000)
        floor.settle("09:00")
        assert [shares(floor, n) for n in (dear, exact, cheap, any_price, too_dear)] == [5, 6, 0, 3, 0]
        assert volume(floor) == 1000
        assert {trade.side for trade in floor.notes.trades} == {NONE}
        assert {trade.price for trade in floor.notes.trades} == {77_600}
        assert floor.exchange.cancel(cheap) == 7
        assert floor.exchange.cancel(too_dear) == 4

    def test_what_waits_goes_into_the_closing_auction_and_ends_with_it(self) -> None:
        floor = scripted(self.DAY, "10:00")
        waiting, hopeless = floor.buy(5, 77_200), floor.buy(5, 70_000)
        floor.settle("15:25")
        late = floor.sell(8)
        floor.settle("15:31")
        assert [shares(floor, n) for n in (waiting, late, hopeless)] == [5, 8, 0]
        assert {fill.price for fill in floor.fills} == {77_000}
        assert floor.exchange.cancel(hopeless) == 0
        assert volume(floor) == 1010 + 2000

    def test_what_waits_goes_into_the_closing_auction_even_if_its_beginning_is_noticed_late(self) -> None:
        floor = scripted(self.DAY, "10:00")
        waiting = floor.buy(5, 77_200)
        floor.clock.advance(5.5 * 3600 - 300)  # nobody has done the work yet
        assert floor.exchange.tape(CODE).last == 77_500
        assert [phase for phase, _ in floor.notes.phases] == [Phase.CLOSING_AUCTION]
        late = floor.sell(8)
        floor.settle("15:30")
        assert [shares(floor, n) for n in (waiting, late)] == [5, 8]
        assert volume(floor) == 10 + 1000 + 2000

    def test_auctions_may_come_some_seconds_after_opening_and_close(self) -> None:
        day = (("09:00:07", *self.DAY[0][1:]), self.DAY[1], ("15:30:12", *self.DAY[2][1:]))
        floor = scripted(day, "08:40")
        before = floor.buy(5, 78_000)
        floor.settle("09:00:03")
        after, gone = floor.buy(6, 78_000), floor.buy(9, 78_000)
        assert floor.exchange.cancel(gone) == 9
        floor.settle("09:00:06")
        assert floor.fills == []
        floor.settle("09:00:07")
        assert floor.filled(before) == [(77_600, 5)]
        assert floor.filled(after) == [(77_600, 6)]
        floor.settle("15:29")
        selling, hopeless = floor.sell(8), floor.buy(5, 70_000)
        floor.settle("15:30:11")
        assert floor.filled(selling) == []
        floor.settle("15:31")
        assert floor.filled(selling) == [(77_000, 8)]
        assert floor.exchange.cancel(hopeless) == 0

    def test_in_an_auction_all_or_nothing_is_not_for_sale(self) -> None:
        floor = scripted(self.DAY, "08:40")
        with pytest.raises(OrderRejected) as refused:
            floor.buy(5, 77_600, "ioc")
        assert refused.value.reason == "kind"

    def test_orders_can_be_taken_back_during_an_auction(self) -> None:
        floor = scripted(self.DAY, "08:40")
        order = floor.buy(5, 78_000)
        assert floor.exchange.cancel(order) == 5
        floor.settle("09:00")
        assert floor.fills == []
        assert volume(floor) == 1000

    def test_without_an_opening_trade_orders_wait_for_the_first_quotes(self) -> None:
        floor = scripted(self.DAY[1:], "08:40")
        low, high = floor.buy(5, 77_000), floor.buy(5, 78_000)
        floor.settle("09:00:01")
        assert floor.filled(low) == []
        assert [count for _, count in floor.filled(high)] == [5]
        assert floor.filled(high)[0][0] <= 77_700


REFUSED = [
    ("999999", BUY, 1, 77_400, "day", "not_listed"),
    (CODE, BUY, 0, 77_400, "day", "quantity"),
    (CODE, NONE, 1, 77_400, "day", "quantity"),
    (CODE, BUY, 1, 77_450, "day", "tick"),
    (CODE, BUY, 1, 100_600, "day", "limit"),
    (CODE, SELL, 1, 54_200, "day", "limit"),
    (CODE, BUY, 1, 77_400, "gtc", "kind"),
]


@pytest.mark.parametrize(("code", "side", "quantity", "price", "kind", "reason"), REFUSED)
def test_a_bad_order_is_refused_and_leaves_nothing(
    code: str, side: Side, quantity: int, price: int, kind: str, reason: str
) -> None:
    floor = scripted([("09:40:00", 77_500, 10, SELL)])
    with pytest.raises(OrderRejected) as refused:
        floor.exchange.submit(NewOrder(code, side, quantity, price, kind), floor.fills.append)
    assert refused.value.reason == reason
    floor.settle("09:45")
    assert (volume(floor), floor.fills) == (10, [])


@pytest.mark.parametrize("time", ["08:00", "15:35", "16:30", "20:00"])
def test_outside_hours_no_order_is_taken(time: str) -> None:
    floor = scripted([("09:40:00", 77_500, 10, SELL)], time)
    with pytest.raises(OrderRejected) as refused:
        floor.buy(1, 77_400)
    assert refused.value.reason == "closed"


def test_in_a_halted_issue_no_order_is_taken() -> None:
    market = hand_market()
    days = market.days[CODE]
    days.volume[-1] = 0
    market.minutes = {CODE: Bars(*(getattr(days, name)[:0] for name in Bars.__slots__))}
    floor = SteppedExchange(market, "2022-01-18 10:00", hand_sessions)
    with pytest.raises(OrderRejected) as refused:
        floor.buy(1, 77_400)
    assert refused.value.reason == "halted"
    floor.exchange.subscribe(CODE)
    floor.settle("16:00")
    assert {note[0] for note in floor.notes.all} == {"phase"}


def test_a_clients_order_is_filled_without_a_subscriber() -> None:
    floor = scripted([("09:31:00", 77_400, 1, SELL), ("09:40:00", 77_300, 10, SELL)])
    order = floor.buy(5, 77_400)
    floor.exchange.unsubscribe(CODE)
    told = len(floor.notes.all)
    floor.settle("09:45")
    assert floor.filled(order) == [(77_400, 5)]
    assert volume(floor) == 11
    assert len(floor.notes.all) == told


def test_at_the_upper_limit_a_buyer_waits_for_a_seller() -> None:
    floor = scripted(
        [
            ("09:30:30", 100_000, 1, NONE),  # a VI has ended there
            ("09:31:00", 100_500, 4_000_000_000, BUY),
            ("09:40:00", 100_500, 4_000_000_000, SELL),
        ]
    )
    floor.settle("09:35")
    assert floor.exchange.depth(CODE)[0] == []
    order = floor.buy(7)
    assert floor.filled(order) == []
    assert floor.exchange.depth(CODE)[1][0] == (100_500, 7)
    floor.settle("09:41")
    assert floor.filled(order) == [(100_500, 7)]


wishes = st.lists(
    st.tuples(
        st.integers(0, 3600),  # seconds after 08:40
        st.integers(-6, 6),  # ticks from the last price
        st.integers(1, 3000),
        st.sampled_from(["day", "day", "market", "ioc", "fok", "cancel"]),
    ),
    min_size=1,
    max_size=25,
).map(sorted)


@pytest.mark.slow
@given(wishes)
@settings(max_examples=examples(3, 12), deadline=None)
def test_the_market_is_the_same_with_and_without_clients(
    market: SyntheticMarket, stream: list[tuple[int, int, int, str]]
) -> None:
    floor = SteppedExchange(market, "2026-03-18 08:40", weekdays)
    floor.exchange.subscribe(CODE)
    floor.work_off()
    asked: dict[int, int] = {}
    taken_back: dict[int, int] = {}
    for second, steps, quantity, kind in stream:
        minute, rest = divmod(8 * 3600 + 40 * 60 + second, 60)
        floor.settle(f"{minute // 60}:{minute % 60}:{rest}")
        if kind == "cancel" and asked:
            number = max(asked)
            taken_back[number] = taken_back.get(number, 0) + floor.exchange.cancel(number, quantity)
            continue
        tape = floor.exchange.tape(CODE)
        price = tape.last + steps * rules(date(2026, 3, 18), "KOSPI").tick(tape.last)
        with suppress(OrderRejected):  # an auction takes no ioc and no fok
            number = floor.buy(
                quantity, 0 if kind == "market" else price, "day" if kind == "market" else kind
            )
            asked[number] = quantity
    floor.settle("15:31")
    plain = SteppedExchange(market, "2026-03-18 15:31", weekdays).exchange
    traded = {number: shares(floor, number) for number in asked}
    assert floor.exchange.tape(CODE) == plain.tape(CODE)
    assert floor.exchange.trades(CODE) == plain.trades(CODE)
    assert all(traded[n] + taken_back.get(n, 0) <= asked[n] for n in asked)
