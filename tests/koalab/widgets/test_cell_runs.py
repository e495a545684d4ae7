"""What becomes of a widget that no page has drawn yet, when the cell that displayed it is run again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from koalab.widgets import live_widget
from koalab.widgets.cell_runs import CellRuns
from tests.koalab.live.test_streams import ONE, Trading
from tests.koalab.widgets.pages import Page
from tests.koalab.widgets.test_ticker import ticker_of

SOON, LATER, NEVER = 1, 20, 620
"""Seconds after a run: a widget that is not shown is closed in between; one that is waited for after ten minutes."""


class NotebookShell(InteractiveShell):
    """Knows the message that runs a cell, as a kernel's does."""

    cell: str | None = None

    def get_parent(self) -> dict[str, Any]:
        return {"metadata": {} if self.cell is None else {"cellId": self.cell}}

    def run(self, code: str, cell: str | None = None, silent: bool = False) -> None:
        self.cell = cell
        self.run_cell(code, cell_id=cell, silent=silent).raise_error()


@pytest.fixture
def shell(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[NotebookShell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    found = NotebookShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    monkeypatch.setattr(live_widget, "CELL_RUNS", CellRuns())
    yield found
    NotebookShell.clear_instance()


@pytest.fixture
def page(trading: Trading, shell: NotebookShell) -> Iterator[Page]:
    found = Page(ticker_of(trading, [ONE]))
    shell.user_ns["ticker"] = found.widget
    yield found
    found.widget.close()


SHOW = "ticker._repr_mimebundle_()"


def test_one_that_its_page_had_no_time_to_draw_ends_when_its_cell_is_run_again(
    shell: NotebookShell, page: Page
) -> None:
    shell.run(SHOW, "a")
    shell.run("1", "b")
    shell.run("1", silent=True)
    assert page.widget.paint(page.now + LATER)
    shell.run("1", "a")
    assert page.widget.paint(page.now + SOON)
    assert not page.widget.paint(page.now + LATER)


def test_it_stays_where_the_same_cell_shows_it_again(shell: NotebookShell, page: Page) -> None:
    for _ in range(2):
        shell.run(SHOW, "a")
    assert page.widget.paint(page.now + LATER)
    assert not page.widget.paint(page.now + NEVER)


def test_it_stays_where_another_cell_shows_it_too(shell: NotebookShell, page: Page) -> None:
    shell.run(SHOW, "a")
    shell.run(SHOW, "b")
    shell.run("1", "a")
    assert page.widget.paint(page.now + LATER)
    shell.run("1", "b")
    assert not page.widget.paint(page.now + LATER)


def test_one_that_is_shown_again_outlives_its_former_view_until_it_is_scrolled_to(
    shell: NotebookShell, page: Page
) -> None:
    shell.run(SHOW, "a")
    page.say(hello="first")
    shell.run(SHOW, "a")
    page.say(gone="first")
    assert page.widget.paint(page.now + LATER)
    page.say(hello="second")
    page.say(gone="second")
    assert not page.widget.paint(page.now + LATER)


def test_one_that_is_drawn_late_ends_with_its_view(shell: NotebookShell, page: Page) -> None:
    shell.run(SHOW, "a")
    shell.run("1", "a")
    page.say(hello="late")
    assert page.widget.paint(page.now + LATER)
    page.say(gone="late")
    assert not page.widget.paint(page.now + LATER)


def test_where_cells_have_no_names_it_waits_ten_minutes(shell: NotebookShell, page: Page) -> None:
    for _ in range(2):
        shell.run(SHOW)
    shell.run("1")
    assert page.widget.paint(page.now + LATER)
    assert not page.widget.paint(page.now + NEVER)
