"""The background of a book: it trades what is scripted and leaves a plausible book behind, never a crossed one."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from kernel_server.reference import price_rules
from kernel_server.simulated.exchange.background import BackgroundOrders, level_sizes
from kernel_server.simulated.exchange.book import Match, OrderBook
from kernel_server.simulated.exchange.book_side import BACKGROUND
from kernel_server.simulated.market.trade_script import Side

BUY, SELL = Side.BUY, Side.SELL
GRID = price_rules.rules(date(2026, 3, 18), "KOSPI")
LOWER, UPPER = 7000, 13000


def flow_at(price: int, usual: float = 500.0) -> BackgroundOrders:
    flow = BackgroundOrders(OrderBook(), GRID, LOWER, UPPER, level_sizes(3, usual))
    flow.quote_around(price)
    return flow


def prices(book: OrderBook, side: Side) -> list[int]:
    return [level.price for level in book.depth(side)]


def test_ten_prices_wait_on_each_side_a_tick_apart() -> None:
    book = flow_at(10_000).book
    asks, bids = prices(book, SELL), prices(book, BUY)
    assert (len(asks), len(bids)) == (10, 10)
    assert {10_000} & {asks[0], bids[0]}
    assert asks == sorted(asks)
    assert bids == sorted(bids, reverse=True)
    assert all(price % GRID.tick(price) == 0 for price in asks + bids)


def test_a_scripted_trade_is_one_match_of_the_background_at_its_price() -> None:
    flow = flow_at(10_000)
    for side, price, volume in [(BUY, 10_010, 300), (BUY, 10_010, 90_000), (SELL, 9_950, 1), (BUY, 9_900, 7)]:
        assert flow.trade(side, price, volume) == [(side, Match(BACKGROUND, BACKGROUND, price, volume))]


def test_no_order_rests_beyond_the_limits() -> None:
    flow = flow_at(10_000)
    flow.trade(BUY, UPPER, 1000)
    assert flow.book.ask() == 0
    assert flow.book.bid() < UPPER
    flow.trade(SELL, UPPER, 1000)
    assert (flow.book.ask(), flow.book.bid()) == (0, UPPER)
    flow.trade(SELL, LOWER, 1000)
    assert flow.book.bid() == 0
    assert prices(flow.book, SELL)[0] > LOWER


def test_a_client_waits_behind_those_who_were_there_before() -> None:
    flow = flow_at(10_000)
    flow.trade(SELL, 10_000, 1)
    before = flow.book.volume(BUY, 10_000)
    flow.book.submit(1, BUY, 50, 10_000)
    assert flow.trade(SELL, 10_000, before) == [(SELL, Match(BACKGROUND, BACKGROUND, 10_000, before))]
    met = flow.trade(SELL, 10_000, 10)
    assert met == [
        (SELL, Match(1, BACKGROUND, 10_000, 50)),
        (SELL, Match(BACKGROUND, BACKGROUND, 10_000, 10)),
    ]


def test_a_client_is_met_at_its_own_price_when_the_script_trades_through_it() -> None:
    flow = flow_at(10_000)
    flow.book.submit(1, BUY, 50, 9_950)
    flow.avoid_crossing()
    assert flow.trade(SELL, 9_900, 10)[0] == (SELL, Match(1, BACKGROUND, 9_950, 50))
    flow.book.submit(2, SELL, 50, 9_960)
    flow.avoid_crossing()
    assert flow.trade(BUY, 10_050, 10)[0] == (BUY, Match(2, BACKGROUND, 9_960, 50))


def test_what_is_put_across_a_waiting_client_meets_it() -> None:
    flow = flow_at(10_000)
    flow.trade(SELL, 10_000, 1)
    whole = flow.book.volume(SELL, flow.book.ask())
    best = flow.book.ask()
    flow.book.submit(1, BUY, whole + 30, best)  # takes the best ask away and waits there
    flow.avoid_crossing()
    assert flow.book.bid() == best
    met = flow.trade(BUY, best, 10)
    assert met == [(SELL, Match(1, BACKGROUND, best, 30)), (BUY, Match(BACKGROUND, BACKGROUND, best, 10))]


events = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), st.sampled_from([BUY, SELL]), st.integers(-12, 12), st.integers(1, 5000)),
        st.tuples(
            st.just("client"), st.sampled_from([BUY, SELL]), st.integers(-12, 12), st.integers(1, 5000)
        ),
        st.tuples(st.just("market"), st.sampled_from([BUY, SELL]), st.just(0), st.integers(1, 5000)),
        st.tuples(st.just("flicker"), st.just(BUY), st.just(0), st.just(0)),
    ),
    max_size=80,
)


@given(events, st.sampled_from([LOWER + 30, 10_000, UPPER - 30]))
def test_with_clients_about_the_script_is_carried_out_and_nothing_is_ever_crossed(
    stream: list[tuple[str, Side, int, int]], start: int
) -> None:
    flow = flow_at(start, 400)
    book = flow.book
    open_shares: dict[int, int] = {}
    for number, (what, side, offset, volume) in enumerate(stream, 1):
        price = min(max(GRID.floor(start + offset * 10), LOWER), UPPER)
        if what == "trade":
            met = flow.trade(side, price, volume)
            scripted = [match for own, match in met if match.maker == match.taker == BACKGROUND]
            assert scripted == [Match(BACKGROUND, BACKGROUND, price, volume)] or (
                {match.price for match in scripted} == {price}
                and sum(match.volume for match in scripted) == volume
            )
            for _, match in met:
                if match.maker:
                    open_shares[match.maker] -= match.volume
        elif what == "flicker":
            flow.change_quotes()
        else:
            own = price if what == "client" else 0
            matches = book.submit(number, side, volume, own)
            for match in matches:
                if match.maker:
                    open_shares[match.maker] -= match.volume
            open_shares[number] = volume - sum(match.volume for match in matches) if own else 0
            flow.avoid_crossing()
        assert not book.ask() or not book.bid() or book.bid() < book.ask()
        assert not book.ask() or LOWER <= book.bid() < book.ask() <= UPPER or not book.bid()
        assert all(book.left(client) == left for client, left in open_shares.items())
