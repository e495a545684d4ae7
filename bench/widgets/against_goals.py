"""The goals of the widgets against what was measured; a goal whose ways stood still says so, and the others stand."""

from __future__ import annotations

import gzip
import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bench.timing import Row
from bench.widgets.measured import Measured
from bench.widgets.probe import percentile
from koalab.widgets.chart import LiveChart
from koalab.widgets.ladder import Ladder
from koalab.widgets.ticker import Ticker

Found = Mapping[str, Measured]
Figure = Callable[[Found], float]

_ALONE, _STREAM, _BARS = "a notebook alone", "rows: the stream alone", "bars: the stream alone"
_TICKER, _HTML, _LABELS = "rows: ticker", "rows: HTML redrawn, 10 Hz", "rows: Label a cell"
_GRID_11, _GRID_20 = "rows: AG Grid, 11 Hz", "rows: AG Grid, 20 Hz"
_CHART, _FIGURE, _DESK = "bars: live chart", "bars: FigureWidget, 4 Hz", "dashboard, 200 codes"


def _main(name: str) -> Figure:
    return lambda found: found[name].cost.main


def _ratio(one: str, other: str, beyond: str = "") -> Figure:
    """The main thread's time of one way in that of another, both without that of a third."""

    def figure(found: Found) -> float:
        less = found[beyond].cost.main if beyond else 0.0
        return (found[one].cost.main - less) / (found[other].cost.main - less)

    return figure


def _drawing(one: str, other: str) -> Figure:
    """The same while both draw every frame of the screen."""
    return lambda found: found[one].cost.drawing / found[other].cost.drawing


def _labels(found: Found) -> float:
    return found[_TICKER].beyond / (found[_LABELS].cost.kernel - found[_STREAM].cost.kernel)


def _answers_beyond(found: Found) -> float:
    return statistics.median(found[_DESK].answers) - statistics.median(found[_ALONE].answers)


GOALS: Final[tuple[tuple[str, Figure, float, str, bool], ...]] = (
    ("ticker: kernel beyond the stream, in pairs", lambda found: found[_TICKER].beyond, 3.0, " %", False),
    ("  against Label a cell", _labels, 0.1, "", False),
    ("ticker: to the page", lambda found: found[_TICKER].cost.bytes / 1000, 50, " kB/s", False),
    ("ticker: messages of the widget", lambda found: found[_TICKER].cost.comms, 11, "/s", False),
    ("ticker: main thread", _main(_TICKER), 300, " ms/s", False),
    ("  against AG Grid at 20 Hz", _ratio(_TICKER, _GRID_20), 0.6, "", False),
    ("  against AG Grid at the ticker's 11 Hz", _ratio(_TICKER, _GRID_11), 1.0, "", False),
    ("  against HTML redrawn", _ratio(_TICKER, _HTML), 0.6, "", False),
    ("  with every frame drawn, against AG Grid at 20 Hz", _drawing(_TICKER, _GRID_20), 0.6, "", False),
    ("  with every frame drawn, against HTML redrawn", _drawing(_TICKER, _HTML), 0.6, "", False),
    ("ticker: frames", lambda found: found[_TICKER].cost.frames, 57, "/s", True),
    ("ticker: long tasks", lambda found: found[_TICKER].cost.long, 10, " ms/s", False),
    ("ticker: trade to page, all, p50", lambda found: percentile(found[_TICKER].every, 50), 50, " ms", False),
    (
        "ticker: trade to page, all, p95",
        lambda found: percentile(found[_TICKER].every, 95),
        120,
        " ms",
        False,
    ),
    ("  of the newest, p50", lambda found: percentile(found[_TICKER].newest, 50), 50, " ms", False),
    ("  of the newest, p95", lambda found: percentile(found[_TICKER].newest, 95), 120, " ms", False),
    (
        "ticker: updates while a cell sleeps",
        lambda found: found[_TICKER].asleep / found[_TICKER].cost.changes,
        0.95,
        "",
        True,
    ),
    ("ticker: messages dropped", lambda found: found[_TICKER].dropped, 0, "", False),
    ("1+1 beside four widgets, p50 beyond nothing", _answers_beyond, 25, " ms", False),
    ("1+1 beside four widgets, longest", lambda found: found[_DESK].answers[-1], 250, " ms", False),
    ("chart: main thread, against FigureWidget", _ratio(_CHART, _FIGURE, _BARS), 0.25, "", False),
    ("dashboard: messages", lambda found: found[_DESK].cost.messages, 60, "/s", False),
    ("dashboard: main thread", _main(_DESK), 600, " ms/s", False),
    (
        "requests beyond the Jupyter server",
        lambda found: sum(len(found[name].outside) for name in (_TICKER, _CHART, _DESK)),
        0,
        "",
        False,
    ),
)
"""What, its figure, the limit, its unit, and whether the limit is the least."""


def against(found: Found) -> Iterator[Row]:
    """Yields a row for each goal."""
    for what, figure, limit, unit, least in GOALS:
        try:
            yield _goal(what, figure(found), limit, unit, least)
        except KeyError as error:
            yield Row(f"  {what}", "not measured", f"goal {limit:g}{unit}: without {error.args[0]!r}")
    for name, made, limit in (("ticker", Ticker, 30), ("ladder", Ladder, 30), ("chart", LiveChart, 180)):
        script = str(made._esm).encode()
        row = _goal(f"{name}: script", len(script) / 1000, limit, " kB")
        compressed = len(gzip.compress(script)) / 1000
        yield Row(row.what, row.figure, f"{row.against}; {compressed:.0f} kB compressed")


def _goal(what: str, figure: float, limit: float, unit: str, least: bool = False) -> Row:
    met = figure >= limit if least else figure <= limit
    digits = 2 if limit < 2 else 0 if limit >= 20 else 1
    verdict = f"goal {'≥' if least else '≤'} {limit:g}{unit}: {'met' if met else 'MISSED'}"
    return Row(f"  {what}", f"{figure:,.{digits}f}{unit}", verdict)
