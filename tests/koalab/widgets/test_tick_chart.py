"""A live chart of bars of trades: each has exactly its number of trades, however many load and stream share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from koalab.frames.bars import BarColumns
from koalab.live.wall_time import wall_micros
from koalab.loaders.intervals import interval
from koalab.widgets.bars import tick_bars
from koalab.widgets.bars.live_bars import NEVER
from koalab.widgets.bars.tick_bars import TickBars, TickHistory
from koalab.widgets.chart import LiveChart
from tests.koalab.live.test_streams import DAY, ONE, Trading, at
from tests.koalab.widgets.pages import Page, StillPainter, array
from tests.support.waiting import becomes

FIGURES = ["open", "high", "low", "close", "volume"]
OPENED = at("10:00:00").timestamp()
ANSWERED = at("10:00:30").timestamp()


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveChart.__init__, "__defaults__", (StillPainter(),))


def same(trading: Trading, chart: LiveChart, name: str) -> None:
    """The newest bars become the broker's, which a session loads that has no stream."""
    fresh = trading.market.connect(cache=f"fresh {trading.market.clock.now()}")

    def difference() -> list[str]:
        shown = chart.frame()[FIGURES].tail(200).to_numpy().tolist()
        expected = fresh.bars(ONE, name, start=DAY)[FIGURES].astype(np.float64).tail(200).to_numpy().tolist()
        assert len(shown) > 10
        return [
            f"{at}: {one} not {other}"
            for at, (one, other) in enumerate(zip(shown, expected, strict=True))
            if one != other
        ]

    becomes(lambda: chart._board.notice, "")
    becomes(difference, [])


@pytest.mark.parametrize("name", ["1tick", "30tick"])
def test_bars_are_the_broker_s_own_while_they_grow(trading: Trading, name: str) -> None:
    chart = trading.kw.chart(ONE, name, live=True)
    for seconds in (0, 20, 100):
        trading.go(seconds)
        trading.until(lambda: not chart._board.bars.doubtful)
        same(trading, chart, name)
    assert chart.interval_label == name.replace("tick", "틱")
    chart.close()


def test_bars_of_a_gap_are_loaded_again(trading: Trading) -> None:
    chart = trading.kw.chart(ONE, "30tick", live=True)
    trading.go(60)
    trading.market.look(lambda broker: broker.faults.restart(60.0))
    trading.go(200, step=1.0)
    board = chart._board
    trading.until(lambda: board.state == "live" and board._complete_from == board._trades.complete_from)
    trading.go(20)
    trading.until(lambda: not board.bars.doubtful)
    same(trading, chart, "30tick")
    chart.close()


def test_older_bars_come_when_the_page_asks(trading: Trading) -> None:
    page = Page(trading.kw.chart(ONE, "1tick", live=True))
    first = page.widget.frame()
    page.say(hello="a")
    ((head, _),) = page.paint(page.now)
    assert (head["k"], head["older"], len(first)) == ("all", True, 900)
    page.say(older=True)
    becomes(lambda: page.widget._board.loading, False)
    more = page.widget.frame()
    assert len(more) == 1_800
    assert more.index[0] < first.index[0]
    page.widget.close()


def test_a_page_gets_the_bars_that_changed_each_at_a_time_of_its_own(trading: Trading) -> None:
    page = Page(trading.kw.chart(ONE, "1tick", live=True))
    page.say(hello="a")
    (everything,) = page.paint(page.now)
    times = array(everything, "time")
    assert np.diff(times).min() > 0
    trading.go(10)
    (changed,) = page.paint(page.now + 0.1)
    assert changed[0]["k"] == "d"
    assert [*times, *array(changed, "time")] == sorted({*times, *array(changed, "time")})
    page.widget.close()


def test_a_page_gets_yesterday_s_close_which_no_bar_of_trades_has(trading: Trading) -> None:
    page = Page(trading.kw.chart(ONE, "30tick", live=True))
    page.say(hello="a")
    ((head, _),) = page.paint(page.now)
    assert head["base"] == 0
    trading.go(10)
    ((head, _),) = page.paint(page.now + 0.1)
    assert head["base"] == trading.kw.daily(ONE, end=DAY)["close"].iloc[-2]
    page.widget.close()


# -- where a load ends among the trades of the stream


def history(*volumes: int, in_last: int = 0, price: int = 100) -> TickHistory:
    """Bars of these volumes, answered at 10:00:30."""
    times = np.full(len(volumes), f"{DAY}T10:00:30", "M8[us]")
    prices = np.full(len(volumes), price)
    bars = BarColumns(times, prices, prices, prices, prices, np.array(volumes))
    return TickHistory(bars, in_last, ANSWERED, True)


def trades(*volumes: int, arrived: float = ANSWERED - 1, price: int = 100) -> dict[str, Any]:
    count = len(volumes)
    time = np.datetime64(f"{DAY}T10:00:29", "us")
    return {
        "time": np.full(count, time),
        "price": np.full(count, price),
        "volume": np.array(volumes),
        "session": np.full(count, "2", object),
        "arrived": np.full(count, arrived),
    }


def volumes(bars: TickBars) -> list[float]:
    return bars.changes(-1)[2]["volume"].tolist()


def test_the_last_bar_s_volume_shows_which_trades_it_has() -> None:
    bars = TickBars(interval("3tick"))
    bars.add(trades(5, 7, 1, 2, 4, 8))
    # Its 7 + 1: the answer was made before the trades of 2, 4 and 8 shares, though it arrived after them.
    bars.put(history(60, 8, in_last=2), wall_micros(OPENED))
    assert volumes(bars) == [60, 10, 12]
    assert not bars.doubtful


def test_a_number_of_trades_that_the_broker_does_not_say_is_found_by_the_volume() -> None:
    bars = TickBars(interval("3tick"))
    bars.add(trades(5, 7, 1))
    bars.put(history(60, 8), wall_micros(OPENED))
    bars.add(trades(4, 9, arrived=ANSWERED + 1))
    assert volumes(bars) == [60, 12, 9]


def test_until_the_stream_has_a_whole_bar_the_bars_are_doubtful_when_it_has() -> None:
    bars = TickBars(interval("3tick"))
    bars.put(history(60, 8, in_last=2), wall_micros(OPENED))
    assert not bars.doubtful
    bars.add(trades(1, 2, arrived=ANSWERED + 1))
    assert volumes(bars) == [60, 9, 2]
    assert not bars.doubtful
    bars.add(trades(3, arrived=ANSWERED + 1))
    assert bars.doubtful


def test_trades_from_before_a_gap_and_after_hours_are_in_no_bar() -> None:
    bars = TickBars(interval("3tick"))
    bars.add(trades(5, 7, 1))
    bars.put(history(60, 8, in_last=2), NEVER)
    bars.add({**trades(50), "session": np.array(["3"], object)})
    assert volumes(bars) == [60, 8]


def test_a_session_begins_with_a_bar_of_its_own() -> None:
    bars = TickBars(interval("3tick"))
    bars.put(history(60, 8, in_last=2), wall_micros(OPENED))
    later = trades(4, arrived=ANSWERED + 86_400)
    bars.add({**later, "time": later["time"] + np.timedelta64(1, "D")})
    assert volumes(bars) == [60, 8, 4]


def test_bars_without_an_end_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tick_bars, "MOST", 100)
    monkeypatch.setattr(tick_bars, "_SPARE", 20)
    bars = TickBars(interval("1tick"))
    bars.put(history(60, in_last=1), wall_micros(OPENED))
    for number in range(1_000):
        bars.add(trades(number + 1, arrived=ANSWERED + 1))
        assert len(bars) <= 120
    shown = pd.Series(volumes(bars))
    assert shown.iloc[-1] == 1_000
    assert (shown.diff().dropna() == 1).all()
