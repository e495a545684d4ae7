"""The chart of ``koalab.charts`` as a PNG, for machines without a browser."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from koalab.charts.averages import check_averages, moving_averages
from koalab.charts.candles import DOWN, UP, Candles, candles
from koalab.charts.figures import LINES
from koalab.charts.units import in_units
from koalab.errors import BadInput, KoalabError
from koalab.inputs.arguments import path
from koalab.inputs.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE: Final = (11.0, 6.5)  # inches
_DPI: Final = 130
_TICKS: Final = 8
_GREY: Final = "#8a8a8a"
_BODY: Final = 0.7  # share of a bar's width


def save(
    frame: pd.DataFrame,
    to: str | os.PathLike[str],
    title: str | None = None,
    ma: int | Sequence[int] = (),
    first: int = 0,
) -> Path:
    """Draws candlesticks and volume into a PNG, or another format of matplotlib by the path's extension.

    Args:
        frame: bars of one code, from ``daily``, ``minute`` or ``bars``.
        to: the file.
        title: above the chart, Hangul too.
        ma: moving averages of closes over so many bars.
        first: the first bar shown; those before it count in the averages only.

    Returns:
        The file.

    Raises:
        BadInput: not a frame of bars of one code, or the file cannot be written. An empty one gives an empty chart.
        KoalabError: matplotlib or its Korean font is not installed.
    """
    file, every = writable(to), candles(frame)
    bars, averages = every.since(first), moving_averages(every.close, check_averages(ma))
    font = _font()
    # Not pyplot, whose global figures and settings belong to the caller.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # The second font has signs that the first lacks.
    with rc_context({"font.family": [font, "DejaVu Sans"]}):
        figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
        prices, volumes = figure.subplots(2, 1, sharex=True, height_ratios=[0.78, 0.22])
        if title:
            prices.set_title(printable(title), loc="left", fontsize=14, parse_math=False)
        _draw(prices, volumes, bars)
        for (length, line), colour in zip(averages.items(), LINES, strict=False):
            prices.plot(
                np.arange(len(bars)), line[first:], color=colour, linewidth=1.1, label=f"이동평균 {length}"
            )
        if averages:
            prices.legend(loc="upper left", frameon=False, ncols=len(averages), fontsize=9)
        try:
            figure.savefig(file)
        except OSError as error:
            raise BadInput(f"{file} cannot be written: {error.strerror or error}") from None
    return file


def writable(given: str | os.PathLike[str]) -> Path:
    """The file of that path, a PNG where it has no extension.

    Raises:
        BadInput: that is no path, there is no such format, or no such folder.
        KoalabError: matplotlib or its Korean font is not installed.
    """
    _font()
    from matplotlib.backend_bases import FigureCanvasBase

    file, formats = path("path", given), FigureCanvasBase.get_supported_filetypes()
    if file.suffix and file.suffix[1:].lower() not in formats:
        raise BadInput(
            f"{file} cannot be written: no format is called {file.suffix!r}, but {', '.join(formats)}"
        )
    if not file.suffix:
        file = file.with_suffix(".png")
    if not file.parent.is_dir():
        raise BadInput(f"{file} cannot be written: there is no folder {file.parent}")
    return file


def _draw(prices: Axes, volumes: Axes, bars: Candles) -> None:
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.ticker import FuncFormatter

    place = np.arange(len(bars))
    colours = np.where(bars.rising, UP, DOWN)
    # Collections: thousands of separate artists take seconds to draw.
    wicks = np.stack([np.stack([place, bars.low], 1), np.stack([place, bars.high], 1)], 1)
    prices.add_collection(LineCollection(list(wicks), colors=colours, linewidths=_line_width(len(bars))))
    prices.add_collection(
        PolyCollection(
            _boxes(place, np.minimum(bars.open, bars.close), np.maximum(bars.open, bars.close)),
            facecolors=colours,
            edgecolors=colours,
            linewidths=_line_width(len(bars)),
        )
    )
    volumes.add_collection(
        PolyCollection(_boxes(place, np.zeros(len(bars)), bars.volume), facecolors=colours, alpha=0.7)
    )
    for axes in (prices, volumes):
        axes.autoscale_view()
        axes.yaxis.tick_right()
        axes.spines[["top", "left"]].set_visible(False)
        axes.spines[["right", "bottom"]].set_color(_GREY)
        axes.tick_params(colors=_GREY, labelcolor="black", length=3)
        axes.grid(axis="y", color=_GREY, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
    prices.tick_params(axis="x", length=0)
    prices.yaxis.set_major_formatter(FuncFormatter(lambda value, _: in_units(value)))
    volumes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: in_units(value)))
    volumes.set_ylim(bottom=0)
    volumes.set_ylabel("거래량", color=_GREY)
    prices.set_xlim(-1, max(1, len(bars)))
    _label_axis(volumes, bars)
    if not len(bars):
        prices.set_yticks([])
        volumes.set_yticks([])
        prices.text(0.5, 0.5, "자료 없음", transform=prices.transAxes, ha="center", color=_GREY)


def _boxes(place: Any, low: Any, high: Any) -> Any:
    left, right = place - _BODY / 2, place + _BODY / 2
    corners = [(left, low), (left, high), (right, high), (right, low)]
    return np.stack([np.stack(corner, 1) for corner in corners], 1)


def _line_width(bars: int) -> float:
    """Line width in points: thinner for many bars."""
    return float(np.clip(_SIZE[0] * 72 / max(bars, 1) * 0.4, 0.3, 1.0))


def _label_axis(axes: Axes, bars: Candles) -> None:
    places = np.unique(np.linspace(0, len(bars) - 1, min(_TICKS, len(bars))).round().astype(int))
    axes.set_xticks(places, [bars.labels[place].replace("<br>", "\n") for place in places])


@cache
def _font() -> str:
    """Registers a font with Hangul in matplotlib; returns its name.

    The font's package is not imported: its import changes the settings of every figure in the notebook.
    """
    missing = KoalabError('pictures need matplotlib and a Korean font: pip install "koalab[notebook]"')
    try:
        from matplotlib import font_manager
    except ImportError:
        raise missing from None
    found = importlib.util.find_spec("koreanize_matplotlib")
    folders = (found.submodule_search_locations or []) if found is not None else []
    files = [file for folder in folders for file in sorted(Path(folder, "fonts").glob("NanumGothic*.ttf"))]
    if not files:
        raise missing
    for file in files:
        font_manager.fontManager.addfont(str(file))
    return str(font_manager.FontProperties(fname=str(files[0])).get_name())
