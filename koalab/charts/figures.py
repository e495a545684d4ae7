"""Plotly figures: candlesticks with volume and moving averages, and several issues compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
import pandas as pd

from koalab.charts.averages import check_averages, moving_averages
from koalab.charts.candles import DOWN, UP, Candles, candles, labels, one_code
from koalab.charts.units import tick_texts, ticks
from koalab.errors import BadInput
from koalab.inputs.text import printable, shown

if TYPE_CHECKING:
    import plotly.graph_objects as go

Theme = Literal["light", "dark"]

_HOVER: Final = (
    "시가 %{open:,}<br>고가 %{high:,}<br>저가 %{low:,}<br>종가 %{close:,}%{customdata}<extra></extra>"
)  # fmt: skip
_VOLUME_HOVER: Final = "거래량 %{y:,}<extra></extra>"
_AVERAGE_HOVER: Final = "%{y:,.0f}"
_COMPARED_HOVER: Final = "%{y:.2f} (%{customdata:+.2f}%)"
_TICKS: Final = 8
_VOLUME_SHARE: Final = 0.22
_ROOM: Final = 0.03
_EMPTY: Final = {
    "text": "자료 없음",
    "showarrow": False,
    "x": 0.5,
    "y": 0.5,
    "xref": "paper",
    "yref": "paper",
}
# Told apart by people who see colours differently too, and legible on white and on black.
LINES: Final = ("#d68a00", "#2a9d6f", "#b4699c", "#7f8c99", "#c95b3c", "#4f93c9", "#9a8a2c", "#8f6fd1")


def candlestick(
    frame: pd.DataFrame,
    title: str | None = None,
    volume: bool = True,
    ma: int | Sequence[int] = (),
    theme: Theme | None = None,
    first: int = 0,
) -> go.Figure:
    """Candlesticks with volume below, without gaps for nights, holidays and halts. A drag zooms the time alone.

    Args:
        frame: bars of one code, from ``daily``, ``minute``, ``bars`` or ``index``.
        title: above the chart, as plain text: tags are shown, not followed.
        volume: whether to show volume.
        ma: moving averages of closes (이동평균) over so many bars.
        theme: ``"light"`` or ``"dark"``; None: that of ``plotly.io.templates.default``.
        first: the first bar shown; those before it count in the averages only.

    Raises:
        BadInput: not a frame of bars of one code. An empty one gives an empty chart.
    """
    import plotly.graph_objects as go

    every = candles(frame)
    averages = {
        length: line[first:] for length, line in moving_averages(every.close, check_averages(ma)).items()
    }
    bars = every.since(first)
    traces = [
        go.Candlestick(
            x=bars.labels,
            open=bars.open,
            high=bars.high,
            low=bars.low,
            close=bars.close,
            customdata=["" if np.isnan(one) else f" ({one:+.2f}%)" for one in bars.change],
            name="주가",
            increasing={"line": {"color": UP, "width": 1}, "fillcolor": UP},
            decreasing={"line": {"color": DOWN, "width": 1}, "fillcolor": DOWN},
            hovertemplate=_HOVER,
            showlegend=False,
        )
    ]
    for (length, line), colour in zip(averages.items(), LINES * len(averages), strict=False):
        traces.append(
            go.Scatter(
                x=bars.labels,
                y=line,
                mode="lines",
                name=f"이동평균 {length}",
                line={"color": colour, "width": 1.3},
                hovertemplate=_AVERAGE_HOVER,
            )
        )
    price_range = _range([bars.low, bars.high, *averages.values()])
    layout = _layout(title, theme, len(averages) > 0, anchor="y2" if volume else "y")
    layout["yaxis"] = {**_axis(price_range), "domain": [_VOLUME_SHARE + 0.03, 1] if volume else [0, 1]}
    if volume:
        traces.append(_volumes(bars))
        most = float(bars.volume.max()) if len(bars) else 0.0
        lower = _axis((0.0, most * (1 + _ROOM)), 4)
        layout["yaxis2"] = {**lower, "domain": [0, _VOLUME_SHARE], "anchor": "x"}
    if not len(bars):
        layout["annotations"] = [_EMPTY]
    return _figure(traces, layout)


def compared(
    frames: Mapping[str, pd.DataFrame], title: str | None = None, theme: Theme | None = None
) -> go.Figure:
    """Closes of several issues or indices as lines, each 100 at the first time that all have.

    Args:
        frames: bars by name, each of one code.
        title: above the chart, as plain text.
        theme: as for ``candlestick``.

    Raises:
        BadInput: not frames of bars, or they have no time in common.
    """
    import plotly.graph_objects as go

    closes = {name: _closes(frame) for name, frame in frames.items()}
    table = pd.concat(closes, axis=1).sort_index()
    common = table.dropna()
    if not len(common):
        raise BadInput(f"{', '.join(map(printable, frames))} have no time in common: give another start")
    table = table.loc[common.index[0] :]
    rebased = table / table.iloc[0] * 100
    texts = labels(pd.DatetimeIndex(rebased.index))
    traces = [
        go.Scatter(
            x=texts,
            y=line.to_numpy(),
            customdata=line.to_numpy() - 100,
            mode="lines",
            connectgaps=True,
            name=_plain_text(str(name)),
            line={"color": colour, "width": 1.6},
            hovertemplate=_COMPARED_HOVER,
        )
        for (name, line), colour in zip(rebased.items(), LINES * len(rebased.columns), strict=False)
    ]
    layout = _layout(title, theme, legend=True, anchor="y")
    layout["yaxis"] = _axis(_range([rebased.to_numpy().ravel()]))
    layout["shapes"] = [_level(100.0)]
    return _figure(traces, layout)


def _figure(traces: Sequence[Any], layout: Mapping[str, Any]) -> go.Figure:
    """A figure with its whole layout at once: plotly takes twice the time to update one."""
    import plotly.graph_objects as go

    return go.Figure(traces, layout)


def _volumes(bars: Candles) -> go.Bar:
    import plotly.graph_objects as go

    return go.Bar(
        x=bars.labels,
        y=bars.volume,
        yaxis="y2",
        name="거래량",
        # A number per bar and a scale of two colours: a colour name per bar takes ten times the bytes.
        marker={
            "color": bars.rising.astype(np.uint8),
            "colorscale": [[0, DOWN], [1, UP]],
            "cmin": 0,
            "cmax": 1,
            "line": {"width": 0},
        },
        opacity=0.7,
        hovertemplate=_VOLUME_HOVER,
        showlegend=False,
    )


def _closes(frame: pd.DataFrame) -> pd.Series[Any]:
    plain = one_code(frame)
    bars = candles(plain)
    closes = pd.Series(bars.close, index=plain.index, dtype=np.float64)
    return closes[~closes.index.duplicated(keep="last")]  # ticks may share a second


def _range(values: Sequence[np.ndarray[Any, Any]]) -> tuple[float, float]:
    """Lowest and highest of all, with room for the wicks."""
    both = np.concatenate([np.asarray(one, np.float64) for one in values]) if values else np.array([])
    both = both[np.isfinite(both)]
    if not len(both):
        return 0.0, 0.0
    low, high = float(both.min()), float(both.max())
    room = (high - low or abs(high) or 1.0) * _ROOM
    return low - room, high + room


def _axis(ends: tuple[float, float], count: int = 8) -> dict[str, Any]:
    """A vertical axis, which a drag does not zoom, so that its texts in 만 and 억 stay right."""
    values = ticks(*ends, count)
    return {
        "side": "right",
        "fixedrange": True,
        "range": list(ends) if ends[1] > ends[0] else None,
        "tickmode": "array",
        "tickvals": values,
        "ticktext": tick_texts(values),
        "zeroline": False,
    }


def _layout(title: str | None, theme: Theme | None, legend: bool, anchor: str) -> dict[str, Any]:
    # Both panes share an x axis, so that one hover shows prices and volume. It is an axis of categories: a date axis
    # needs a break for every night, holiday and late opening, and is slow with many of them.
    layout: dict[str, Any] = {
        "xaxis": {
            "type": "category",
            "anchor": anchor,
            "nticks": _TICKS,
            "tickangle": 0,
            "rangeslider": {"visible": False},
            "showgrid": False,
            "showspikes": True,
            "spikemode": "across",
            "spikethickness": 1,
            "spikedash": "dot",
        },
        "dragmode": "zoom",
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "showlegend": legend,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom"},
        "bargap": 0.2,
        "margin": {"l": 20, "r": 70, "t": 20 + 30 * bool(title) + 25 * legend, "b": 40},
    }
    check_theme(theme)
    if theme is not None:
        layout["template"] = "plotly_dark" if theme == "dark" else "plotly_white"
    if title:
        layout["title"] = {
            "text": _plain_text(title),
            "x": 0.02,
            "xanchor": "left",
            "y": 0.98,
            "yanchor": "top",
        }
    return layout


def check_theme(theme: object) -> None:
    """Raises BadInput where it is no theme and not None."""
    if theme is not None and not (isinstance(theme, str) and theme in get_args(Theme)):
        raise BadInput(f'theme is "light" or "dark", not {shown(theme)}')


def _level(value: float) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"width": 1, "dash": "dot", "color": "#8a8a8a"},
        "layer": "below",
    }


def _plain_text(text: str) -> str:
    """The text for plotly, which takes tags for HTML and what stands between dollars for TeX."""
    return escape(printable(text), quote=False).replace("$", "&#36;")
