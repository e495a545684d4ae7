"""Less than asked for: where the broker's history begins is said, and no page is asked for that cannot help."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import koalab as kl
from kernel_server import simulated
from kernel_server.clock import KST
from koalab.sessions.session import Session
from tests.support.examples import examples
from tests.support.price_files import GOOD, OTHER, days_of, listing
from tests.support.session import SATURDAY, Market, start

KEPT = 5  # sessions of minutes
BEGINS = "2026-11-16T09:00:00+09:00"
FIRST_DAY = "2015-07-22"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """Minutes of five sessions, as the broker keeps them for some months only."""
    folder = tmp_path_factory.mktemp("short")
    found = start(folder, settings=simulated.BrokerSettings(minute_days=KEPT))
    yield found
    found.close()


@pytest.fixture
def kw(served: Market, request: pytest.FixtureRequest) -> Session:
    return served.connect(request.node.name)


@pytest.fixture(scope="module")
def daily_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """An issue whose daily bars begin on ``FIRST_DAY``, and one whose bars begin a year later."""
    folder = tmp_path_factory.mktemp("listed")
    days_of(folder, GOOD, FIRST_DAY, "2026-11-20")
    days_of(folder, OTHER, "2016-07-22", "2026-11-20")
    listing(folder, {GOOD: "가나전자", OTHER: "마바통신"})
    found = start(folder, market_data=folder)
    yield found
    found.close()


class TestMinutesFromBeforeTheBrokersHistory:
    def test_begin_where_it_begins_and_that_is_said(self, kw: Session) -> None:
        with pytest.warns(kl.ShortHistory, match="2026-11-16 09:00") as warned:
            frame = kw.minute("005930", 1, "2024-01-01")
        assert frame.index[0].isoformat() == BEGINS
        assert frame.attrs["history_from"] == BEGINS
        assert warned[0].filename == __file__
        assert "삼성전자" in str(warned[0].message)

    def test_cost_no_page_a_second_time_and_say_it_again(self, kw: Session, served: Market) -> None:
        with pytest.warns(kl.ShortHistory):
            whole = kw.minute("005930", 1, "2024-01-01")
        assert whole.attrs["trs"] == 3
        with pytest.warns(kl.ShortHistory):
            again = kw.minute("005930", 1, "2025-01-01")
        assert (again.attrs["trs"], again.attrs["history_from"]) == (0, BEGINS)
        pd.testing.assert_frame_equal(whole, again)
        with pytest.warns(kl.ShortHistory):
            other = served.connect(kw.cache.shelf.folder.parent.name).minute("005930", 1, "2025-01-01")
        assert other.attrs["trs"] == 0

    def test_of_a_range_that_lies_all_before_it_cost_hardly_a_page(self, kw: Session) -> None:
        with pytest.warns(kl.MissingData, match="begins 2026-11-16 09:00"):
            frame = kw.minute("005930", 1, "2020-01", "2020-01")
        assert not len(frame)
        assert frame.attrs["trs"] == 1
        assert frame.attrs["history_from"] == BEGINS
        assert "2026-11-16" in frame.attrs["missing"]["005930"]
        with pytest.warns(kl.MissingData):
            assert kw.minute("005930", 1, "2020-01", "2020-01").attrs["trs"] == 0

    def test_of_several_codes_are_named_by_code(self, kw: Session) -> None:
        with pytest.warns(kl.ShortHistory):
            frame = kw.minute(["005930", "000660"], 30, "2026-01-02")
        assert frame.attrs["history_from"] == {"005930": BEGINS, "000660": BEGINS}

    def test_asked_from_there_on_are_whole(self, kw: Session) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            frame = kw.minute("005930", 30, "2026-11-16")
            everything = kw.minute("005930", 30)
        assert "history_from" not in frame.attrs
        assert "history_from" not in everything.attrs

    def test_are_counted_by_a_plan_as_they_cost(self, kw: Session) -> None:
        old = kw.plan("minute", "005930", "2020-01", "2020-01")
        assert old.trs == 2  # of 160 sessions
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            old.run()
        assert old.trs == 0
        assert old.history_from == {"005930": BEGINS[:-6]}
        assert "the cache has it all" not in repr(old)
        assert "2026-11-16 09:00" in repr(old)
        plan = kw.plan("minute", "005930", "2024-01-01")
        assert plan.trs == 3
        assert plan.cached == 0.0
        assert plan.run()["trs"].tolist() == [3]
        assert (plan.look().trs, plan.cached) == (0, 1.0)
        assert "2026-11-16 09:00" in repr(plan)

    def test_are_asked_for_again_after_some_weeks(
        self, tmp_path: Path, open_short: Callable[[datetime, int], Market]
    ) -> None:
        kw = open_short(SATURDAY, KEPT).connect()
        with pytest.warns(kl.ShortHistory):
            kw.minute("005930", 30, "2026-10-01")
        # By now the broker keeps more.
        later = open_short(SATURDAY + timedelta(days=35), 60).connect()
        frame = later.minute("005930", 30, "2026-10-12")
        assert str(frame.index[0].date()) == "2026-10-12"
        assert "history_from" not in frame.attrs

    def test_that_the_cache_has_outlive_the_brokers(
        self, open_short: Callable[[datetime, int], Market]
    ) -> None:
        early = open_short(datetime(2026, 11, 6, 20, tzinfo=KST), KEPT).connect()
        old = early.minute("005930", 30, "2026-11-03", "2026-11-05")
        late = open_short(SATURDAY, KEPT).connect()
        with pytest.warns(kl.ShortHistory):
            frame = late.minute("005930", 30, "2026-10-01")
        # What lies between the two is no longer there.
        assert frame.attrs["history_from"] == BEGINS
        pd.testing.assert_frame_equal(frame.loc[:"2026-11-05"], old)
        with pytest.warns(kl.ShortHistory):
            again = late.minute("005930", 30, "2026-10-01")
        assert again.attrs["trs"] == 0
        pd.testing.assert_frame_equal(again, frame)

    def test_are_forgotten_with_the_cache(self, kw: Session) -> None:
        def before_it() -> int:
            with pytest.warns(kl.MissingData, match="begins"):
                return int(kw.minute("005930", 1, "2020-01", "2020-01").attrs["trs"])

        with pytest.warns(kl.ShortHistory):
            kw.minute("005930", 30, "2026-10-01")
        assert (before_it(), before_it()) == (1, 0)
        kw.cache.clear(code="005930")
        with pytest.warns(kl.ShortHistory):
            assert kw.minute("005930", 30, "2026-10-01").attrs["trs"] == 1
        assert before_it() == 1


@pytest.fixture
def open_short(tmp_path: Path) -> Iterator[Callable[[datetime, int], Market]]:
    made: list[Market] = []

    def make(now: datetime, kept: int) -> Market:
        made.append(start(tmp_path, now, settings=simulated.BrokerSettings(minute_days=kept)))
        return made[-1]

    yield make
    for market in made:
        market.close()


def test_ticks_say_it_too(kw: Session) -> None:
    with pytest.warns(kl.ShortHistory):
        frame = kw.bars("005930", "30tick", "2025-01-01")
    assert frame.attrs["history_from"] == frame.index[0].isoformat()


class TestDaysFromBeforeTheFirst:
    def test_begin_with_it_and_that_is_said(self, daily_market: Market) -> None:
        kw = daily_market.connect("first")
        for trs in (2, 0):
            with pytest.warns(kl.ShortHistory, match=FIRST_DAY):
                frame = kw.daily(GOOD, "2010-01-01", "2018-12-31")
            assert frame.attrs["trs"] == trs
            assert frame.attrs["history_from"] == FIRST_DAY == str(frame.index[0].date())

    def test_of_a_list_are_named_by_code(self, daily_market: Market) -> None:
        with pytest.warns(kl.ShortHistory) as warned:
            frame = daily_market.connect("list").daily([GOOD, OTHER], "2015-08-03", "2016-12-31")
        assert frame.attrs["history_from"] == {OTHER: "2016-07-22"}
        assert len(warned) == 1

    def test_of_a_list_in_which_one_has_none_yet(self, daily_market: Market) -> None:
        with pytest.warns(kl.MissingData, match="마바통신"):
            frame = daily_market.connect("none").daily([GOOD, OTHER], "2015-08-03", "2015-12-31")
        assert list(frame.attrs["missing"]) == [OTHER]
        assert set(frame.index.get_level_values("code")) == {GOOD}

    def test_are_told_by_a_plan(self, daily_market: Market) -> None:
        kw = daily_market.connect("plan")
        plan = kw.plan("daily", GOOD, "2010-01-01")
        plan.run()
        assert plan.trs == 0
        assert FIRST_DAY in repr(plan)


DAYS = st.dates(date(2015, 1, 1), date(2017, 12, 31))


@pytest.fixture(scope="module")
def histories(daily_market: Market) -> Callable[[int], Session]:
    return lambda number: daily_market.connect(f"any-{number}")


@given(
    ranges=st.lists(st.tuples(DAYS, DAYS).map(sorted), min_size=1, max_size=4), number=st.integers(0, 10**9)
)
@settings(max_examples=examples(6, 60), deadline=None, suppress_health_check=list(HealthCheck))
def test_frame_and_what_is_named_are_what_was_asked_for(
    histories: Callable[[int], Session], ranges: list[tuple[date, date]], number: int
) -> None:
    """Any range, in any order, with anything cached: each session is in the frame or before ``history_from``."""
    kw = histories(number)
    for first, last in ranges:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            frame = kw.daily([GOOD, OTHER], first, last)
        sessions = list(kl.calendar.sessions(first, last))
        for code in (GOOD, OTHER):
            rows = list(frame.loc[code].index) if code in frame.index.get_level_values("code") else []
            begins = frame.attrs.get("history_from", {}).get(code)
            missing = frame.attrs.get("missing", {}).get(code)
            expected = [day for day in sessions if begins is None or day >= pd.Timestamp(begins)]
            if missing is None:
                assert rows == expected
                assert (begins is not None) == (rows != sessions)
            else:
                assert not rows
                assert sessions
        named = "history_from" in frame.attrs or "missing" in frame.attrs
        assert bool(told) == named
