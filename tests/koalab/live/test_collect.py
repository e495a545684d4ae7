"""kw.collect: minutes out of the live stream are those of opt10080, and what is not sure of being so is not kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import koalab as kl
from kernel_server.clock import KST
from koalab import BadInput
from koalab.frames.bars import BarColumns
from koalab.live.collecting.collection import Collection
from koalab.sessions.session import Session
from tests.support.session import Market, start
from tests.support.waiting import HANGS_AFTER, eventually

ONE, OTHER = "086900", "005930"  # 메디톡스, in which nothing is traded in some minutes, and 삼성전자
DAY = "2025-11-14"


def at(clock: str, day: str = DAY) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=KST)


def go(market: Market, until: str, step: float = 30.0, day: str = DAY) -> None:
    """The day goes by up to that time, and all of it has been fired then."""
    goal = at(until, day).timestamp()
    while market.clock.now() < goal:
        market.clock.advance(min(step, goal - market.clock.now()))
        market.server.host.thread.post(lambda: None).result(HANGS_AFTER)


def collected(collection: Collection, until: str) -> None:
    """The collection has all events up to that time."""
    moment = pd.Timestamp(f"{DAY} {until}", tz="Asia/Seoul")
    assert eventually(
        lambda: collection._collector.sync(HANGS_AFTER) and collection.status()["until"] >= moment
    )


@pytest.fixture
def market_at(tmp_path: Path) -> Iterator[Callable[..., Market]]:
    made: list[Market] = []

    def make(clock: str, day: str = DAY, **more: Any) -> Market:
        made.append(start(tmp_path, at(clock, day), **more))
        return made[-1]

    yield make
    for found in made:
        found.close()


def check(market: Market, kw: Session, code: str, trs: int = 0, day: str = DAY) -> None:
    """What the session has of that day costs so many TRs, and is what another finds that asks for all of it."""
    for adjusted in (True, False):
        warm = kw.minute(code, start=day, end=day, adjusted=adjusted)
        cold = market.connect(f"cold-{code}-{adjusted}-{day}").minute(
            code, start=day, end=day, adjusted=adjusted
        )
        assert warm.attrs["trs"] == trs
        assert len(cold) > 300
        pd.testing.assert_frame_equal(warm, cold, check_freq=False)


class TestAWholeSession:
    def test_collected_is_what_opt10080_has_and_costs_no_tr(self, market_at: Callable[..., Market]) -> None:
        market = market_at("08:50")
        kw = market.connect()
        collection = kw.collect([ONE, "삼성전자"])
        go(market, "15:42")
        collected(collection, "15:41")
        frame = collection.frame()
        assert frame.loc[OTHER].tolist()[:3] == ["삼성전자", 400, 0]  # 09:00 to 15:40
        assert frame["last"].dt.strftime("%H:%M:%S").tolist() == ["15:30:00"] * 2
        collection.stop()
        assert kw._link.trs == 0
        check(market, kw, ONE)
        check(market, kw, OTHER)
        assert kw.cache.verify() == []

    def test_of_another_day_behind_it_follows_on(self, market_at: Callable[..., Market]) -> None:
        market = market_at("15:00", "2025-11-12")
        kw = market.connect()
        collection = kw.collect(ONE)
        go(market, "15:42", day="2025-11-12")
        assert eventually(lambda: collection.over)
        go(market, "10:00", 600, day="2025-11-13")  # the 수능: opens an hour later
        go(market, "16:42", day="2025-11-13")
        assert eventually(lambda: collection.frame()["complete"].tolist() == [400])
        collection.stop()
        check(market, kw, ONE, day="2025-11-13")
        kept = kw.minute(ONE, start="2025-11-12 15:05", end="2025-11-12")
        assert kept.attrs["trs"] == 0
        assert len(kept) > 10


class TestASessionThatWasBegunInTheMiddle:
    def test_has_a_hole_before_it_that_is_filled_with_one_tr_a_code(
        self, market_at: Callable[..., Market]
    ) -> None:
        market = market_at("11:00")
        kw = market.connect()
        with kw.collect([ONE, OTHER]) as collection:
            go(market, "15:42")
            collected(collection, "15:41")
            assert collection.frame()["holes"].tolist() == [121, 121]
        assert collection.status()["holes"] == 0
        assert collection.status()["trs"] == kw._link.trs == 2
        check(market, kw, ONE)
        check(market, kw, OTHER)

    def test_can_be_filled_while_it_goes_on(self, market_at: Callable[..., Market]) -> None:
        market = market_at("11:00")
        kw = market.connect()
        collection = kw.collect(ONE)
        go(market, "11:30:20")
        assert collection.fill() == 1
        assert collection.frame()["holes"].tolist() == [0]
        assert collection.fill() == 0
        go(market, "15:42")
        collected(collection, "15:41")
        collection.stop()
        assert kw._link.trs == 1
        check(market, kw, ONE)

    def test_goes_on_from_what_an_earlier_one_kept(self, market_at: Callable[..., Market]) -> None:
        market = market_at("08:50")
        first = market.connect()
        collection = first.collect(ONE)
        go(market, "10:00")
        first.close()  # without a word
        kw = market.connect()
        collection = kw.collect(ONE)
        go(market, "15:42")
        collected(collection, "15:41")
        assert collection.frame()["holes"].tolist()[0] <= 2
        collection.stop()
        check(market, kw, ONE)

    def test_stopped_without_filling_leaves_the_hole_to_minute(
        self, market_at: Callable[..., Market]
    ) -> None:
        market = market_at("11:00")
        kw = market.connect()
        collection = kw.collect(ONE)
        go(market, "15:42")
        collected(collection, "15:41")
        collection.stop(fill=False)
        assert kw._link.trs == 0
        warm = kw.minute(ONE, start=f"{DAY} 11:01", end=DAY)
        assert warm.attrs["trs"] == 0
        whole = kw.minute(ONE, start=DAY, end=DAY)
        assert whole.attrs["trs"] == 1
        pd.testing.assert_frame_equal(
            whole, market.connect("cold").minute(ONE, start=DAY, end=DAY), check_freq=False
        )


class TestTradesThatAreLost:
    def fault(self, market: Market, call: Callable[[Any], None]) -> None:
        host = market.server.host
        host.thread.post(lambda: call(host.control.faults)).result(HANGS_AFTER)  # type: ignore[attr-defined]

    def test_on_the_way_cost_their_minutes_and_nothing_wrong_is_kept(
        self, market_at: Callable[..., Market]
    ) -> None:
        market = market_at("08:50")
        kw = market.connect()
        collection = kw.collect(OTHER)
        go(market, "10:00")
        self.fault(market, lambda faults: faults.lose("OnReceiveRealData", 3))
        go(market, "15:42")
        collected(collection, "15:41")
        assert 1 <= collection.frame()["holes"].tolist()[0] <= 3
        assert collection.status()["gaps"] == 0  # the stream knows of nothing: 누적거래량 does
        collection.stop()
        assert kw._link.trs == 1
        check(market, kw, OTHER)

    def test_and_those_that_come_twice_count_once(self, market_at: Callable[..., Market]) -> None:
        market = market_at("08:50")
        kw = market.connect()
        collection = kw.collect(OTHER)
        self.fault(market, lambda faults: faults.double("OnReceiveRealData", 500))
        go(market, "15:42")
        collected(collection, "15:41")
        collection.stop()
        assert kw._link.trs == 0
        check(market, kw, OTHER)

    def test_by_a_broker_that_falls_silent_are_noticed_when_it_speaks_again(
        self, market_at: Callable[..., Market]
    ) -> None:
        market = market_at("08:50")
        kw = market.connect()
        collection = kw.collect([ONE, OTHER])
        go(market, "10:00")
        self.fault(market, lambda faults: faults.go_silent(240.0))
        go(market, "15:42")
        collected(collection, "15:41")
        assert 4 <= collection.frame()["holes"].tolist()[1] <= 8
        collection.stop()
        check(market, kw, ONE)
        check(market, kw, OTHER)

    def test_with_the_brokers_connection_are_a_gap(self, market_at: Callable[..., Market]) -> None:
        market = market_at("08:50")
        kw = market.connect()
        collection = kw.collect(OTHER)
        go(market, "10:00")
        self.fault(market, lambda faults: faults.restart(180.0))
        # The session follows each step, so that minutes are missing for the broker's sake alone.
        while market.clock.now() < at("10:08").timestamp():
            market.clock.advance(1.0)
            market.server.host.thread.post(lambda: None).result(HANGS_AFTER)
            kw._hub.sync(HANGS_AFTER)
        go(market, "10:20", 1.0)
        go(market, "15:42")
        collected(collection, "15:41")
        gaps = collection.gaps
        assert set(gaps["why"]) == {"the broker's connection was lost"}
        assert gaps["since"].iloc[0] <= pd.Timestamp(f"{DAY} 10:00:05", tz="Asia/Seoul")
        assert gaps["until"].iloc[-1] >= pd.Timestamp(f"{DAY} 10:02", tz="Asia/Seoul")
        assert 3 <= collection.frame()["holes"].tolist()[0] <= 15
        collection.stop()
        assert kw._link.trs == 1
        check(market, kw, OTHER)


def test_a_server_that_is_killed_and_comes_back_is_a_gap(market_at: Callable[..., Market]) -> None:
    market = market_at("08:50")
    kw = market.connect()
    collection = kw.collect([ONE, OTHER])
    go(market, "10:00:30")
    collected(collection, "10:00")
    port = int(market.server.address.rpartition(":")[2])
    market.server.stop(0)
    assert eventually(lambda: len(collection.gaps) == 1)
    market = market_at("10:20:30", port=port)
    assert eventually(lambda: not collection.gaps["until"].isna().any())
    go(market, "15:42")
    collected(collection, "15:41")
    assert 19 <= collection.frame()["holes"].tolist()[1] <= 23
    collection.stop()
    assert kw._link.trs == 2
    check(market, kw, ONE)
    check(market, kw, OTHER)


class TestTwoOfOneCode:
    def test_keep_the_same_and_one_may_leave(self, market_at: Callable[..., Market]) -> None:
        market = market_at("08:50")
        kw = market.connect()
        first, second = kw.collect([ONE, OTHER]), kw.collect(ONE)
        go(market, "10:00:30")
        assert kw.status()["streams"] == 1
        first.stop(fill=False)
        go(market, "15:42")
        collected(second, "15:41")
        assert second.frame()["complete"].tolist() == [400]
        second.stop()
        assert kw._link.trs == 0
        check(market, kw, ONE)
        early = kw.minute(OTHER, start=f"{DAY} 09:00", end=f"{DAY} 09:59")
        assert early.attrs["trs"] == 0
        assert len(early) == 60

    def test_in_two_sessions_over_one_cache(self, market_at: Callable[..., Market]) -> None:
        market = market_at("08:50")
        kw, other = market.connect(), market.connect()
        first, second = kw.collect(ONE), other.collect(ONE)
        go(market, "15:42")
        collected(first, "15:41")
        collected(second, "15:41")
        first.stop()
        second.stop()
        assert kw._link.trs == other._link.trs == 0
        check(market, kw, ONE)
        assert kw.cache.verify() == []


class TestNothingStaysBehind:
    def left(self, market: Market) -> tuple[int, int]:
        kw = market.connect("looking")
        control: Any = market.server.host.control
        return kw.status()["streams"], len(control.registry._screens_of)

    @pytest.mark.parametrize("how", ["stop", "close", "interrupt"])
    def test_after(self, market_at: Callable[..., Market], how: str) -> None:
        market = market_at("10:00")
        kw = market.connect()
        before = self.left(market)
        collection = kw.collect([ONE, OTHER])
        assert self.left(market) == (1, 2)
        if how == "stop":
            collection.stop(fill=False)
        elif how == "close":
            kw.close()
        else:
            with pytest.raises(KeyboardInterrupt), collection:
                raise KeyboardInterrupt
        assert eventually(lambda: self.left(market) == before)
        assert eventually(lambda: not [one for one in threading.enumerate() if one.name == "koalab-live"])

    def test_where_the_broker_refuses(self, market_at: Callable[..., Market]) -> None:
        market = market_at("10:00")
        kw = market.connect()
        with pytest.raises(BadInput, match="no codes"):
            kw.collect([])
        with pytest.raises(kl.UnknownCode):
            kw.collect("삼성전지")
        assert self.left(market)[0] == 0


class TestAdjustedPrices:
    def test_at_another_scale_are_left_alone(self, market_at: Callable[..., Market]) -> None:
        """The cache ends with another close than today's 기준가, and no gap is left that a load would look over."""
        market = market_at("08:50")
        kw = market.connect()
        kw.minute(ONE, start="2025-11-13", end="2025-11-13")
        series = next(one for one in kw.cache.series() if one.interval == "1min")
        first, last = np.datetime64("2025-11-13T00:00", "us"), np.datetime64("2025-11-14T00:00", "us")
        bars, _ = kw.cache.read(series, first, last)
        halved = BarColumns(
            bars.time, bars.open // 2, bars.high // 2, bars.low // 2, bars.close // 2, bars.volume * 2
        )
        kw.cache.replace(series, halved, (first, last))
        collection = kw.collect(ONE)
        go(market, "15:42")
        collected(collection, "15:41")
        collection.stop()
        raw = kw.minute(ONE, start=DAY, end=DAY, adjusted=False)
        assert raw.attrs["trs"] == 0
        whole = kw.minute(ONE, start="2025-11-13", end=DAY)
        assert whole.attrs["trs"] > 0
        pd.testing.assert_frame_equal(
            whole, market.connect("cold").minute(ONE, start="2025-11-13", end=DAY), check_freq=False
        )
