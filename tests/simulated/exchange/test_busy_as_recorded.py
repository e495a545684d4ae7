"""Days are as busy as recorded ones: how many trades, of what sizes, how close together, how often quotes change."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from bench.likeness import recorded
from bench.likeness.figures import Figures, of_script, of_trades
from bench.likeness.report import FACTOR, plans, ratios
from kernel_server.reference import price_rules
from kernel_server.reference.sessions import load
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange.day_plan import plan_day
from kernel_server.simulated.exchange.generated_script import from_minutes
from kernel_server.simulated.exchange.quotes.quote_rule import changes_after_array
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from kernel_server.simulated.market.trade_script import Script
from tests.support.market_calendar import at
from tests.support.simulated_broker import Row, bars

OPENS, CLOSES = at("2026-03-18", "09:00"), at("2026-03-18", "15:30")
GRID = price_rules.rules(date(2026, 3, 18), "KOSPI")
MINUTES = 379
SECONDS = MINUTES * 60
LARGE = 1_500_000_000_000  # KRW a day


def a_day(turnover: float, price: int) -> Script:
    """Continuous trading of an issue that turns over so much, KRW; its prices move by a tick or none."""
    price, tick = GRID.floor(price), GRID.tick(price)
    draw = np.exp(0.8 * hash_random.normal(3, np.arange(MINUTES)))
    shares = np.maximum(draw / draw.sum() * turnover / price, 2).astype(int).tolist()
    rows: list[Row] = []
    for number, volume in enumerate(shares, 1):
        time = 20260318 * 1_000_000 + (9 + number // 60) * 10_000 + number % 60 * 100
        close = price + tick * (number % 3 - 1)
        rows.append((time, price, max(price, close), min(price, close), close, volume))
    return from_minutes(7, bars(rows), GRID, (0, 1 << 40), OPENS, CLOSES, turnover=int(turnover))


@pytest.mark.parametrize("real", recorded.table(), ids=lambda real: f"{real.turnover}bn")
def test_trades_are_as_many_and_as_large_as_recorded_ones(real: Figures) -> None:
    day = a_day(real.turnover * 1e9 * SECONDS / 3600, round(real.trade * 1e6 / real.mean))
    found = of_trades(day.price, day.volume, SECONDS)
    ratio = ratios(found, real)
    # Recorded means are 4 to 16 times the median, whatever the price and the turnover: 8.3 times in the middle.
    assert 1 / 2.5 <= ratio.pop("median") <= 2.5
    assert 4 <= found.mean / found.median <= 16
    assert all(1 / FACTOR <= each <= FACTOR for each in ratio.values()), ratio


def test_each_figure_of_ten_issues_of_a_synthetic_day_is_within_a_factor_of_two_of_the_recorded_one() -> None:
    table = recorded.table()
    for plan, real in zip(plans(table), table, strict=True):
        found = ratios(of_script(plan), real)
        assert set(found) == {"turnover", "trades", "trade", "mean", "median"}
        assert all(1 / FACTOR <= ratio <= FACTOR for ratio in found.values()), (plan.issue.code, found)


def test_the_busiest_issues_have_more_than_150_000_trades_a_day() -> None:
    assert 150_000 <= len(a_day(LARGE, 150_000)) <= 200_000


def test_sizes_have_a_long_tail_and_one_share_is_common() -> None:
    volume = a_day(LARGE, 150_000).volume
    assert 5 <= volume.mean() / np.median(volume) <= 12
    assert volume.max() > 50 * volume.mean()
    assert 0.15 <= np.mean(volume == 1) <= 0.45


def test_trades_come_in_bursts_and_one_order_may_take_several() -> None:
    day = a_day(60_000_000_000, 50_000)
    seconds = np.bincount((day.time - OPENS).astype(int), minlength=SECONDS)[60:]
    assert seconds.var() > 1.5 * seconds.mean()  # as many as independent trades would have
    together = np.diff(day.time) == 0
    assert 0.1 <= np.mean(together) <= 0.4
    move = np.sign(np.diff(day.price))[together]
    assert np.all((move == 0) | (move == day.side[1:][together]))
    assert np.mean(day.side[1:][together] == day.side[:-1][together]) > 0.95


@pytest.mark.parametrize("turnover", [LARGE, 60_000_000_000, 2_000_000_000])
def test_quotes_change_several_times_a_trade(turnover: int) -> None:
    day = a_day(turnover, 50_000)
    changes = changes_after_array(np.diff(day.time))
    assert 1.5 <= 1 + changes.mean() <= 10


@pytest.mark.parametrize("code", ["028300", "055550", "000660", "035420"])
def test_synthetic_minutes_reach_beyond_their_first_and_last_price_and_a_third_of_trades_change_it(
    code: str,
) -> None:
    market = SyntheticMarket(1)
    hours = phases.hours(load(), phases.session_index(load(), at("2026-11-17", "12:00")))
    plan = plan_day(market, hours, market.issues()[code], 1)
    assert plan is not None
    minutes = market.minute(code, False, hours.closes, 1)
    above, below = (
        minutes.high > np.maximum(minutes.open, minutes.close),
        minutes.low < np.minimum(minutes.open, minutes.close),
    )
    # Of two recorded issues: 23 and 34 %, 48 and 38 %, and 62 and 64 % of either.
    assert 0.2 <= above.mean() <= 0.75
    assert 0.2 <= below.mean() <= 0.75
    assert 0.45 <= (above | below).mean() <= 0.9
    # 33 and 37 %; more where a tick is small against the moves of a minute.
    assert 0.25 <= np.mean(np.diff(plan.script.price) != 0) <= 0.5


def test_larger_trades_are_as_many_times_fewer() -> None:
    minutes = bars([(20260318093000, 10_000, 10_050, 9_990, 10_010, 900_000)])
    counts = [
        len(from_minutes(7, minutes, GRID, (0, 1 << 40), OPENS, CLOSES, turnover=LARGE, trade_size=size))
        for size in (1.0, 20.0)
    ]
    assert counts[0] / counts[1] == pytest.approx(20, rel=0.1)
