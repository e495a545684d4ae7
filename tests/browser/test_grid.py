"""The ticker's script in an empty page whose clock is stepped: the flash of a price, and the rows in view."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from koalab.widgets.live_widget import STYLE
from koalab.widgets.ticker import Ticker

STEP: Final = 200
"""Milliseconds of each of the two steps of a flash."""
FRAME: Final = 20
CLEAR: Final = "rgba(0, 0, 0, 0)"
OPEN: Final = """async ([script, style, codes]) => {
  document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const traits = { names: codes, codes, columns: ["name", "price", "volume"], label: "", selected: "" };
  let take, sequence = 0;
  const on = (event, fn) => { if (event === "msg:custom") take = fn; }, nothing = () => {};
  const model = { get: (name) => traits[name], on, off: nothing, send: nothing, set: nothing, save_changes: nothing };
  (await import(url)).default.render({ model, el: document.body });
  // What the kernel sends of rows: their numbers, and their prices.
  window.receive = (kind, rows, prices) => take(
    { k: kind, s: ++sequence, n: rows.length, t: "i", f: ["row", "price"] },
    [new Uint16Array(rows), new Int32Array(prices)].map((one) => new DataView(one.buffer)));
}"""


@pytest.fixture
def ticker(browser: Browser) -> Iterator[Page]:
    """A page with a ticker of 200 issues, the first two at 100 and 200 won."""
    context = browser.new_context()
    page = context.new_page()
    page.clock.install(time=0)
    page.clock.pause_at(STEP)
    page.evaluate(OPEN, [Ticker._esm, STYLE, [f"{number:06d}" for number in range(200)]])
    receive(page, "all", [0, 1], [100, 200])
    yield page
    context.close()


def receive(page: Page, kind: str, rows: list[int], prices: list[int]) -> None:
    """Has the page get a message, and draw a frame."""
    page.evaluate("([kind, rows, prices]) => receive(kind, rows, prices)", [kind, rows, prices])
    page.clock.run_for(FRAME)


def price(page: Page, row: int) -> Locator:
    return page.locator(".koalab-row").nth(row).locator("[aria-colindex='2']")


def ground(page: Page, row: int) -> str:
    return str(price(page, row).evaluate("(cell) => getComputedStyle(cell).backgroundColor"))


def test_it_has_the_direction_of_the_trade_and_fades_in_two_steps(ticker: Page) -> None:
    assert ground(ticker, 0) == ground(ticker, 1) == CLEAR, "values that a page begins with are no trades"
    receive(ticker, "d", [0, 1], [101, 199])
    assert [ground(ticker, row) for row in (0, 1)] == ["rgba(200, 16, 46, 0.14)", "rgba(11, 79, 194, 0.14)"]
    ticker.clock.run_for(STEP + FRAME)
    assert [ground(ticker, row) for row in (0, 1)] == ["rgba(200, 16, 46, 0.07)", "rgba(11, 79, 194, 0.07)"]
    ticker.clock.run_for(STEP + FRAME)
    assert [ground(ticker, row) for row in (0, 1)] == [CLEAR, CLEAR], "it ends without a further message too"


def test_the_next_trade_begins_it_anew(ticker: Page) -> None:
    receive(ticker, "d", [0], [101])
    ticker.clock.run_for(STEP + FRAME)
    receive(ticker, "d", [0], [100])
    assert ground(ticker, 0) == "rgba(11, 79, 194, 0.14)"


def test_a_trade_at_the_same_price_has_none(ticker: Page) -> None:
    receive(ticker, "d", [0], [100])
    expect(price(ticker, 0)).to_have_text("100")
    assert ground(ticker, 0) == CLEAR


def test_the_page_is_drawn_for_messages_and_steps_alone(ticker: Page) -> None:
    receive(ticker, "d", [0, 1], [101, 199])
    # One that runs draws the page with every frame of the screen, which costs three times of what all messages do.
    assert ticker.evaluate("() => document.getAnimations().length") == 0


def test_whoever_asked_for_less_motion_sees_none(ticker: Page) -> None:
    ticker.emulate_media(reduced_motion="reduce")
    receive(ticker, "d", [0, 1], [101, 199])
    expect(price(ticker, 0)).to_have_text("101")
    assert [ground(ticker, row) for row in (0, 1)] == [CLEAR, CLEAR]


def test_rows_out_of_view_are_neither_laid_out_nor_drawn(ticker: Page) -> None:
    ticker.clock.resume()
    shown = ticker.locator(".koalab-row:not([hidden])")
    assert 19 <= shown.count() <= 22
    assert ticker.locator(".koalab-row").nth(199).bounding_box() is None
    receive(ticker, "d", [199], [7])
    ticker.get_by_role("grid").evaluate("(grid) => { grid.scrollTop = grid.scrollHeight }")
    expect(price(ticker, 0)).to_be_hidden()
    expect(price(ticker, 199)).to_be_visible()
    expect(price(ticker, 199)).to_have_text("7")
    assert 19 <= shown.count() <= 22


def test_the_row_that_the_keyboard_goes_to_comes_into_view(ticker: Page) -> None:
    ticker.clock.resume()
    grid = ticker.get_by_role("grid")
    grid.focus()
    grid.press("Control+End")
    expect(ticker.locator(".koalab-row").nth(199)).to_be_visible()
    assert grid.get_attribute("aria-activedescendant") == price(ticker, 199).evaluate(
        "(cell) => cell.nextSibling.id"
    )
