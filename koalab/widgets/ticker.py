"""``Ticker``: live quotes of some issues as a widget. ``kw.ticker(codes)`` makes it."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import traitlets

from koalab.errors import BadInput
from koalab.inputs.text import shown
from koalab.live.table import LiveTable
from koalab.widgets.live_widget import LiveWidget, Message, script
from koalab.widgets.painter import PAINTER, Painter
from koalab.widgets.selection import AGAIN, Selection
from koalab.widgets.state_line import StateLine

COLUMNS: Final = {
    "name": "종목명",
    "price": "현재가",
    "change": "대비",
    "change_rate": "등락률",
    "volume": "거래량",
    "trade_volume": "체결량",
    "ask": "매도호가",
    "bid": "매수호가",
    "spread": "스프레드",
    "strength": "체결강도",
    "trend": "추이",
    "time": "시각",
}
"""The ticker's columns, in their order, with their titles."""
_KINDS: Final[Mapping[str, type[np.generic]]] = {"i": np.int32, "f": np.float32, "d": np.float64}
_SENT: Final = {
    "price": ("i", ()),
    "change": ("i", ()),
    "change_rate": ("f", ("change_rate",)),
    "volume": ("d", ()),  # of a day it passes 2^31 at times
    "trade_volume": ("i", ("trade_volume",)),
    "ask": ("i", ("ask", "spread")),
    "bid": ("i", ("bid", "spread")),
    "strength": ("f", ("strength",)),
    "time": ("d", ("time",)),
}
"""What a page gets of a row that has changed: of which kind, and for which of its columns; none: always."""
_FIXED: Final = ("upper_limit", "lower_limit")
"""What it gets with all rows only."""
_SEOUL: Final = np.timedelta64(9, "h")


class Ticker(LiveWidget):
    """Live quotes of some issues: a row each, sorted by a click on a title, moved in by keyboard.

    The colour of a price is against yesterday's close, its flash the direction of this trade. In a saved
    notebook it is a table of the values that it began with.

    Args:
        table: of the quotes; closed with the widget.
        columns: of ``COLUMNS``, in the order to show.
        state: the line below.
        painter: sends what changes.

    Attributes:
        selected: the code of the row that was chosen by a click or Enter; a trait, to be observed.
    """

    _esm = script("common.js", "grid.js")
    codes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    columns = traitlets.List(traitlets.Unicode()).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self, table: LiveTable, columns: Sequence[str], state: StateLine, painter: Painter = PAINTER
    ) -> None:
        self._table = table
        self._version = 0
        self._sent = {
            name: kind for name, (kind, of) in _SENT.items() if not of or not set(of).isdisjoint(columns)
        }
        super().__init__(
            state,
            painter,
            codes=list(table.codes),
            names=list(table.names),
            columns=list(columns),
            label=f"실시간 시세 {len(table)}종목",
        )
        self._selection = Selection(self, "selected", "code")

    def on_select(self, fn: Callable[[str], object]) -> None:
        """Calls ``fn`` with the code of a row that is chosen, each time it is."""
        self._selection.add(fn)

    def name_of(self, code: str) -> str:
        """The name of one of its issues."""
        return dict(zip(self.codes, self.names, strict=True)).get(code, code)

    def frame(self) -> pd.DataFrame:
        """The quotes now; see ``LiveTable.frame``."""
        return self._table.frame()

    def _end(self) -> None:
        self._table.close()

    def _on_request(self, content: dict[str, Any]) -> None:
        if AGAIN in content:
            self._selection.call(self.selected)

    def _changes(self, everything: bool, now: float) -> Message | None:
        version, rows, values = self._table.delta(-1 if everything else self._version)
        if not len(rows):
            return None
        self._version = version
        self._state.count(version, now)
        kinds = self._sent | (dict.fromkeys(_FIXED, "i") if everything else {})
        arrays = {
            name: (_epoch_ms(values[name]) if name == "time" else values[name]).astype(_KINDS[kind])
            for name, kind in kinds.items()
        }
        head = {"k": "all" if everything else "d", "n": len(rows), "t": "".join(kinds.values())}
        return head, {"row": rows.astype(np.uint16), **arrays}

    def snapshot(self) -> str:
        """A plain HTML table of the quotes now, with its time: for saved notebooks, GitHub and e-mail."""
        frame = self._table.frame()
        shown_columns = [name for name in self.columns if name not in ("trend", "spread")]
        head = "".join(f'<th style="text-align:right">{COLUMNS[name]}</th>' for name in shown_columns)
        body = "".join(
            "<tr>" + "".join(_cell(name, row) for name in shown_columns) + "</tr>"
            for row in frame.to_dict("records")
        )
        return f"<table><caption>{html.escape(self._state.caption())}</caption><tr>{head}</tr>{body}</table>"

    def __repr__(self) -> str:
        return f"<실시간 시세 {len(self._table)}종목: {self._table.state!r}>"


def check_columns(columns: Sequence[str] | None) -> list[str]:
    """The columns to show; None: all.

    Raises:
        BadInput: one is not the ticker's.
    """
    if columns is None:
        return list(COLUMNS)
    titles = {title: name for name, title in COLUMNS.items()}
    given = [columns] if isinstance(columns, str) else list(columns)
    for one in given:
        if one not in COLUMNS and one not in titles:
            raise BadInput(f"no column {shown(one)}: there are {', '.join(COLUMNS)}")
    return list(dict.fromkeys(titles.get(one, one) for one in given))


def _cell(name: str, row: Mapping[Any, Any]) -> str:
    value = row[name]
    if name == "name":
        return f"<td>{html.escape(str(value))}</td>"
    if name == "time":
        text = "" if pd.isna(value) else f"{value:%H:%M:%S}"
    elif name == "change_rate":
        text = f"{value:+.2f}%"
    elif name == "strength":
        text = f"{value:.2f}"
    else:
        text = f"{value:,}"
    colour = ""
    if name in ("price", "change", "change_rate") and row["change"]:
        colour = f";color:{'#c8102e' if row['change'] > 0 else '#0b4fc2'}"
    return f'<td style="text-align:right{colour}">{text}</td>'


def _epoch_ms(wall: Any) -> Any:
    """Naive Seoul wall time in milliseconds since the epoch, 0 where there is none."""
    micros = (wall - _SEOUL).astype(np.int64)
    return np.where(np.isnat(wall), 0.0, micros / 1000.0)
