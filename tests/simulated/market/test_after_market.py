"""After-markets of the synthetic market, beside what is recorded of real ones (2026-09-14 on)."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from kernel_server.reference.price_rules import rules
from kernel_server.simulated.market.model import Bars, board
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.synthetic.evenings import EveningBar
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from tests.support.market_calendar import LATE_WITH_AFTER_MARKET, at, weekdays

DAY = "2026-11-12"
MARKET = SyntheticMarket(1, weekdays, cached=1000)
ISSUES = MARKET.issues()
SHARES = [
    code for code, issue in ISSUES.items() if issue.market != "KONEX" and issue.kind not in ("etf", "etn")
]
SAMPLE = SHARES[:400:4]
FIRST, LAST = 20260914, 20261112


def bar(
    code: str, time: str, market: SyntheticMarket = MARKET, day: str = DAY, adjusted: bool = False
) -> Bars:
    """The newest daily bar at that time."""
    bars = market.daily(code, adjusted, at(day, time), 2)
    return cut(bars, len(bars) - 1, len(bars))


def row(bars: Bars) -> list[int]:
    return [int(getattr(bars, name)[-1]) for name in ("open", "high", "low", "close", "volume", "value")]


def test_the_evening_adds_what_was_recorded() -> None:
    """3 to 9 percent of the day's volume; the last price half a percent from the close (median), 8.5 at most."""
    share, move = [], []
    for code in SAMPLE:
        closed, over = bar(code, "15:30"), bar(code, "20:00")
        if closed.volume[0] > 1000:
            share.append((over.volume[0] - closed.volume[0]) / closed.volume[0])
            move.append(abs(over.close[0] / closed.close[0] - 1))
    assert 0.02 < min(share) < max(share) < 0.105
    assert 0.03 < np.median(share) < 0.09
    assert 0.003 < np.median(move) < 0.007
    assert max(move) < 0.09


def test_its_minutes_add_up_to_it_from_16_00_to_19_59() -> None:
    for code in SAMPLE[:20]:
        closed, over = bar(code, "15:30"), bar(code, "20:00")
        minutes = MARKET.after_market(code, False, at(DAY, "20:00"), 1)
        if not closed.volume[0]:
            assert not len(minutes)
            continue
        assert minutes.volume.sum() == over.volume[0] - closed.volume[0]
        assert minutes.time[0] >= 20261112160000
        assert minutes.time[-1] <= 20261112195900
        assert (np.diff(minutes.time) > 0).all()
        assert (minutes.volume > 0).all()
        assert (minutes.low <= np.minimum(minutes.open, minutes.close)).all()
        assert (minutes.high >= np.maximum(minutes.open, minutes.close)).all()
        grid = rules(date(2026, 11, 12), board(ISSUES[code]))
        for prices in (minutes.open, minutes.high, minutes.low, minutes.close):
            assert (prices % grid.tick_array(prices) == 0).all()
        assert minutes.close[-1] == over.close[0]


def evening_value(code: str, day: str = DAY) -> int:
    return int(SyntheticMarket(1, weekdays).after_market(code, False, at(day, "20:00"), 1).value.sum())


def test_the_days_value_has_what_its_minutes_trade_for() -> None:
    for code in SAMPLE[:40]:
        closed, over = bar(code, "15:30"), bar(code, "20:00")
        assert over.value[0] - closed.value[0] == evening_value(code)
        for time, day in (("23:00", DAY), ("04:00", "2026-11-13"), ("11:00", "2026-11-16")):
            bars = MARKET.daily(code, False, at(day, time), 4)
            assert int(bars.value[bars.time == LAST][0]) == over.value[0]


def test_value_grows_minute_by_minute() -> None:
    for time in ("16:01", "16:30", "18:00:30", "19:59"):
        minutes = MARKET.after_market("005930", False, at(DAY, time), 1)
        grown = bar("005930", time).value[0] - bar("005930", "15:30").value[0]
        assert grown == minutes.value.sum() > 0


@pytest.mark.parametrize("day", ["2026-11-24", "2026-11-18"])  # with news and VIs; an evening of three hours
def test_the_value_of_a_day_does_not_depend_on_how_it_is_read(day: str) -> None:
    """Alone or among others, with the whole history or with few days, that evening or later."""
    among = SyntheticMarket(1, weekdays)
    later, number = at("2026-11-26", "11:00"), int(day.replace("-", ""))
    moved = [code for code in SHARES if MARKET.evening_news(code, at(day, "20:00"))]
    assert moved
    wanted = [*SAMPLE[:20], *moved]
    for code in sorted({*SHARES[:100], *moved}, key=SHARES.index):
        found = among.daily(code, False, later, 8)
        if code in wanted:
            whole = SyntheticMarket(1, weekdays).daily(code, False, later)
            values = [int(each.value[each.time == number][0]) for each in (found, whole)]
            assert values == [int(bar(code, "20:00", day=day).value[0])] * 2, code
            assert values[0] - bar(code, "15:30", day=day).value[0] == evening_value(code, day)


def test_a_minute_is_shown_once_it_is_over() -> None:
    for time, last in (("16:00:59", 0), ("16:01", 20261112160000), ("17:30:30", 20261112172900)):
        minutes = MARKET.after_market("005930", False, at(DAY, time), 1)
        assert (int(minutes.time[-1]) if len(minutes) else 0) == last
        shown, closed = bar("005930", time), bar("005930", "15:30")
        assert shown.volume[0] - closed.volume[0] == minutes.volume.sum()


def test_on_a_late_day_it_begins_an_hour_later_and_ends_as_on_any_day() -> None:
    day = str(LATE_WITH_AFTER_MARKET)
    minutes = MARKET.after_market("005930", False, at(day, "23:00"), 1)
    assert minutes.time[[0, -1]].tolist() == [20271118170000, 20271118195900]


def test_prices_of_the_evening_are_shown_until_five_and_volume_stays() -> None:
    closed, evening, night = bar("005930", "15:59"), bar("005930", "18:00"), bar("005930", "23:59")
    assert evening.volume[0] > closed.volume[0]
    assert evening.value[0] > closed.value[0]
    assert (
        row(night)[3]
        == MARKET.after_market("005930", False, at(DAY, "20:00"), 1).close[-1]
        != closed.close[0]
    )
    before, after = (bar("005930", time, day="2026-11-13") for time in ("04:59:59", "05:00"))
    assert row(before) == row(night)
    assert row(after) == [*row(closed)[:4], *row(night)[4:]]


@pytest.mark.parametrize("prices", ["wide", "close", "regular"])
def test_what_the_evenings_bar_shows_is_a_setting(prices: str) -> None:
    market = SyntheticMarket(1, weekdays, evening_bar=EveningBar(prices, 7.0))  # type: ignore[arg-type]
    moved = set()
    for code in SAMPLE[:30]:
        closed, evening = row(bar(code, "15:59", market)), row(bar(code, "20:00", market))
        morning = row(bar(code, "06:59", market, "2026-11-13"))
        assert morning == evening
        assert row(bar(code, "07:00", market, "2026-11-13"))[:4] == closed[:4]
        assert evening[0] == closed[0]
        moved |= {place for place in (1, 2, 3) if evening[place] != closed[place]}
    assert moved == {"wide": {1, 2, 3}, "close": {3}, "regular": set()}[prices]


def test_volume_changes_its_meaning_with_the_first_after_market() -> None:
    bars = MARKET.daily("005930", False, at(DAY, "15:30"))
    minutes = MARKET.minute("005930", False, at(DAY, "15:30"), 160)
    for day, volume in zip(bars.time[-100:].tolist(), bars.volume[-100:].tolist(), strict=True):
        regular = int(minutes.volume[minutes.time // 10**6 == day].sum())
        assert (volume > regular) == (FIRST <= day < LAST)


def test_only_shares_of_kospi_and_kosdaq_have_one() -> None:
    others = [code for code in ISSUES if code not in set(SHARES)]
    kinds = {(ISSUES[code].market, ISSUES[code].kind) for code in others}
    assert {"KONEX"} < {market for market, _ in kinds}
    assert {"etf", "etn"} < {kind for _, kind in kinds}
    for code in others[::60]:
        assert row(bar(code, "15:30")) == row(bar(code, "20:00"))
        assert not len(MARKET.after_market(code, False, at(DAY, "20:00"), 1))


def test_the_same_seed_gives_the_same_evening_and_another_seed_another() -> None:
    def evening(seed: int) -> list[bytes]:
        found = SyntheticMarket(seed, weekdays).after_market("005930", False, at(DAY, "20:00"), 1)
        return [getattr(found, name).tobytes() for name in ("time", "open", "high", "low", "close", "volume")]

    assert evening(1) == evening(1)
    assert evening(1) != evening(2)
