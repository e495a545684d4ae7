"""A day's script: trades that add up to the day's minute bars."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.reference import price_rules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.exchange.generated_script import from_minutes
from kernel_server.simulated.market.model import Bars, board
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


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(7, weekdays)


@pytest.mark.parametrize("code", ["005930", "000660", "035720", "069500", "247540"])
def test_the_trades_of_a_day_are_its_minutes(market: SyntheticMarket, code: str) -> None:
    minutes = market.minute(code, False, CLOSES, 1)
    grid = price_rules.rules(date(2026, 3, 18), board(market.issues()[code]))
    script = from_minutes(hash_random.key(1, code), minutes, grid, NO_LIMITS, OPENS, CLOSES)
    assert minutes_of(script) == rows_of(minutes)
    assert len(script) <= 20_000
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


def test_a_rise_is_the_buyers_and_a_fall_the_sellers(market: SyntheticMarket) -> None:
    script = scripted(market.minute("005930", False, CLOSES, 1))
    move = np.sign(np.diff(script.price))[:-1]  # without the closing auction
    side = script.side[1:-1]
    assert np.all(side[move != 0] == move[move != 0])
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
    script = scripted(minutes)
    packed = script.packed()
    columns = ("time", "price", "volume", "side")
    for name in columns:
        assert getattr(packed, name).tolist() == getattr(script, name).tolist()
    assert (packed.opens, packed.closes) == (script.opens, script.closes) == (True, True)
    memory = [sum(getattr(held, name).nbytes for name in columns) for held in (packed, script)]
    assert memory[0] / memory[1] < 0.55


def test_what_does_not_fit_four_bytes_stays_as_it_is() -> None:
    large = 3_000_000_000
    packed = Script(np.array([OPENS]), np.array([large]), np.array([2 * large]), np.array([1])).packed()
    assert (packed.price.tolist(), packed.volume.tolist()) == ([large], [2 * large])
    assert len(NOTHING.packed()) == 0


def test_no_minutes_no_trades() -> None:
    assert len(scripted(bars([]))) == 0


def test_a_bar_of_too_few_shares_keeps_its_close_and_its_volume() -> None:
    script = scripted(bars([(20260318093000, 10000, 10100, 9900, 10050, 1)]))
    assert (script.price.tolist(), script.volume.tolist()) == ([10050], [1])
