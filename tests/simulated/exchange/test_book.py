"""A limit order book: price first, then time, and no share made or lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kernel_server.simulated.exchange.book import Match, OrderBook
from kernel_server.simulated.exchange.book_side import BACKGROUND
from kernel_server.simulated.exchange.interface import Level
from kernel_server.simulated.market.trade_script import Side

BUY, SELL = Side.BUY, Side.SELL

orders = st.tuples(
    st.sampled_from([BUY, SELL]),
    st.integers(1, 20),
    st.integers(0, 12),  # 0 is a market order
    st.sampled_from(["day", "day", "day", "ioc", "fok", "cancel"]),
)


def book_of(*waiting: tuple[int, Side, int, int]) -> OrderBook:
    """A book with these orders: number, side, quantity, price."""
    book = OrderBook()
    for number, side, quantity, price in waiting:
        assert book.submit(number, side, quantity, price) == []
    return book


def test_an_empty_book_has_no_best_price() -> None:
    book = OrderBook()
    assert (book.ask(), book.bid(), book.depth(SELL), book.depth(BUY)) == (0, 0, [], [])
    assert book.submit(1, BUY, 10) == []
    assert book.left(1) == 0


def test_depth_is_best_first_and_adds_up_each_price() -> None:
    book = book_of(
        (1, SELL, 5, 103), (2, SELL, 7, 102), (3, SELL, 1, 102), (4, BUY, 9, 100), (5, BUY, 2, 101)
    )
    assert book.depth(SELL) == [Level(102, 8), Level(103, 5)]
    assert book.depth(BUY, 1) == [Level(101, 2)]


def test_the_better_price_trades_first_then_the_older_order() -> None:
    book = book_of((1, SELL, 5, 102), (2, SELL, 5, 101), (3, SELL, 5, 101))
    assert book.submit(4, BUY, 12, 102) == [Match(2, 4, 101, 5), Match(3, 4, 101, 5), Match(1, 4, 102, 2)]
    assert book.left(1) == 3


def test_the_rest_of_a_limit_order_waits_and_that_of_an_ioc_order_does_not() -> None:
    book = book_of((1, SELL, 5, 101))
    book.submit(2, BUY, 8, 101)
    assert book.bid() == 101
    assert book.left(2) == 3
    book = book_of((1, SELL, 5, 101))
    assert book.submit(2, BUY, 8, 101, "ioc") == [Match(1, 2, 101, 5)]
    assert book.bid() == 0


def test_a_fok_order_trades_wholly_or_not_at_all() -> None:
    book = book_of((1, SELL, 5, 101), (2, SELL, 5, 103))
    assert book.submit(3, BUY, 6, 102, "fok") == []
    assert book.depth(SELL) == [Level(101, 5), Level(103, 5)]
    assert book.submit(4, BUY, 6, 103, "fok") == [Match(1, 4, 101, 5), Match(2, 4, 103, 1)]


def test_reducing_keeps_the_place_in_the_queue() -> None:
    book = book_of((1, BUY, 5, 100), (2, BUY, 5, 100))
    assert book.volume_ahead(2) == 5
    assert book.cancel(1, 3) == 3
    assert book.volume_ahead(2) == 2
    assert book.submit(3, SELL, 3, 100) == [Match(1, 3, 100, 2), Match(2, 3, 100, 1)]
    assert book.cancel(1) == 0
    assert book.cancel(2) == 4
    assert book.bid() == 0


def test_the_background_takes_part_in_the_queue_like_anybody() -> None:
    book = OrderBook()
    book.add_background(BUY, 100, 10)
    book.submit(1, BUY, 5, 100)
    book.add_background(BUY, 100, 20)
    assert book.volume_ahead(1) == 10
    assert book.remove_background(BUY, 100, 25) == 25
    assert book.volume_ahead(1) == 5
    book.withdraw_background(BUY, 100)
    assert book.depth(BUY) == [Level(100, 5)]


def test_a_scripted_trade_meets_clients_who_come_first_beyond_its_own_volume() -> None:
    book = OrderBook()
    book.add_background(BUY, 100, 10)
    book.submit(1, BUY, 5, 100)
    book.add_background(BUY, 100, 20)
    assert book.trade_background(SELL, 100, 0) == []
    assert book.trade_background(SELL, 100, 10) == [Match(BACKGROUND, BACKGROUND, 100, 10)]
    assert book.trade_background(SELL, 100, 4) == [
        Match(1, BACKGROUND, 100, 5),
        Match(BACKGROUND, BACKGROUND, 100, 4),
    ]


@given(st.lists(orders, max_size=60))
def test_never_crossed_no_share_lost_and_priority_kept(stream: list[tuple[Side, int, int, str]]) -> None:
    book = OrderBook()
    entered: dict[int, tuple[Side, int, int]] = {}
    traded: dict[int, int] = {}
    gone: dict[int, int] = {}
    for number, (side, quantity, price, kind) in enumerate(stream, 1):
        if kind == "cancel":
            gone[price] = gone.get(price, 0) + book.cancel(price, quantity)
            continue
        # Everybody with a better price, or the same and an earlier place, who could be met.
        before = sorted(
            (other_price * int(other_side) * -1, other)
            for other, (other_side, _, other_price) in entered.items()
            if other_side != side
            and book.left(other)
            and (not price or (other_price - price) * int(side) <= 0)
        )
        matches = book.submit(number, side, quantity, price, kind)
        met = [match.maker for match in matches]
        assert met == [other for _, other in before][: len(met)]
        for match in matches:
            assert match.price == entered[match.maker][2]
            assert not price or (match.price - price) * int(side) <= 0
            traded[match.maker] = traded.get(match.maker, 0) + match.volume
        volume = sum(match.volume for match in matches)
        assert volume <= quantity
        assert kind != "fok" or volume in (0, quantity)
        if price and kind == "day":
            entered[number] = (side, quantity, price)
            traded[number] = traded.get(number, 0) + volume
        assert not book.ask() or not book.bid() or book.bid() < book.ask()
        for other, (_, whole, _) in entered.items():
            assert book.left(other) == whole - traded.get(other, 0) - gone.get(other, 0)
    for side in (BUY, SELL):
        waiting = sum(book.left(number) for number, (own, *_) in entered.items() if own is side)
        assert sum(level.volume for level in book.depth(side, 99)) == waiting


background = st.tuples(
    st.sampled_from(["stack", "thin", "withdraw", "trade", "submit", "cancel"]),
    st.sampled_from([BUY, SELL]),
    st.integers(1, 20),
    st.integers(1, 12),
)


@given(st.lists(background, max_size=60))
def test_what_waits_is_the_backgrounds_and_the_clients(
    stream: list[tuple[str, Side, int, int]],
) -> None:
    book, placed = OrderBook(), 0
    prices = {BUY: range(1, 13), SELL: range(13, 25)}  # so that nobody crosses
    clients: dict[int, tuple[Side, int]] = {}
    for number, (what, side, quantity, level) in enumerate(stream, 1):
        price, before = prices[side][level - 1], _waiting(book)
        change = 0
        if what == "stack":
            book.add_background(side, price, quantity)
            placed, change = placed + quantity, quantity
        elif what == "thin":
            had = book.background_volume(side, price)
            change = -book.remove_background(side, price, quantity)
            assert -change == min(had, quantity)
        elif what == "withdraw":
            book.withdraw_background(side, price)
            better = [each for each in prices[side] if each * side >= price * side]
            assert all(book.background_volume(side, each) == 0 for each in better)
            change = _waiting(book) - before
        elif what == "trade":
            had = {one: book.left(one) for one in clients}
            matches = book.trade_background(side, prices[Side(-side)][level - 1], quantity)
            own = [match for match in matches if match.maker == BACKGROUND]
            assert sum(match.volume for match in own) <= quantity
            for one, left in had.items():
                assert book.left(one) == left - sum(m.volume for m in matches if m.maker == one)
            change = -sum(match.volume for match in matches)
        elif what == "submit":
            assert book.submit(number, side, quantity, price) == []
            clients[number], change = (side, price), quantity
        else:
            change = -book.cancel(quantity)
        assert _waiting(book) == before + change
        for own_side, several in prices.items():
            for each in several:
                held = sum(book.left(one) for one, at in clients.items() if at == (own_side, each))
                assert book.volume(own_side, each) == book.background_volume(own_side, each) + held
        assert book.client_orders() == [one for one in clients if book.left(one)]


def _waiting(book: OrderBook) -> int:
    return sum(level.volume for side in (BUY, SELL) for level in book.depth(side, 99))


collected = st.lists(
    st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 20), st.integers(0, 12)), min_size=1, max_size=30
)


@given(collected, st.integers(0, 13))
def test_an_auction_trades_as_much_as_any_price_could(
    stream: list[tuple[Side, int, int]], reference: int
) -> None:
    book = OrderBook()
    for number, (side, quantity, price) in enumerate(stream, 1):
        book.collect(number, side, quantity, price)

    def meeting(at: int) -> tuple[int, int]:
        """Shares wanted and offered at that price."""
        wanted = sum(q for side, q, price in stream if side is BUY and (not price or price >= at))
        offered = sum(q for side, q, price in stream if side is SELL and price <= at)
        return wanted, offered

    named = {price for _, _, price in stream if price} | ({reference} - {0})
    cleared, matches = book.uncross(reference)
    most = max((min(meeting(price)) for price in named), default=0)
    # Between two prices that somebody names nothing is to be had that is not to be had at one of them.
    assert not named or most == max(min(meeting(price)) for price in range(min(named), max(named) + 1))
    assert cleared.volume == most == sum(match.volume for match in matches)
    if most:
        ranked = {
            price: (abs(meeting(price)[0] - meeting(price)[1]), abs(price - reference))
            for price in named
            if min(meeting(price)) == most
        }
        assert ranked[cleared.price] == min(ranked.values())
        left_over = [book.left(number) for number in book.client_orders()]
        assert sum(left_over) == sum(q for _, q, _ in stream) - 2 * most
    assert {match.price for match in matches} <= {cleared.price}
    if book.client_orders() and most and book.ask() and book.bid() and book.bid() < 1 << 60:
        assert book.bid() <= book.ask() or not min(meeting(book.bid()))


def test_in_an_auction_market_orders_and_better_prices_come_first() -> None:
    book = OrderBook()
    book.collect(1, BUY, 5, 101)
    book.collect(2, BUY, 5)
    book.collect(3, BUY, 5, 102)
    book.collect(4, SELL, 8, 100)
    _, matches = book.uncross(101)
    assert [(match.taker, match.volume) for match in matches] == [(2, 5), (3, 3)]
    assert book.client_orders() == [1, 3]


def test_an_auction_of_equal_volumes_is_decided_by_what_is_left_over_then_by_nearness() -> None:
    book = OrderBook()
    book.collect(1, BUY, 10, 105)
    book.collect(2, SELL, 10, 100)
    assert book.indicative(103).price == 103
    assert book.indicative(90).price == 100
    book.collect(3, SELL, 5, 104)
    assert book.indicative(105).price == 100
