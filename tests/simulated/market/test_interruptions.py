"""Volatility interruptions of a market: out of its minutes, on random days, and of all its issues at once."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.reference import price_rules
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.exchange.day_plan import DayPlan, plan_day
from kernel_server.simulated.exchange.interface import Interruption
from kernel_server.simulated.exchange.interruptions import ViContext, interruptions
from kernel_server.simulated.market import phases, vi_rules
from kernel_server.simulated.market.model import Bars, board
from kernel_server.simulated.market.recorded.trades import RecordedTicks
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.simulated.exchange.test_script import minutes_of, rows_of
from tests.support.examples import examples
from tests.support.exchange import CODE, DAY, SteppedExchange, hand_market, hand_sessions
from tests.support.market_calendar import at, weekdays
from tests.support.recorded_data import RECORDED_DATA
from tests.support.simulated_broker import GRT, SAMSUNG, HandMarket, Row, bars, sessions


def begun(floor: SteppedExchange) -> Interruption:
    """The first VI that was told of, which has begun and not ended."""
    first = floor.notes.interruptions[0]
    assert first.released == 0.0
    return first


# Given minutes


def planned(rows: list[Row], seed: int = 1) -> DayPlan:
    market = hand_market()
    market.minutes = {CODE: bars(rows)}
    calendar = hand_sessions()
    hours = phases.hours(calendar, calendar.index_at_or_before(date(2022, 1, 18)))
    plan = plan_day(market, hours, SAMSUNG, seed)
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


@pytest.mark.market_data
@pytest.mark.skipif(not RECORDED_DATA.is_dir(), reason=f"no recorded market data in {RECORDED_DATA}")
@pytest.mark.parametrize("name", ["005490_20200604", "000660_20200601"])
def test_recorded_days_that_went_nowhere_had_none(name: str) -> None:
    opens = at(f"{name[7:11]}-{name[11:13]}-{name[13:]}", "09:00")
    given = RecordedTicks(RECORDED_DATA / "ticks", lambda _day: (int(opens), int(opens) + 23_400))
    script = given.script(name[:6], int(name[7:]))
    assert script is not None
    hours = phases.SessionHours(opens - 1800, opens, opens + 22_800, opens + 23_400)
    rule = vi_rules.vi_rule(date(2020, 6, 1), "KOSPI")
    assert rule is not None
    grid = price_rules.rules(date(2020, 6, 1), "KOSPI")
    context = ViContext(rule, grid, int(script.price[0]), hours, 1)
    assert interruptions(context, name[:6], script.time, script.price) == ()
    # The same day after a fall by a fifth within a pause would have had one.
    place = len(script) // 2
    fallen = np.where(np.arange(len(script)) < place, script.price, script.price * 4 // 5)
    late = np.where(np.arange(len(script)) < place, script.time, script.time + 150)
    (halt,) = interruptions(context, name[:6], late, fallen)
    assert halt.released == late[place]


# The synthetic market


def far_days(seed: int, day: str) -> list[tuple[SyntheticMarket, DayPlan]]:
    """Plans of that day for some issues whose prices went far."""
    market = SyntheticMarket(seed, weekdays)
    calendar = weekdays()
    hours = phases.hours(calendar, calendar.index_at_or_before(date.fromisoformat(day)))
    found = []
    for issue in list(market.issues().values())[seed % 7 :: 7]:
        bar = market.daily(issue.code, False, hours.closes, 1)
        if len(bar) and (bar.high[0] >= 1.09 * bar.open[0] or bar.low[0] <= 0.91 * bar.open[0]):
            plan = plan_day(market, hours, issue, seed)
            if plan is not None:
                found.append((market, plan))
    return found


@given(
    st.integers(1, 1 << 40), st.dates(date(2026, 1, 5), date(2026, 11, 20)).filter(lambda d: d.weekday() < 5)
)
@settings(max_examples=examples(4, 8), deadline=None)
def test_the_synthetic_market_never_trades_beyond_a_trigger_but_in_an_auction(seed: int, day: date) -> None:
    for market, plan in far_days(seed, day.isoformat()):
        trades, hours = plan.script, plan.hours
        rule = vi_rules.vi_rule(day, board(plan.issue))
        ends = {each.released: each for each in plan.interruptions}
        if rule is None or not len(trades):
            continue
        minutes = market.minute(plan.issue.code, False, hours.closes, 1)
        if int(minutes.volume.min()) >= 4:
            assert minutes_of(trades) == rows_of(minutes)
        assert int(trades.volume.sum()) == int(minutes.volume.sum())
        base = int(trades.price[0])
        for time, price in zip(trades.time.tolist(), trades.price.tolist(), strict=True):
            if time >= hours.closing_auction:
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


def watched(market: SyntheticMarket, start: str, until: str, seed: int = 1) -> SteppedExchange:
    floor = SteppedExchange(market, f"2026-03-18 {start}", weekdays, seed)
    floor.exchange.subscribe(NAVER)
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
    floor = SteppedExchange(market, f"{DAY} 09:30", _calendar)
    found = floor.exchange.interruptions()
    assert found is not None
    assert [(each.code, each.price, each.static) for each in found] == [(GRT.code, 1_100, 1_000)]
    assert market.codes == {GRT.code}
    assert found[0].released >= at(DAY, "10:10")  # what is still to come is known


def test_the_market_may_be_looked_through_in_parts() -> None:
    floor = SteppedExchange(two_issues(), f"{DAY} 09:30", _calendar)
    assert floor.exchange.interruptions(1) is None
    assert floor.exchange.interruptions(1) is None
    assert floor.exchange.interruptions(1) == floor.exchange.interruptions()


def test_another_day_is_looked_through_anew() -> None:
    floor = SteppedExchange(two_issues(), f"{DAY} 20:00", _calendar)
    assert len(floor.exchange.interruptions() or ()) == 1
    floor.clock.advance(12.5 * 3600)
    assert floor.exchange.interruptions() == []


def test_an_issue_whose_file_is_bad_is_left_out() -> None:
    class Broken(Counted):
        def minute(self, code: str, adjusted: bool, now: float, days: int) -> Bars:
            raise ValueError("a bad file")

    market = two_issues()
    floor = SteppedExchange(Broken(market.listing, market.days), f"{DAY} 09:30", _calendar)
    assert floor.exchange.interruptions() == []
