"""What a widget says when its kernel, server or market is away, and what many runs of its cell leave."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.lab import CONNECT, PARTS, ROOT, Lab, OpenNotebook, part
from tests.browser.leftovers import LEFT, becomes_left, left
from tests.support.waiting import HANGS_AFTER

TICKER = 'ticker = kw.ticker("삼성전자", "SK하이닉스", progress=False)\nticker'
WIDGETS = f"""from IPython.display import display
{TICKER.splitlines()[0]}
ladder, account = kw.ladder("삼성전자", progress=False), kw.account_panel()
chart = kw.chart("삼성전자", 1, live=True, progress=False)
display(ticker, ladder, chart, account)"""
DASHBOARD = 'desk = kw.dashboard(["삼성전자", "NAVER"], name="life", progress=False)\ndesk'
NEVER_DRAWN = """([code, cell]) => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
  .requestExecute({ code }, true, { cellId: cell }).done.then((reply) => reply.content.status)"""


@pytest.fixture
def own_page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1600, "height": 1400}, locale="ko-KR")
    yield context.new_page()
    context.close()


@pytest.fixture(autouse=True)
def ended(lab: Lab) -> Iterator[None]:
    yield
    lab.end_kernels()


class Server:
    """A kernel server in a process, that is killed and started again on its port."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self._folder = folder
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "kernel_server", "--control", "simulated", "--port", str(self.port)),
                *("--clock", "market@2026-11-19T10:00"),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "server.log").open("ab"),
        )
        until = time.monotonic() + HANGS_AFTER
        while time.monotonic() < until:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise RuntimeError((self._folder / "server.log").read_text()[-1000:])

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def live(notebook: OpenNotebook, cell: int) -> Locator:
    return notebook.output(cell).locator(".koalab-live")


def test_a_kernel_that_is_gone_is_named_after_three_seconds(lab: Lab, own_page: Page) -> None:
    notebook = OpenNotebook(lab, own_page, "restart", [CONNECT, TICKER])
    notebook.run(0)
    notebook.run(1)
    widget = live(notebook, 1)
    expect(widget).to_have_attribute("data-state", "live")
    notebook.restart()
    expect(widget).to_have_attribute("data-state", "lost")
    expect(widget.locator(".koalab-words")).to_contain_text("끊김 — 커널이 응답하지 않습니다")
    notebook.picture("life-kernel-restarted", widget)


def test_a_server_that_is_killed_is_named_and_values_return_with_it(
    lab: Lab, own_page: Page, tmp_path: Path
) -> None:
    server = Server(tmp_path)
    try:
        connect = f'import koalab as kl\nkw = kl.connect("127.0.0.1:{server.port}")'
        desk = 'desk = kw.dashboard(["삼성전자", "NAVER"], name="killed", progress=False)\ndesk'
        notebook = OpenNotebook(lab, own_page, "killed", [connect, desk])
        notebook.run(0)
        notebook.run(1)
        desk = notebook.output(1)
        for name in PARTS:
            expect(part(desk, name)).to_have_attribute("data-state", "live")
        server.kill()
        for name in PARTS[:3]:
            expect(part(desk, name)).to_have_attribute("data-state", "lost")
        expect(part(desk, "ticker").locator(".koalab-words")).to_contain_text("서버에 다시 연결하는 중")
        notebook.picture("life-server-killed", desk)
        server.start()
        for name in PARTS:
            expect(part(desk, name)).to_have_attribute("data-state", "live", timeout=60_000)
        volume = part(desk, "ticker").locator(".koalab-row").first.locator("[aria-colindex='5']")
        before = volume.inner_text()
        expect(volume).not_to_have_text(before)
        notebook.picture("life-server-back", desk)
    finally:
        server.kill()


def test_a_closed_market_is_named(lab: Lab, own_page: Page) -> None:
    connect = CONNECT.replace("market@2026-11-19T10:00", "market@2026-11-21T12:00")
    notebook = OpenNotebook(lab, own_page, "closed", [connect, TICKER])
    notebook.run(0)
    notebook.run(1)
    expect(live(notebook, 1).locator(".koalab-words")).to_contain_text("장 마감")
    notebook.picture("life-market-closed", live(notebook, 1))


def test_nothing_is_sent_to_a_hidden_tab_and_all_when_it_is_back(lab: Lab, own_page: Page) -> None:
    sent = "ticker._sequence"
    notebook = OpenNotebook(lab, own_page, "hidden", [CONNECT, TICKER, sent])
    notebook.run(0)
    notebook.run(1)
    expect(live(notebook, 1)).to_have_attribute("data-state", "live")
    own_page.evaluate(
        """() => { Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
                   document.dispatchEvent(new Event('visibilitychange')); }"""
    )
    own_page.wait_for_timeout(1_000)
    numbers = []
    for _ in range(2):
        notebook.run(2)
        numbers.append(int(notebook.text(2).splitlines()[-1]))
        own_page.wait_for_timeout(3_000)
    assert numbers[0] == numbers[1]
    own_page.evaluate(
        "() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    for _ in range(60):
        notebook.run(2)
        if int(notebook.text(2).splitlines()[-1]) > numbers[1]:
            break
        own_page.wait_for_timeout(500)
    else:
        raise AssertionError("nothing is sent to the tab that is back")


@pytest.mark.parametrize("cell", [pytest.param(WIDGETS, id="parts"), pytest.param(DASHBOARD, id="dashboard")])
def test_fifty_runs_of_a_cell_leave_what_one_has_and_none_when_it_is_cleared(
    lab: Lab, own_page: Page, cell: str
) -> None:
    # The broker's limits are counted on its clock.
    connect = CONNECT.replace("market@", "fast:10@")
    notebook = OpenNotebook(lab, own_page, "fifty", [connect, cell, LEFT])
    notebook.run(0)
    none = left(notebook, 2)
    notebook.run(1)
    one = left(notebook, 2)
    assert one != none
    for _ in range(49):
        notebook.run(1)
    becomes_left(notebook, 2, one)
    notebook.clear(1)
    becomes_left(notebook, 2, none)


@pytest.mark.parametrize("cell", [pytest.param(WIDGETS, id="parts"), pytest.param(DASHBOARD, id="dashboard")])
def test_a_widget_that_no_page_has_drawn_ends_when_its_cell_is_run_again(
    lab: Lab, own_page: Page, cell: str
) -> None:
    notebook = OpenNotebook(lab, own_page, "drawn", [CONNECT, LEFT])
    notebook.run(0)
    none = left(notebook, 1)
    assert own_page.evaluate(NEVER_DRAWN, [cell, "a"]) == "ok"
    assert left(notebook, 1) != none
    assert own_page.evaluate(NEVER_DRAWN, ["ticker = ladder = account = chart = desk = None", "a"]) == "ok"
    becomes_left(notebook, 1, none)
