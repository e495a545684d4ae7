"""Candlesticks of one issue's bars, as a plotly figure.

>>> figure = candlestick(kw.daily("005930", start="2024-01-01"), "삼성전자")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from koalab.errors import BadInput
from koalab.inputs.text import printable

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Korean colours: red rises, blue falls. Both are legible on white and on black.
UP: Final = "#d24f45"
DOWN: Final = "#3f7fd0"
_SHOWN: Final = ("open", "high", "low", "close", "volume")
_KOREAN: Final = ("시가", "고가", "저가", "현재가", "거래량")
_HOVER: Final = (
    "시가 %{open:,}<br>고가 %{high:,}<br>저가 %{low:,}<br>종가 %{close:,}%{customdata}<extra></extra>"
)  # fmt: skip
_VOLUME_HOVER: Final = "거래량 %{y:,}<extra></extra>"
_TICKS: Final = 8
_VOLUME_SHARE: Final = 0.22


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Bars prepared for drawing, oldest first: one array per column.

    Attributes:
        labels: one unique text per bar: ``2026-11-20``, or the time above the date for minutes.
        open, high, low, close: KRW. A bar without a trade has all four at its close.
        volume: shares.
        rising: whether the bar is drawn red.
        change: percent from the previous close, NaN for the first bar.
    """

    labels: Sequence[str]
    open: np.ndarray[Any, Any]
    high: np.ndarray[Any, Any]
    low: np.ndarray[Any, Any]
    close: np.ndarray[Any, Any]
    volume: np.ndarray[Any, Any]
    rising: np.ndarray[Any, np.dtype[np.bool_]]
    change: np.ndarray[Any, np.dtype[np.float64]]

    def __len__(self) -> int:
        return len(self.labels)


def candles(frame: pd.DataFrame) -> Candles:
    """Prepares a frame of ``daily``, ``minute`` or ``bars``, with English or Korean columns, of one code.

    Raises:
        BadInput: not a frame of bars of one code. An empty one is allowed.
    """
    plain = _one_code(frame)
    names = _SHOWN if "close" in plain.columns else _KOREAN
    missing = [name for name in names if name not in plain.columns]
    if missing or not isinstance(plain.index, pd.DatetimeIndex):
        raise BadInput(
            f"this frame has no {', '.join(missing) or 'times'}: a chart is of what daily(), minute() or bars() give"
        )
    first, high, low, close, volume = (plain[name].to_numpy() for name in names)
    # On a day without a trade the broker has a close alone.
    traded = first > 0
    first, high, low = (np.where(traded, prices, close) for prices in (first, high, low))
    before = np.concatenate([first[:1], close[:-1]])
    rising = (close > first) | ((close == first) & (close >= before))
    change = np.full(len(close), np.nan)
    np.divide(100.0 * (close - before), before, out=change, where=before > 0)
    change[:1] = np.nan
    return Candles(_labels(plain.index), first, high, low, close, volume, rising, change)


def candlestick(frame: pd.DataFrame, title: str | None = None, volume: bool = True) -> go.Figure:
    """Candlesticks with volume below, without gaps for nights, holidays and halts.

    Args:
        frame: bars of one code, from ``daily``, ``minute`` or ``bars``.
        title: above the chart, as plain text: tags are shown, not followed.
        volume: whether to show volume.

    Raises:
        BadInput: not a frame of bars of one code. An empty one gives an empty chart.
    """
    import plotly.graph_objects as go

    bars = candles(frame)
    figure = go.Figure(
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
        )
    )
    if volume:
        figure.add_trace(
            go.Bar(
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
            )
        )
    figure.update_layout(**_layout(title, volume))
    if not len(bars):
        figure.add_annotation(text="자료 없음", showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    return figure


def _layout(title: str | None, volume: bool) -> dict[str, Any]:
    # Both panes share an x axis, so that one hover shows prices and volume. It is an axis of categories: a date axis
    # needs a break for every night, holiday and late opening, and is slow with many of them.
    layout: dict[str, Any] = {
        "xaxis": {
            "type": "category",
            "nticks": _TICKS,
            "tickangle": 0,
            "rangeslider": {"visible": False},
            "anchor": "y2" if volume else "y",
            "showgrid": False,
            "showspikes": True,
            "spikemode": "across",
            "spikethickness": 1,
            "spikedash": "dot",
        },
        "yaxis": {
            "side": "right",
            "tickformat": ",",
            "domain": [_VOLUME_SHARE + 0.03, 1] if volume else [0, 1],
        },
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "showlegend": False,
        "bargap": 0.2,
        "margin": {"l": 20, "r": 70, "t": 50 if title else 20, "b": 40},
    }
    if title:
        layout["title"] = {"text": _plain_text(title)}
    if volume:
        layout["yaxis2"] = {
            "side": "right",
            "tickformat": "~s",
            "domain": [0, _VOLUME_SHARE],
            "nticks": 4,
            "anchor": "x",
        }
    return layout


def _plain_text(text: str) -> str:
    """The text for plotly, which takes tags for HTML and what stands between dollars for TeX."""
    return escape(printable(text), quote=False).replace("$", "&#36;")


def _one_code(frame: pd.DataFrame) -> pd.DataFrame:
    if not isinstance(frame.index, pd.MultiIndex):
        return frame
    codes = frame.index.unique(0)
    if len(codes) > 1:
        raise BadInput(
            f"a chart is of one code, and this frame has {len(codes)}: frame.loc[{str(codes[0])!r}] is the first"
        )
    return frame.droplevel(0)


def _labels(index: pd.DatetimeIndex) -> list[str]:
    if index.tz is None:
        return [f"{moment:%Y-%m-%d}" for moment in index.to_pydatetime()]
    form = "%H:%M<br>%Y-%m-%d" if (index.second == 0).all() else "%H:%M:%S<br>%Y-%m-%d"
    labels = [f"{moment:{form}}" for moment in index.to_pydatetime()]
    # Tick bars may share a second, and bars of one category would be drawn over each other.
    seen: dict[str, int] = {}
    for place, label in enumerate(labels):
        count = seen[label] = seen.get(label, 0) + 1
        if count > 1:
            labels[place] = label.replace("<br>", f" ({count})<br>")
    return labels
