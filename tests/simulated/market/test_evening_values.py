"""거래대금 of an after-market is known without its minutes, and they and their trades add up to it."""

from __future__ import annotations

from collections import Counter
from datetime import date

import numpy as np
import pytest

from kernel_server.reference.price_rules import rules
from kernel_server.simulated.exchange import generated_script
from kernel_server.simulated.market.after_market.evening import EveningMinutes
from kernel_server.simulated.market.bar_value import value_range
from kernel_server.simulated.market.model import board
from kernel_server.simulated.market.synthetic import evenings
from kernel_server.simulated.market.synthetic.evening_values import decided_values, evening_worth
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.support.market_calendar import at, weekdays

DAY, LAST = "2026-11-12", 20261112
NOW = at("2026-11-26", "11:00")
GRID = rules(date(2026, 11, 12), "KOSPI")


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often minutes of evenings were generated, and how often values of a history were decided."""
    count: Counter[str] = Counter()
    for name in ("evening_minutes", "decided_values"):
        made = getattr(evenings, name)

        def counting(*given: object, name: str = name, made: object = made) -> object:
            count[name] += 1
            return made(*given)  # type: ignore[operator]

        monkeypatch.setattr(evenings, name, counting)
    return count


@pytest.mark.parametrize("days", [None, 60])
def test_daily_bars_need_no_minutes_but_of_evenings_with_news(
    days: int | None, generated: Counter[str]
) -> None:
    market = SyntheticMarket(1, weekdays, cached=1000)
    codes = list(market.issues())[:300]
    first = [market.daily(code, False, NOW, days).value for code in codes]
    sessions = weekdays()
    evening = np.flatnonzero(sessions.dates >= np.datetime64("2026-09-14"))
    over = evening[: int(np.searchsorted(sessions.dates[evening], np.datetime64("2026-11-26")))]
    closes = [at(str(sessions.dates[each]), "20:00") for each in over.tolist()]
    news = sum(market.evening_news(code, moment) for code in codes for moment in closes)
    assert 10 < len(codes) * len(closes) * 0.001 < generated["evening_minutes"] <= news < 100
    once = generated.copy()
    assert once["decided_values"] <= len(codes)
    for code, value in zip(codes, first, strict=True):
        assert (market.daily(code, False, NOW, days).value == value).all()
    assert generated == once


def test_evenings_of_issues_read_in_the_order_of_the_listing_are_decided_together(
    generated: Counter[str],
) -> None:
    market = SyntheticMarket(1, weekdays)
    codes = [*list(market.issues())[:300], *list(market.issues())[1100:1400]]
    together = {code: market.daily(code, False, NOW, 60) for code in codes}
    assert generated["decided_values"] < len(codes) / 5
    alone = SyntheticMarket(1, weekdays)
    for code in reversed(codes):
        bars = alone.daily(code, False, NOW, 60)
        for name in ("close", "volume", "value"):
            assert (getattr(bars, name) == getattr(together[code], name)).all(), (code, name)


def test_a_reader_of_few_days_needs_only_their_evenings(generated: Counter[str]) -> None:
    market = SyntheticMarket(1, weekdays, cached=1000)
    for code in list(market.issues())[:300]:
        market.daily(code, False, NOW, 1)
    assert generated["evening_minutes"] <= 3


def test_each_minute_of_each_issue_has_a_value_that_trades_can_add_up_to() -> None:
    market = SyntheticMarket(1, weekdays, cached=1000)
    quiet = 0
    for code, issue in market.issues().items():
        minutes = market.after_market(code, False, at(DAY, "20:00"), 1)
        if not len(minutes):
            continue
        grid = rules(date(2026, 11, 12), board(issue))
        found = value_range(grid, minutes.open, minutes.high, minutes.low, minutes.close, minutes.volume)
        steps, rest = np.divmod(minutes.value - found.least, found.step)
        assert not rest.any(), code
        assert (steps >= 0).all(), code
        assert (steps <= found.steps).all(), code
        quiet += len(minutes) < 5
    assert quiet > 5


def test_trades_of_a_quiet_evening_add_up_to_its_value() -> None:
    market = SyntheticMarket(1, weekdays, cached=1000)
    quiet = 0
    for code, issue in market.issues().items():
        minutes = market.after_market(code, False, at(DAY, "20:00"), 1)
        if not 0 < len(minutes) < 12:
            continue
        grid = rules(date(2026, 11, 12), board(issue))
        script = generated_script.from_minutes(
            7, minutes, grid, (1, 10**8), opens=0.0, closes=float("inf"), turnover=10**8, trade_size=1.0
        )
        assert (script.price * script.volume).sum() == minutes.value.sum(), code
        quiet += 1
    assert quiet > 5


@pytest.mark.parametrize("volume", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("mean", [4998.0, 4995.0, 5004.0, 1999.5, 70_033.0, 1.2])
def test_few_shares_in_any_minutes_trade_at_the_two_prices_next_to_the_mean(volume: int, mean: float) -> None:
    minutes = EveningMinutes(*(np.array([each] * min(volume, 3)) for each in (0, 900, 900, 900, 900, 1)))
    shares = minutes.volume.copy()
    shares[-1] += volume - shares.sum()
    minutes = minutes._replace(minute=np.arange(len(shares)), volume=shares)
    (value,) = decided_values(GRID, np.array([mean]), np.array([volume])).tolist()
    found = evening_worth(GRID, minutes, value)
    assert found.value.sum() == value
    assert abs(value / volume - mean) <= GRID.tick(int(mean))
    reach = value_range(GRID, *found.minutes[1:])
    steps, rest = np.divmod(found.value - reach.least, reach.step)
    assert not rest.any()
    assert ((steps >= 0) & (steps <= reach.steps)).all()
    assert (np.abs(np.stack(found.minutes[1:5]) - mean) <= GRID.tick(int(mean))).all()
