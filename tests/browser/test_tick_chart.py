"""kw.chart(code, "30tick", live=True) and shorter bars of trades in JupyterLab: one notebook for all tests."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.colours import until_drawn
from tests.browser.lab import CONNECT, Lab, OpenNotebook

INTERVALS: Final = ("1tick", "3tick", "30tick")
CHARTS: Final = [
    f'chart{at} = kw.chart("삼성전자", "{one}", live=True, progress=False)\nchart{at}'
    for at, one in enumerate(INTERVALS)
]
CHANGE: Final = re.compile(r"^[\d,]+ [▲▼]? ?[\d,]+ [+-]?\d+\.\d\d%$")
"""The price, its change and the percent against yesterday's close, which no bar of trades has."""


ERRORS: Final[list[str]] = []
"""What the page's scripts have raised."""


@pytest.fixture(scope="module")
def notebook(lab: Lab, page: Page) -> OpenNotebook:
    page.on("pageerror", lambda error: ERRORS.append(str(error)))
    opened = OpenNotebook(
        lab, page, "tick-chart", [CONNECT.replace("T10:00", "T14:20"), *CHARTS, "len(chart2.frame())"]
    )
    for cell in range(1 + len(CHARTS)):
        opened.run(cell)
    return opened


@pytest.mark.parametrize("cell", range(1, 1 + len(CHARTS)), ids=INTERVALS)
def test_it_draws_bars_of_trades_with_their_seconds(notebook: OpenNotebook, cell: int) -> None:
    widget = notebook.output(cell).locator(".koalab-live")
    widget.scroll_into_view_if_needed()
    expect(widget).to_have_attribute("data-state", "live")
    head, facts = widget.locator(".koalab-chart-head b").nth(1), widget.locator(".koalab-facts .koalab-dim")
    expect(head).to_have_text(CHANGE)
    before = facts.inner_text()
    assert re.search(r"\d\d:\d\d:\d\d", before)
    expect(facts).not_to_have_text(before)
    for dark, up, down in ((False, "200,16,46", "11,79,194"), (True, "255,122,117", "127,178,255")):
        notebook.theme(dark=dark)
        expect(widget).to_have_attribute("data-dark", "yes" if dark else "no")
        # Within a minute prices may only stand still.
        until_drawn(widget, lambda seen: seen.get(up, 0) + seen.get(down, 0) > 20)  # noqa: B023
        notebook.picture(f"tick-chart-{INTERVALS[cell - 1]}-{'dark' if dark else 'light'}", widget)
        assert violations(widget) == []
    assert ERRORS == []
    notebook.theme(dark=False)


def test_older_bars_come_when_it_is_moved_back(notebook: OpenNotebook) -> None:
    counts = 1 + len(CHARTS)
    notebook.run(counts)
    before = int(notebook.text(counts).splitlines()[-1])
    widget = notebook.output(len(CHARTS)).locator(".koalab-live")
    widget.locator(".koalab-chart").focus()
    notebook.page.keyboard.press("Home")
    for _ in range(40):
        notebook.page.wait_for_timeout(500)
        notebook.run(counts)
        if int(notebook.text(counts).splitlines()[-1]) > before + 100:
            break
    else:
        raise AssertionError("no older bars came")
    notebook.picture("tick-chart-older", widget)
