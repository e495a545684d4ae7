"""시간외 단일가 at the exchange: an auction every ten minutes from 16:10 to 18:00, around the close."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.reference.price_rules import rules
from kernel_server.simulated.exchange.interface import ExpectedPrice, OrderRejected, SinglePriceState
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.market.trade_script import Side
from tests.support.examples import examples
from tests.support.exchange import CODE, SteppedExchange, hand_market, hand_sessions, scripted
from tests.support.market_calendar import LATE, at, weekdays
from tests.support.simulated_broker import bars

SELL, NONE, SINGLE = Side.SELL, Side.NONE, Board.SINGLE
TODAY = "2026-03-18"


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(7, weekdays)


@pytest.fixture(scope="module")
def whole(market: SyntheticMarket) -> SteppedExchange:
    """An evening watched to its end."""
    floor = floor_at(market, "15:55")
    floor.settle("18:10")
    return floor


def floor_at(market: Market, start: str, seed: int = 1, day: str = TODAY) -> SteppedExchange:
    floor = SteppedExchange(market, f"{day} {start}", weekdays, seed)
    floor.exchange.subscribe(CODE)
    floor.work_off()
    return floor


def clock(time: float) -> str:
    second = int(time - at(TODAY))
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def still(market: Market) -> SteppedExchange:
    """An evening in whose first auction the background takes no part."""
    for seed in range(1, 200):
        floor = floor_at(market, "16:00:30", seed, "2022-01-18")
        floor.settle("16:09")
        if floor.notes.evenings[-1][2].expected == ExpectedPrice(0, 0):
            return floor
    raise AssertionError("there is always something going on")


def quiet_market() -> Market:
    """A market whose one issue trades very little."""
    market = hand_market()
    market.days[CODE] = bars(
        [(20220117, 77500, 77500, 77500, 77500, 90), (20220118, 77000, 77000, 77000, 77000, 90)]
    )
    return market


def test_trades_are_made_every_ten_minutes_at_one_price(whole: SteppedExchange) -> None:
    trades = [trade for _code, _time, _evening, trade in whole.notes.evenings if trade]
    times = [clock(trade.time) for trade in trades]
    assert len(times) == len(set(times)) > 6
    assert set(times) <= {f"{16 + n // 6}:{n % 6}0:00" for n in range(1, 13)}
    assert {trade.side for trade in trades} == {NONE}


def test_prices_are_within_ten_percent_of_the_close_and_on_the_grid(whole: SteppedExchange) -> None:
    close = whole.exchange.tape(CODE).last
    grid = rules(weekdays().dates[-1].item(), "KOSPI")
    for _code, _time, evening, trade in whole.notes.evenings:
        levels = [level.price for level in (*evening.asks, *evening.bids)]
        for price in (*levels, *([trade.price] if trade else []), evening.expected.price or close):
            assert close * 0.9 <= price <= close * 1.1
            assert price % grid.tick(price) == 0


def test_the_regular_tape_is_not_touched(whole: SteppedExchange) -> None:
    plain = SteppedExchange(SyntheticMarket(7, weekdays), f"{TODAY} 16:00", weekdays).exchange
    assert whole.exchange.tape(CODE) == plain.tape(CODE)
    assert whole.exchange.trades(CODE) == plain.trades(CODE)


def test_the_tape_of_the_evening_adds_up_its_trades_and_begins_at_the_close(whole: SteppedExchange) -> None:
    first, *_, last = (evening for _code, _time, evening, _trade in whole.notes.evenings)
    trades = [trade for _code, _time, _evening, trade in whole.notes.evenings if trade]
    close = whole.exchange.tape(CODE).last
    assert (first.tape.base, first.tape.last, first.tape.volume) == (close, close, 0)
    assert last.tape.volume == sum(trade.volume for trade in trades)
    assert last.tape.value == sum(trade.volume * trade.price for trade in trades)
    prices = [trade.price for trade in trades]
    assert (last.tape.open, last.tape.high, last.tape.low, last.tape.last) == (
        prices[0], max(prices), min(prices), prices[-1],
    )  # fmt: skip


def test_what_is_expected_comes_to_what_is_traded(whole: SteppedExchange) -> None:
    before: SinglePriceState | None = None
    seen = 0
    for _code, _time, evening, trade in whole.notes.evenings:
        if trade is not None:
            assert before is not None
            assert before.expected == ExpectedPrice(trade.price, trade.volume)
            seen += 1
        before = evening
    assert seen > 6


def test_expectations_move_between_auctions(whole: SteppedExchange) -> None:
    volumes = Counter(evening.expected.volume for _code, _time, evening, _trade in whole.notes.evenings)
    assert len(volumes) > 100


def test_who_comes_late_finds_the_evening_as_if_watched_all_along(market: SyntheticMarket) -> None:
    early = floor_at(market, "15:55")
    for time in ("16:00:30", "16:10", "16:44:44", "17:59:59", "18:00", "23:00"):
        early.settle(time)
        late = floor_at(market, time)
        unwatched = SteppedExchange(market, f"{TODAY} {time}", weekdays)
        assert late.exchange.single_price(CODE) == early.exchange.single_price(CODE), time
        assert unwatched.exchange.single_price(CODE) == early.exchange.single_price(CODE), time


def test_until_the_next_evening_the_last_one_is_told(market: SyntheticMarket) -> None:
    evening = floor_at(market, "23:00").exchange.single_price(CODE)
    for time in ("08:35", "12:00", "15:59"):
        later = SteppedExchange(market, f"2026-03-19 {time}", weekdays).exchange
        assert later.single_price(CODE).tape == evening.tape
        assert later.single_price(CODE).expected == ExpectedPrice(0, 0)
    assert later.tape(CODE).base == evening.tape.base


def test_the_same_seed_makes_the_same_evening_and_another_seed_another(
    market: SyntheticMarket, whole: SteppedExchange
) -> None:
    again, other = floor_at(market, "15:55"), floor_at(market, "15:55", seed=2)
    again.settle("18:10")
    other.settle("18:10")
    assert again.notes.all == whole.notes.all
    assert other.notes.evenings != whole.notes.evenings


def test_on_a_late_day_the_evening_is_late(market: SyntheticMarket) -> None:
    floor = floor_at(market, "16:55", day=LATE)
    floor.settle("19:10")
    trades = [trade.time for _code, _time, _evening, trade in floor.notes.evenings if trade]
    assert at(LATE, "17:10") <= trades[0]
    assert trades[-1] <= at(LATE, "19:00")


# Clients.


def test_who_meets_the_price_trades_at_it(market: SyntheticMarket) -> None:
    floor = floor_at(market, "16:01")
    plain = floor_at(market, "16:01")
    plain.settle("16:10:01")
    drawn = next(trade for _code, _time, _evening, trade in plain.notes.evenings if trade)
    tick = rules(weekdays().dates[-1].item(), "KOSPI").tick(drawn.price)
    dear, exact = floor.buy(5, drawn.price + tick, board=SINGLE), floor.buy(6, drawn.price, board=SINGLE)
    cheap = floor.buy(7, drawn.price - tick, board=SINGLE)
    seller = floor.sell(4, drawn.price, board=SINGLE)
    floor.settle("16:09:59")
    assert floor.fills == []
    assert floor.exchange.single_price(CODE).expected == ExpectedPrice(drawn.price, drawn.volume)
    floor.settle("16:10")
    filled = [floor.filled(order) for order in (dear, exact, cheap, seller)]
    assert [sum(volume for _price, volume in fills) for fills in filled] == [5, 6, 0, 4]
    assert {fill.price for fill in floor.fills} == {drawn.price}
    assert floor.exchange.single_price(CODE).tape.volume == drawn.volume
    assert floor.exchange.cancel(cheap) == 7


def test_what_is_not_traded_waits_for_the_next_auction_until_the_last() -> None:
    floor = still(quiet_market())
    buyer = floor.buy(5, 77_000, board=SINGLE)
    floor.settle("16:15")
    assert floor.fills == []
    seller = floor.sell(3, 76_900, board=SINGLE)
    floor.settle("16:20")
    assert [(fill.volume, fill.time) for fill in floor.fills if fill.order == seller] == [
        (3, at("2022-01-18", "16:20"))
    ]
    floor.exchange.cancel(buyer)
    waits = floor.buy(1, 69_300, board=SINGLE)
    floor.settle("18:00:01")
    assert floor.exchange.phase() is Phase.CLOSED
    assert floor.exchange.cancel(waits) == 0


def test_the_last_auction_is_at_18_00_and_before_the_end() -> None:
    floor = still(quiet_market())
    floor.settle("17:59")
    buyer, seller = floor.buy(5, 77_000, board=SINGLE), floor.sell(5, 77_000, board=SINGLE)
    floor.settle("18:01")
    assert {(fill.order, fill.time) for fill in floor.fills} == {
        (number, at("2022-01-18", "18:00")) for number in (buyer, seller)
    }
    kinds = [note[0] for note in floor.notes.all if note[0] in ("evening", "phase")]
    assert kinds[-1] == "phase"


def test_an_order_shows_in_the_book_until_it_would_be_traded() -> None:
    floor = still(quiet_market())
    floor.buy(500, 76_700, board=SINGLE)
    bids = {level.price: level.volume for level in floor.exchange.single_price(CODE).bids}
    assert bids[76_700] >= 500
    floor.sell(200, 76_700, board=SINGLE)
    evening = floor.exchange.single_price(CODE)
    assert evening.expected == ExpectedPrice(0, 0)
    assert 76_700 not in {level.price for level in (*evening.asks, *evening.bids)}


REFUSED = [
    ("16:30", 0, "limit"),
    ("16:30", 69_200, "limit"),  # 77,000 less ten percent is 69,300
    ("16:30", 84_800, "limit"),
    ("16:30", 77_050, "tick"),
    ("15:59:59", 77_000, "closed"),
    ("18:00", 77_000, "closed"),
    ("12:00", 77_000, "closed"),
]


@pytest.mark.parametrize(("time", "price", "reason"), REFUSED)
def test_a_bad_order_is_refused(time: str, price: int, reason: str) -> None:
    floor = SteppedExchange(hand_market(), f"2022-01-18 {time}", hand_sessions)
    with pytest.raises(OrderRejected) as refused:
        floor.buy(1, price, board=SINGLE)
    assert refused.value.reason == reason


@pytest.mark.parametrize("price", [69_300, 77_000, 84_700])
def test_a_price_within_ten_percent_is_taken(price: int) -> None:
    floor = SteppedExchange(hand_market(), "2022-01-18 16:30", hand_sessions)
    assert floor.exchange.cancel(floor.buy(3, price, board=SINGLE)) == 3


def test_the_days_limits_hold_too() -> None:
    floor = scripted([("09:40:00", 100_000, 10, SELL)], "16:05")  # the upper limit is 100,500
    floor.buy(1, 100_500, board=SINGLE)
    with pytest.raises(OrderRejected):
        floor.buy(1, 101_000, board=SINGLE)


def test_no_other_kind_of_order_is_taken() -> None:
    floor = SteppedExchange(hand_market(), "2022-01-18 16:30", hand_sessions)
    for kind in ("ioc", "fok"):
        with pytest.raises(OrderRejected):
            floor.buy(1, 77_000, kind, SINGLE)


wishes = st.lists(
    st.tuples(
        st.integers(0, 7199),  # seconds after 16:00
        st.sampled_from(["buy", "sell", "sell", "buy", "cancel"]),
        st.integers(-80, 80),  # ticks from the close
        st.integers(1, 500),
    ),
    min_size=1,
    max_size=30,
).map(sorted)


@given(st.booleans(), st.integers(1, 20), wishes)
@settings(max_examples=examples(15, 40), deadline=None)
def test_every_auction_keeps_to_ten_percent_to_priority_and_to_what_is_there(
    quiet: bool, seed: int, stream: list[tuple[int, str, int, int]]
) -> None:
    market = quiet_market() if quiet else hand_market()
    floor = SteppedExchange(market, "2022-01-18 16:00", hand_sessions, seed)
    plain = SteppedExchange(market, "2022-01-18 18:30", hand_sessions, seed)
    floor.exchange.subscribe(CODE)
    floor.work_off()
    orders: dict[int, tuple[Side, int]] = {}  # side and price
    open_: dict[int, int] = {}
    auctions: Counter[float] = Counter()
    told = 0

    def settle(second: int) -> None:
        """Lets time pass auction by auction, and looks at each."""
        nonlocal told
        floor.settle(f"{16 + second // 3600}:{second // 60 % 60}:{second % 60}")
        fills = floor.fills[told:]
        told = len(floor.fills)
        for time in sorted({fill.time for fill in fills}):
            mine = [fill for fill in fills if fill.time == time]
            (price,) = {fill.price for fill in mine}
            assert 69_300 <= price <= 84_700
            for fill in mine:
                side, limit = orders[fill.order]
                assert int(side) * (limit - price) >= 0  # nobody pays more, or gets less, than wanted
                open_[fill.order] -= fill.volume
                assert open_[fill.order] == fill.left >= 0
            filled = {fill.order for fill in mine}
            for order in filled:
                side, limit = orders[order]
                for other, left in open_.items():
                    rival, wanted = orders[other]
                    better = int(side) * (wanted - limit)
                    if rival is side and left and (better > 0 or (better == 0 and other < order)):
                        raise AssertionError(f"{other} has priority before {order}")
            auctions[time] += 1

    for second, what, steps, quantity in stream:
        settle(second)
        if what == "cancel":
            for victim in [n for n, left in open_.items() if left][:1]:
                gone = floor.exchange.cancel(victim, quantity)
                assert gone == min(quantity, open_[victim])
                open_[victim] -= gone
            continue
        side = Side.BUY if what == "buy" else SELL
        with suppress(OrderRejected):
            price = 77_000 + 100 * steps
            number = (floor.buy if what == "buy" else floor.sell)(quantity, price, board=SINGLE)
            orders[number], open_[number] = (side, price), quantity
    settle(7200)
    assert all((time - at("2022-01-18", "16:00")) % 600 == 0 for time in auctions)
    evening = floor.exchange.single_price(CODE)
    assert evening.tape == plain.exchange.single_price(CODE).tape
    trades = [trade for _code, _time, _evening, trade in floor.notes.evenings if trade]
    assert evening.tape.volume == sum(trade.volume for trade in trades)
    assert floor.exchange.tape(CODE) == plain.exchange.tape(CODE)
