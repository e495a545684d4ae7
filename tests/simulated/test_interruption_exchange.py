"""Volatility interruptions at the exchange: trading stops, orders are collected, and a single price ends it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from exchange_rig import CODE, DAY, Floor, Scripted, hand_market, hand_sessions, script, scripted
from hypothesis import given, settings
from hypothesis import strategies as st
from market_cases import at, weekdays
from simulated_rig import GRT, SAMSUNG, HandMarket, Row, bars, sessions
from test_exchange_script import minutes_of, rows_of

from kernel_server.control.simulated import ticks, volatility
from kernel_server.control.simulated.exchange import phases
from kernel_server.control.simulated.exchange import plan as plans
from kernel_server.control.simulated.exchange.interface import Expected, Interruption, NewOrder, Refusal, Side
from kernel_server.control.simulated.exchange.plan import Plan
from kernel_server.control.simulated.history import SyntheticMarket
from kernel_server.control.simulated.market import Bars
from kernel_server.reference.sessions import Sessions

BUY, SELL, NONE = Side.BUY, Side.SELL, Side.NONE

RISE: Scripted = [
    ("09:00:00", 77_500, 1000, NONE),
    ("09:39:00", 85_000, 10, BUY),
    ("09:41:20", 86_000, 500, BUY),  # 85,300 would have set it off: nobody has traded for 140 s
    ("09:41:30", 86_100, 20, BUY),
    ("15:30:00", 86_000, 2000, NONE),
]
"""A day whose price rises beyond the trigger of 77,500, which is 85,300."""


def begun(floor: Floor) -> Interruption:
    """The first VI that was told of, which has begun and not ended."""
    first = floor.notes.interruptions[0]
    assert first.released == 0.0
    return first


def test_trading_that_stops_and_goes_on_beyond_the_trigger_was_interrupted() -> None:
    floor = scripted(RISE)
    floor.settle("09:45")
    on, off = floor.notes.interruptions
    assert (on.code, on.price, on.static, on.dynamic, on.number) == (CODE, 85_300, 77_500, 0, 1)
    assert at(DAY, "09:39") <= on.time
    assert 120 < at(DAY, "09:41:20") - on.time <= 140
    assert off == on._replace(released=at(DAY, "09:41:20"))


def test_it_ends_with_a_trade_that_is_nobodys_initiative() -> None:
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
    assert floor.notes.expectations[-1][2] == Expected(86_000, 500)
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


def stopped() -> Floor:
    """In the middle of the interruption of ``RISE``."""
    floor = scripted(RISE)
    floor.settle("09:40")
    assert len(floor.notes.interruptions) == 1
    return floor


def shares(floor: Floor, number: int) -> int:
    return sum(volume for _, volume in floor.filled(number))


def test_orders_that_come_meanwhile_trade_at_the_single_price() -> None:
    floor = stopped()
    dear, exact, cheap = floor.buy(5, 87_000), floor.buy(6, 86_000), floor.buy(7, 84_000)
    any_price, too_dear = floor.sell(3), floor.sell(4, 88_000)
    floor.settle("09:41:19")
    assert floor.fills == []
    assert floor.notes.expectations[-1][2] == Expected(86_000, 500 + 5 + 6 + 3)
    floor.settle("09:41:20")
    assert [shares(floor, n) for n in (dear, exact, cheap, any_price, too_dear)] == [5, 6, 0, 3, 0]
    assert {fill.price for fill in floor.fills} == {86_000}
    auction = [trade for trade in floor.notes.trades if trade.time == at(DAY, "09:41:20")]
    assert {(trade.price, trade.side) for trade in auction} == {(86_000, NONE)}
    assert sum(trade.volume for trade in auction) == 500 + 14
    assert floor.exchange.tape(CODE).volume == 1000 + 10 + 514
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


def test_an_order_may_be_taken_back_meanwhile() -> None:
    floor = stopped()
    order = floor.buy(5, 90_000)
    assert floor.exchange.cancel(order, 2) == 2
    assert floor.exchange.cancel(order) == 3
    floor.settle("09:42")
    assert floor.fills == []


@pytest.mark.parametrize("kind", ["ioc", "fok"])
def test_orders_that_will_not_wait_are_refused_meanwhile(kind: str) -> None:
    floor = stopped()
    with pytest.raises(Refusal, match="kind"):
        floor.buy(5, 86_000, kind)
    floor.settle("09:41:25")
    assert floor.filled(floor.buy(1, 90_000, kind)) != []


def test_who_comes_in_the_middle_of_it_finds_it_on() -> None:
    floor = Floor(hand_market(), f"{DAY} 09:40", hand_sessions, recorded=lambda code, day: script(RISE))
    order = floor.buy(5, 87_000)  # nobody watches
    assert floor.fills == []
    floor.exchange.watch(CODE)
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
@settings(max_examples=40, deadline=None)
def test_whatever_clients_do_nothing_trades_meanwhile_and_shares_are_conserved(
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


# Minutes


def planned(rows: list[Row], seed: int = 1) -> Plan:
    market = hand_market()
    market.minutes = {CODE: bars(rows)}
    calendar = hand_sessions()
    hours = phases.hours(calendar, calendar.index_at_or_before(date(2022, 1, 18)))
    plan = plans.plan(market, hours, SAMSUNG, seed)
    assert plan is not None
    return plan


@pytest.mark.parametrize("seed", range(1, 20))
@pytest.mark.parametrize("gap", [2, 3, 4, 9])
def test_given_minutes_with_a_pause_are_traded_as_an_interruption(seed: int, gap: int) -> None:
    rows: list[Row] = [
        (20220118090000, 77_500, 77_800, 77_000, 77_600, 5_000),
        (20220118095800, 84_800, 85_200, 84_800, 85_000, 5_000),
        (20220118095900, 85_000, 85_200, 84_900, 85_100, 5_000),
        (20220118100000 + (gap - 1) * 100, 86_000, 86_300, 85_800, 86_200, 9_000),
        (20220118100100 + (gap - 1) * 100, 86_200, 86_300, 86_100, 86_100, 5_000),
    ]
    plan = planned(rows, seed)
    (halt,) = plan.interruptions
    trades = plan.script
    place = int(np.searchsorted(trades.time, halt.released))
    assert (trades.price[place], trades.side[place]) == (86_000, 0)
    assert trades.time[place - 1] <= halt.time
    assert 120 < halt.released - halt.time <= 150
    assert minutes_of(trades) == rows_of(bars(rows))
    assert np.all(np.diff(trades.time) >= 0)


def test_given_minutes_without_a_pause_interrupt_nothing() -> None:
    plan = planned(
        [
            (20220118090000, 77_500, 77_800, 77_000, 77_600, 5_000),
            (20220118095900, 85_000, 85_200, 84_900, 85_100, 5_000),
            (20220118100000, 86_000, 86_300, 85_800, 86_200, 9_000),
        ]
    )
    assert plan.interruptions == ()


def test_two_in_a_row_share_the_minute_between_them() -> None:
    rows: list[Row] = [
        (20220118090000, 77_500, 77_800, 77_000, 77_600, 5_000),
        (20220118100000, 85_000, 85_000, 85_000, 85_000, 5_000),
        (20220118100200, 86_000, 86_500, 85_500, 86_000, 9_000),
        (20220118100400, 96_000, 96_500, 95_500, 96_000, 9_000),
    ]
    for seed in range(1, 20):
        plan = planned(rows, seed)
        first, second = plan.interruptions
        assert first.released <= second.time
        assert second.released - second.time >= 120
        assert (second.static, second.number) == (86_000, 2)
        assert minutes_of(plan.script) == rows_of(bars(rows))


# The synthetic market


def far_days(seed: int, day: str) -> list[tuple[SyntheticMarket, Plan]]:
    """Plans of that day for some issues whose prices went far."""
    market = SyntheticMarket(seed, weekdays)
    calendar = weekdays()
    hours = phases.hours(calendar, calendar.index_at_or_before(date.fromisoformat(day)))
    found = []
    for issue in list(market.issues().values())[seed % 7 :: 7]:
        bar = market.daily(issue.code, False, hours.closes, 1)
        if len(bar) and (bar.high[0] >= 1.09 * bar.open[0] or bar.low[0] <= 0.91 * bar.open[0]):
            plan = plans.plan(market, hours, issue, seed)
            if plan is not None:
                found.append((market, plan))
    return found


@given(
    st.integers(1, 1 << 40), st.dates(date(2026, 1, 5), date(2026, 11, 20)).filter(lambda d: d.weekday() < 5)
)
@settings(max_examples=8, deadline=None)
def test_the_synthetic_market_never_trades_beyond_a_trigger_but_in_an_auction(seed: int, day: date) -> None:
    for market, plan in far_days(seed, day.isoformat()):
        trades, hours = plan.script, plan.hours
        rule = volatility.rule(day, ticks.board(plan.issue))
        ends = {each.released: each for each in plan.interruptions}
        if rule is None or not len(trades):
            continue
        minutes = market.minute(plan.issue.code, False, hours.closes, 1)
        if int(minutes.volume.min()) >= 4:
            assert minutes_of(trades) == rows_of(minutes)
        assert int(trades.volume.sum()) == int(minutes.volume.sum())
        base = int(trades.price[0])
        for time, price in zip(trades.time.tolist(), trades.price.tolist(), strict=True):
            if time >= hours.auction:
                break
            if time in ends and ends[time].static == base and ends.pop(time):
                base = price
            up, down = rule.triggers(base, plan.grid)
            assert down < price < up
        assert ends == {}
        for each in plan.interruptions:
            within = (trades.time > each.time) & (trades.time < each.released)
            assert not within.any()
            assert 120 < each.released - each.time <= 150 or each.time == hours.opens


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(3, weekdays)


NAVER = "035420"  # rises by a tenth on 2026-03-18, at 13:38


def watched(market: SyntheticMarket, start: str, until: str, seed: int = 1) -> Floor:
    floor = Floor(market, f"2026-03-18 {start}", weekdays, seed)
    floor.exchange.watch(NAVER)
    floor.settle(until)
    return floor


def test_the_same_seed_makes_the_same_interruption_and_another_seed_another_moment(
    market: SyntheticMarket,
) -> None:
    first, again, other = (watched(market, "13:30", "13:50", seed) for seed in (1, 1, 2))
    assert first.notes.all == again.notes.all
    assert len(first.notes.interruptions) == len(other.notes.interruptions) == 2
    assert begun(first).price == begun(other).price
    assert begun(first).time != begun(other).time


def test_who_comes_later_finds_the_tape_as_if_watched_all_along(market: SyntheticMarket) -> None:
    early = watched(market, "13:30", "13:50")
    on, off = early.notes.interruptions
    for moment, told in ((on.time + 1, [off]), (off.released - 1, [off]), (off.released + 1, [])):
        second = int(moment - at("2026-03-18"))
        start = f"{second // 3600}:{second // 60 % 60:02}:{second % 60:02}"
        late = watched(market, start, "13:50")
        assert late.notes.interruptions == told
        assert late.exchange.tape(NAVER) == early.exchange.tape(NAVER)
        assert late.exchange.trades(NAVER) == early.exchange.trades(NAVER)
        since = at("2026-03-18") + second
        assert late.notes.trades == [trade for trade in early.notes.trades if trade.time > since]


# All issues of the market


class Counted(HandMarket):
    """A market that writes down whose minutes were asked for."""

    codes: frozenset[str] = frozenset()

    def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
        self.codes |= {code}
        return super().minute(code, adjusted, now, days)


def _calendar() -> Sessions:
    return sessions(date(2022, 1, 3), date(2022, 1, 28))


def two_issues() -> Counted:
    days = {
        code: bars([(20220117, p, p, p, p, 10), (20220118, p, high, p, p, 25)])
        for code, p, high in [(SAMSUNG.code, 70_000, 74_000), (GRT.code, 1_000, 1_150)]
    }
    rows: list[Row] = [
        (20220118090000, 1_000, 1_000, 1_000, 1_000, 5),
        (20220118101000, 1_120, 1_150, 1_120, 1_150, 10),
        (20220118153000, 1_000, 1_000, 1_000, 1_000, 10),
    ]
    return Counted([SAMSUNG, GRT], days, {}, {GRT.code: bars(rows)})


def test_of_the_whole_market_only_days_that_went_far_are_looked_into() -> None:
    market = two_issues()
    floor = Floor(market, f"{DAY} 09:30", _calendar)
    found = floor.exchange.interruptions()
    assert found is not None
    assert [(each.code, each.price, each.static) for each in found] == [(GRT.code, 1_100, 1_000)]
    assert market.codes == {GRT.code}
    assert found[0].released >= at(DAY, "10:10")  # what is still to come is known


def test_the_market_may_be_looked_through_in_parts() -> None:
    floor = Floor(two_issues(), f"{DAY} 09:30", _calendar)
    assert floor.exchange.interruptions(1) is None
    assert floor.exchange.interruptions(1) is None
    assert floor.exchange.interruptions(1) == floor.exchange.interruptions()


def test_another_day_is_looked_through_anew() -> None:
    floor = Floor(two_issues(), f"{DAY} 20:00", _calendar)
    assert len(floor.exchange.interruptions() or ()) == 1
    floor.clock.advance(12.5 * 3600)
    assert floor.exchange.interruptions() == []


def test_an_issue_whose_file_is_bad_is_left_out() -> None:
    class Broken(Counted):
        def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
            raise ValueError("a bad file")

    market = two_issues()
    floor = Floor(Broken(market.listing, market.days), f"{DAY} 09:30", _calendar)
    assert floor.exchange.interruptions() == []
