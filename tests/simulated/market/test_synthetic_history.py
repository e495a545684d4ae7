"""How far a synthetic issue's history is generated makes no difference to the days before."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.simulated.market.corporate_actions import KNOWN_ACTIONS, CorporateAction
from kernel_server.simulated.market.listing import build_listing
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.synthetic.daily_prices import (
    DailyPrices,
    first_session,
    generate_days,
    market_returns,
)
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.support.examples import examples
from tests.support.market_calendar import at, weekdays

SESSIONS = weekdays()
LISTING = build_listing(1)
RETURNS = market_returns(1, SESSIONS.dates.view(np.int64))
COUNT = len(SESSIONS)
COLUMNS = [field.name for field in fields(DailyPrices) if field.name != "first"]

codes = st.sampled_from([*(action.code for action in KNOWN_ACTIONS), *LISTING.issues])
indices = st.integers(0, COUNT + 20)
places = st.integers(max(0, SESSIONS.index_at_or_before(date(2010, 1, 4))), COUNT - 1)


@st.composite
def actions(draw: st.DrawFn, code: str) -> list[CorporateAction]:
    """Splits of the issue before and after any cut, with halts of any length before them."""
    if draw(st.booleans()):
        return [action for action in KNOWN_ACTIONS if action.code == code]
    days = draw(st.lists(places, max_size=3, unique=True))
    return [
        CorporateAction(
            code,
            SESSIONS.dates[day].item(),
            draw(st.sampled_from((2.0, 5.0))),
            halted=draw(st.integers(0, 60)),
        )
        for day in days
    ]


def generated(code: str, of_issue: list[CorporateAction], since: int, end: int | None) -> DailyPrices:
    issue, price = LISTING.issues[code], LISTING.prices[code]
    (found,) = generate_days(1, [issue], [price], [of_issue], SESSIONS, RETURNS, since, end)
    return found


@settings(max_examples=examples(60, 150), deadline=None)
@given(st.data(), codes, indices, indices)
def test_a_history_cut_at_a_day_is_the_beginning_of_one_that_goes_on(
    data: st.DataObject, code: str, since: int, end: int
) -> None:
    of_issue = data.draw(actions(code))
    whole, part = (generated(code, of_issue, since, until) for until in (None, end))
    assert part.first == whole.first == first_session(LISTING.issues[code], SESSIONS, since)[0]
    assert len(part) == max(0, min(end, COUNT) - part.first)
    for name in COLUMNS:
        assert getattr(part, name).tobytes() == getattr(whole, name)[: len(part)].tobytes(), name


def test_the_halt_before_a_later_split_is_there_and_no_other() -> None:
    cut = SESSIONS.index_at_or_before(date(2026, 6, 1))
    for sessions_later, halted in ((2, [False, False, True]), (40, [False, False, False])):
        split = CorporateAction("005930", SESSIONS.dates[cut + sessions_later].item(), 2.0, halted=3)
        assert generated("005930", [split], 0, cut).halted[-3:].tolist() == halted


@settings(max_examples=examples(6, 20), deadline=None)
@given(
    st.lists(codes, min_size=2, max_size=4, unique=True),
    st.lists(st.floats(at("2019-01-02"), at("2027-12-01")), min_size=3, max_size=5),
    st.sampled_from((None, 3, 251)),
    st.booleans(),
)
def test_a_clock_that_runs_on_or_back_reads_what_a_new_market_does(
    read: list[str], moments: list[float], days: int | None, adjusted: bool
) -> None:
    market = SyntheticMarket(1, weekdays)
    for now in moments:
        new = SyntheticMarket(1, weekdays)
        for code in read:
            for one, other in (
                (market.daily(code, adjusted, now, days), new.daily(code, adjusted, now, days)),
                (market.minute(code, adjusted, now, 2), new.minute(code, adjusted, now, 2)),
            ):
                for field in fields(Bars):
                    assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name


def test_no_more_of_the_future_is_generated_than_the_next_sessions() -> None:
    market = SyntheticMarket(1, weekdays)
    now = at("2026-11-20", "12:00")
    market.daily("005930", True, now, 251)
    (kept,) = market._recent_days.values()
    assert SESSIONS.last_started(now) < kept.first + len(kept) <= SESSIONS.last_started(now) + 21


def test_readers_of_two_moments_take_turns_with_the_same_days() -> None:
    market = SyntheticMarket(1, weekdays)
    early, late = at("2026-08-20", "12:00"), at("2026-11-20", "12:00")
    for now in (early, late, early):
        market.daily("005930", True, now, 251)
    kept = market._recent_days["005930"]
    for now in (late, early):
        market.daily("005930", True, now, 251)
        assert market._recent_days["005930"] is kept
