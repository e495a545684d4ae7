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

from tests.browser.lab import CONNECT, ROOT, Lab, OpenNotebook

TICKER = 'ticker = kw.ticker("삼성전자", "SK하이닉스", progress=False)\nticker'
LEFT = """import gc, threading, time
from ipywidgets.widgets.widget import _instances
from koalab.widgets.live_widget import LiveWidget
time.sleep(7); gc.collect()
[sum(isinstance(one, LiveWidget) for one in _instances.values()), kw.status()["streams"],
 sum(one.name in ("koalab-chart", "koalab-account", "koalab-dashboard") for one in threading.enumerate())]"""


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
        until = time.monotonic() + 30
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
    kernel = lab.get("/api/sessions")[0]["kernel"]["id"]
    lab.get(f"/api/kernels/{kernel}/restart", "POST")
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
        parts = live(notebook, 1)
        for number in range(1, 5):
            expect(parts.nth(number)).to_have_attribute("data-state", "live")
        server.kill()
        for number in range(1, 4):
            expect(parts.nth(number)).to_have_attribute("data-state", "lost")
        expect(parts.nth(1).locator(".koalab-words")).to_contain_text("서버에 다시 연결하는 중")
        notebook.picture("life-server-killed", notebook.output(1))
        server.start()
        for number in range(1, 5):
            expect(parts.nth(number)).to_have_attribute("data-state", "live", timeout=60_000)
        volume = parts.nth(1).locator(".koalab-row").first.locator("[aria-colindex='5']")
        before = volume.inner_text()
        expect(volume).not_to_have_text(before)
        notebook.picture("life-server-back", notebook.output(1))
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
    own_page.wait_for_timeout(2_000)
    notebook.run(2)
    assert int(notebook.text(2).splitlines()[-1]) > numbers[1]


def test_fifty_runs_of_a_cell_leave_one_widget(lab: Lab, own_page: Page) -> None:
    notebook = OpenNotebook(lab, own_page, "fifty", [CONNECT, TICKER, LEFT, "ticker.close()", LEFT])
    notebook.run(0)
    for _ in range(50):
        notebook.run(1)
    notebook.run(2)
    assert notebook.text(2).splitlines()[-1] == "[1, 1, 0]"
    own_page.evaluate(
        "() => { window.jupyterapp.shell.currentWidget.content.widgets[1].model.clearExecution() }"
    )
    own_page.wait_for_timeout(7_000)
    notebook.run(4)
    assert notebook.text(4).splitlines()[-1] == "[0, 0, 0]"
