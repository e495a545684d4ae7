"""What a load costs, in every state of the cache, by the server's own count of TRs: the fewest that can be."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench.killing
from kernel_server.clock import KST
from kernel_server.simulated.base.tr import TrAnswer
from koalab.sessions.session import Session
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER

DAYS_A_PAGE, WEEKS_A_PAGE, MINUTES_A_PAGE = 600, 300, 900
DAY = 86_400.0


def spent(kw: Session, load: Callable[[], pd.DataFrame]) -> tuple[int, pd.DataFrame]:
    """TRs that the server made meanwhile. The client's own count has to agree."""
    kw.find("삼성전자")  # the listing costs none, and is asked for before
    before = kw._link.status().trs
    frame = load()
    trs = kw._link.status().trs - before
    assert trs == frame.attrs["trs"]
    return trs, frame


class TestDays:
    def test_cold_cost_a_page_of_600_rows_each(self, kw: Session) -> None:
        trs, frame = spent(kw, lambda: kw.daily("005930"))
        assert trs == ceil(len(frame) / DAYS_A_PAGE)

    def test_warm_cost_nothing_and_neither_does_a_part_of_them(self, kw: Session) -> None:
        kw.daily("005930", "2015-01-01")
        assert spent(kw, lambda: kw.daily("005930", "2015-01-01"))[0] == 0
        assert spent(kw, lambda: kw.daily("005930", "2017-03-01", "2018-12-31"))[0] == 0

    def test_one_session_behind_cost_one(self, tmp_path: Path) -> None:
        market = start(tmp_path, datetime(2026, 11, 20, 8, 30, tzinfo=KST))
        kw = market.connect()
        kw.daily("005930", "2015-01-01")
        market.clock.advance(DAY)
        # The new bar is on no page that came before, so one TR it has to be; it shows the adjustment as well.
        assert spent(kw, lambda: kw.daily("005930", "2015-01-01"))[0] == 1
        assert spent(kw, lambda: kw.daily("005930", "2015-01-01"))[0] == 0
        market.close()

    def test_with_a_hole_in_the_middle_cost_the_holes_pages(self, kw: Session) -> None:
        kw.daily("005930", "2010-01-01", "2011-12-31")
        kw.daily("005930", "2020-01-01", "2020-12-31")
        trs, frame = spent(kw, lambda: kw.daily("005930", "2010-01-01", "2020-12-31"))
        assert trs == ceil(len(frame.loc["2012":"2019"]) / DAYS_A_PAGE)

    def test_of_two_holes_cost_each_holes_pages(self, kw: Session) -> None:
        for year in (2012, 2015):
            kw.daily("005930", f"{year}-01-01", f"{year}-12-31")
        trs, frame = spent(kw, lambda: kw.daily("005930", "2012-01-01", "2017-12-31"))
        holes = (frame.loc["2013":"2014"], frame.loc["2016":"2017"])
        # No page can reach over the year between them and still take in both whole: 730 rows are more than one.
        assert trs == sum(ceil(len(hole) / DAYS_A_PAGE) for hole in holes)

    def test_of_a_list_cost_each_codes_pages_and_then_nothing(self, kw: Session) -> None:
        codes = ["005930", "000660", "035420"]
        kw.daily("000660", "2020-01-01")
        trs, frame = spent(kw, lambda: kw.daily(codes, "2020-01-01"))
        assert trs == sum(ceil(len(frame.loc[code]) / DAYS_A_PAGE) for code in ("005930", "035420"))
        assert spent(kw, lambda: kw.daily(codes, "2020-01-01"))[0] == 0

    def test_as_they_were_never_have_to_be_asked_for_again(self, tmp_path: Path) -> None:
        market = start(tmp_path, datetime(2018, 4, 27, 20, tzinfo=KST))
        kw = market.connect()
        kw.daily("005930", "2016-01-01", "2017-12-31", adjusted=False)
        market.clock.advance(11 * DAY)  # over the split of 2018-05-04
        assert spent(kw, lambda: kw.daily("005930", "2016-01-01", "2017-12-31", adjusted=False))[0] == 0
        market.close()


class TestAfterASplit:
    """005930 splits on 2018-05-04."""

    @pytest.fixture
    def split(self, tmp_path: Path):  # type: ignore[no-untyped-def]
        market = start(tmp_path, datetime(2018, 4, 27, 20, tzinfo=KST))
        yield market
        market.close()

    def test_a_range_up_to_now_costs_one_tr_to_see_it_and_then_its_pages(self, split: Market) -> None:
        kw = split.connect()
        kw.daily("005930", "2014-01-01")
        split.clock.advance(11 * DAY)
        trs, frame = spent(kw, lambda: kw.daily("005930", "2014-01-01"))
        # Nothing but an answer of the broker's can show the split, and it is asked for the new rows only: all others
        # are behind it.
        shown = len(frame.loc["2018-04-27":])
        assert trs == 1 + ceil((len(frame) - shown) / DAYS_A_PAGE)

    @pytest.mark.parametrize("interval", ["D", "W", "M", "60min"])
    def test_a_range_that_is_held_costs_nothing_and_names_its_day(self, split: Market, interval: str) -> None:
        kw = split.connect()
        held = kw.bars("005930", interval, "2018-02-01", "2018-03-30")
        split.clock.advance(11 * DAY)
        trs, frame = spent(kw, lambda: kw.bars("005930", interval, "2018-02-01", "2018-03-30"))
        assert trs == 0
        pd.testing.assert_frame_equal(frame, held, check_freq=False)
        assert frame.attrs["adjusted_as_of"] == "2018-04-27T09:00:00"

    def test_one_series_that_sees_it_is_enough_for_all_of_the_code(self, split: Market) -> None:
        kw = split.connect()
        kw.bars("005930", "W", "2014-01-01", "2016-12-31")
        kw.daily("005930", "2018-04-01")
        kw.daily("000660", "2018-04-01", "2018-04-20")
        split.clock.advance(11 * DAY)
        kw.daily("005930", "2018-04-01")
        trs, weeks = spent(kw, lambda: kw.bars("005930", "W", "2014-01-01", "2016-12-31"))
        assert trs == ceil(len(weeks) / WEEKS_A_PAGE)
        assert weeks.attrs["adjusted_as_of"] == "2018-05-08T09:00:00"
        assert spent(kw, lambda: kw.daily("000660", "2018-04-01", "2018-04-20"))[0] == 0


class TestMinutes:
    def test_cold_cost_a_page_of_900_rows_each_and_then_nothing(self, kw: Session) -> None:
        trs, frame = spent(kw, lambda: kw.minute("005930", start="2026-11-11"))
        assert trs == ceil(len(frame) / MINUTES_A_PAGE)
        assert spent(kw, lambda: kw.minute("005930", start="2026-11-11"))[0] == 0

    def test_of_the_past_cost_the_pages_from_now_on_which_are_kept_too(self, kw: Session) -> None:
        trs, _ = spent(kw, lambda: kw.minute("005930", start="2026-11-11", end="2026-11-11"))
        # opt10080 has no end to ask for: it begins with the newest bar.
        held, frame = spent(kw, lambda: kw.minute("005930", start="2026-11-11"))
        assert (trs, held) == (ceil(len(frame) / MINUTES_A_PAGE), 0)

    def test_one_session_behind_cost_one(self, tmp_path: Path) -> None:
        market = start(tmp_path, datetime(2026, 11, 19, 20, tzinfo=KST))
        kw = market.connect()
        kw.minute("005930", start="2026-11-16")
        market.clock.advance(DAY)
        assert spent(kw, lambda: kw.minute("005930", start="2026-11-16"))[0] == 1
        market.close()


# ---- several at once


LOADS = [("005930", "D", "2000-01-01"), ("000660", "1min", "2026-11-02"), ("005930", "W", "2000-01-01")]


def load_all(address: str, cache: str, gate: object) -> None:
    from koalab.transport.remote import RemoteTransport

    with Session(RemoteTransport(address), cache) as kw:
        kw.find("삼성전자")
        gate.wait()  # type: ignore[attr-defined]
        for code, interval, first in LOADS:
            kw.bars(code, interval, first)


def test_two_processes_that_load_the_same_ask_for_no_page_twice(market: Market, tmp_path: Path) -> None:
    alone = market.connect("alone")
    expected = sum(spent(alone, lambda load=load: alone.bars(*load))[0] for load in LOADS)
    spawn = multiprocessing.get_context("spawn")
    gate = spawn.Barrier(2)
    arguments = (market.server.address, str(tmp_path / "shared"), gate)
    running = [spawn.Process(target=load_all, args=arguments) for _ in range(2)]
    before = alone._link.status().trs
    for process in running:
        process.start()
    for process in running:
        process.join(HANGS_AFTER)
        assert process.exitcode == 0
    assert alone._link.status().trs - before == expected
    shared = market.connect("shared")
    assert shared.cache.verify() == []
    for load in LOADS:
        trs, frame = spent(shared, lambda load=load: shared.bars(*load))
        assert trs == 0
        pd.testing.assert_frame_equal(frame, alone.bars(*load), check_freq=False)


def test_threads_with_sessions_of_their_own_ask_for_no_page_twice(market: Market) -> None:
    alone = market.connect("alone")
    expected, whole = spent(alone, lambda: alone.daily("000660", "2005-01-01"))
    sessions = [market.connect("shared") for _ in range(4)]
    for session in sessions:
        session.find("삼성전자")
    before = alone._link.status().trs
    frames: list[pd.DataFrame] = []
    firsts = ["2005-01-01", "2005-01-01", "2015-01-01", "2010-01-01"]
    threads = [
        threading.Thread(target=lambda kw=kw, first=first: frames.append(kw.daily("000660", first)))
        for kw, first in zip(sessions, firsts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANGS_AFTER)
    # One page more where the edge of a shorter range lies inside a page.
    assert expected <= alone._link.status().trs - before <= expected + 2
    for frame in frames:
        pd.testing.assert_frame_equal(frame, whole.loc[frame.index[0] :], check_freq=False)


@pytest.mark.parametrize("times", [4, pytest.param(16, marks=pytest.mark.long)])
def test_killed_at_any_point_nothing_is_damaged_and_only_pages_in_flight_are_asked_for_again(
    tmp_path: Path, times: int
) -> None:
    found = bench.killing.kill(times, tmp_path)
    assert found.clients + found.servers == times
    assert found.problems == []
    assert found.different == []
    assert found.again <= times


class TestNothing:
    """An empty page: whether it is worth keeping depends on what the broker says of it."""

    def load_nothing(self, market: Market, message: str) -> Session:
        """A session whose load was answered so; after that the broker is itself again."""

        def answer(broker: Any, told: bool) -> None:
            handlers = broker._tr_dispatcher._handlers
            if told:
                handlers["kept"], handlers["opt10081"] = (
                    handlers["opt10081"],
                    lambda *_: TrAnswer(message=message),
                )
            else:
                handlers["opt10081"] = handlers.pop("kept")

        kw = market.connect()
        market.look(lambda broker: answer(broker, told=True))
        with pytest.warns(UserWarning, match="no rows"):
            assert kw.daily("005930", "2026-11-02", "2026-11-06").empty
        market.look(lambda broker: answer(broker, told=False))
        return kw

    def test_for_want_of_bars_is_kept(self, market: Market) -> None:
        kw = self.load_nothing(market, "[571578] 모의투자 해당조회내역이 없습니다")
        trs, frame = spent(kw, lambda: kw.daily("005930", "2026-11-02", "2026-11-06"))
        assert (trs, len(frame)) == (0, 0)

    @pytest.mark.parametrize("message", ["조회 횟수가 초과되었습니다", "[RC9000] 시스템 점검중입니다"])
    def test_for_any_other_reason_is_asked_for_again(self, market: Market, message: str) -> None:
        kw = self.load_nothing(market, message)
        trs, frame = spent(kw, lambda: kw.daily("005930", "2026-11-02", "2026-11-06"))
        assert (trs, len(frame)) == (1, 5)
