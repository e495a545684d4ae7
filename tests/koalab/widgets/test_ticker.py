"""kw.ticker: what its page is sent, and what is left when it is closed. Pages are played by messages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from koalab import BadInput
from koalab.dates import seoul
from koalab.widgets.painter import Painter
from koalab.widgets.state_line import StateLine
from koalab.widgets.ticker import COLUMNS, Ticker, check_columns
from tests.koalab.live.test_streams import ONE, OTHER, Trading
from tests.support.waiting import becomes


class Still(Painter):
    """A painter that paints when a test says so."""

    def add(self, widget: Any) -> None:
        self.widget = widget


class Page:
    """A ticker, and what its page has received."""

    def __init__(self, trading: Trading, codes: list[str]) -> None:
        self.sent: list[tuple[dict[str, Any], list[bytes]]] = []
        table = trading.kw.live(codes)
        line = StateLine(
            lambda: table.state,
            len(table),
            "모의투자",
            lambda: seoul(trading.market.clock.now()),
            lambda at: True,
            lambda: 0,
        )
        self.now = time.monotonic()
        self.painter = Still()
        self.ticker = Ticker(table, list(COLUMNS), line, self.painter)
        self.ticker.send = lambda content, buffers=None: self.sent.append((content, list(buffers or ())))

    def say(self, **content: Any) -> None:
        self.ticker._on_page(None, content, [])

    def paint(self, now: float) -> list[tuple[dict[str, Any], list[bytes]]]:
        self.sent.clear()
        self.ticker.paint(now)
        return list(self.sent)


@pytest.fixture
def trading(tmp_path: Path) -> Iterator[Trading]:
    found = Trading(tmp_path, "10:00:00")
    yield found
    found.market.close()


@pytest.fixture
def page(trading: Trading) -> Iterator[Page]:
    found = Page(trading, [ONE, OTHER])
    yield found
    found.ticker.close()


def column(sent: tuple[dict[str, Any], list[bytes]], name: str) -> list[float]:
    message, buffers = sent
    return list(np.frombuffer(buffers[1 + message["f"].index(name)], np.float64))


def test_nothing_is_sent_before_a_page_shows_it(page: Page) -> None:
    assert page.paint(page.now) == []


def test_a_page_gets_all_rows_first_and_then_what_changed(trading: Trading, page: Page) -> None:
    now = page.now + 1
    page.say(hello="a")
    (everything,) = page.paint(now)
    assert everything[0]["k"] == "all"
    assert column(everything, "price") == [float(value) for value in page.ticker.frame()["price"]]
    assert everything[0]["state"] == "live"
    trading.go(60)
    (changed,) = page.paint(now + 0.1)
    assert changed[0]["k"] == "d"
    rows = np.frombuffer(changed[1][0], np.uint16)
    assert column(changed, "volume") == [float(page.ticker.frame()["volume"].iloc[row]) for row in rows]
    assert page.paint(now + 0.2) == []


def test_a_quiet_ticker_says_once_a_second_how_live_it_is(page: Page) -> None:
    now = page.now + 1
    page.say(hello="a")
    page.paint(now)
    assert page.paint(now + 0.5) == []
    ((beat, buffers),) = page.paint(now + 1.1)
    assert (beat["k"], buffers) == ("beat", [])
    assert "실시간" in beat["say"]


def test_a_hidden_page_is_sent_nothing_and_all_when_it_is_back(page: Page) -> None:
    now = page.now + 1
    page.say(hello="a")
    page.paint(now)
    page.say(hidden=True, view="a")
    assert page.paint(now + 2) == []
    page.say(hidden=False, view="a")
    assert page.paint(now + 3)[0][0]["k"] == "all"


def test_it_is_closed_five_seconds_after_its_last_view(trading: Trading, page: Page) -> None:
    now = page.now + 1
    page.say(hello="a")
    page.paint(now)
    page.say(gone="a")
    assert page.ticker.paint(now + 2)
    assert not page.ticker.paint(now + 60)
    becomes(lambda: trading.kw.status()["streams"], 0)


def test_another_view_in_time_keeps_it(page: Page) -> None:
    now = page.now + 1
    page.say(hello="a")
    page.say(gone="a")
    page.say(hello="b")
    assert page.ticker.paint(now + 60)


def test_a_choice_in_the_page_is_given_on(page: Page) -> None:
    seen: list[str] = []
    page.ticker.on_select(seen.append)
    page.ticker.selected = OTHER
    assert seen == [OTHER]
    with pytest.raises(BadInput):
        page.ticker.on_select("print")  # type: ignore[arg-type]


def test_a_saved_notebook_has_a_plain_table(page: Page) -> None:
    bundle = page.ticker._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "삼성전자" in data["text/html"]
    assert "모의투자" in data["text/html"]
    assert "<script" not in data["text/html"]
    assert "실시간 시세" in data["text/plain"]


def test_columns_are_named_in_either_language() -> None:
    assert check_columns(["현재가", "price", "추이"]) == ["price", "trend"]
    assert check_columns(None) == list(COLUMNS)
    with pytest.raises(BadInput, match="no column"):
        check_columns(["없음"])


def test_the_session_makes_one_and_bad_input_is_refused(trading: Trading) -> None:
    with pytest.raises(BadInput):
        trading.kw.ticker()
    ticker = trading.kw.ticker(ONE, [OTHER])
    assert ticker.codes == [ONE, OTHER]
    ticker.close()
    ticker.close()
    becomes(lambda: trading.kw.status()["streams"], 0)
