"""시간외종가 at the exchange: before the opening at 기준가, after the close at the close, in the order of time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.simulated.exchange.interface import OrderRejected, QueuedShares, Trade
from kernel_server.simulated.exchange.off_hours.closing_price import ClosingPrice
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.market.trade_script import Side
from tests.support.examples import examples
from tests.support.exchange import CODE, DAY, SteppedExchange, hand_market, hand_sessions, scripted
from tests.support.market_calendar import LATE, at, weekdays
from tests.support.simulated_broker import bars

BUY, SELL, NONE = Side.BUY, Side.SELL, Side.NONE
BEFORE, AFTER = Board.BEFORE, Board.AFTER
TODAY = "2026-03-18"


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(7, weekdays)


def floor_at(market: Market, start: str, seed: int = 1, day: str = TODAY) -> SteppedExchange:
    floor = SteppedExchange(market, f"{day} {start}", weekdays, seed)
    floor.exchange.subscribe(CODE)
    floor.work_off()
    return floor


def with_queue(market: Market, start: str, side: Side) -> SteppedExchange:
    """An exchange in whose 시간외종가 the background waits on that side."""
    for seed in range(1, 30):
        floor = floor_at(market, start, seed)
        waiting = floor.exchange.closing_price_queue(CODE)
        if (waiting.asks if side is SELL else waiting.bids) > 100:
            return floor
    raise AssertionError("nobody waits on that side")


def at_the_close(floor: SteppedExchange, day: str = TODAY) -> list[Trade]:
    return [trade for trade in floor.exchange.trades(CODE) if trade.time > at(day, "15:30")]


def traded(floor: SteppedExchange, number: int) -> int:
    return sum(volume for _price, volume in floor.filled(number))


class TestBeforeTheOpening:
    def test_a_buyer_meets_the_sellers_who_wait_at_the_close_before(self, market: SyntheticMarket) -> None:
        floor = with_queue(market, "08:31", SELL)
        base = int(market.daily(CODE, False, at(TODAY, "08:00"), 1).close[-1])
        order = floor.buy(7, board=BEFORE)
        assert floor.filled(order) == [(base, 7)]
        assert floor.notes.trades == []

    def test_an_order_without_a_counterparty_rests_and_can_be_cancelled_during_the_day(
        self, market: SyntheticMarket
    ) -> None:
        floor = with_queue(market, "08:31", SELL)
        order = floor.sell(7, board=BEFORE)
        before = floor.exchange.closing_price_queue(CODE)
        floor.settle("10:00")
        assert before.asks > 7
        assert floor.filled(order) == []
        assert floor.exchange.closing_price_queue(CODE) == QueuedShares(0, 0)
        assert floor.exchange.cancel(order, 3) == 3
        assert floor.exchange.cancel(order) == 4

    def test_what_is_not_cancelled_is_void_when_the_session_closes(self, market: SyntheticMarket) -> None:
        floor = with_queue(market, "08:31", SELL)
        order = floor.sell(7, board=BEFORE)
        floor.settle("15:31")
        assert floor.exchange.cancel(order) == 0

    def test_the_opening_auction_collects_at_the_same_time(self, market: SyntheticMarket) -> None:
        floor = with_queue(market, "08:31", SELL)
        beside, regular = floor.buy(7, board=BEFORE), floor.buy(5)
        assert [fill.order for fill in floor.fills] == [beside]
        floor.settle("09:00")
        assert traded(floor, regular) == 5
        tape = floor.exchange.tape(CODE)
        opening = [t for t in floor.notes.trades if t.time == at(TODAY, "09:00")]
        assert tape.open == opening[0].price
        assert tape.open_time == "090000"
        assert tape.volume == sum(trade.volume for trade in opening)

    def test_a_fill_leaves_the_tape_alone(self, market: SyntheticMarket) -> None:
        floor = with_queue(market, "08:31", SELL)
        floor.buy(7, board=BEFORE)
        tape = floor.exchange.tape(CODE)
        assert (tape.open, tape.high, tape.low, tape.last) == (0, 0, 0, tape.base)
        assert (tape.volume, tape.value, tape.buys, tape.buy_count) == (0, 0, 0, 0)

    def test_who_is_not_all_filled_at_once_is_met_by_those_who_come_later_watched_or_not(
        self, market: SyntheticMarket
    ) -> None:
        fills = []
        for watched in (True, False):
            floor = with_queue(market, "08:31", SELL)
            if not watched:
                floor.exchange.unsubscribe(CODE)
            order = floor.buy(floor.exchange.closing_price_queue(CODE).asks + 50, board=BEFORE)
            floor.settle("08:40")
            assert len(floor.filled(order)) > 1
            fills.append([(fill.volume, fill.left) for fill in floor.fills])
        assert fills[0] == fills[1]

    def test_the_background_waits_and_trades_nothing(self, market: SyntheticMarket) -> None:
        floor = floor_at(market, "08:29")
        floor.settle("08:59")
        assert floor.notes.trades == []
        assert floor.exchange.tape(CODE).volume == 0

    def test_on_a_late_day_the_hours_are_late(self, market: SyntheticMarket) -> None:
        floor = floor_at(market, "09:29:59", day=LATE)
        with pytest.raises(OrderRejected):
            floor.buy(1, board=BEFORE)
        floor.settle("09:30")
        floor.exchange.cancel(floor.buy(1, board=BEFORE))
        floor.settle("09:40")
        with pytest.raises(OrderRejected) as refused:
            floor.buy(1, board=BEFORE)
        assert refused.value.reason == "closed"


class TestAfterTheClose:
    def test_trades_are_at_the_close_from_15_40_to_16_00(self, market: SyntheticMarket) -> None:
        floor = floor_at(market, "15:00")
        floor.settle("18:30")
        trades = at_the_close(floor)
        close = int(market.daily(CODE, False, at(TODAY, "18:00"), 1).close[-1])
        assert len(trades) > 5
        assert {trade.price for trade in trades} == {close}
        assert trades[0].time == at(TODAY, "15:40")
        assert all(at(TODAY, "15:40") < trade.time < at(TODAY, "16:00") for trade in trades[1:])
        assert [trade for trade in floor.notes.trades if trade.time > at(TODAY, "15:30")] == trades

    def test_what_was_collected_has_no_sign_and_then_one_side_comes_to_the_other(
        self, market: SyntheticMarket
    ) -> None:
        floor = floor_at(market, "15:35")
        floor.settle("16:01")
        first, *rest = at_the_close(floor)
        assert first.side is NONE
        (taker,) = {trade.side for trade in rest}
        waiting = floor.exchange.closing_price_queue(CODE)
        assert (waiting.asks, waiting.bids).index(0) == (0 if taker is SELL else 1)

    def test_it_is_a_small_part_of_the_day(self, market: SyntheticMarket) -> None:
        floor = floor_at(market, "16:01")
        volume = sum(trade.volume for trade in at_the_close(floor))
        assert 0 < volume < floor.exchange.tape(CODE).volume / 20

    def test_who_comes_late_finds_the_tape_as_if_watched_all_along(self, market: SyntheticMarket) -> None:
        early = floor_at(market, "15:35")
        for time in ("15:40", "15:47:13", "15:59:59", "17:00"):
            early.settle(time)
            unwatched = SteppedExchange(market, f"{TODAY} {time}", weekdays)
            late = floor_at(market, time)
            for floor in (unwatched, late):
                assert floor.exchange.tape(CODE) == early.exchange.tape(CODE), time
                assert floor.exchange.trades(CODE) == early.exchange.trades(CODE), time
                queued = [one.exchange.closing_price_queue(CODE)[:2] for one in (floor, early)]
                assert queued[0] == queued[1], time

    def test_the_bars_of_the_day_know_nothing_of_it(self, market: SyntheticMarket) -> None:
        floor = floor_at(market, "16:01")
        tape, trades = floor.exchange.tape(CODE), floor.exchange.trades(CODE)
        day = market.daily(CODE, False, at(TODAY, "18:00"), 1)
        assert tape.volume == int(day.volume[-1]) + sum(trade.volume for trade in at_the_close(floor))
        assert tape.value == sum(trade.price * trade.volume for trade in trades)
        assert (tape.open, tape.high, tape.low, tape.last) == tuple(
            int(getattr(day, name)[-1]) for name in ("open", "high", "low", "close")
        )

    def test_an_order_of_the_pause_takes_part_at_15_40(self, market: SyntheticMarket) -> None:
        floor = floor_at(market, "15:35")
        buyer, seller = floor.buy(5, board=AFTER), floor.sell(5, board=AFTER)
        assert floor.fills == []
        floor.settle("15:39:59")
        assert floor.fills == []
        floor.settle("15:40")
        # One of the two came to the side that is left: it waits behind those who came before.
        (met,) = {fill.order for fill in floor.fills}
        assert met in (buyer, seller)
        assert traded(floor, met) == 5
        assert {(fill.price, fill.time) for fill in floor.fills} == {
            (floor.exchange.tape(CODE).last, at(TODAY, "15:40"))
        }

    def test_two_clients_trade_with_each_other_at_once(self) -> None:
        floor = scripted([("09:31:00", 77_400, 1, SELL)], "15:45")
        assert floor.exchange.phase() is Phase.AFTER_CLOSE
        first, second = floor.sell(100_000, board=AFTER), floor.buy(100_000, board=AFTER)
        assert traded(floor, first) >= 90_000
        assert traded(floor, second) >= 90_000
        assert {price for price, _ in floor.filled(first) + floor.filled(second)} == {77_400}

    def test_at_16_00_what_is_open_is_void(self, market: SyntheticMarket) -> None:
        floor = with_queue(market, "15:41", BUY)
        order = floor.buy(1_000_000, board=AFTER)
        floor.settle("16:00")
        assert floor.exchange.cancel(order) == 0
        assert floor.exchange.closing_price_queue(CODE).bids < 1_000_000

    def test_the_close_is_the_markets_where_a_client_has_traded_last(self) -> None:
        floor = scripted([("09:31:00", 77_400, 1, SELL)], "15:00")
        floor.settle("15:10")
        asks, _ = floor.exchange.depth(CODE)
        floor.buy(asks[0].volume + 1, asks[1].price)
        assert floor.exchange.tape(CODE).last == 77_400 != asks[1].price
        floor.settle("15:41")
        assert floor.exchange.tape(CODE).last == 77_400
        order = floor.buy(3, board=AFTER)
        other = floor.sell(3, board=AFTER)
        assert {price for price, _ in floor.filled(order) + floor.filled(other)} == {77_400}

    def test_where_nothing_was_traded_all_day_there_are_no_background_orders(self) -> None:
        market = hand_market()
        market.days[CODE] = bars([(20220117, 77600, 77800, 76900, 77500, 8785122)])
        floor = SteppedExchange(market, f"{DAY} 15:35", hand_sessions)
        floor.exchange.subscribe(CODE)
        floor.settle("18:05")
        assert floor.notes.trades == []
        assert {trade for _code, _time, _evening, trade in floor.notes.evenings} == {None}
        assert floor.exchange.closing_price_queue(CODE) == QueuedShares(0, 0)


@pytest.mark.parametrize(
    ("time", "board", "good"),
    [
        ("08:29:59", BEFORE, False),
        ("08:30", BEFORE, True),
        ("08:40", BEFORE, False),
        ("08:35", AFTER, False),
        ("12:00", BEFORE, False),
        ("15:29:59", AFTER, False),
        ("15:30", AFTER, True),
        ("15:59:59", AFTER, True),
        ("16:00", AFTER, False),
    ],
)
def test_orders_are_taken_in_the_hours_of_their_board(
    market: SyntheticMarket, time: str, board: Board, good: bool
) -> None:
    floor = floor_at(market, time)
    if good:
        floor.buy(1, board=board)
        return
    with pytest.raises(OrderRejected) as refused:
        floor.buy(1, board=board)
    assert refused.value.reason == "closed"


@pytest.mark.parametrize(("time", "board"), [("08:35", BEFORE), ("15:45", AFTER)])
def test_there_is_one_price_and_orders_wait(market: SyntheticMarket, time: str, board: Board) -> None:
    floor = floor_at(market, time)
    price = floor.exchange.tape(CODE).last
    floor.buy(1, price, board=board)
    for bad, kind, reason in ((price + 100, "day", "limit"), (price, "ioc", "kind"), (0, "fok", "kind")):
        with pytest.raises(OrderRejected) as refused:
            floor.buy(1, bad, kind, board)
        assert refused.value.reason == reason


def test_what_waits_in_the_closing_auction_is_filled_before_the_session_is_said_to_be_over() -> None:
    floor = scripted([("09:31:00", 77_500, 10, SELL), ("15:30:00", 77_000, 2000, NONE)], "15:25")
    order = floor.buy(5)
    floor.settle("15:31")
    assert traded(floor, order) == 5
    kinds = [note[:2] for note in floor.notes.all if note[0] in ("traded", "phase")]
    assert kinds[-1] == ("phase", Phase.PAUSE)
    assert kinds[-2][0] == "traded"


# The queue by itself.


def test_who_joins_those_who_wait_comes_after_them_and_before_those_who_come_later() -> None:
    board = ClosingPrice(1000, BUY, resting=100)
    assert board.submit(1, BUY, 5) == []
    for taken in (60, 40):  # as many come behind
        assert {match.maker for match in board.advance(100, taken)} == {0}
    assert [(match.maker, match.volume) for match in board.advance(100, 10)] == [(1, 5), (0, 10)]


def test_an_order_without_a_counterparty_is_filled_by_the_next_to_come() -> None:
    board = ClosingPrice(1000, BUY, resting=100)
    assert [(match.maker, match.volume) for match in board.submit(1, SELL, 130)] == [(0, 100)]
    assert board.queued == QueuedShares(30, 0, 30, -100)
    assert [(match.maker, match.volume) for match in board.advance(120)] == [(1, 20)]
    assert [(match.maker, match.volume) for match in board.advance(120, 7)] == [(1, 7), (1, 3), (0, 7)]


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["buy", "sell", "cancel"]), st.integers(1, 200)),
        st.tuples(st.just("move"), st.integers(1, 300), st.integers(0, 200)),
    ),
    max_size=40,
)


@given(st.sampled_from([BUY, SELL]), st.integers(1, 300), st.integers(0, 300), st.integers(0, 8), steps)
@settings(max_examples=examples(60, 150), deadline=None)
def test_nothing_is_lost_no_order_is_passed_over_and_the_background_trades_what_it_would_anyway(
    side: Side, waiting: int, first: int, collected: int, stream: list[tuple[str, int]]
) -> None:
    board = ClosingPrice(1000, side, waiting, first)
    open_: dict[int, tuple[Side, int]] = {}
    background = 0
    number = 0

    def count(met: list) -> int:  # type: ignore[type-arg]
        """Takes what was met off the orders; what the background traded with itself."""
        own = 0
        for match in met:
            assert match.price == 1000
            assert match.volume > 0
            for who in (match.maker, match.taker):
                if who:
                    of, left = open_[who]
                    # Of a side, whoever came first is met first.
                    assert who == min(n for n, (other, rest) in open_.items() if other is of and rest)
                    open_[who] = (of, left - match.volume)
                    assert open_[who][1] >= 0
            own += match.volume * (match.maker == match.taker == 0)
        return own

    drawn = first
    for place, (what, size, *volume) in enumerate([*stream[:collected], ("begin", 0), *stream[collected:]]):
        if what == "begin":
            background += count(board.start_trading())
        elif what == "move":
            if place < collected:
                continue
            drawn += volume[0]
            background += count(board.advance(size, volume[0]))
        elif what == "cancel":
            victim = max((n for n, (_side, left) in open_.items() if left), default=0)
            gone = board.cancel(victim, size)
            if victim:
                of, left = open_[victim]
                assert gone == min(size, left)
                open_[victim] = (of, left - gone)
        else:
            number += 1
            open_[number] = (BUY if what == "buy" else SELL, size)
            met = board.submit(number, open_[number][0], size)
            for match in met:  # the newcomer takes; those who wait are met in their order
                assert match.taker == number
                open_[number] = (open_[number][0], open_[number][1] - match.volume)
                if match.maker:
                    of, left = open_[match.maker]
                    assert match.maker == min(n for n, (o, rest) in open_.items() if o is of and rest)
                    open_[match.maker] = (of, left - match.volume)
    assert background == drawn
    asks, bids = (sum(left for of, left in open_.values() if of is s) for s in (SELL, BUY))
    assert board.queued.asks >= asks
    assert board.queued.bids >= bids
    assert not board.queued.asks or not board.queued.bids
