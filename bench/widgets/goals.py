"""The goals of the widgets, all in one run: each way to show the same values in a notebook, measured in turn."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, TimeoutError

from bench.timing import Row
from bench.widgets.against_goals import against
from bench.widgets.measured import Measured
from bench.widgets.probe import Probe, started
from tests.browser.lab import Lab

SECONDS: Final = 8.0
WARM: Final = 4.0
DRAWING: Final = 4.0
ASLEEP: Final = 4.0
ANSWERS: Final = 20
_FEW: Final = 5
_ASKED: Final = ("", "dashboard")
"""The ways of which the answers are compared: there are more of them."""
_ANSWERED_WITHIN: Final = 15.0
_OVERRUNS_FOR: Final = 45.0
_PAIRS: Final = (4.0, 5)
"""Seconds of each window of a hidden and of a shown page, and how many pairs of them."""
DASHBOARD: Final = """import koalab as kl
from bench.widgets import shown
shown._count_messages()
kw = kl.connect(clock="market@2026-11-18T10:10", cache_dir={cache!r})
desk = kw.dashboard(list(kw.codes("KOSPI").index[:200]), name="bench", progress=False)
desk"""
"""The whole dashboard over 200 issues of the simulated broker, in its first minutes."""
_RIVAL: Final = Path(__file__).with_name("rival")
_INSTALL_WITHIN: Final = 180.0


@dataclass(frozen=True, slots=True)
class Way:
    """One way to show something.

    Attributes:
        call: of ``bench.widgets.shown``; blank: a notebook alone.
        within: what is watched for changes.
        of: the text that is watched.
        overruns: more than a page can take: the market ends by itself, and less is measured.
    """

    call: str
    within: str = ""
    of: str = ""
    overruns: bool = False


_AG_VOLUME: Final = "[row-id='0'] [col-id='volume']"
WAYS: Final = {
    "a notebook alone": Way(""),
    "rows: the stream alone": Way("nothing({address!r})"),
    "rows: ticker": Way(
        "ticker({address!r})", ".koalab-row [aria-colindex='5']", ".koalab-row [aria-colindex='5']"
    ),
    "rows: HTML redrawn, 10 Hz": Way("html_table({address!r})", ".bench-html", ".bench-first"),
    "rows: AG Grid, 11 Hz": Way("ag_grid({address!r}, {script!r}, 11)", _AG_VOLUME, _AG_VOLUME),
    "rows: AG Grid, 20 Hz": Way("ag_grid({address!r}, {script!r}, 20)", _AG_VOLUME, _AG_VOLUME),
    "bars: the stream alone": Way("no_chart({address!r})"),
    "bars: live chart": Way("chart({address!r})", ".koalab-facts .koalab-dim", ".koalab-facts .koalab-dim"),
    "bars: FigureWidget, 4 Hz": Way("figure({address!r})"),
    "dashboard, 200 codes": Way("dashboard", ".koalab-words", ".koalab-words"),
    "rows: Label a cell": Way("labels({address!r})", ".bench-first", ".bench-first", overruns=True),
}


def measure(only: str = "") -> Iterator[Row]:
    """Yields the rows of the report; ``only`` has parts of the names of ways, with commas between."""
    yield Row("machine", f"{os.cpu_count()} cores", f"load {os.getloadavg()[0]:.1f} at the begin")
    with tempfile.TemporaryDirectory() as place, _market() as address, started(Path(place)) as (lab, browser):
        script = install_rival(Path(place) / "rival")
        found = {}
        for name, way in WAYS.items():
            if not any(one in name for one in only.split(",")):
                continue
            try:
                found[name] = one = _measure(lab, browser, name, way, address, script)
            except TimeoutError as error:  # a page that does not keep up answers no more
                yield Row(name, "stood still", str(error).splitlines()[0])
            else:
                yield _row(name, one)
    yield Row("goals", "")
    yield from against(found)
    yield Row("machine", f"load {os.getloadavg()[0]:.1f}", "at the end")


@contextmanager
def _market() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.widgets.market", str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["listening"]
    finally:
        process.communicate(timeout=10)


def install_rival(folder: Path) -> str:
    """AG Grid's community edition as one script, in a folder that is thrown away."""
    shutil.copytree(_RIVAL, folder)
    command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    subprocess.run(command, cwd=folder, check=True, timeout=_INSTALL_WITHIN)
    return str(folder / "node_modules" / "ag-grid-community" / "dist" / "ag-grid-community.min.js")


def _measure(lab: Lab, browser: Browser, name: str, way: Way, address: str, script: str) -> Measured:
    show = f"shown.{way.call.format(address=address, script=script)}" if way.call else "None"
    cells = ["from bench.widgets import shown", show]
    if way.call == "dashboard":
        cells = [cells[0], DASHBOARD.format(cache=f"{lab.folder}/cache")]
    probe = Probe(lab, browser, re.sub(r"\W+", "-", name), cells)
    try:
        for cell in range(2):
            probe.notebook.run(cell)
        if way.of:
            probe.watch(way.within, way.of)
        probe.ask(f"shown.begin({_OVERRUNS_FOR if way.overruns else None})")
        probe.page.wait_for_timeout(WARM * 1000)
        cost = probe.cost(SECONDS, DRAWING)
        answers = probe.answers(ANSWERS if way.call in _ASKED else _FEW, _ANSWERED_WITHIN)
        if way.overruns:
            return Measured(cost, math.nan, [], [], answers, probe.dropped(), math.nan, probe.outside)
        if not way.call.startswith("ticker"):
            return Measured(cost, math.nan, [], [], answers, math.nan, math.nan, probe.outside)
        asleep = probe.changes_while(ASLEEP, f"import time; time.sleep({ASLEEP + 0.5})") / ASLEEP
        probe.notebook.idle()
        newest, every = _delays(probe)
        beyond = probe.beyond_hidden(*_PAIRS)
        dropped = probe.dropped()
        return Measured(cost, asleep, newest, every, answers, dropped, beyond, probe.outside)
    finally:
        probe.close()


def _delays(probe: Probe) -> tuple[list[float], list[float]]:
    """Ms to the frame that shows it, from the newest trade of each message and from each trade of the first issue."""
    shown = [(int(re.sub(r"\D", "", text)), at) for text, at in probe.shown()]
    arrived, sent = (
        json.loads(probe.ask(f"import json; json.dumps(shown.{name})").strip("'"))
        for name in ("arrivals", "newest")
    )
    at = dict(sent)
    first = shown[0][0]
    newest = [when - at[total] for total, when in shown[1:] if total in at]
    totals = [total for total, _ in shown]
    every = [
        shown[place][1] - when
        for total, when in arrived
        if total > first and (place := bisect_left(totals, total)) < len(shown)
    ]
    return newest, every


def _row(name: str, one: Measured) -> Row:
    cost = one.cost
    more = (
        f"{cost.drawing:.0f} with every frame, busy {cost.busy:.0f} ms/s, kernel {cost.kernel:.1f} %, "
        f"{cost.bytes / 1000:.0f} kB/s, {cost.messages:.0f} msgs/s, "
        f"{cost.frames:.0f} frames/s, long {cost.long:.0f} ms/s, "
        f"1+1 {statistics.median(one.answers):.0f}/{one.answers[-1]:.0f} ms, "
        f"{cost.changes:.1f} updates/s"
    )
    return Row(name, f"main {cost.main:.0f} ms/s", f"{more}; load {os.getloadavg()[0]:.1f}")
