"""kw.ticker: what its page is sent, and what is left when it is closed. Pages are played by messages."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

from koalab import BadInput
from koalab.widgets.ticker import COLUMNS, Ticker, check_columns
from tests.koalab.live.test_streams import ONE, OTHER, Trading
from tests.koalab.widgets.pages import Page, StillPainter, array
from tests.support.waiting import becomes


def ticker_of(trading: Trading, codes: list[str]) -> Ticker:
    table = trading.kw.live(codes)
    line = trading.kw._state_line(lambda: table.state, f"{len(table)}종목")
    return Ticker(table, list(COLUMNS), line, StillPainter())


@pytest.fixture
def page(trading: Trading) -> Iterator[Page]:
    found = Page(ticker_of(trading, [ONE, OTHER]))
    yield found
    found.widget.close()


def test_nothing_is_sent_before_a_page_shows_it(page: Page) -> None:
    assert page.paint(page.now) == []


def test_a_page_gets_all_rows_first_and_then_what_changed(trading: Trading, page: Page) -> None:
    now = page.now + 1
    page.say(hello="a")
    (everything,) = page.paint(now)
    assert everything[0]["k"] == "all"
    assert array(everything, "price") == [float(value) for value in page.widget.frame()["price"]]
    assert everything[0]["state"] == "live"
    trading.go(60)
    (changed,) = page.paint(now + 0.1)
    assert changed[0]["k"] == "d"
    rows = np.frombuffer(changed[1][0], np.uint16)
    assert array(changed, "volume") == [float(page.widget.frame()["volume"].iloc[row]) for row in rows]
    assert page.paint(now + 0.2) == []


def test_a_page_gets_only_what_its_columns_show(trading: Trading) -> None:
    table = trading.kw.live(ONE)
    line = trading.kw._state_line(lambda: table.state, "1종목")
    page = Page(Ticker(table, ["name", "price", "spread"], line, StillPainter()))
    page.say(hello="a")
    (everything,) = page.paint(page.now + 1)
    trading.go(60)
    (changed,) = page.paint(page.now + 1.1)
    shown = ["row", "price", "change", "volume", "ask", "bid"]
    assert everything[0]["f"] == [*shown, "upper_limit", "lower_limit"]
    assert changed[0]["f"] == shown
    assert [len(buffer) for buffer in changed[1]] == [2, 4, 4, 8, 4, 4]
    page.widget.close()


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
    assert page.widget.paint(now + 2)
    assert not page.widget.paint(now + 60)
    becomes(lambda: trading.kw.status()["streams"], 0)


def test_a_page_that_was_reloaded_does_not_keep_it(page: Page) -> None:
    page.say(hello="former")
    page.say(hello="now")
    for _ in range(3):
        page.widget._check_views()
        page.say(alive="now")
    page.say(gone="now")
    assert not page.widget.paint(page.now + 60)


def test_a_silent_page_is_sent_nothing_until_it_is_back(page: Page) -> None:
    page.say(hello="a")
    page.paint(page.now)
    for _ in range(3):
        page.widget._check_views()
    assert page.paint(page.now + 60) == []
    page.say(alive="a")
    assert page.paint(page.now + 61)[0][0]["k"] == "all"


def test_closed_it_leaves_its_last_values_on_the_page_until_the_cell_is_cleared(page: Page) -> None:
    page.say(hello="a")
    page.paint(page.now)
    page.sent.clear()
    page.widget.close()
    ((beat, _),) = page.sent
    assert beat["state"] == "closed"
    assert "닫힘" in beat["say"]
    assert page.widget.comm is not None
    page.say(gone="a")
    assert page.widget.comm is None


def test_closed_it_shows_its_last_values_to_a_page_that_was_reloaded(page: Page) -> None:
    page.say(hello="a")
    page.widget.close()
    page.sent.clear()
    page.say(hello="b")
    ((message, _),) = page.sent
    assert (message["k"], message["state"]) == ("all", "closed")


def test_one_that_is_never_shown_is_closed_after_ten_minutes(page: Page) -> None:
    assert page.widget.paint(page.now + 590)
    assert not page.widget.paint(page.now + 620)


@pytest.mark.parametrize("runs", [10, pytest.param(50, marks=pytest.mark.long)])
def test_runs_of_a_cell_leave_nothing_behind(trading: Trading, runs: int) -> None:
    before, made = len(_instances), []
    for _ in range(runs):
        page = Page(ticker_of(trading, [ONE]))
        made.append(weakref.ref(page.widget))
        page.say(hello="a")
        page.paint(page.now)
        page.say(gone="a")
        assert not page.widget.paint(page.now + 60)
    del page
    gc.collect()
    becomes(lambda: trading.kw.status()["streams"], 0)
    assert len(_instances) == before
    assert [one() for one in made] == [None] * runs


def test_another_view_in_time_keeps_it(page: Page) -> None:
    now = page.now + 1
    page.say(hello="a")
    page.say(gone="a")
    page.say(hello="b")
    assert page.widget.paint(now + 60)


def test_a_choice_in_the_page_is_given_on(page: Page) -> None:
    seen: list[str] = []
    page.widget.on_select(seen.append)
    page.widget.selected = OTHER
    assert seen == [OTHER]
    page.say(again=True)
    assert seen == [OTHER, OTHER]
    with pytest.raises(BadInput):
        page.widget.on_select("print")  # type: ignore[arg-type]


def test_a_saved_notebook_has_a_plain_table(page: Page) -> None:
    bundle = page.widget._repr_mimebundle_()
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
