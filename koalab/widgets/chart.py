"""``LiveChart``: candlesticks of one issue as a widget that goes on. ``kw.chart(code, live=True)`` makes it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import traitlets

from koalab.errors import BadInput
from koalab.inputs.arguments import whole_number
from koalab.inputs.text import shown
from koalab.loaders.intervals import Interval, intervals
from koalab.widgets.bars.chart_board import ChartBoard
from koalab.widgets.live_widget import LiveWidget, Message, script
from koalab.widgets.painter import PAINTER, Painter
from koalab.widgets.state_line import StateLine

AVERAGES: Final = (5, 20, 60, 120)
"""Bars of the moving averages by default."""
_UNITS: Final = ("tick", "min", "D")
_LONGEST: Final = 500
_TABLE_ROWS: Final = 20
_TITLES: Final = ("시각", "시가", "고가", "저가", "종가", "거래량")


class LiveChart(LiveWidget):
    """Candlesticks of one issue, whose last bar follows every trade, with volume and moving averages.

    Bars are in Seoul time and without room for closed hours. Older ones are loaded when the page is scrolled back to
    the first, and those of a gap when the stream is back. In a saved notebook it is a table of its last twenty bars.

    Args:
        board: of the bars; closed with the widget.
        averages: bars of each moving average.
        volume: whether to show volume.
        state: the line below.
        painter: sends what changes.
    """

    _esm = script("chart.js")
    code = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    interval_label = traitlets.Unicode().tag(sync=True)
    dated = traitlets.Bool().tag(sync=True)
    timed = traitlets.Bool().tag(sync=True)
    averages = traitlets.List(traitlets.Int()).tag(sync=True)
    volume = traitlets.Bool().tag(sync=True)

    def __init__(
        self,
        board: ChartBoard,
        averages: Sequence[int],
        volume: bool,
        state: StateLine,
        painter: Painter = PAINTER,
    ) -> None:
        self._board = board
        self._sent_version = -1
        super().__init__(
            state,
            painter,
            code=board.code,
            name=board.name,
            interval_label=board.interval.label,
            dated=board.interval.dated,
            timed=board.interval.unit == "tick",
            averages=list(averages),
            volume=volume,
        )

    def frame(self) -> pd.DataFrame:
        """The bars that are shown.

        Returns:
            Index ``time`` (Asia/Seoul; of days ``date``, naive), columns ``open high low close`` (KRW) and ``volume``
            (shares), float64.
        """
        _, _, bars = self._board.bars.changes(-1)
        wall = pd.DatetimeIndex((bars["time"] * 1e6).astype(np.int64).astype("M8[us]"))
        index = wall.rename("date") if self.dated else wall.tz_localize("Asia/Seoul").rename("time")
        frame = pd.DataFrame({name: bars[name] for name in bars if name != "time"}, index=index)
        frame.attrs = {**self._board.origin(), "interval": self._board.interval.name}
        return frame

    def show(self, board: ChartBoard, state: StateLine) -> None:
        """Shows another issue or interval from now on, and closes the former."""
        former, self._board, self._state = self._board, board, state
        self._sent_version = -1
        with self.hold_sync():
            self.code, self.name = board.code, board.name
            self.interval_label, self.dated = board.interval.label, board.interval.dated
            self.timed = board.interval.unit == "tick"
        self._begin_anew()
        former.close()

    def _end(self) -> None:
        self._board.close()

    def _changes(self, everything: bool, now: float) -> Message | None:
        board = self._board
        self._state.count(board.bars.version, now)
        if not everything and board.bars.version == self._sent_version:
            return None
        self._sent_version, all_bars, arrays = board.bars.changes(-1 if everything else self._sent_version)
        head: dict[str, Any] = {"k": "all" if all_bars else "d", "notice": board.notice}
        return {**head, "loading": board.loading, "older": board.has_older, "base": board.base}, arrays

    def _on_request(self, content: dict[str, Any]) -> None:
        if content.get("older"):
            self._board.load_older()

    def snapshot(self) -> str:
        """A plain HTML table of the last twenty bars, with its time: for saved notebooks, GitHub and e-mail."""
        form = "%Y-%m-%d" if self.dated else "%m-%d %H:%M:%S" if self.timed else "%m-%d %H:%M"
        rows = [
            "<tr>"
            + "".join(
                f'<td style="text-align:right">{cell}</td>'
                for cell in (f"{time:{form}}", *(f"{value:,.0f}" for value in values))
            )
            + "</tr>"
            for time, *values in self.frame().tail(_TABLE_ROWS).itertuples()
        ]
        caption = html.escape(f"{self.name} {self.code} {self.interval_label} · {self._state.caption()}")
        head = "".join(f'<th style="text-align:right">{one}</th>' for one in _TITLES)
        return f"<table><caption>{caption}</caption><tr>{head}</tr>{''.join(rows)}</table>"

    def __repr__(self) -> str:
        return f"<{self.name} {self.interval_label}: {self._board.state!r}, {len(self._board.bars):,} bars>"


def check_interval(wanted: Interval) -> Interval:
    """An interval that trades can go on with.

    Raises:
        BadInput: it is of weeks or longer.
    """
    if wanted.unit not in _UNITS:
        known = [one.name for one in intervals().values() if one.unit in _UNITS]
        raise BadInput(
            f"a live chart has bars of {', '.join(known)}, not {wanted.name}: leave live out for a chart of those"
        )
    return wanted


def check_averages(averages: object) -> list[int]:
    """The bars of each moving average, each once, at most four.

    Raises:
        BadInput: they are something else.
    """
    if isinstance(averages, int) and not isinstance(averages, bool):
        averages = (averages,)
    if not isinstance(averages, (list, tuple)) or len(averages) > len(AVERAGES):
        raise BadInput(f"ma is up to four numbers of bars, (5, 20, 60) for example, not {shown(averages)}")
    return list(dict.fromkeys(whole_number("ma", one, 2, _LONGEST) for one in averages))
