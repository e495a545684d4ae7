"""kw.ticker in JupyterLab: one notebook, whose tests go on where the one before stopped."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import CONNECT, Lab, OpenNotebook

TICKER = 'ticker = kw.ticker("삼성전자", "SK하이닉스", "NAVER", "카카오", "셀트리온", progress=False)\nticker'


@pytest.fixture(scope="module")
def notebook(lab: Lab, page: Page) -> OpenNotebook:
    opened = OpenNotebook(lab, page, "ticker", [CONNECT, TICKER, "ticker.selected", "ticker.close()"])
    opened.run(0)
    opened.run(1)
    return opened


def test_it_appears_and_its_prices_change(notebook: OpenNotebook) -> None:
    widget = notebook.output(1).locator(".koalab-live")
    expect(widget.locator(".koalab-row")).to_have_count(5)
    expect(widget).to_have_attribute("data-state", "live")
    volume = widget.locator(".koalab-row").first.locator("[aria-colindex='5']")
    before = volume.inner_text()
    expect(volume).not_to_have_text(before)
    notebook.page.wait_for_timeout(5_000)  # a line of the trend has to grow for the pictures
    notebook.picture("ticker-light", widget)
    notebook.theme(dark=True)
    expect(widget).to_have_attribute("data-dark", "yes")
    notebook.picture("ticker-dark", widget)


def test_the_keyboard_moves_sorts_and_chooses(notebook: OpenNotebook) -> None:
    widget = notebook.output(1).locator(".koalab-live")
    grid = widget.get_by_role("grid")
    grid.focus()
    for key in ("ArrowDown", "ArrowUp", "ArrowUp", "Enter"):
        grid.press(key)
    expect(widget.get_by_role("columnheader", name="종목명")).to_have_attribute("aria-sort", "ascending")
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        grid.press(key)
    expect(widget.locator("[aria-selected=true]")).to_have_count(1)
    chosen = widget.locator("[aria-selected=true] [aria-colindex='1']").get_attribute("title")
    notebook.becomes(2, repr(chosen))


def test_closed_it_keeps_its_last_values(notebook: OpenNotebook) -> None:
    widget = notebook.output(1).locator(".koalab-live")
    notebook.run(3)
    expect(widget).to_have_attribute("data-state", "closed")
    expect(widget.locator(".koalab-words")).to_contain_text("닫힘")
    expect(widget.locator(".koalab-row")).to_have_count(5)
    notebook.picture("ticker-closed", widget)
