"""Ranges of ticks: what they cost is said early, what came is kept, and no trade of a second is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import koalab as kl
from kernel_server import simulated
from kernel_server.clock import KST
from koalab.progress import Progress
from koalab.sessions.session import Session
from tests.support.session import Market, start

CODE = "005930"
SATURDAY = datetime(2026, 11, 21, 12, tzinfo=KST)
DAY = "2026-11-20"


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    found = start(tmp_path, SATURDAY, settings=simulated.BrokerSettings(trade_size=5))
    yield found
    found.close()


def whole_day(kw: Session) -> pd.DataFrame:
    """Every trade of the day as the broker's own pages have it, oldest first."""
    rows = kw.tr("opt10079", 종목코드=CODE, 틱범위=1, 수정주가구분=1).multi.iloc[::-1]
    times = pd.to_datetime(rows["체결시간"], format="%Y%m%d%H%M%S").dt.tz_localize("Asia/Seoul")
    return pd.DataFrame(
        {"close": rows["현재가"].to_numpy(), "volume": rows["거래량"].abs().to_numpy()},
        index=pd.DatetimeIndex(times, name="time"),
    )


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert len(found) == len(expected)
    assert (found.index == expected.index).all()
    for name in ("close", "volume"):
        assert (found[name].to_numpy() == expected[name].to_numpy()).all()


def ticks(
    kw: Session, start: Any = DAY, end: Any = DAY, interval: str = "1tick", **more: Any
) -> pd.DataFrame:
    return kw.bars(CODE, interval, start, end, **more)


@pytest.mark.parametrize("adjusted", [True, False])
def test_trades_that_came_are_kept(market: Market, adjusted: bool) -> None:
    kw = market.connect()
    day = whole_day(market.connect("other"))
    afternoon = ticks(kw, f"{DAY} 14:00", f"{DAY} 14:30", adjusted=adjusted)
    same(afternoon, day.loc[f"{DAY} 14:00:00" : f"{DAY} 14:30:00"])  # type: ignore[misc]
    assert afternoon.attrs["trs"] > 2
    inside = ticks(kw, f"{DAY} 14:10", DAY, adjusted=adjusted)
    same(inside, day.loc[f"{DAY} 14:10:00" :])  # type: ignore[misc]
    assert (inside.attrs["trs"], inside.attrs["cache_hits"]) == (0, len(inside))
    morning = ticks(kw, f"{DAY} 13:00", f"{DAY} 14:10", adjusted=adjusted)
    same(morning, day.loc[f"{DAY} 13:00:00" : f"{DAY} 14:10:00"])  # type: ignore[misc]
    assert kw.cache.verify() == []
    assert ticks(kw, f"{DAY} 13:00", DAY, adjusted=adjusted).attrs["trs"] == 0
    same(ticks(kw, f"{DAY} 13:00", DAY, adjusted=adjusted), day.loc[f"{DAY} 13:00:00" :])  # type: ignore[misc]


def test_a_range_that_begins_with_the_last_second_of_a_page_has_all_trades_of_it(market: Market) -> None:
    kw = market.connect()
    day = whole_day(kw)
    oldest = day.index[-900]
    assert (day.index == oldest).sum() > 1, "the page ends between two trades of a second"
    same(ticks(market.connect("other"), oldest, DAY), day.loc[oldest:])


def test_a_load_that_is_stopped_keeps_what_came(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    kw = market.connect()
    pages: list[str] = []

    def stop_after_three(self: Progress, note: str = "") -> None:
        pages.append(note)
        if len(pages) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "page", stop_after_three)
        with pytest.raises(KeyboardInterrupt):
            ticks(kw)
    day = whole_day(market.connect("other"))
    since = day.index[-3 * 900] + pd.Timedelta(seconds=1)
    kept = ticks(kw, since, DAY)
    assert kept.attrs["trs"] == 0
    same(kept, day.loc[since:])


def test_today_is_asked_for_again_and_ends_where_the_cache_begins(tmp_path: Path) -> None:
    """Trades of a day that goes on are not final: they are loaded each time."""
    settings = simulated.BrokerSettings(trade_size=5)
    market = start(tmp_path, datetime(2026, 11, 20, 10, 0, tzinfo=KST), settings=settings)
    kw = market.connect()
    first = ticks(kw, "today", None)
    again = ticks(kw, "today", None)
    assert first.attrs["trs"]
    assert again.attrs["trs"]
    assert not again.attrs["cache_hits"]
    assert len(kw.cache.info()) == 0
    market.close()


def test_grouped_ticks_are_not_kept(market: Market) -> None:
    kw = market.connect()
    assert ticks(kw, interval="30tick").attrs["trs"]
    assert ticks(kw, interval="30tick").attrs["trs"]
    assert len(kw.cache.info()) == 0


def test_after_the_first_page_the_bar_says_how_many_are_to_come(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    kw = market.connect()
    totals: list[tuple[int, int]] = []
    page: Callable[..., None] = Progress.page

    def watched(self: Progress, note: str = "") -> None:
        page(self, note)
        totals.append((self._done, self._total))

    monkeypatch.setattr(Progress, "page", watched)
    found = ticks(kw, f"{DAY} 09:00", DAY)
    trs = found.attrs["trs"]
    assert [done for done, _ in totals] == list(range(1, trs + 1))
    assert totals[-1][1] == trs
    expected = np.array([total for _, total in totals[: trs // 2]])
    assert (expected > trs / 3).all()
    assert (expected < trs * 3).all()


def test_trades_of_yesterday_come_from_the_cache_before_those_of_today(tmp_path: Path) -> None:
    """The synthetic broker has the newest session's trades alone, so what is of the day before was kept."""
    settings = simulated.BrokerSettings(trade_size=20)
    evening = start(tmp_path, datetime(2026, 11, 17, 21, 0, tzinfo=KST), settings=settings)
    yesterday = ticks(evening.connect(), "2026-11-17 14:00", None, adjusted=False)
    evening.close()
    market = start(tmp_path, datetime(2026, 11, 18, 10, 0, tzinfo=KST), settings=settings)
    kw = market.connect()
    both = ticks(kw, "2026-11-17 14:00", None, adjusted=False)
    today = both.loc["2026-11-18":]
    same(both.loc[:"2026-11-17"], yesterday)
    same(today, whole_day(market.connect("other")).loc[: today.index[-1]])
    assert both.attrs["cache_hits"] == len(yesterday)
    assert 0 < both.attrs["trs"] <= -(-len(today) // 900) + 1
    assert "history_from" not in both.attrs
    market.close()


def test_where_the_trades_begin_is_remembered(market: Market) -> None:
    kw = market.connect()
    with pytest.warns(kl.ShortHistory):
        first = ticks(kw, "2026-11-19")
    assert first.attrs["history_from"] == first.index[0].isoformat(timespec="seconds")
    with pytest.warns(kl.ShortHistory):
        again = ticks(kw, "2026-11-19")
    assert again.attrs["trs"] == 0
    pd.testing.assert_frame_equal(again, first)
    with pytest.warns(kl.MissingData, match="begins 2026-11-20"):
        before = ticks(kw, "2026-11-19", "2026-11-19")
    assert (len(before), before.attrs["trs"]) == (0, 0)


def test_a_day_that_begins_with_its_opening_is_whole(
    market: Market, recwarn: pytest.WarningsRecorder
) -> None:
    assert "history_from" not in ticks(market.connect()).attrs
    assert not [one for one in recwarn if issubclass(one.category, kl.ShortHistory)]
