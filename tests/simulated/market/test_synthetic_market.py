"""The synthetic market: days and minutes that hang together, and that stay as they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.clock import KST, seoul
from kernel_server.reference.price_rules import rules, spans
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market import listing
from kernel_server.simulated.market.corporate_actions import KNOWN_ACTIONS, CorporateAction
from kernel_server.simulated.market.listing import PRICED_ON
from kernel_server.simulated.market.model import Bars, board
from kernel_server.simulated.market.synthetic import market as synthetic
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.support.examples import examples
from tests.support.market_calendar import LATE, at, weekdays

MARKET = SyntheticMarket(seed=1, sessions=weekdays)
ISSUES = MARKET.issues()
NOW = at("2026-11-20", "12:00")
SAMPLE = [*list(ISSUES)[:220:11], *list(ISSUES)[220::97]]

codes = st.sampled_from(list(ISSUES))
seeds = st.integers(0, 2**40)
epoch_seconds = st.floats(at("1986-01-01"), at("2027-12-01"))
recent = st.floats(at("2025-06-02"), at("2026-12-01"))
few = settings(max_examples=examples(10, 25), deadline=None)


def same(one: Bars, other: Bars) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Bars))


def first_of(bars: Bars, count: int) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[:count] for field in fields(Bars)})


def last_of(bars: Bars, count: int) -> Bars:
    return Bars(**{field.name: getattr(bars, field.name)[len(bars) - count :] for field in fields(Bars)})


def on(bars: Bars, day: str) -> dict[str, float]:
    """The bar of that day, which there has to be."""
    (place,) = np.flatnonzero(bars.time == int(day.replace("-", "")))
    return {field.name: getattr(bars, field.name)[place].item() for field in fields(Bars)}


def session_days(bars: Bars) -> Ints:
    texts = [f"{day // 10000:04d}-{day // 100 % 100:02d}-{day % 100:02d}" for day in bars.time.tolist()]
    return np.array(texts, "datetime64[D]").view(np.int64)


# The same for everybody, whenever they ask


@few
@given(seeds, st.sampled_from(list(listing.known_listing().issues)), epoch_seconds)
def test_two_markets_of_one_seed_are_one(seed: int, code: str, now: float) -> None:
    one, other = (SyntheticMarket(seed, weekdays) for _ in range(2))
    other.daily("005930", True, NOW)
    assert one.source == other.source
    assert same(one.daily(code, True, now), other.daily(code, True, now))
    assert same(one.minute(code, False, now, 2), other.minute(code, False, now, 2))


def test_another_seed_is_another_market() -> None:
    other = SyntheticMarket(2, weekdays)
    assert other.source != MARKET.source
    here, there = (market.daily("005930", True, NOW) for market in (MARKET, other))
    assert np.array_equal(here.time, there.time)
    assert (here.close != there.close).mean() > 0.9


@few
@given(codes, epoch_seconds, epoch_seconds)
def test_a_day_that_is_over_never_changes(code: str, one: float, other: float) -> None:
    earlier, later = sorted((one, other))
    before, after = (MARKET.daily(code, False, now) for now in (earlier, later))
    running = weekdays().current(earlier) is not None
    assert len(before) <= len(after)
    over = len(before) - running if running and len(before) else len(before)
    assert same(first_of(before, over), first_of(after, over))


@settings(max_examples=examples(60, 150), deadline=None)
@given(codes, epoch_seconds, st.integers(1, 400), st.booleans())
def test_the_newest_days_alone_are_those_of_the_whole_history(
    code: str, now: float, days: int, adjusted: bool
) -> None:
    whole = MARKET.daily(code, adjusted, now)
    assert same(MARKET.daily(code, adjusted, now, days), last_of(whole, min(days, len(whole))))


@few
@given(codes, epoch_seconds, st.integers(1, 170), st.booleans())
def test_the_newest_minutes_alone_are_those_of_all_that_are_kept(
    code: str, now: float, days: int, adjusted: bool
) -> None:
    whole = MARKET.minute(code, adjusted, now, 160)
    dates = np.unique(whole.time // 10**6)[-days:]
    held = int(np.isin(whole.time // 10**6, dates).sum())
    assert same(MARKET.minute(code, adjusted, now, days), last_of(whole, held))


@few
@given(codes, recent, recent)
def test_a_minute_that_is_over_never_changes(code: str, one: float, other: float) -> None:
    earlier, later = sorted((one, other))
    before, after = (MARKET.minute(code, False, now, 160) for now in (earlier, later))
    common = np.intersect1d(before.time, after.time)
    for name in ("open", "high", "low", "close", "volume", "value"):
        here, there = (getattr(bars, name)[np.isin(bars.time, common)] for bars in (before, after))
        assert np.array_equal(here, there), name
    if len(before) and len(after):
        kept = before.time[before.time >= after.time[0]]
        assert np.isin(kept, after.time).all()


@pytest.mark.parametrize("code", SAMPLE[:6])
def test_a_longer_calendar_changes_nothing(code: str) -> None:
    longer = SyntheticMarket(1, lambda: weekdays("2029-12-31"))
    assert same(longer.daily(code, True, NOW), MARKET.daily(code, True, NOW))
    assert same(longer.minute(code, True, NOW, 5), MARKET.minute(code, True, NOW, 5))


def test_many_read_in_the_order_of_the_listing_are_the_same_as_each_by_itself() -> None:
    wanted = list(ISSUES)[:220] + list(ISSUES)[1100:1250]
    forwards, backwards = SyntheticMarket(1, weekdays), SyntheticMarket(1, weekdays)
    together = {code: forwards.daily(code, True, NOW, 20) for code in wanted}
    for code in reversed(wanted):
        assert same(together[code], backwards.daily(code, True, NOW, 20)), code


def test_the_minutes_of_a_session_read_in_that_order_are_those_of_each_issue_by_itself() -> None:
    market = SyntheticMarket(1, weekdays)
    wanted = list(ISSUES)[:150] + list(ISSUES)[1100:1150]
    for code in wanted:
        market.daily(code, True, NOW, 20)
    for code in wanted:
        session = market.minute(code, True, NOW, 1)
        assert same(session, last_of(MARKET.minute(code, True, NOW, 6), len(session))), code
        assert len(np.unique(session.time // 10**6)) == 1


def test_issues_that_were_listed_later_do_not_part_those_that_are_made_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: Counter[str] = Counter()
    for name in ("generate_days", "generate_session"):
        real = getattr(synthetic, name)

        def counting(*given: object, name: str = name, real: Any = real) -> object:
            made[name] += 1
            return real(*given)

        monkeypatch.setattr(synthetic, name, counting)
    market = SyntheticMarket(1, weekdays)
    for code in ISSUES:
        market.daily(code, True, NOW, 2)
        market.minute(code, True, NOW, 1)
    later = sum(issue.listed > PRICED_ON for issue in ISSUES.values())
    assert later > 20
    fewest = len(ISSUES) / 32 + later
    assert made["generate_days"] < fewest + 20
    assert made["generate_session"] < fewest + 35  # some are alone as they, or others, had no trades


def test_what_is_kept_in_memory_makes_no_difference() -> None:
    forgetful = SyntheticMarket(1, weekdays, cached=1)
    for code in ("005930", "000660", "005930"):
        assert same(forgetful.daily(code, True, NOW), MARKET.daily(code, True, NOW))


def test_bars_cannot_be_changed() -> None:
    for bars in (
        MARKET.daily("000660", True, at("2026-11-20", "20:00")),
        MARKET.minute("000660", True, NOW, 1),
    ):
        with pytest.raises(ValueError, match="read-only"):
            bars.close[0] = 1


def test_the_calendar_is_not_asked_for_before_the_first_bar() -> None:
    asked = []

    def sessions() -> object:
        asked.append(True)
        return weekdays()

    market = SyntheticMarket(1, sessions)  # type: ignore[arg-type]
    assert len(market.issues()) == 2879
    assert not asked
    market.daily("005930", True, NOW)
    market.minute("005930", True, NOW, 1)
    assert asked == [True]


# Which days there are


@pytest.mark.parametrize("code", SAMPLE)
def test_a_history_has_every_session_since_the_listing(code: str) -> None:
    bars = MARKET.daily(code, True, at("2026-11-20", "20:00"))
    sessions = weekdays().between(max(ISSUES[code].listed, date(1986, 1, 4)), date(2026, 11, 20))
    assert np.array_equal(session_days(bars), sessions.dates.view(np.int64))


def test_before_its_listing_an_issue_has_no_bars() -> None:
    assert ISSUES["373220"].listed == date(2022, 1, 27)
    assert len(MARKET.daily("373220", True, at("2022-01-26", "20:00"))) == 0
    assert len(MARKET.minute("373220", True, at("2022-01-26", "20:00"), 5)) == 0
    assert MARKET.daily("373220", True, at("2022-01-27", "20:00")).time.tolist() == [20220127]
    first_day = MARKET.minute("373220", True, at("2022-01-27", "20:00"), 5)
    assert set((first_day.time // 10**6).tolist()) == {20220127}


def test_a_code_that_is_not_listed_has_no_bars() -> None:
    assert len(MARKET.daily("999999", True, NOW)) == 0
    assert len(MARKET.minute("999999", True, NOW, 5)) == 0


def test_before_the_calendar_begins_there_are_no_bars() -> None:
    assert len(MARKET.daily("005930", True, at("1980-01-01"))) == 0
    assert len(MARKET.minute("005930", True, at("1980-01-01"), 5)) == 0


# What a day looks like


@pytest.mark.parametrize("code", ["005930", "000660", "247540", "069500", "530031", "395400", SAMPLE[-1]])
def test_the_price_of_the_listing_is_met_on_its_day(code: str) -> None:
    listed = max(listing.PRICED_ON, ISSUES[code].listed)
    bars = MARKET.daily(code, False, NOW)
    price = listing.build_listing(1).prices[code]
    assert on(bars, listed.isoformat())["close"] == price


@settings(max_examples=examples(25, 60), deadline=None)
@given(codes)
def test_prices_are_on_the_grid_of_their_day_and_inside_its_limits(code: str) -> None:
    bars = MARKET.daily(code, False, NOW)
    traded = bars.volume > 0
    days = session_days(bars)
    for part, held in spans(days, board(ISSUES[code])):
        for name in ("open", "high", "low", "close"):
            prices = getattr(bars, name)[part][traded[part]]
            assert (prices % held.tick_array(prices) == 0).all(), name
        for place in range(max(1, part.start), part.stop):
            if bars.event[place]:
                continue
            upper, lower = held.limits(int(bars.close[place - 1]))
            assert not traded[place] or lower <= bars.low[place] <= bars.high[place] <= upper


@pytest.mark.parametrize("code", SAMPLE)
def test_a_day_is_sound(code: str) -> None:
    bars = MARKET.daily(code, False, NOW)
    assert (bars.low > 0).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.value >= bars.low * bars.volume * 0.99).all()
    assert (bars.value <= bars.high * bars.volume * 1.01).all()
    assert (bars.volume < ISSUES[code].shares * 3).all()


def test_moves_are_those_of_shares() -> None:
    deviations = []
    for code in SAMPLE:
        close = MARKET.daily(code, True, NOW).close
        if ISSUES[code].kind == "stock" and len(close) > 500:
            deviations.append(float(np.diff(np.log(close)).std()))
    assert 0.015 < np.median(deviations) < 0.045
    assert min(deviations) > 0.008
    assert max(deviations) < 0.08


def test_the_market_moves_together() -> None:
    moves = [
        np.diff(np.log(MARKET.daily(code, True, NOW).close[-2000:]))
        for code in ("005930", "000660", "005380")
    ]
    together = np.corrcoef(moves)
    assert together[np.triu_indices(3, 1)].min() > 0.08


def test_larger_companies_trade_for_more_money() -> None:
    def typical(code: str) -> float:
        return float(np.median(MARKET.daily(code, True, NOW).value[-250:]))

    assert typical("005930") > 10 * typical("005300")


def test_here_and_there_trading_is_halted() -> None:
    halted = 0
    for code in SAMPLE:
        bars = MARKET.daily(code, False, NOW)
        still = bars.volume == 0
        halted += int(still.sum())
        assert not still[0]
        for name in ("open", "high", "low", "close"):
            assert np.array_equal(getattr(bars, name)[still], bars.close[np.flatnonzero(still) - 1]), name
        assert (bars.value[still] == 0).all()
        assert still.mean() < 0.02
    assert halted > 0


# Splits


def test_a_split_shows_in_the_unadjusted_prices_alone() -> None:
    raw, fair = (MARKET.daily("005930", adjusted, NOW) for adjusted in (False, True))
    before, after = on(raw, "2018-05-03"), on(raw, "2018-05-04")
    assert before["close"] / after["close"] == pytest.approx(50, rel=0.35)
    assert on(fair, "2018-05-03")["close"] == pytest.approx(on(fair, "2018-05-04")["close"], rel=0.35)


def test_before_the_split_prices_are_divided_and_volumes_multiplied() -> None:
    raw, fair = (MARKET.daily("005930", adjusted, NOW) for adjusted in (False, True))
    early = raw.time < 20180504
    for name in ("open", "high", "low", "close"):
        assert (np.abs(getattr(fair, name)[early] - getattr(raw, name)[early] / 50) <= 0.5).all(), name
    assert np.array_equal(fair.volume[early], raw.volume[early] * 50)
    assert np.array_equal(fair.value, raw.value)
    assert same(last_of(raw, int((~early).sum())), last_of(fair, int((~early).sum())))


def test_the_split_is_marked_on_its_day_in_both() -> None:
    for adjusted in (False, True):
        bars = MARKET.daily("005930", adjusted, NOW)
        assert bars.time[bars.event > 0].tolist() == [20180504]
        assert bars.event[bars.event > 0].tolist() == [8]
        assert bars.ratio[bars.ratio != 0].tolist() == [-98.0]


@pytest.mark.parametrize("action", KNOWN_ACTIONS, ids=lambda action: action.code)
def test_on_the_day_of_a_split_the_limits_are_around_the_scaled_close(action: CorporateAction) -> None:
    raw, fair = (MARKET.daily(action.code, adjusted, NOW) for adjusted in (False, True))
    place = int(np.searchsorted(raw.time, int(action.day.strftime("%Y%m%d"))))
    held = rules(action.day, board(ISSUES[action.code]))
    upper, lower = held.limits(int(fair.close[place - 1]))
    assert lower <= raw.low[place] <= raw.high[place] <= upper


def test_trading_is_halted_before_a_split() -> None:
    bars = MARKET.daily("005930", False, NOW)
    place = int(np.searchsorted(bars.time, 20180504))
    assert (bars.volume[place - 3 : place] == 0).all()
    assert bars.volume[place] > 0


def test_until_its_morning_nothing_is_adjusted() -> None:
    for now, factor in ((at("2018-05-03", "23:59"), 1), (at("2018-05-04", "00:00"), 50)):
        raw, fair = (MARKET.daily("005930", adjusted, now) for adjusted in (False, True))
        assert raw.time[-1] == fair.time[-1] == 20180503
        assert fair.close[-1] == raw.close[-1] / factor


@settings(max_examples=examples(4, 8), deadline=None)
@given(
    day=st.dates(date(2026, 5, 1), date(2026, 11, 16)).filter(lambda day: day.weekday() < 5),
    factor=st.sampled_from([2, 5, 10, 50]),
    now=st.floats(at("2026-11-17"), at("2026-11-21")),
)
def test_an_action_of_ones_own_rescales_minutes_as_it_does_days(day: date, factor: int, now: float) -> None:
    market = SyntheticMarket(1, weekdays, actions=[CorporateAction("000660", day, factor, halted=2)])
    assert market.source != MARKET.source
    raw, fair = (market.minute("000660", adjusted, now, 160) for adjusted in (False, True))
    early = raw.time // 10**6 < int(day.strftime("%Y%m%d"))
    assert early.any()
    assert np.array_equal(fair.volume, np.where(early, raw.volume * factor, raw.volume))
    assert (np.abs(fair.close - raw.close / np.where(early, factor, 1)) <= 0.5).all()
    assert_minutes_make_days(market, "000660", True, at("2026-11-21"))


# Minutes


def assert_minutes_make_days(market: SyntheticMarket, code: str, adjusted: bool, now: float) -> None:
    """The minutes make the days; an after-market adds to volume and value, and to the newest day's prices."""
    days, bars = market.daily(code, adjusted, now), market.minute(code, adjusted, now, 160)
    dates = bars.time // 10**6
    evenings = set((market.after_market(code, adjusted, now, 160).time // 10**6).tolist())
    for place in range(max(0, len(days) - 160), len(days)):
        of_day = dates == days.time[place]
        if days.volume[place] == 0:
            assert not of_day.any()
            continue
        regular = (
            bars.open[of_day][0],
            bars.high[of_day].max(),
            bars.low[of_day].min(),
            bars.close[of_day][-1],
        )
        evening = days.time[place] in evenings
        if not (evening and place == len(days) - 1):
            assert regular == tuple(getattr(days, name)[place] for name in ("open", "high", "low", "close"))
        more = days.volume[place] - bars.volume[of_day].sum()
        assert more / days.volume[place] < 0.1
        assert bool(more) == evening
        assert (days.value[place] > bars.value[of_day].sum()) == evening


def test_at_the_very_opening_the_depth_is_what_it_was_the_evening_before() -> None:
    opening = 1_780_617_600.0  # 2026-06-05 09:00, a session
    assert weekdays().current(opening) is not None
    assert same(
        MARKET.minute("005930", False, opening, 160), MARKET.minute("005930", False, opening - 1.0, 160)
    )
    assert_minutes_make_days(MARKET, "005930", False, opening)


@few
@given(codes, st.booleans(), recent)
def test_the_minutes_of_a_day_make_the_day(code: str, adjusted: bool, now: float) -> None:
    assert_minutes_make_days(MARKET, code, adjusted, now)


@few
@given(codes, recent)
def test_a_minute_is_sound(code: str, now: float) -> None:
    bars = MARKET.minute(code, False, now, 10)
    assert (np.diff(bars.time) > 0).all()
    assert (bars.volume > 0).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    held = rules(seoul(now).date(), board(ISSUES[code]))
    for prices in (bars.open, bars.high, bars.low, bars.close):
        assert (prices % held.tick_array(prices) == 0).all()
    assert not bars.event.any()


def test_labels_are_the_starts_of_minutes_and_the_closing_auctions_own() -> None:
    bars = MARKET.minute("005930", True, at("2026-11-18", "20:00"), 1)
    minutes = [f"20261118{hour:02d}{minute:02d}00" for hour in range(9, 15) for minute in range(60)]
    minutes += [f"2026111815{minute:02d}00" for minute in range(20)]
    assert [str(time) for time in bars.time] == [*minutes, "20261118153000"]
    assert bars.open[-1] == bars.high[-1] == bars.low[-1] == bars.close[-1]


def test_on_a_late_day_the_minutes_are_an_hour_later() -> None:
    bars = MARKET.minute("005930", True, at(LATE.isoformat(), "20:00"), 1)
    assert [str(time)[8:12] for time in bars.time[[0, -2, -1]]] == ["1000", "1619", "1630"]
    assert len(bars) == 381


def test_the_first_session_of_a_year_is_an_hour_shorter() -> None:
    bars = MARKET.minute("005930", True, at("2026-01-02", "20:00"), 1)
    assert [str(time)[8:12] for time in bars.time[[0, -2, -1]]] == ["1000", "1519", "1530"]
    assert len(bars) == 321


def test_minutes_without_a_trade_have_no_bar() -> None:
    counts = {
        code: len(MARKET.minute(code, True, at("2026-11-18", "20:00"), 1))
        for code in ISSUES
        if code in SAMPLE or code == "005930"
    }
    assert counts["005930"] == 381
    assert 0 < min(count for count in counts.values() if count) < 100


def test_there_are_as_many_sessions_of_minutes_as_the_market_keeps() -> None:
    now = at("2026-11-20", "20:00")
    for kept, asked, found in ((160, 500, 160), (160, 3, 3), (7, 160, 7), (7, 0, 0)):
        market = SyntheticMarket(1, weekdays, actions=[], minute_sessions=kept)
        dates = np.unique(market.minute("005930", True, now, asked).time // 10**6)
        sessions = weekdays().dates[: weekdays().index_at_or_before(date(2026, 11, 20)) + 1]
        expected = [int(str(day).replace("-", "")) for day in sessions[len(sessions) - found :]]
        assert dates.tolist() == expected


def test_halted_days_do_not_count_among_the_sessions_asked_for() -> None:
    action = CorporateAction("005930", date(2026, 11, 20), 2, halted=3)
    market = SyntheticMarket(1, weekdays, actions=[action])
    bars = market.minute("005930", True, at("2026-11-20", "20:00"), 2)
    assert np.unique(bars.time // 10**6).tolist() == [20261116, 20261120]


def test_minutes_are_found_behind_the_longest_halt() -> None:
    action = CorporateAction("005930", date(2026, 11, 20), 2, halted=60)
    market = SyntheticMarket(1, weekdays, actions=[action])
    bars = market.minute("005930", True, at("2026-11-19", "20:00"), 1)
    assert np.unique(bars.time // 10**6).tolist() == [20260827]


# The session that runs


def test_before_the_first_minute_is_over_there_is_no_day_yet() -> None:
    assert MARKET.daily("005930", True, at("2026-11-20", "09:00:59")).time[-1] == 20261119
    assert MARKET.daily("005930", True, at("2026-11-20", "09:01")).time[-1] == 20261120
    assert MARKET.minute("005930", True, at("2026-11-20", "09:01"), 1).time.tolist() == [20261120090000]


@few
@given(codes, st.floats(at("2026-11-20", "09:00"), at("2026-11-20", "15:30")))
def test_a_running_day_is_what_its_minutes_add_up_to(code: str, now: float) -> None:
    day, minutes = MARKET.daily(code, True, now), MARKET.minute(code, True, now, 1)
    if len(minutes) and minutes.time[0] // 10**6 == 20261120:
        assert on(day, "2026-11-20") == {
            "time": 20261120,
            "open": minutes.open[0],
            "high": minutes.high.max(),
            "low": minutes.low.min(),
            "close": minutes.close[-1],
            "volume": minutes.volume.sum(),
            "value": minutes.value.sum(),
            "event": 0,
            "ratio": 0,
        }
        latest = seoul(now) - timedelta(minutes=1)
        assert minutes.time[-1] <= int(latest.astimezone(KST).strftime("%Y%m%d%H%M00")) or now >= at(
            "2026-11-20", "15:30"
        )
    else:
        assert not len(day) or day.time[-1] < 20261120 or day.volume[-1] == 0


@pytest.mark.parametrize("code", SAMPLE)
def test_at_the_close_the_running_day_is_the_final_one(code: str) -> None:
    for now in (at("2026-11-20", "15:29:59"), at("2026-11-20", "15:30")):
        assert_minutes_make_days(MARKET, code, True, now)
    closed, later = (
        MARKET.daily(code, True, at(*when)) for when in (("2026-11-20", "15:30"), ("2026-11-22", "09:30"))
    )
    for name in ("time", "open", "high", "low", "close"):
        assert (getattr(closed, name) == getattr(later, name)).all()
    assert (closed.volume[:-1] == later.volume[:-1]).all()
    assert (closed.volume <= later.volume).all()


def test_a_halted_day_is_there_from_its_open() -> None:
    market = SyntheticMarket(
        1, weekdays, actions=[CorporateAction("005930", date(2026, 11, 23), 2, halted=1)]
    )
    assert market.daily("005930", True, at("2026-11-20", "08:59")).time[-1] == 20261119
    bars = market.daily("005930", True, at("2026-11-20", "09:00"))
    assert bars.time[-1] == 20261120
    assert bars.volume[-1] == 0
    assert bars.open[-1] == bars.close[-1] == bars.close[-2]
