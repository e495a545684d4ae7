"""A day's script: trades that add up to the day's minute bars."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.reference import price_rules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.exchange import generated_script
from kernel_server.simulated.exchange.generated_script import (
    BarTrades,
    bar_trades,
    from_minutes,
    in_parts,
    script_bars,
    together,
)
from kernel_server.simulated.exchange.interruptions import TradingPause
from kernel_server.simulated.exchange.trades.layout import ScriptBars
from kernel_server.simulated.market.model import Bars, board
from kernel_server.simulated.market.script_parts import ScriptInParts
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.market.trade_script import NOTHING, Script
from tests.support.examples import examples
from tests.support.market_calendar import at, weekdays
from tests.support.simulated_broker import Row, bars

OPENS, CLOSES = at("2026-03-18", "09:00"), at("2026-03-18", "15:30")
GRID = price_rules.rules(date(2026, 3, 18), "KOSPI")
NO_LIMITS = (0, 1 << 60)


def minutes_of(script: Script) -> list[list[int]]:
    """Minute (seconds since the epoch), open, high, low, close, volume of each minute with trades."""
    start = (script.time // 60 * 60).astype(np.int64)
    moments, first = np.unique(start, return_index=True)
    last = np.append(first[1:], len(script)) - 1
    columns: list[Ints] = [
        moments,
        script.price[first],
        np.maximum.reduceat(script.price, first),
        np.minimum.reduceat(script.price, first),
        script.price[last],
        np.add.reduceat(script.volume, first),
    ]
    return np.stack(columns, axis=1).tolist()


def rows_of(minutes: Bars) -> list[list[int]]:
    """The same of bars."""
    moments = [
        at(f"{t[:4]}-{t[4:6]}-{t[6:8]}", f"{t[8:10]}:{t[10:12]}:{t[12:]}") for t in map(str, minutes.time)
    ]
    columns = [
        np.array(moments, np.int64),
        minutes.open,
        minutes.high,
        minutes.low,
        minutes.close,
        minutes.volume,
    ]
    return np.stack(columns, axis=1).tolist()


def scripted(minutes: Bars, key: int = 1, limits: tuple[int, int] = NO_LIMITS) -> Script:
    return from_minutes(key, minutes, GRID, limits, OPENS, CLOSES)


def columns_of(trades: BarTrades) -> list[list[float]]:
    return [getattr(trades, name).tolist() for name in ("time", "price", "volume", "side")]


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(7, weekdays)


@pytest.mark.parametrize("code", ["005930", "000660", "035720", "069500", "247540"])
def test_the_trades_of_a_day_are_its_minutes(market: SyntheticMarket, code: str) -> None:
    minutes = market.minute(code, False, CLOSES, 1)
    grid = price_rules.rules(date(2026, 3, 18), board(market.issues()[code]))
    script = from_minutes(hash_random.key(1, code), minutes, grid, NO_LIMITS, OPENS, CLOSES)
    assert minutes_of(script) == rows_of(minutes)
    assert np.all(np.diff(script.time) >= 0)
    assert np.all(script.volume > 0)
    assert np.all(script.price % grid.tick_array(script.price) == 0)


def bar_rows() -> st.SearchStrategy[list[Row]]:
    """Some minutes after 9, each of four different prices at most and shares enough for them."""
    prices = st.lists(st.integers(100, 140).map(lambda step: step * 100), min_size=4, max_size=4)
    bar = st.tuples(st.integers(0, 300), prices, st.integers(4, 100_000))
    return st.lists(bar, min_size=1, max_size=8, unique_by=lambda row: row[0]).map(
        lambda found: [
            (
                20260318 * 1_000_000 + (9 + minute // 60) * 10_000 + minute % 60 * 100,
                drawn[0],
                max(drawn),
                min(drawn),
                drawn[1],
                volume,
            )
            for minute, drawn, volume in sorted(found)
        ]
    )


@given(bar_rows(), st.integers(0, 1 << 63))
@settings(max_examples=examples(60, 150))
def test_trades_add_up_to_any_minutes(rows: list[Row], key: int) -> None:
    minutes = bars(rows)
    assert minutes_of(scripted(minutes, key)) == rows_of(minutes)


@given(bar_rows(), st.integers(0, 1 << 63), st.integers(0, 1 << 42))
@settings(max_examples=examples(40, 150))
def test_any_bar_alone_has_the_trades_that_it_has_in_the_day(
    rows: list[Row], key: int, turnover: int
) -> None:
    minutes = bars(rows)
    middle = len(rows) // 2  # ends with a VI, if there is a bar before it
    pauses = [TradingPause(middle, 0, 21_000, 33_500)] if middle else []
    day = script_bars(key, minutes, (10_100, 13_900), OPENS, CLOSES, pauses, turnover)
    assert_alone_as_in_the_whole(day)


def bars_of(market: SyntheticMarket, code: str) -> ScriptBars:
    """The bars of an issue's session."""
    minutes = market.minute(code, False, CLOSES, 1)
    turnover = int(market.daily(code, False, CLOSES, 2).value[0])
    return script_bars(hash_random.key(1, code), minutes, NO_LIMITS, OPENS, CLOSES, turnover=turnover)


def test_any_minute_of_issues_together_has_the_trades_that_it_has_alone(market: SyntheticMarket) -> None:
    days = [bars_of(market, code) for code in ("005930", "035720", "247540")]
    together = ScriptBars(
        *(np.concatenate([getattr(day, name)[::37] for day in days]) for name in ScriptBars.__slots__)
    )
    assert_alone_as_in_the_whole(together)


def test_sessions_made_together_have_the_trades_that_each_has_alone(market: SyntheticMarket) -> None:
    sessions = [bars_of(market, code) for code in ("035720", "005930", "247540", "000660", "035720")]
    sessions[::2] = [busy[::20] for busy in sessions[::2]]
    # As recorded values may be, which no trades add up to.
    sessions[2] = replace(sessions[2], value=sessions[2].value + 1)
    scripts = together(sessions, GRID, OPENS)
    assert {type(script) for script in scripts} == {Script, ScriptInParts}
    for session, script in zip(sessions, scripts, strict=True):
        alone = in_parts(session, GRID, OPENS)
        assert type(script) is type(alone)
        assert (script.opens, script.closes, script.origin) == (alone.opens, alone.closes, alone.origin)
        assert (script.carried is None) == (alone.carried is None)
        for name in ("stamp", "price", "volume", "side", "value"):
            assert np.array_equal(getattr(script, name), getattr(alone, name)), name
    assert [script.carried is None for script in scripts] == [True, True, False, True, True]


def test_a_script_says_whether_its_trades_up_to_a_moment_are_made(market: SyntheticMarket) -> None:
    busy = in_parts(bars_of(market, "005930"), GRID, OPENS)
    quiet = in_parts(bars_of(market, "005930")[::20], GRID, OPENS)
    assert quiet.made_by(CLOSES)
    assert busy.made_by(OPENS - 1)
    assert not busy.made_by(OPENS)
    noon = (OPENS + CLOSES) / 2
    while busy.make_part(noon):
        assert not busy.made_by(CLOSES)
    assert busy.made_by(noon)


def assert_alone_as_in_the_whole(bars: ScriptBars) -> None:
    whole = bar_trades(bars, GRID)
    edges = np.cumsum(whole.count).tolist()
    columns = columns_of(whole)
    for bar, edge in enumerate(edges):
        alone = columns_of(bar_trades(bars[bar : bar + 1], GRID))
        assert alone == [column[edge - len(alone[0]) : edge] for column in columns]


def test_the_first_trade_at_nine_and_the_last_at_half_past_three_are_the_auctions() -> None:
    rows = [
        (20260318090000, 10000, 10100, 9900, 10000, 900),
        (20260318101500, 10000, 10050, 10000, 10050, 300),
        (20260318153000, 10020, 10020, 10020, 10020, 5000),
    ]
    script = scripted(bars(rows))
    assert (script.opens, script.closes) == (True, True)
    assert (script.time[0], script.price[0], script.side[0]) == (OPENS, 10000, 0)
    assert (script.time[-1], script.price[-1], script.volume[-1], script.side[-1]) == (CLOSES, 10020, 5000, 0)
    assert set(script.side[1:-1].tolist()) <= {-1, 1}
    later = scripted(bars(rows[1:2]))
    assert (later.opens, later.closes) == (False, False)


def test_in_a_minute_a_rise_is_the_buyers_and_a_fall_the_sellers(market: SyntheticMarket) -> None:
    script = scripted(market.minute("005930", False, CLOSES, 1))
    move = np.sign(np.diff(script.price))[:-1]  # without the closing auction
    side = script.side[1:-1]
    known = (move != 0) & (np.diff(script.time // 60)[:-1] == 0)
    assert np.all(side[known] == move[known])
    assert 0.2 < np.mean(side == 1) < 0.8


def test_at_a_limit_the_side_trades_that_still_has_a_counterparty() -> None:
    rows = [
        (20260318093000, 13000, 13000, 13000, 13000, 50_000),
        (20260318093100, 7000, 7000, 7000, 7000, 50_000),
    ]
    script = scripted(bars(rows), limits=(7000, 13000))
    assert set(script.side[script.price == 13000][1:].tolist()) == {-1}
    assert set(script.side[script.price == 7000][1:].tolist()) == {1}


def test_the_key_alone_decides(market: SyntheticMarket) -> None:
    minutes = market.minute("005930", False, CLOSES, 1)

    def drawn(key: int) -> list[list[float]]:
        script = scripted(minutes, key)
        return [script.time.tolist(), script.price.tolist(), script.volume.tolist(), script.side.tolist()]

    assert drawn(5) == drawn(5)
    assert drawn(5) != drawn(6)


def test_packed_it_is_the_same_in_half_the_memory(market: SyntheticMarket) -> None:
    minutes = market.minute("005930", False, CLOSES, 1)
    trades = bar_trades(script_bars(1, minutes, NO_LIMITS, OPENS, CLOSES), GRID)
    script = Script(trades.time, trades.price, trades.volume, trades.side, opens=True, closes=True)
    packed = script.packed()
    for name in ("time", "price", "volume", "side"):
        assert getattr(packed, name).tolist() == getattr(script, name).tolist()
    for row in (0, 1, len(script) // 2, len(script) - 1):
        moment = float(script.time[row])
        assert packed.time_at(row) == moment
        assert packed.count_by(moment) == script.count_by(moment)
        assert packed.count_before(moment) == script.count_before(moment)
    assert packed[5:9].time.tolist() == script[5:9].time.tolist() == script.time[5:9].tolist()
    columns = ("stamp", "price", "volume", "side")
    assert (packed.opens, packed.closes) == (script.opens, script.closes) == (True, True)
    memory = [sum(getattr(held, name).nbytes for name in columns) for held in (packed, script)]
    assert memory[0] / memory[1] < 0.45


COLUMNS = ("stamp", "price", "volume", "side")


@given(st.lists(st.tuples(st.integers(0, 80_000), st.integers(0, 9_000)), min_size=1, max_size=6))
@settings(max_examples=examples(10, 60))
def test_parts_that_are_read_in_any_order_are_those_of_the_whole(reads: list[tuple[int, int]]) -> None:
    minutes = SyntheticMarket(7, weekdays).minute("005930", False, CLOSES, 1)
    script, whole = scripted(minutes), scripted(minutes)[:]
    assert len(script) == len(whole) > 20_000
    assert script.total_volume == whole.total_volume == minutes.volume.sum()
    for start, count in reads:
        part = slice(min(start, len(whole)), start + count)
        for name in COLUMNS:
            assert getattr(script[part], name).tolist() == getattr(whole, name)[part].tolist()
        moment = OPENS + start / 4
        assert script.count_by(moment) == np.searchsorted(whole.time, moment, side="right")
        assert script.count_before(moment // 60 * 60) == np.searchsorted(whole.time, moment // 60 * 60)
        index = start % len(whole)
        assert script.time_at(index) == whole.time[index]
        assert script.time_at(index - len(whole)) == whole.time[index]


def test_a_moment_of_a_busy_day_makes_a_part_of_its_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    make = generated_script.bar_trades
    minutes = SyntheticMarket(7, weekdays).minute("005930", False, CLOSES, 1)

    def noted(bars: ScriptBars, grid: price_rules.PriceRules, count: Ints) -> BarTrades:
        made.append(len(bars))
        return make(bars, grid, count)

    monkeypatch.setattr(generated_script, "bar_trades", noted)
    script = scripted(minutes)
    count = script.count_by(at("2026-03-18", "12:00"))
    assert count == script.count_before(at("2026-03-18", "12:00:00.001"))
    assert 0 < sum(made) < len(minutes) / 2


def test_what_does_not_fit_four_bytes_stays_as_it_is() -> None:
    large = 3_000_000_000
    packed = Script(np.array([OPENS]), np.array([large]), np.array([2 * large]), np.array([1])).packed()
    assert (packed.price.tolist(), packed.volume.tolist()) == ([large], [2 * large])
    assert len(NOTHING.packed()) == 0


def test_recorded_times_finer_than_milliseconds_stay_as_they_are() -> None:
    times = np.array([OPENS, OPENS + 0.12345])
    ones = np.ones(2, np.int64)
    packed = Script(times, ones, ones, ones).packed()
    assert packed.time.tolist() == times.tolist()
    assert [packed.count_before(times[1]), packed.count_by(times[1])] == [1, 2]


@pytest.mark.parametrize(
    "moment", [-inf, 0.0, OPENS - 1, OPENS, *(OPENS + each / 2000 for each in range(1, 8)), 1e12, inf]
)
def test_packed_trades_are_counted_as_others(moment: float) -> None:
    times = OPENS + np.array([0, 1, 1, 2, 2, 2, 3]) / 1000
    ones = np.ones(len(times), np.int64)
    plain = Script(times, ones, ones, ones)
    packed = plain.packed()
    assert packed.stamp.dtype == np.int32
    assert packed.count_by(moment) == plain.count_by(moment)
    assert packed.count_before(moment) == plain.count_before(moment)


def test_no_minutes_no_trades() -> None:
    assert len(scripted(bars([]))) == 0


def test_a_bar_of_too_few_shares_keeps_its_close_and_its_volume() -> None:
    script = scripted(bars([(20260318093000, 10000, 10100, 9900, 10050, 1)]))
    assert (script.price.tolist(), script.volume.tolist()) == ([10050], [1])
