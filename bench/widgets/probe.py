"""A notebook in a real JupyterLab, and what it costs: CPU, the page's main thread, messages, frames."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.sync_api import Browser, CDPSession, sync_playwright

from scripts.browser import require
from tests.browser.lab import Lab, OpenNotebook

_SCRIPT: Final = Path(__file__).with_name("page.js")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_COUNTS: Final = ("messages", "comms", "bytes", "frames", "long", "changes")
_MEGABYTE: Final = 1e6
_SHOWN_WITHIN: Final = 60_000
_QUIET: Final = 3_000
_DRAINED_WITHIN: Final = 60.0
_SETTLE: Final = 700
LONGEST: Final = 8_000
"""Milliseconds that an answer is waited for."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a second took while something was shown.

    Attributes:
        kernel: CPU of the kernel, percent of a core.
        main: ms of CPU of the page's main thread.
        drawing: the same while the page draws every frame of the screen, as it does beside anything that moves.
        busy: ms in which a task of it ran, or waited for a core.
        messages: to the page.
        comms: those of widgets.
        bytes: to the page.
        frames: drawn while the page draws every frame that it can.
        long: ms of tasks over 50 ms.
        changes: of the watched text.
    """

    kernel: float
    main: float
    drawing: float
    busy: float
    messages: float
    comms: float
    bytes: float
    frames: float
    long: float
    changes: float


@dataclass(frozen=True, slots=True)
class Memory:
    """MB after a forced collection: JavaScript's heap, and the kernel's resident memory and arrays."""

    page: float
    kernel: float
    nodes: int


@contextmanager
def started(folder: Path) -> Iterator[tuple[Lab, Browser]]:
    """A JupyterLab with its defaults, and a browser."""
    path = require()
    lab = Lab(folder)
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            yield lab, browser
            browser.close()
    finally:
        lab.close()


class Probe:
    """A notebook with these cells, the first of which imports what they need, in a page that is measured.

    Args:
        name: of the notebook.
        cells: run in turn by ``run``.
    """

    def __init__(self, lab: Lab, browser: Browser, name: str, cells: list[str]) -> None:
        self._lab = lab
        self._context = browser.new_context(viewport={"width": 1600, "height": 1400}, locale="ko-KR")
        self._context.add_init_script(path=_SCRIPT)
        self.outside: list[str] = []
        self._context.on("request", self._note)
        self.page = self._context.new_page()
        self._devtools: CDPSession = self._context.new_cdp_session(self.page)
        for domain in ("Performance", "HeapProfiler"):
            self._devtools.send(f"{domain}.enable")
        self.notebook = OpenNotebook(lab, self.page, name, [*cells, "import os\nos.getpid()"])
        self._last = len(cells)
        self.notebook.run(self._last)
        self.pid = int(self.notebook.text(self._last).splitlines()[-1])

    def _note(self, request: Any) -> None:
        if not request.url.startswith((self._lab.url, "data:", "blob:")):
            self.outside.append(request.url)

    def ask(self, code: str) -> str:
        """What an expression of the kernel is."""
        self.page.evaluate(
            """([at, code]) => { const model = window.jupyterapp.shell.currentWidget.content.widgets[at].model;
                 model.sharedModel.setSource(code); }""",
            [self._last, code],
        )
        self.notebook.run(self._last)
        return (self.notebook.text(self._last).splitlines() or [""])[-1]

    def cost(self, seconds: float, drawing: float) -> Cost:
        """Of the next seconds, and then of some in which the page draws every frame of the screen."""
        each = self._rates(seconds)
        self.page.evaluate("() => window.benchCountFrames(true)")
        drawn = self._rates(drawing)
        self.page.evaluate("() => window.benchCountFrames(false)")

        def throughout(name: str) -> float:
            return (each[name] * seconds + drawn[name] * drawing) / (seconds + drawing)

        return Cost(
            kernel=each["kernel"] * 100,
            main=each["main"] * 1000,
            drawing=drawn["main"] * 1000,
            busy=each["busy"] * 1000,
            messages=each["messages"],
            comms=throughout("comms"),
            bytes=each["bytes"],
            frames=drawn["frames"],
            long=throughout("long"),
            changes=throughout("changes"),
        )

    def _rates(self, seconds: float) -> dict[str, float]:
        """What is counted, a second, in the next seconds."""
        before, began = self._counters(), time.monotonic()
        self.page.wait_for_timeout(seconds * 1000)
        took = time.monotonic() - began
        after = self._counters()
        return {name: (after[name] - before[name]) / took for name in before}

    def _counters(self) -> dict[str, float]:
        found = self.page.evaluate(f"() => {list(_COUNTS)!r}.map((name) => window.benchFound[name])")
        metrics = {
            one["name"]: one["value"] for one in self._devtools.send("Performance.getMetrics")["metrics"]
        }
        return {
            "kernel": cpu_seconds(self.pid),
            "main": metrics["ThreadTime"],
            "busy": metrics["TaskDuration"],
            **dict(zip(_COUNTS, found, strict=True)),
        }

    def watch(self, within: str, of: str) -> None:
        """Notes when a text of the page changes."""
        self.page.locator(within).first.wait_for(state="attached", timeout=_SHOWN_WITHIN)
        self.page.evaluate("([within, of]) => window.benchWatch(within, of)", [within, of])

    def shown(self) -> list[tuple[str, float]]:
        """The texts that were watched, with the Unix time in ms of the frame after each."""
        return [(text, at) for text, at in self.page.evaluate("() => window.benchFound.shown")]

    def changes_while(self, seconds: float, code: str) -> int:
        """How often the watched text changed within some seconds in which the kernel runs a cell; blank: none."""
        return int(
            self.page.evaluate(
                """async ([seconds, code]) => {
                     if (code) window.benchRun(code);
                     const before = window.benchFound.changes;
                     await new Promise((done) => setTimeout(done, seconds * 1000));
                     return window.benchFound.changes - before; }""",
                [seconds, code],
            )
        )

    def answers(self, count: int, within: float) -> list[float]:
        """Milliseconds of ``1+1``, until its reply and a frame, at most ``LONGEST``; fewer within ``within`` s."""
        found: list[float] = []
        until = time.monotonic() + within
        while not found or (len(found) < count and time.monotonic() < until):
            found.append(float(self.page.evaluate(f"() => window.benchRun('1+1', {LONGEST})")))
            self.page.wait_for_timeout(200)
        return sorted(found)

    def beyond_hidden(self, seconds: float, rounds: int) -> float:
        """The kernel's CPU while the page is shown beyond that while it is hidden, percent of a core.

        Both are measured in turn, so that other work of the machine weighs on both: the median of their differences.
        """
        found = []
        for _ in range(rounds):
            used = []
            for hidden in (True, False):
                self.page.evaluate("(hidden) => window.benchHide(hidden)", hidden)
                self.page.wait_for_timeout(_SETTLE)
                before, began = cpu_seconds(self.pid), time.monotonic()
                self.page.wait_for_timeout(seconds * 1000)
                used.append((cpu_seconds(self.pid) - before) / (time.monotonic() - began) * 100)
            found.append(used[1] - used[0])
        return statistics.median(found)

    def dropped(self) -> int:
        """Messages of widgets that the Jupyter server has not passed on, when no more come."""
        self._reply("shown.end()")
        # A widget that is shown says once a second that it is there, so that its messages would not end.
        self.page.evaluate("() => window.benchHide(true)")
        until, before, now = time.monotonic() + _DRAINED_WITHIN, -1, 0
        while now != before and time.monotonic() < until:
            self.page.wait_for_timeout(_QUIET)
            before, now = now, int(self.page.evaluate("() => window.benchFound.comms"))
        return max(0, int(self._reply("shown.sent()")) - now)

    def _reply(self, expression: str) -> str:
        """What an expression of the kernel is, by the channel of replies, on which no message is dropped."""
        return str(self.page.evaluate("(code) => window.benchReply(code)", expression))

    def memory(self) -> Memory:
        """After a collection in page and kernel."""
        self.page.evaluate("() => window.benchRun('import gc; gc.collect()')")
        for _ in range(2):
            self._devtools.send("HeapProfiler.collectGarbage")
        heap = self._devtools.send("Runtime.getHeapUsage")["usedSize"]
        nodes = self._devtools.send("Memory.getDOMCounters")["nodes"]
        return Memory(heap / _MEGABYTE, resident(self.pid), int(nodes))

    def close(self) -> None:
        self._context.close()
        self._lab.end_kernels()


def cpu_seconds(pid: int) -> float:
    """CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> float:
    """Memory of a process's own in MB: resident, without what it shares with files."""
    text = Path(f"/proc/{pid}/status").read_text()
    return float(text.partition("RssAnon:")[2].split()[0]) * 1024 / _MEGABYTE


def percentile(found: list[float], percent: float) -> float:
    return float(np.percentile(found, percent)) if found else float("nan")
