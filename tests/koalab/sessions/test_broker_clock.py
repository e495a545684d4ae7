"""The broker's clock as a session sees it: what it says of itself, and what follows when it is not the wall's."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import koalab as kl
from kernel_server import clock_name
from kernel_server.clock import KST
from kernel_server.simulated.market import clock as market_clock
from koalab import clock_text
from koalab.calendar import table
from koalab.transport.base import Status
from tests.support.session import SATURDAY, Market, start

FRIDAY = datetime(2026, 11, 20, 11, tzinfo=KST)  # in the middle of its session
HOUR = 3600.0
NOVEMBER = "2026-11-01"


class Watches:
    """The time on the wall and the monotonic clock of one machine; both run, and hours can be made to pass."""

    def __init__(self, wall: datetime) -> None:
        self._set_by = wall.timestamp() - time.time()
        self._passed = 0.0

    def wall(self) -> float:
        return time.time() + self._set_by + self._passed

    def monotonic(self) -> float:
        return time.monotonic() + self._passed

    def pass_by(self, seconds: float) -> None:
        self._passed += seconds


@pytest.fixture
def session_at(tmp_path: Path) -> Iterator[Callable[..., tuple[kl.Session, Watches]]]:
    """A session with a broker on the clock of that name, on a machine of that time, server and client."""
    made: list[Market] = []

    def make(wall: datetime, clock: str = "market") -> tuple[kl.Session, Watches]:
        watches = Watches(wall)
        named = market_clock.make(clock_name.parse(clock), table, watches.wall, watches.monotonic)
        made.append(start(tmp_path, clock=named))
        kw = made[-1].connect()
        kw._link._monotonic = watches.monotonic
        kw._link.status()
        return kw, watches

    yield make
    for each in made:
        each.close()


Make = Callable[..., tuple[kl.Session, Watches]]


def shows(kw: kl.Session, words: str) -> bool:
    """Whether ``repr`` has the minute of the broker's clock in which it was made, and those words behind it."""
    before, text, after = pd.Timestamp(kw.status()["now"]), repr(kw), pd.Timestamp(kw.status()["now"])
    minutes = pd.date_range(before.floor("min"), after, freq="min")
    return any(f"{minute:%Y-%m-%d %H:%M} {words}" in text for minute in minutes)


class TestTheStatus:
    def test_says_outside_trading_hours_that_a_session_is_replayed(self, session_at: Make) -> None:
        kw, _ = session_at(datetime(2026, 11, 22, 14, tzinfo=KST))
        status = kw.status()
        assert status["now"].startswith("2026-11-20T14:0")
        assert status["clock"] == {
            "name": "market",
            "speed": 1.0,
            "note": "장 운영시간이 아니어서 2026-11-20 세션의 14:00부터 재생 중, 20:00에 실제 시각으로 건너뜀",
        }
        assert status["market"] == {"session": "2026-11-20", "phase": "정규장"}
        assert shows(kw, "정규장, 장 운영시간이 아니어서 재생 중,")

    def test_says_that_it_is_the_wall_clock_while_there_is_trading(self, session_at: Make) -> None:
        kw, _ = session_at(datetime(2026, 11, 19, 9, 45, tzinfo=KST))  # 수능
        status = kw.status()
        assert status["clock"] == {"name": "market", "speed": 1.0, "note": "실제 시각"}
        assert status["market"] == {"session": "2026-11-19", "phase": "장전 동시호가"}
        assert shows(kw, "장전 동시호가, TRs")

    @pytest.mark.parametrize(
        ("clock", "note", "short"),
        [
            ("real", "실제 시각", "장 종료"),
            ("fast:2@2026-11-19T08:50", "2026-11-19 08:50부터 진행 중 (2배속)", "장 종료 (2배속)"),
            (
                "stepped",
                "장 운영시간이 아니어서 2026-11-20 세션의 14:00부터 재생 중 (기다릴 때만 움직임)",
                "정규장 (기다릴 때만 움직임)",
            ),
        ],
    )
    def test_says_what_every_other_clock_does(
        self, session_at: Make, clock: str, note: str, short: str
    ) -> None:
        kw, _ = session_at(datetime(2026, 11, 22, 14, tzinfo=KST), clock)
        assert (kw.status()["clock"]["name"], kw.status()["clock"]["note"]) == (clock, note)
        assert shows(kw, f"{short}, TRs")

    def test_of_a_server_that_knows_no_calendar_says_that_it_is_the_wall_clock(self) -> None:
        status = Status("1", "ocx", "kiwoom", True, False, "user", FRIDAY.timestamp(), 1.0, "safe")
        assert (clock_text.clock_note(status), clock_text.time_and_phase(status)) == (
            "실제 시각",
            "2026-11-20 11:00",
        )


class TestTheLeap:
    def test_is_known_to_the_session_without_asking(self, session_at: Make) -> None:
        kw, watches = session_at(datetime(2026, 11, 18, 5, tzinfo=KST))  # shows the 17th, until 20:00
        before = kw.daily("005930", NOVEMBER)
        assert before.index[-1] == pd.Timestamp("2026-11-17")
        watches.pass_by(10 * HOUR + 1.0)
        after = kw.daily("005930", NOVEMBER)
        assert after.index[-1] == pd.Timestamp("2026-11-18")  # it is 15:00 there by now
        assert after.attrs["fetched_at"].startswith("2026-11-18T15:0")
        assert kw.status()["clock"]["note"] == "실제 시각"
        # What was unfinished before the leap is final after it, and the unfinished one is not kept.
        assert after["volume"].iloc[-2] > before["volume"].iloc[-1]
        assert kw.daily("005930", NOVEMBER, "2026-11-17").attrs["trs"] == 0

    def test_leaves_no_old_quotes_behind(self, session_at: Make) -> None:
        kw, watches = session_at(datetime(2026, 11, 22, 14, tzinfo=KST))
        running = kw.quotes(["005930"])
        assert kw.quotes(["005930"]).attrs["trs"] == 1  # the session is on: each asks anew
        watches.pass_by(6 * HOUR + 1.0)  # Sunday evening on the wall: Friday is settled
        settled = kw.quotes(["005930"])
        assert settled["volume"].item() > running["volume"].item()
        assert kw.quotes(["005930"]).attrs["trs"] == 0
        assert kw.info("005930")["volume"] == settled["volume"].item()
        watches.pass_by(14 * HOUR)  # Monday, ten o'clock
        monday = kw.quotes(["005930"])
        assert monday.attrs["trs"] == 1
        assert f"{monday['time'].item():%Y-%m-%d}" == "2026-11-23"
        assert kw.info("005930").attrs["trs"] == 1

    def test_is_guessed_where_the_server_is_gone(self, session_at: Make) -> None:
        kw, watches = session_at(datetime(2026, 11, 22, 14, tzinfo=KST))
        held = kw.daily("005930", NOVEMBER, "2026-11-13")
        kw._link.transport.close()
        watches.pass_by(5 * HOUR)
        again = kw.daily("005930", NOVEMBER, "2026-11-13")
        pd.testing.assert_frame_equal(held, again, check_freq=False)


class TestABrokerThatIsBehindTheCache:
    """Saturday's sessions have put the finished Friday into the cache; here it is Friday before the close again."""

    @pytest.fixture
    def friday(self, open_market: Callable[[datetime], Market]) -> Market:
        kw = open_market(SATURDAY).connect()
        kw.daily("005930", NOVEMBER)
        kw.minute("005930", 1, "2026-11-19")
        kw.quotes(["005930"])
        kw.info("005930")
        # In its closing auction, as quotes would go on between two loads.
        return open_market(FRIDAY.replace(hour=15, minute=24))

    def test_shows_nothing_of_what_has_not_happened_yet(self, friday: Market) -> None:
        for load in (
            lambda kw: kw.daily("005930", NOVEMBER),
            lambda kw: kw.minute("005930", 1, "2026-11-19"),
            lambda kw: kw.quotes(["005930"]),
        ):
            warm, cold = load(friday.connect()), load(friday.connect("cold"))
            assert warm.attrs["trs"] == 1
            pd.testing.assert_frame_equal(warm, cold, check_freq=False)
        assert friday.connect().info("005930").attrs["trs"] == 1

    def test_is_not_given_quotes_of_a_later_evening(
        self, friday: Market, open_market: Callable[[datetime], Market]
    ) -> None:
        evening = open_market(datetime(2026, 11, 19, 22, tzinfo=KST))  # settled, as the Saturday is
        warm, cold = (evening.connect(cache).quotes(["005930"]) for cache in ("cache", "cold"))
        assert warm.attrs["trs"] == 1
        pd.testing.assert_frame_equal(warm, cold, check_freq=False)

    def test_is_not_given_last_prices_of_the_evening(
        self, friday: Market, open_market: Callable[[datetime], Market]
    ) -> None:
        evening = open_market(datetime(2026, 11, 20, 19, tzinfo=KST)).connect().codes()
        warm, cold = (friday.connect(cache).codes() for cache in ("cache", "cold"))
        pd.testing.assert_frame_equal(warm, cold)
        assert warm["base_price"]["005930"] != evening["base_price"]["005930"]

    def test_takes_from_it_what_is_final_there_too(self, friday: Market) -> None:
        kw = friday.connect()
        assert kw.daily("005930", NOVEMBER, "2026-11-19").attrs["trs"] == 0
        assert kw.daily("005930", NOVEMBER).attrs["trs"] == 1  # the bar in progress, not two TRs

    def test_leaves_the_finished_bar_to_those_for_whom_it_is(
        self, friday: Market, open_market: Callable[[datetime], Market]
    ) -> None:
        unfinished = friday.connect().daily("005930", NOVEMBER)
        saturday = open_market(SATURDAY).connect().daily("005930", NOVEMBER)
        assert saturday.attrs["trs"] == 0
        assert saturday["volume"].iloc[-1] > unfinished["volume"].iloc[-1]

    def test_and_comes_in_the_middle_of_a_load_keeps_no_unfinished_bar(
        self, open_market: Callable[[datetime], Market]
    ) -> None:
        first, friday = open_market(SATURDAY), open_market(FRIDAY)
        kw = first.connect()
        kw.find("삼성전자")
        transport: Any = kw._link.transport

        def recover(timeout: float) -> None:
            transport._target = friday.server.address
            transport._open()
            transport.wait_ready(timeout)

        transport.recover = recover
        first.server.stop(0)
        kw.daily("005930", NOVEMBER)
        again = open_market(SATURDAY)
        kept, cold = (again.connect(cache).daily("005930", NOVEMBER) for cache in ("cache", "cold"))
        pd.testing.assert_frame_equal(kept, cold, check_freq=False)


def test_at_the_end_of_the_calendar_everything_still_answers(session_at: Make) -> None:
    kw, _ = session_at(FRIDAY, "market@2027-12-31T10:00")  # a year's last day is none of trading
    assert kw.daily("005930", "2027-12-01").index[-1] == pd.Timestamp("2027-12-30")
    assert f"{kw.quotes(['005930'])['time'].item():%Y-%m-%d %H:%M}" == "2027-12-30 15:30"
    assert kw.info("005930")["name"] == "삼성전자"
    assert kw.status()["market"] == {"session": "2027-12-30", "phase": "장 종료"}


def test_a_broker_with_a_chosen_beginning_has_a_separate_cache(session_at: Make) -> None:
    # Before the split of 2018-05-04 adjusted prices are fifty times those of after it.
    now, _ = session_at(datetime(2026, 11, 20, 11, tzinfo=KST))
    today = now.daily("005930", "2018-04-02", "2018-04-20")
    past, _ = session_at(datetime(2026, 11, 20, 11, tzinfo=KST), "market@2018-04-25T10:00")
    then = past.daily("005930", "2018-04-02", "2018-04-20")
    assert (then["close"] / today["close"]).round().unique() == [50.0]
    again, _ = session_at(datetime(2026, 11, 20, 11, tzinfo=KST))
    pd.testing.assert_frame_equal(again.daily("005930", "2018-04-02", "2018-04-20"), today, check_freq=False)
    assert past.daily("005930", "2018-04-02", "2018-04-20").attrs["trs"] == 0


class TestTheDefault:
    @pytest.fixture
    def prices(self, tmp_path: Path) -> Path:
        folder = tmp_path / "prices"
        (folder / "daily").mkdir(parents=True)
        (folder / "daily" / "005930.csv").write_text(
            "date,open,high,low,close,volume\n2022-01-18,77600,77800,76600,77000,9592788\n"
        )
        return folder

    @pytest.mark.parametrize(
        ("given", "clock", "resolved"),
        [
            (False, None, "market"),
            (True, None, "real"),
            (True, "market@2022-01-18", "market@2022-01-18"),
            (False, "real", "real"),
        ],
    )
    def test_is_the_market_or_over_given_prices_the_wall_clock(
        self, prices: Path, tmp_path: Path, given: bool, clock: str | None, resolved: str
    ) -> None:
        with kl.connect(market_data=prices if given else None, clock=clock, cache_dir=tmp_path) as kw:
            assert kw.status()["clock"]["name"] == resolved
            assert kw.status()["market"]["phase"]

    @pytest.mark.parametrize(
        ("options", "resolved"),
        [((), "market"), (("--market-data", "prices"), "real"), (("--clock", "stepped"), "stepped")],
    )
    def test_is_the_same_in_a_terminal(
        self, prices: Path, tmp_path: Path, options: tuple[str, ...], resolved: str
    ) -> None:
        words = [*options, "--cache-dir", "cache", "status", "--format", "json"]
        done = subprocess.run(
            [sys.executable, "-c", "from koalab.cli import main; main()", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        status = json.loads(done.stdout)
        assert status["clock.name"] == resolved
        assert status["clock.note"]
        assert status["market.phase"]

    @pytest.mark.parametrize("clock", ["fast:2@2040-01-01", "market@yesterday", "market@2026-02-30", 60])
    def test_is_not_taken_for_what_is_no_clock(self, clock: Any, tmp_path: Path) -> None:
        with pytest.raises(kl.BadInput, match="clock"):
            kl.connect(clock=clock, cache_dir=tmp_path)

    def test_belongs_to_an_embedded_server(self) -> None:
        with pytest.raises(kl.BadInput, match="embedded"):
            kl.connect("127.0.0.1:9", clock="market")
