"""``Ticker``: live quotes of some issues as a widget. ``kw.ticker(codes)`` makes it."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anywidget
import numpy as np
import pandas as pd
import traitlets

from koalab.errors import BadInput
from koalab.inputs.text import shown
from koalab.live.table import LiveTable
from koalab.widgets.painter import PAINTER, Painter
from koalab.widgets.state_line import StateLine

_STATIC: Final = Path(__file__).parent / "static"
# As text: a path leaks every widget after its end (anywidget #929).
_ESM: Final = (_STATIC / "grid.js").read_text(encoding="utf-8")
_CSS: Final = (_STATIC / "koalab.css").read_text(encoding="utf-8")

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
_SENT: Final = (
    *("price", "change", "change_rate", "volume", "trade_volume", "ask", "bid", "strength"),
    *("upper_limit", "lower_limit", "time"),
)
_BEAT: Final = 1.0
# Without a view for so long, a widget is closed: its cell was run again or cleared.
_ORPHANED: Final = 5.0
# So many missed signs of life of a page, each ten seconds, end the sending to it.
_SILENT: Final = 35.0
_SEOUL: Final = np.timedelta64(9, "h")


class Ticker(anywidget.AnyWidget):
    """Live quotes of some issues: a row each, sorted by a click on a title, moved in by keyboard.

    The colour of a price is against yesterday's close, its flash the direction of this trade. It is closed with its
    last view: when its cell is run again or cleared. In a saved notebook it stays as a table of its last values.

    Args:
        table: of the quotes; closed with the widget.
        columns: of ``COLUMNS``, in the order to show.
        state: the line below.
        painter: sends what changes.

    Attributes:
        selected: the code of the row that was chosen by a click or Enter; a trait, to be observed.
    """

    _esm = _ESM
    _css = _CSS
    codes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    columns = traitlets.List(traitlets.Unicode()).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self, table: LiveTable, columns: Sequence[str], state: StateLine, painter: Painter = PAINTER
    ) -> None:
        self._table = table
        self._state = state
        self._views: dict[str, float] = {}
        self._hidden: set[str] = set()
        self._viewless_since: float | None = None
        self._version = 0
        self._sequence = 0
        self._beat_at = 0.0
        self._everything = False
        self._closed = False
        super().__init__(
            codes=list(table.codes),
            names=list(table.names),
            columns=list(columns),
            label=f"실시간 시세 {len(table)}종목",
        )
        self.on_msg(self._on_page)
        painter.add(self)

    def on_select(self, fn: Callable[[str], object]) -> None:
        """Calls ``fn`` with the code of a row that is chosen."""
        if not callable(fn):
            raise BadInput(f"a function that takes a code, not {shown(fn)}")
        self.observe(lambda change: fn(change["new"]), "selected")

    def frame(self) -> pd.DataFrame:
        """The quotes now; see ``LiveTable.frame``."""
        return self._table.frame()

    def close(self) -> None:
        """Ends the widget and its registrations; what it showed last stays readable. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._table.close()
        layout = self.layout
        super().close()
        if layout is not None:
            layout.close()  # close() of a widget leaves its layout's comm

    def paint(self, now: float) -> bool:
        """Sends what changed; see ``painter.Painted``."""
        if self._closed:
            return False
        if self._viewless_since is not None and now - self._viewless_since > _ORPHANED:
            self.close()
            return False
        if not self._watched(now):
            return True
        if self._everything:
            self._everything = False
            self._send_rows("all", *self._table.delta(-1), now)
            return True
        version, rows, values = self._table.delta(self._version)
        if len(rows):
            self._send_rows("d", version, rows, values, now)
        elif now - self._beat_at >= _BEAT:
            self._beat_at = now
            self.send({"k": "beat", **self._state.message()})
        return True

    def _watched(self, now: float) -> bool:
        """Whether a page shows it: it reported so not long ago, and is not hidden."""
        return any(
            view not in self._hidden and now - alive < _SILENT for view, alive in list(self._views.items())
        )

    def _send_rows(self, kind: str, version: int, rows: Any, values: Any, now: float) -> None:
        self._version = version
        self._sequence += 1
        message = {
            "k": kind,
            "s": self._sequence,
            "n": len(rows),
            "f": list(_SENT),
            "sent": time.time() * 1000,
        }
        if now - self._beat_at >= _BEAT:
            self._beat_at = now
            message |= self._state.message()
        self._state.count(version, now)
        columns = [
            _epoch_ms(values[name]) if name == "time" else values[name].astype(np.float64) for name in _SENT
        ]
        self.send(message, [rows.astype(np.uint16).tobytes(), *(column.tobytes() for column in columns)])

    def _on_page(self, _widget: object, content: Any, _buffers: object) -> None:
        """A message of a page. On the main thread, after the running cell."""
        now = time.monotonic()
        if not isinstance(content, dict):
            return
        if "hello" in content:
            self._views[str(content["hello"])] = now
            self._viewless_since, self._everything, self._beat_at = None, True, 0.0
        elif "gone" in content:
            self._views.pop(str(content["gone"]), None)
            self._viewless_since = None if self._views else now
        elif "alive" in content:
            self._everything = self._everything or not self._watched(now)
            self._views[str(content["alive"])] = now
        elif "hidden" in content:
            view = str(content.get("view", ""))
            if content["hidden"]:
                self._hidden.add(view)
            else:
                self._hidden.discard(view)
                self._views[view], self._everything = now, True

    def _repr_mimebundle_(self, **arguments: Any) -> Any:
        bundle = super()._repr_mimebundle_(**arguments)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if isinstance(data, dict):
            data["text/html"] = self.snapshot()
            data["text/plain"] = repr(self)
        return bundle

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
