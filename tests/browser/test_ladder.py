"""kw.ladder in JupyterLab: one notebook, whose tests go on where the one before stopped."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import CONNECT, Lab, OpenNotebook

LADDER = 'ladder = kw.ladder("삼성전자", progress=False)\nladder'

STILL = """board = ladder._board
board._books.close(); board._trades.close()"""
MOVED = """for side in ("ask_prices", "bid_prices"):
    board._levels[side] = board._levels[side] + 200
board.version += 1"""


@pytest.fixture(scope="module")
def notebook(lab: Lab, page: Page) -> OpenNotebook:
    cells = [CONNECT, LADDER, "ladder.selected_price", "ladder.close()", STILL, MOVED]
    opened = OpenNotebook(lab, page, "ladder", cells)
    opened.run(0)
    opened.run(1)
    return opened


def test_it_shows_ten_asks_and_ten_bids_that_change(notebook: OpenNotebook) -> None:
    widget = notebook.output(1).locator(".koalab-live")
    expect(widget).to_have_attribute("data-state", "live")
    expect(widget.locator("[data-side=ask]")).to_have_count(10)
    expect(widget.locator("[data-side=bid]")).to_have_count(10)
    total = widget.locator(".koalab-totals .koalab-cell").first
    expect(total).not_to_have_text("")
    before = total.inner_text()
    expect(total).not_to_have_text(before)
    notebook.page.wait_for_timeout(5_000)  # the last trades have to come for the pictures
    notebook.picture("ladder-light", widget)
    notebook.theme(dark=True)
    expect(widget).to_have_attribute("data-dark", "yes")
    notebook.picture("ladder-dark", widget)


def test_a_price_is_chosen_by_keyboard_and_click(notebook: OpenNotebook) -> None:
    widget = notebook.output(1).locator(".koalab-live")
    grid = widget.get_by_role("grid")
    grid.focus()
    grid.press("ArrowUp")
    grid.press("Enter")
    expect(widget.locator("[aria-selected=true]")).to_have_count(1)
    chosen = widget.locator("[aria-selected=true]")
    price = chosen.locator(".price").inner_text().replace(",", "")
    assert price in (chosen.get_attribute("aria-label") or "").replace(",", "")
    widget.locator(".koalab-level").nth(15).click()
    price = widget.locator("[aria-selected=true] .price").inner_text().replace(",", "")
    notebook.becomes(2, price)


def test_all_levels_stay_in_sight_but_under_the_pointer_prices_stand_still(notebook: OpenNotebook) -> None:
    widget = notebook.output(1).locator(".koalab-live")
    asks, first = widget.locator("[data-side=ask]"), widget.locator(".koalab-level .price").first
    notebook.run(4)
    widget.locator(".koalab-ladder").blur()
    notebook.page.mouse.move(5, 5)
    before = first.inner_text()
    notebook.run(5)
    expect(first).not_to_have_text(before)
    expect(asks).to_have_count(10)
    widget.locator(".koalab-level").nth(3).hover()
    notebook.run(5)
    expect(asks).to_have_count(
        8
    )  # two steps up: the two highest are out of sight, the others stand where they stood
    notebook.page.mouse.move(5, 5)
    expect(asks).to_have_count(10)


def test_closed_it_keeps_its_last_values(notebook: OpenNotebook) -> None:
    widget = notebook.output(1).locator(".koalab-live")
    notebook.run(3)
    expect(widget).to_have_attribute("data-state", "closed")
    expect(widget.locator("[data-side=ask]")).not_to_have_count(0)
