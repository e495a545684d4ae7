"""kw.chart(code, live=True): bars that go on, and what its page is sent."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ipywidgets.widgets.widget import _instances

from koalab import BadInput, UnknownCode
from koalab.frames.bars import BarColumns
from koalab.live.wall_time import wall_micros
from koalab.loaders.intervals import interval
from koalab.widgets.bars.live_bars import FIELDS, LiveBars
from koalab.widgets.chart import LiveChart
from tests.koalab.live.test_streams import DAY, ONE, OTHER, Trading, at
from tests.koalab.widgets.pages import Page, StillPainter, array
from tests.support.waiting import becomes, wait_until


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveChart.__init__, "__defaults__", (StillPainter(),))


@pytest.fixture
def page(trading: Trading) -> Iterator[Page]:
    found = Page(trading.kw.chart(ONE, 1, live=True))
    yield found
    found.widget.close()


def broker_bars(trading: Trading, name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The broker's own bars of the time that a frame has, by a session with no cache of it."""
    fresh = trading.market.connect(cache=f"fresh {trading.market.clock.now()}")
    bars = fresh.bars(ONE, name, frame.index[0], halted="flat")
    return bars[list(FIELDS[1:])].astype(np.float64)


def difference(trading: Trading, name: str, chart: LiveChart) -> pd.DataFrame:
    """Bars that are not the broker's. The simulated broker adds a minute to its own when it is over."""
    shown = chart.frame()
    expected = broker_bars(trading, name, shown)
    if trading.market.clock.now() < at("15:31:00").timestamp():
        shown, expected = shown[shown.index < shown.index[-1]], expected[expected.index < shown.index[-1]]
    both = shown.add_suffix("_shown").join(expected.add_suffix("_broker"), how="outer")
    wrong = [both[f"{one}_shown"] != both[f"{one}_broker"] for one in expected]
    return both[np.any(wrong, axis=0)]


def same_soon(trading: Trading, chart: LiveChart, name: str = "1min") -> None:
    """The bars become the broker's."""
    board = chart._board
    trading.until(lambda: board._complete_from == board._trades.complete_from and not board.bars.doubtful)
    becomes(lambda: board.notice, "")
    found = difference(trading, name, chart)
    assert found.empty, found.to_string()


class TestBars:
    @pytest.mark.parametrize("name", ["1min", "5min", "45min", "60min", "D"])
    def test_are_the_broker_s_own_while_they_grow_and_after_the_close(
        self, tmp_path: Path, name: str
    ) -> None:
        trading = Trading(tmp_path, "15:08:20")
        chart = trading.kw.chart(ONE, name, live=True)
        for seconds in (0, 40, 240, 24 * 60):
            trading.go(seconds, step=20)
            trading.until(lambda: not chart._board.bars.doubtful)
            same_soon(trading, chart, name)
        chart.close()
        trading.market.close()

    def test_of_a_day_follow_its_evening(self, tmp_path: Path) -> None:
        trading = Trading(tmp_path, "15:58:00")
        chart = trading.kw.chart(ONE, "D", live=True)
        with trading.kw.ticks(ONE) as ticks:
            trading.go(360, step=20)
            becomes(lambda: chart.frame()["volume"].iloc[-1] - ticks.to_frame(1)["total_volume"].iloc[0], 0)
            assert ticks.to_frame(1)["session"].iloc[0] == "3"
        shown = chart.frame().tail(1)
        expected = broker_bars(trading, "D", shown)
        assert shown.drop(columns="volume").equals(expected.drop(columns="volume"))
        # The simulated broker's bar lacks 시간외종가, which its 누적거래량 has.
        assert shown["volume"].iloc[0] >= expected["volume"].iloc[0] > 0
        chart.close()
        trading.market.close()

    def test_follow_the_trades_without_a_tr(self, trading: Trading) -> None:
        chart = trading.kw.chart(ONE, 1, live=True)
        trs = trading.kw._link.trs
        trading.go(200)
        assert f"{chart.frame().index[-1]:%H:%M}" == "10:03"
        assert trading.kw._link.trs == trs
        chart.close()

    def test_of_a_gap_are_loaded_again_when_the_stream_is_back(self, trading: Trading) -> None:
        chart = trading.kw.chart(ONE, 1, live=True)
        trading.go(60)
        trading.market.look(lambda broker: broker.faults.restart(180.0))
        trading.go(400, step=1.0)
        assert chart._board._trades.gaps["why"].tolist() == ["the broker's connection was lost"]
        trading.until(lambda: chart._board.state == "live")
        trading.go(65)
        same_soon(trading, chart)
        assert chart._board.notice == ""
        chart.close()

    def test_are_loaded_again_from_a_server_that_was_away(self, tmp_path: Path) -> None:
        trading = Trading(tmp_path, "10:00:00")
        chart = trading.kw.chart(ONE, 1, live=True)
        port = int(trading.market.server.address.rpartition(":")[2])
        trading.market.server.stop(0)
        wait_until(lambda: chart._board.state == "lost")
        later = Trading(tmp_path / "later", "10:20:00", port=port)
        wait_until(lambda: chart._board.state == "live")
        later.go(65)
        same_soon(later, chart)
        assert chart.frame().index[-1] >= pd.Timestamp(f"{DAY} 10:20", tz="Asia/Seoul")
        chart.close()
        trading.market.close()
        later.market.close()


class TestOneThatWasGrowing:
    """The bar in which the stream began, of which a load has an unknown part of the trades."""

    OPENED = wall_micros(at("10:00:30").timestamp())

    def loaded(self, volume: int, before: int = 500) -> BarColumns:
        times = np.array([f"{DAY}T09:59", f"{DAY}T10:00"], "M8[us]")
        prices = np.array([100, 100])
        return BarColumns(times, prices, prices, prices, prices, np.array([before, volume]))

    def trades(self, *totals: int, second: int = 40) -> dict[str, Any]:
        """Trades of ten shares each, that end at these 누적거래량."""
        count = len(totals)
        return {
            "time": np.full(count, np.datetime64(f"{DAY}T10:00:00") + np.timedelta64(second, "s")).astype(
                "M8[us]"
            ),
            **dict.fromkeys(("price", "open", "high", "low"), np.full(count, 100)),
            "volume": np.full(count, 10),
            "total_volume": np.array(totals),
            "session": np.full(count, "2", object),
            "arrived": np.full(count, at("10:00:40").timestamp()),
        }

    def bars(self, volume: int, *totals: int, before: int = 500) -> LiveBars:
        found = LiveBars(interval("1min"))
        found.add(self.trades(*totals))
        found.put(self.loaded(volume, before), self.OPENED, at("10:00:45").timestamp())
        return found

    def volumes(self, bars: LiveBars) -> list[float]:
        return bars.changes(-1)[2]["volume"].tolist()

    @pytest.mark.parametrize(("loaded", "missing"), [(90, 30), (100, 20), (110, 10), (120, 0)])
    def test_gets_the_trades_that_came_after_the_load(self, loaded: int, missing: int) -> None:
        bars = self.bars(loaded, 600, 610, 620)
        assert self.volumes(bars) == [500, loaded + missing]
        bars.add(self.trades(630, second=70))
        assert self.volumes(bars) == [500, 120, 10]
        assert not bars.doubtful

    def test_is_loaded_again_when_it_is_over_where_volumes_do_not_say(self) -> None:
        bars = self.bars(95, 600, 610, 620, before=400)
        assert not bars.doubtful
        bars.add(self.trades(630, second=70))
        assert bars.doubtful
        bars.put(self.loaded(123), self.OPENED, at("10:01:10").timestamp())
        assert self.volumes(bars) == [500, 123, 10]
        assert not bars.doubtful

    def test_trades_after_hours_belong_to_no_minute(self) -> None:
        bars = self.bars(120, 600, 610, 620)
        bars.add({**self.trades(630), "session": np.array(["3"], object)})
        assert self.volumes(bars) == [500, 120]


class TestPage:
    def test_gets_all_bars_first_and_then_those_that_changed(self, trading: Trading, page: Page) -> None:
        page.say(hello="a")
        (everything,) = page.paint(page.now)
        shown = page.widget.frame()
        assert everything[0]["k"] == "all"
        assert everything[0]["older"]
        assert array(everything, "close") == shown["close"].tolist()
        wall = pd.to_datetime(array(everything, "time")[-1], unit="s")
        assert wall == shown.index[-1].tz_localize(None)
        trading.go(60)
        (changed,) = page.paint(page.now + 0.1)
        assert changed[0]["k"] == "d"
        volumes = array(changed, "volume")  # of the minute that has begun, and of the one before it
        assert volumes == page.widget.frame()["volume"].tolist()[-len(volumes) :]
        assert page.paint(page.now + 0.2) == []

    @pytest.mark.slow
    def test_scrolled_back_to_the_first_bar_gets_older_ones_until_there_are_none(
        self, trading: Trading, page: Page
    ) -> None:
        first = page.widget.frame().index[0]
        page.say(hello="a")
        page.paint(page.now)
        page.say(older=True)
        becomes(lambda: page.widget._board.loading, False)
        assert page.widget.frame().index[0] < first
        (more,) = page.paint(page.now + 0.1)
        assert more[0]["k"] == "all"
        same_soon(trading, page.widget)
        loads = 1
        while page.widget._board.has_older:
            page.say(older=True)
            wait_until(lambda: not page.widget._board.loading)
            loads += 1
        assert loads <= 8  # of the 160 sessions that the broker has: each brings as much again as there was
        trs = trading.kw._link.trs
        page.say(older=True)
        assert trading.kw._link.trs == trs

    def test_a_saved_notebook_has_the_last_twenty_bars(self, page: Page) -> None:
        html = page.widget.snapshot()
        assert html.count("<tr>") == 21
        assert "삼성전자 005930 1분봉" in html
        assert "<script" not in html
        assert "1분봉" in repr(page.widget)


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"interval": "W"}, "leave live out"),
            ({"interval": "M"}, "leave live out"),
            ({"interval": "7min"}, "no bars of"),
            ({"end": DAY}, "leave end and theme out"),
            ({"ma": (5, 20, 60, 120, 240)}, "up to four"),
            ({"ma": "5"}, "up to four"),
            ({"ma": (1,)}, "ma"),
            ({"live": "yes"}, "live"),
            ({"code": [ONE, OTHER]}, "one issue"),
            ({"volume": "no"}, "volume"),
        ],
    )
    def test_bad_ones_are_refused_before_anything_is_sent(
        self, trading: Trading, arguments: dict[str, Any], words: str
    ) -> None:
        trs = trading.kw._link.trs
        with pytest.raises(BadInput, match=words):
            trading.kw.chart(**{"code": ONE, "interval": "1min", "live": True, **arguments})
        with pytest.raises(UnknownCode):
            trading.kw.chart("없는종목", live=True)
        assert (trading.kw._link.trs, trading.kw.status()["streams"]) == (trs, 0)

    def test_averages_and_volume_are_the_page_s(self, trading: Trading) -> None:
        chart = trading.kw.chart("삼성전자", live=True, ma=(20, 5, 20), volume=False)
        assert (chart.code, chart.averages, chart.volume, chart.dated) == (ONE, [20, 5], False, True)
        chart.close()


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "koalab-chart"]


@pytest.mark.parametrize("runs", [10, pytest.param(50, marks=pytest.mark.long)])
def test_runs_of_a_cell_leave_nothing_behind(trading: Trading, runs: int) -> None:
    before, made = len(_instances), []
    for _ in range(runs):
        page = Page(trading.kw.chart(ONE, 1, live=True))
        made.append(weakref.ref(page.widget))
        page.say(hello="a")
        page.paint(page.now)
        page.say(gone="a")
        assert not page.widget.paint(page.now + 60)
    del page
    becomes(threads, [])
    gc.collect()
    becomes(lambda: trading.kw.status()["streams"], 0)
    assert len(_instances) == before
    assert [one() for one in made] == [None] * runs


def test_it_ends_with_its_session(trading: Trading) -> None:
    chart = trading.kw.chart(ONE, 1, live=True)
    trading.go(30)
    trading.kw.close()
    assert chart._board.state == "closed"
    becomes(threads, [])
    assert at("10:00:00") <= chart.frame().index[-1]
