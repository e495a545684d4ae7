"""The live book: the rule's quotes with clients' orders in their queues, never crossed, no order passed over."""

from __future__ import annotations

from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.reference import price_rules
from kernel_server.simulated.exchange.book import Match
from kernel_server.simulated.exchange.book_side import BACKGROUND
from kernel_server.simulated.exchange.interface import Level
from kernel_server.simulated.exchange.live_book import LiveBook
from kernel_server.simulated.exchange.quotes.book_levels import BookLevels
from kernel_server.simulated.exchange.quotes.quote_rule import (
    CHANGES,
    FollowedQuotes,
    QuoteRule,
    QuoteState,
    StateColumns,
    changes_after,
    quote_columns,
    wide_spread,
)
from kernel_server.simulated.market.trade_script import Side
from tests.support.examples import examples

BUY, SELL, NONE = Side.BUY, Side.SELL, Side.NONE
GRID = price_rules.rules(date(2026, 3, 18), "KOSPI")
LOWER, UPPER = 7000, 13000


def rule(usual: float = 500.0, key: int = 77, wide: int = 9) -> QuoteRule:
    return QuoteRule(GRID, LOWER, UPPER, usual, key, wide)


def book_at(price: int, side: Side = NONE, number: int = 1) -> LiveBook:
    return LiveBook(rule(), QuoteState(price, side, number, 0))


def volume(book: LiveBook, side: Side, price: int) -> int:
    asks, bids = book.depth()
    return dict(bids if side is BUY else asks).get(price, 0)


states = st.builds(
    QuoteState,
    st.sampled_from([LOWER, LOWER + 10, 9_950, 9_990, 10_000, 10_050, UPPER - 10, UPPER]),
    st.sampled_from([BUY, SELL, NONE]),
    st.integers(0, 90_000),
    st.integers(0, len(CHANGES)),
)


@given(states)
def test_quotes_stand_around_the_newest_trade_on_the_grid_and_within_the_limits(state: QuoteState) -> None:
    asks, bids = rule().quotes(state)
    assert rule().best(state) == (asks[0].price if asks else 0, bids[0].price if bids else 0)
    assert [level.price for level in asks] == sorted({level.price for level in asks})
    assert [level.price for level in bids] == sorted({level.price for level in bids}, reverse=True)
    assert all(price % GRID.tick(price) == 0 and LOWER <= price <= UPPER for price, _ in [*asks, *bids])
    assert all(size > 0 for _, size in [*asks, *bids])
    best = {asks[0].price if asks else 0, bids[0].price if bids else 0}
    assert state.price in best or state.price in (LOWER, UPPER)
    assert not asks or not bids or bids[0].price < asks[0].price
    if LOWER + 500 < state.price < UPPER - 500:
        assert (len(asks), len(bids)) == (10, 10)


@given(
    st.lists(states, min_size=1, max_size=20), st.floats(1, 1e6), st.integers(0, 0xFFFF), st.integers(1, 99)
)
@settings(max_examples=examples(20, 100))
def test_many_books_at_once_are_those_of_each_issue(
    found: list[QuoteState], usual: float, key: int, wide: int
) -> None:
    count = len(found)
    columns = StateColumns(
        *(np.array(column, np.int64) for column in zip(*found, strict=True)),
        lower=np.full(count, LOWER),
        upper=np.full(count, UPPER),
        usual=np.full(count, usual),
        key=np.full(count, key),
        wide=np.full(count, wide),
    )
    quotes = quote_columns(GRID, columns)
    for row, state in enumerate(found):
        asks, bids = rule(usual, key, wide).quotes(state)
        for levels, prices, sizes in (
            (asks, quotes.asks, quotes.ask_sizes),
            (bids, quotes.bids, quotes.bid_sizes),
        ):
            empty = [Level(0, 0)] * (10 - len(levels))
            assert [*zip(prices[row].tolist(), sizes[row].tolist(), strict=True)] == [*levels, *empty]


turns = st.lists(st.one_of(st.integers(1, 12), states), min_size=1, max_size=12)
"""Of a book: so many changes of its quotes after one another, or another state."""


@given(turns)
@settings(max_examples=examples(30, 300))
def test_quotes_that_are_followed_are_those_of_each_state(found: list[int | QuoteState]) -> None:
    followed = FollowedQuotes(rule())
    state = QuoteState(10_000, BUY, 0, 0)
    known: list[BookLevels] = []
    for turn in found:
        for _ in range(turn if isinstance(turn, int) else 1):
            state = state._replace(change=state.change + 1) if isinstance(turn, int) else turn
            fresh, sides = rule().quotes(state), followed.at(state)
            assert (followed.best(state), sides) == (rule().best(state), fresh)
            for before, now in zip(known, sides, strict=False):
                if now is not before and now.before is before.sizes:
                    changed = {rank: (size, size - more) for rank, size, more in now.changes}
                    assert changed == {
                        rank: (new.volume, old.volume)
                        for rank, (new, old) in enumerate(zip(now, before, strict=True))
                        if new != old
                    }
                    assert [*now.prices] == [*before.prices]
            known = [*sides]


def test_quotes_change_at_given_seconds_after_a_trade() -> None:
    assert [changes_after(seconds) for seconds in (-1.0, 0.0, CHANGES[0], CHANGES[1] - 0.01, 1e6)] == [
        0,
        0,
        1,
        1,
        len(CHANGES),
    ]


def test_with_larger_and_fewer_trades_they_change_as_much_later() -> None:
    seconds = [CHANGES[0], 1.0, 30.0]
    assert [changes_after(20 * each, 20.0) for each in seconds] == [changes_after(each) for each in seconds]


def test_the_spread_of_a_large_issue_is_a_tick_and_that_of_a_small_one_often_two() -> None:
    def share_of_wide(previous_value: int) -> float:
        quotes = rule(wide=wide_spread(previous_value))
        best = [quotes.best(QuoteState(10_000, BUY, number, 0)) for number in range(2_000)]
        return sum(ask - bid > 10 for ask, bid in best) / len(best)

    assert share_of_wide(1_500_000_000_000) < 0.01
    assert share_of_wide(500_000_000) > 0.3


def test_a_client_waits_behind_those_who_were_there_before() -> None:
    book = book_at(10_000, SELL)
    before = volume(book, BUY, 10_000)
    assert book.submit(1, BUY, 50, 10_000) == []
    assert book.trade(SELL, 10_000, before, 1) == []
    assert book.trade(SELL, 10_000, 10**7, 2) == [Match(1, BACKGROUND, 10_000, 50)]


def test_a_client_keeps_its_place_while_quotes_change() -> None:
    book = book_at(10_000, SELL)
    ahead = volume(book, BUY, 10_000)
    book.submit(1, BUY, 50, 10_000)
    for _ in range(5):
        book.change_quotes()
        ahead = min(ahead, volume(book, BUY, 10_000) - 50)
    assert book.trade(SELL, 10_000, ahead, 1) == []
    assert book.trade(SELL, 10_000, 1, 2) == [Match(1, BACKGROUND, 10_000, 50)]


def test_a_client_is_met_at_its_own_price_when_the_market_trades_through_it() -> None:
    book = book_at(10_000)
    book.submit(1, BUY, 50, 9_950)
    assert book.trade(SELL, 9_900, 10, 1) == [Match(1, BACKGROUND, 9_950, 50)]
    book.submit(2, SELL, 50, 9_960)
    assert book.trade(BUY, 10_050, 10, 2) == [Match(2, BACKGROUND, 9_960, 50)]


def test_what_a_client_takes_is_missing_until_the_next_quotes() -> None:
    book = book_at(10_000, BUY)
    asks, bids = book.depth()
    assert book.submit(1, BUY, asks[0].volume - 1, 0) == [Match(BACKGROUND, 1, 10_000, asks[0].volume - 1)]
    assert book.depth() == ([Level(10_000, 1), *asks[1:]], bids)
    plain = book_at(10_000, BUY)
    assert book.change_quotes() == plain.change_quotes() == []
    assert book.depth() == plain.depth()


def test_quotes_that_come_across_a_waiting_client_meet_it() -> None:
    book = book_at(10_000, BUY)
    (best, waiting), *_ = book.depth()[0]
    book.submit(1, BUY, waiting + 30, best)  # takes the best ask away and waits there
    assert book.best()[1] == best
    assert book.change_quotes() == [Match(1, BACKGROUND, best, 30)]
    assert book.best()[0] == best


events = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), st.sampled_from([BUY, SELL]), st.integers(-12, 12), st.integers(1, 5000)),
        st.tuples(
            st.just("client"), st.sampled_from([BUY, SELL]), st.integers(-12, 12), st.integers(1, 5000)
        ),
        st.tuples(st.just("market"), st.sampled_from([BUY, SELL]), st.just(0), st.integers(1, 5000)),
        st.tuples(st.just("change"), st.just(BUY), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@given(events, st.sampled_from([LOWER + 30, 10_000, UPPER - 30]))
@settings(max_examples=examples(40, 200), deadline=None)
def test_nothing_is_ever_crossed_or_lost_and_the_book_without_clients_is_the_rules(
    stream: list[tuple[str, Side, int, int]], start: int
) -> None:
    book, plain = book_at(start), book_at(start)
    open_: dict[int, tuple[Side, int, int]] = {}  # side, price, shares
    for number, (what, side, offset, shares) in enumerate(stream, 1):
        price = min(max(GRID.floor(start + offset * 10), LOWER), UPPER)
        if what in ("client", "market"):
            limit = price if what == "client" else 0
            matches = book.submit(number, side, shares, limit)
            open_[number] = (side, limit, shares)
        else:
            matches, nothing = (
                each.trade(side, price, shares, number) if what == "trade" else each.change_quotes()
                for each in (book, plain)
            )
            assert nothing == []
        for match in matches:
            for who in (match.maker, match.taker):
                if who:
                    own, limit, left = open_[who]
                    assert not limit or int(own) * (limit - match.price) >= 0
                    rivals = [
                        n for n, (s, p, rest) in open_.items() if n < who and (s, p) == (own, limit) and rest
                    ]
                    assert not limit or who == number or not rivals
                    open_[who] = (own, limit, left - match.volume)
                    assert left >= match.volume
        open_ = {n: order for n, order in open_.items() if order[1] and order[2]}
        ask, bid = book.best()
        assert not ask or not bid or bid < ask
        assert set(book.client_orders()) == set(open_)
        if not open_ and what not in ("client", "market"):
            assert book.depth() == plain.depth()
