"""Issues that are listed no more: their bars come out of the cache, and one such code does not fail a list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import koalab as kl
from koalab.sessions.session import Session
from koalab.store.series import Series
from tests.support.session import Market, start

GONE, NEVER = "098765", "087654"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    found = start(tmp_path_factory.mktemp("delisted"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def cached(served: Market) -> Session:
    """A session whose cache has the days of 2024 of an issue that the listing lacks."""
    kw = served.connect("delisted")
    kw.daily("005930", "2024-01-01", "2024-12-31")
    old = kw.cache.cached_range(Series("005930", "D", True), *_year())
    kw.cache.add(Series(GONE, "D", True), old.bars, _year(), adjustment=old.adjustment)
    return kw


def _year():  # type: ignore[no-untyped-def]
    return pd.Timestamp("2024-01-01").to_datetime64(), pd.Timestamp("2024-12-31").to_datetime64()


def test_its_cached_bars_cost_no_tr(cached: Session) -> None:
    frame = cached.daily(GONE, "2024-03-01", "2024-06-30")
    expected = cached.daily("005930", "2024-03-01", "2024-06-30")
    pd.testing.assert_frame_equal(frame, expected)
    assert frame.attrs["trs"] == 0
    assert "missing" not in frame.attrs


def test_what_the_cache_lacks_is_named_and_not_asked_for(cached: Session) -> None:
    with pytest.warns(
        kl.MissingData, match=r"listed no more, and the cache has its bars from 2024-03-04 to 2024-12-30"
    ):
        frame = cached.daily(GONE, "2024-03-01")
    assert (len(frame), frame.attrs["trs"]) == (203, 0)
    assert list(frame.attrs["missing"]) == [GONE]


def test_it_does_not_fail_a_list(cached: Session) -> None:
    with pytest.warns(kl.MissingData, match=NEVER):
        frame = cached.daily(["000660", GONE, NEVER], "2024-12-01", "2024-12-31")
    assert set(frame.index.get_level_values("code")) == {"000660", GONE}
    assert list(frame.attrs["missing"]) == [NEVER]


LISTS: dict[str, Callable[[Session], pd.DataFrame]] = {
    "quotes": lambda kw: kw.quotes(["000660", GONE, NEVER]),
    "info": lambda kw: kw.info(["000660", GONE, NEVER]),
    "orderbook": lambda kw: kw.orderbook(["000660", GONE, NEVER]),
    "flows": lambda kw: kw.flows(["000660", GONE, NEVER], "2026-11-16"),
    "minute": lambda kw: kw.minute(["000660", GONE, NEVER], 60, "2026-11-20"),
}


@pytest.mark.parametrize("name", LISTS)
def test_nor_other_lists(cached: Session, name: str) -> None:
    with pytest.warns(kl.MissingData):
        frame = LISTS[name](cached)
    assert set(frame.index.get_level_values("code")) == {"000660"}
    assert set(frame.attrs["missing"]) == {GONE, NEVER}


def test_nor_a_plan_or_an_update(cached: Session) -> None:
    with pytest.warns(kl.MissingData, match=NEVER):
        plan = cached.plan("daily", ["000660", NEVER], "2026-11-02")
    assert plan.codes == ["000660"]
    assert cached.update_market(["000270", GONE])["done"].to_dict() == {"000270": "added", GONE: "not listed"}


def test_alone_and_not_in_the_cache_it_is_unknown(cached: Session) -> None:
    for ask in (cached.daily, cached.quotes, cached.info):
        with pytest.raises(kl.UnknownCode, match=NEVER):
            ask(NEVER)
    with pytest.raises(kl.UnknownCode, match=NEVER):
        cached.daily([NEVER])
    with pytest.raises(kl.UnknownCode, match="listed no more"):
        cached.info(GONE)


def test_a_name_that_no_issue_has_is_refused_in_a_list_too(cached: Session) -> None:
    with pytest.raises(kl.UnknownCode, match="삼성전지"):
        cached.daily(["005930", "삼성전지"])


def test_its_bars_come_without_a_server_too(tmp_path: Path) -> None:
    market = start(tmp_path)
    kw = market.connect()
    old = kw.daily("005930", "2024-01-01", "2024-12-31")
    found = kw.cache.cached_range(Series("005930", "D", True), *_year())
    kw.cache.add(Series(GONE, "D", True), found.bars, _year(), adjustment=found.adjustment)
    market.server.stop(0)
    pd.testing.assert_frame_equal(kw.daily(GONE, "2024-01-01", "2024-12-30"), old)
    market.close()
