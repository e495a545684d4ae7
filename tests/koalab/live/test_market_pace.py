"""Silence of the market: noticed by its own pace while it is open, and only then."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache

import numpy as np
import pytest

from kernel_server.clock import KST
from kernel_server.reference import sessions as calendar
from kernel_server.reference.holidays import DayChange
from kernel_server.reference.sessions import Sessions
from koalab.live.market_pace import LONGEST, SHORTEST, MarketPace, continuous_trading
from koalab.transport.base import TickBatch

EXAM = date(2026, 11, 19)  # 수능: an hour later


@cache
def sessions() -> Sessions:
    return calendar.load(changes=[DayChange(EXAM, "10:00", "16:30")])


def at(clock: str, day: str = "2026-11-20") -> float:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=KST).timestamp()


class Market:
    def __init__(self, clock: str, day: str = "2026-11-20", speed: float = 1.0) -> None:
        self.time = at(clock, day)
        self.pace = MarketPace(continuous_trading(sessions), lambda: self.time, lambda: speed)
        self.pace.on_start(self.time)

    def trade(self, seconds: float, interval: float) -> None:
        for _ in range(int(seconds / interval)):
            self.time += interval
            none = np.zeros(1, np.intp)
            self.pace.on_batch(TickBatch(("주식체결",), none, ("005930",), none, "", np.array([self.time])))

    def silent(self, seconds: float) -> float | None:
        self.time += seconds
        return self.pace.stalled_since()


def test_is_noticed_within_seconds_in_a_lively_market_and_a_minute_in_a_quiet_one() -> None:
    lively, quiet = Market("10:00:00"), Market("10:00:00")
    lively.trade(60, 0.1)
    quiet.trade(1200, 4)
    assert lively.silent(SHORTEST - 1) is None
    assert lively.silent(2) == pytest.approx(lively.time - SHORTEST - 1)
    assert quiet.silent(40) is None
    assert quiet.silent(LONGEST) is not None


@pytest.mark.parametrize(
    ("clock", "day"),
    [
        ("08:50:00", "2026-11-20"),
        ("15:21:00", "2026-11-20"),
        ("10:00:00", "2026-11-21"),
        ("09:30:00", "2026-11-19"),
    ],
)
def test_is_none_outside_continuous_trading(clock: str, day: str) -> None:
    assert Market(clock, day).silent(300) is None


def test_is_judged_by_the_hours_of_the_day() -> None:
    assert Market("16:00:00", "2026-11-19").silent(61) is not None
    assert Market("16:00:00").silent(61) is None


def test_in_the_after_market_is_noticed_once_something_has_come() -> None:
    for day in ("2026-11-20", "2026-09-14"):
        mock = Market("16:00:00", day)  # a broker without an after-market
        assert mock.silent(2 * 3600) is None
        market = Market("16:00:00", day)
        market.trade(3600, 0.5)
        assert market.silent(SHORTEST - 1) is None
        assert market.silent(3) is not None
    for clock, day in (("16:00:00", "2026-09-11"), ("19:00:00", "2026-11-20"), ("16:40:00", "2026-11-19")):
        over = Market(clock, day)
        over.trade(600 if day != "2026-11-20" else 3600, 0.5)
        assert over.silent(61) is None


def test_of_the_afternoon_does_not_slow_the_pace_of_the_evening() -> None:
    market = Market("15:00:00")
    market.trade(600, 0.5)
    market.time = at("16:05:00")
    market.trade(1, 0.5)
    assert market.pace.patience <= 2 * SHORTEST


def test_from_before_the_opening_on_is_noticed_once_the_market_is_open() -> None:
    market = Market("08:30:00")
    market.trade(20 * 60, 10)  # expected trades of the opening auction
    market.time = at("09:01:30")
    market.pace.on_gap(0.0, "")
    market.time = at("08:59:00")
    market.pace.on_start(market.time)
    market.time = at("09:03:30")
    assert market.pace.stalled_since() == at("09:01:00")


def test_of_a_night_does_not_slow_the_pace_of_the_next_day() -> None:
    market = Market("15:00:00", "2026-11-19")
    market.trade(600, 0.5)
    market.time = at("09:05:00")
    market.trade(1, 0.5)
    assert market.pace.patience <= 2 * SHORTEST


def test_of_a_fast_clock_is_measured_in_real_seconds_too() -> None:
    market = Market("10:00:00", speed=60.0)
    market.trade(60, 0.5)
    assert market.silent(100) is None
    assert market.silent(30) is not None


def test_cannot_be_known_while_nothing_is_received() -> None:
    market = Market("10:00:00")
    market.trade(60, 0.5)
    market.pace.on_gap(market.time, "the broker's connection was lost")
    assert market.silent(600) is None
