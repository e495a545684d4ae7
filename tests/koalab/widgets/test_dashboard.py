"""kw.dashboard: its widgets move together, its layout is kept, and it leaves nothing behind."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ipywidgets.widgets.widget import _instances

from koalab import BadInput
from koalab.widgets import dashboard as made
from koalab.widgets import saved_layout
from koalab.widgets.dashboard import Dashboard
from koalab.widgets.live_widget import LiveWidget
from koalab.widgets.painter import Painter
from tests.koalab.live.test_streams import ONE, OTHER, Trading
from tests.koalab.widgets.pages import Page, StillPainter
from tests.support.waiting import becomes, wait_until


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Painter, "add", StillPainter.add)
    monkeypatch.setenv(saved_layout.VARIABLE, str(tmp_path / "state"))


@pytest.fixture
def dashboard(trading: Trading) -> Iterator[Dashboard]:
    found = trading.kw.dashboard([ONE, OTHER], progress=False)
    yield found
    found.close()


def of(found: Dashboard) -> tuple[str, str, str]:
    return found.ladder.code, found.chart.code, found.order.code


def test_it_begins_with_the_first_issue(dashboard: Dashboard) -> None:
    assert dashboard.ticker.codes == [ONE, OTHER]
    assert of(dashboard) == (ONE, ONE, ONE)
    assert dashboard.selected == ONE


def test_a_chosen_row_moves_ladder_chart_and_form(trading: Trading, dashboard: Dashboard) -> None:
    streams = trading.kw.status()["streams"]
    dashboard.ticker.selected = OTHER
    becomes(lambda: dashboard.selected, OTHER)
    assert of(dashboard) == (OTHER, OTHER, OTHER)
    assert dashboard.ladder.name == dashboard.chart.name == "SK하이닉스"
    becomes(lambda: trading.kw.status()["streams"], streams)
    book = trading.kw.orderbook(OTHER)
    page = Page(dashboard.ladder)
    page.say(hello="a")
    ((head, _),) = page.paint(page.now)
    assert head["k"] == "all"
    assert dashboard.ladder._board.current()[1]["ask_prices"][0] == book.loc[("ask", 1), "price"]


def test_the_chart_s_interval_is_changed_by_the_bar(dashboard: Dashboard) -> None:
    dashboard.bar.interval = "D"
    becomes(lambda: dashboard.chart.interval_label, "일봉")
    assert dashboard.chart.dated


def test_a_choice_that_cannot_be_followed_is_named(dashboard: Dashboard) -> None:
    dashboard.ticker.selected = "없는종목"
    wait_until(lambda: "없는종목" in dashboard.bar.notice)
    assert of(dashboard)[:2] == (ONE, ONE)
    becomes(lambda: (dashboard.ticker.selected, dashboard.bar.interval), (ONE, "1min"))


def test_a_price_of_the_ladder_fills_the_form_and_sends_nothing(
    trading: Trading, dashboard: Dashboard
) -> None:
    dashboard.ladder.selected_price = 70_000
    assert dashboard.order.price == 70_000
    assert len(trading.kw.orders()) == 0


def test_its_layout_is_saved_and_restored(trading: Trading, dashboard: Dashboard) -> None:
    dashboard.bar.panels = ["ticker", "chart"]
    assert dashboard.ladder.layout.display == "none"
    assert [column.layout.display for column in dashboard._columns] == [None, "none"]
    dashboard.bar.interval = "5min"
    dashboard.ticker.selected = OTHER
    becomes(lambda: dashboard._shown, (OTHER, "5min"))
    dashboard.close()
    again = trading.kw.dashboard()
    assert again.ticker.codes == [ONE, OTHER]
    assert (again.selected, again.chart.interval_label) == (OTHER, "5분봉")
    assert again.bar.panels == ["ticker", "chart"]
    again.close()
    other = trading.kw.dashboard(OTHER, name="other", panels=["호가", "order"], interval=3)
    assert other.bar.panels == ["ladder", "order"]
    other.close()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"codes": 1}', '{"panels": ["none"]}', '{"new": 1}'])
def test_a_damaged_layout_is_left_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "default.json").write_text(text)
    assert saved_layout.load(tmp_path, "default") is None


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"codes": []},
        {"codes": ONE, "interval": "W"},
        {"codes": ONE, "interval": 45},
        {"codes": ONE, "panels": ["none"]},
        {"codes": ONE, "panels": 3},
        {"codes": ONE, "name": "../x"},
        {"codes": ONE, "account": "0"},
    ],
)
def test_bad_input_is_refused_and_leaves_nothing_registered(
    trading: Trading, arguments: dict[str, Any]
) -> None:
    with pytest.raises(BadInput):
        trading.kw.dashboard(**arguments)
    becomes(lambda: trading.kw.status()["streams"], 0)


def test_a_saved_notebook_has_plain_tables_of_what_is_shown(dashboard: Dashboard) -> None:
    dashboard.bar.panels = ["ticker", "ladder"]
    bundle = dashboard._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/html"].count("<table") == 2
    assert "SK하이닉스" in data["text/html"]


@pytest.mark.parametrize("runs", [5, pytest.param(20, marks=pytest.mark.long)])
def test_runs_of_a_cell_leave_nothing_behind(trading: Trading, runs: int) -> None:
    assert len(trading.kw.positions) == 0  # from here on the session follows its account
    streams = trading.kw.status()["streams"]
    names = lambda: {one.name for one in threading.enumerate() if one.name.startswith("koalab-")}  # noqa: E731
    before: tuple[int, set[str]] | None = None
    gc.freeze()  # each collection then visits only what a run has made
    made_here: weakref.WeakSet[Dashboard | LiveWidget] = weakref.WeakSet()
    for _ in range(runs):
        found = trading.kw.dashboard(ONE, progress=False)
        made_here.update((found, *found.parts.values()))
        pages = [Page(part) for part in found.parts.values()]
        for page in pages:
            page.say(hello="a")
            page.paint(page.now)
            page.say(gone="a")
            assert not page.widget.paint(page.now + 60)
        assert not found.paint(0.0)
        del page, pages, found
        gc.collect()
        before = before or (len(_instances), set())
    becomes(lambda: names() & {"koalab-chart", "koalab-account", "koalab-dashboard"}, set())
    becomes(lambda: trading.kw.status()["streams"], streams)
    assert before is not None
    assert len(_instances) == before[0]
    assert not [one for one in made_here if one.comm]


def test_what_a_page_offers_is_what_a_chart_has() -> None:
    assert set(made.INTERVALS) >= {"1min", "5min", "D"}
