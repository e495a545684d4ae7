"""The widgets where no JupyterLab is: in Notebook 7, and with VS Code's own widget manager."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.colours import until_drawn
from tests.browser.lab import CONNECT, PARTS, Lab, OpenNotebook, part
from tests.browser.leftovers import LEFT, becomes_left
from tests.browser.vscode import VsCodeNotebook

DASHBOARD: Final = 'desk = kw.dashboard(["삼성전자", "NAVER"], name="host", progress=False)\ndesk'
CELLS: Final = [CONNECT, LEFT, DASHBOARD, "desk.close()", DASHBOARD]

Host = OpenNotebook | VsCodeNotebook


@pytest.fixture(scope="module", params=["notebook7", "vscode"])
def host(request: pytest.FixtureRequest, lab: Lab, page: Page) -> Iterator[Host]:
    page.set_viewport_size({"width": 1500, "height": 1400})
    opened: Host = (
        VsCodeNotebook(lab, page, CELLS)
        if request.param == "vscode"
        else OpenNotebook(lab, page, request.param, CELLS, at="notebooks")
    )
    for cell in range(3):
        opened.run(cell)
    yield opened
    lab.end_kernels()


@pytest.fixture
def desk(host: Host) -> Locator:
    return host.output(2)


def all_are(desk: Locator, state: str) -> None:
    for name in PARTS:
        expect(part(desk, name)).to_have_attribute("data-state", state)


def test_all_parts_are_live_and_change(request: pytest.FixtureRequest, host: Host, desk: Locator) -> None:
    all_are(desk, "live")
    volume = part(desk, "ticker").locator(".koalab-row").first.locator("[aria-colindex='5']")
    before = volume.inner_text()
    expect(volume).not_to_have_text(before)
    expect(part(desk, "ladder").locator("[data-side=ask]")).to_have_count(10)
    name = request.node.callspec.params["host"]
    for dark, up in ((False, "200,16,46"), (True, "255,122,117")):
        host.theme(dark=dark)
        expect(part(desk, "ticker")).to_have_attribute("data-dark", "yes" if dark else "no")
        until_drawn(part(desk, "chart"), lambda seen: seen.get(up, 0) > 20)  # noqa: B023
        host.picture(f"{name}-{'dark' if dark else 'light'}", desk)


def test_a_chosen_row_moves_ladder_and_chart(desk: Locator) -> None:
    part(desk, "ticker").locator(".koalab-row").nth(1).click()
    for name in ("ladder", "chart"):
        expect(part(desk, name).locator(f".koalab-{name}-head")).to_contain_text("NAVER")
        expect(part(desk, name)).to_have_attribute("data-state", "live")


def test_runs_of_a_cell_leave_none_of_its_widgets_when_it_is_cleared(host: Host, desk: Locator) -> None:
    none = host.text(1).splitlines()[-1]
    for _ in range(3):
        host.run(2)
        all_are(desk, "live")
    host.clear(2)
    becomes_left(host, 1, none)


def test_runs_that_follow_at_once_leave_none_of_their_widgets(host: Host) -> None:
    none = host.text(1).splitlines()[-1]
    for _ in range(6):
        host.run(2)  # the run before is removed while its views are still being made
    host.page.wait_for_timeout(4_000)
    host.clear(2)
    becomes_left(host, 1, none)


def test_closed_it_keeps_its_last_values(host: Host, desk: Locator) -> None:
    host.run(2)
    all_are(desk, "live")
    host.run(3)
    all_are(desk, "closed")
    expect(part(desk, "ticker").locator(".koalab-row")).to_have_count(2)


def test_a_kernel_that_is_gone_is_named(host: Host) -> None:
    host.run(4)
    desk = host.output(4)
    all_are(desk, "live")
    host.restart()
    all_are(desk, "lost")
    expect(part(desk, "ticker").locator(".koalab-words")).to_contain_text("커널이 응답하지 않습니다")
