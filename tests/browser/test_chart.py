"""kw.chart(code, live=True) in JupyterLab: one notebook, whose tests go on where the one before stopped."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.colours import until_drawn
from tests.browser.lab import CONNECT, Lab, OpenNotebook

CHART = 'chart = kw.chart("삼성전자", 1, live=True, progress=False)\nchart'


@pytest.fixture(scope="module")
def notebook(lab: Lab, page: Page) -> OpenNotebook:
    opened = OpenNotebook(
        lab, page, "chart", [CONNECT, CHART, "len(chart.frame())", "chart.frame().index[-1]", "chart.close()"]
    )
    opened.run(0)
    opened.run(1)
    return opened


@pytest.fixture
def widget(notebook: OpenNotebook) -> Locator:
    return notebook.output(1).locator(".koalab-live")


def test_it_draws_bars_that_follow_the_market(notebook: OpenNotebook, widget: Locator) -> None:
    expect(widget).to_have_attribute("data-state", "live")
    image = widget.get_by_role("img")
    label = image.get_attribute("aria-label") or ""
    assert "1분봉, 마지막" in label
    head = widget.locator(".koalab-facts .koalab-dim")
    before = head.inner_text()
    expect(head).not_to_have_text(before)
    notebook.theme(dark=False)
    light = ("200,16,46", "11,79,194", "179,201,244", "242,184,189")
    until_drawn(widget, lambda seen: all(seen.get(one, 0) > 20 for one in light))
    notebook.picture("chart-light", widget)
    notebook.theme(dark=True)
    expect(widget).to_have_attribute("data-dark", "yes")
    until_drawn(widget, lambda seen: seen.get("255,122,117", 0) > 20 and seen.get("200,16,46", 0) == 0)
    notebook.picture("chart-dark", widget)


def test_its_time_is_seoul_s(notebook: OpenNotebook, widget: Locator) -> None:
    notebook.run(3)
    last = notebook.text(3)
    assert "+0900" in last
    minute = last.split("2026-", 1)[1][6:11]
    shown = widget.locator(".koalab-facts .koalab-dim").inner_text().split()[1]
    assert abs(int(shown[:2]) * 60 + int(shown[3:]) - int(minute[:2]) * 60 - int(minute[3:])) <= 1


def test_the_keyboard_moves_it_and_older_bars_come(notebook: OpenNotebook, widget: Locator) -> None:
    notebook.run(2)
    before = int(notebook.text(2).splitlines()[-1])
    widget.locator(".koalab-chart").focus()
    notebook.page.keyboard.press("Home")
    for _ in range(40):
        notebook.page.wait_for_timeout(500)
        notebook.run(2)
        if int(notebook.text(2).splitlines()[-1]) > before + 100:
            break
    else:
        raise AssertionError("no older bars came")
    notebook.picture("chart-older", widget)
    widget.locator(".koalab-chart").focus()
    notebook.page.keyboard.press("End")


def test_closed_it_keeps_its_last_bars(notebook: OpenNotebook, widget: Locator) -> None:
    notebook.run(4)
    expect(widget).to_have_attribute("data-state", "closed")
    expect(widget.get_by_role("table", name="마지막 20개")).to_have_count(1)
    notebook.picture("chart-closed", widget)
