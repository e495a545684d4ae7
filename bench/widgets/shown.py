"""What is measured, as cells of a notebook make it: koalab's widgets, and other ways to show the same values."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import anywidget
import ipywidgets
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import traitlets

from bench.live import Client
from koalab.frames.bars import BarColumns
from koalab.live.event_log import Columns
from koalab.live.stream import EventStream
from koalab.live.table import LiveTable
from koalab.loaders.intervals import interval
from koalab.loaders.load import LoadResult
from koalab.progress import Progress
from koalab.widgets.bars.chart_board import RangeBoard
from koalab.widgets.chart import AVERAGES, LiveChart
from koalab.widgets.live_widget import Message
from koalab.widgets.state_line import StateLine
from koalab.widgets.ticker import Ticker
from tests.support.busy_market import CODES

PACE: Final = 1_000
COLUMNS: Final = ("price", "change", "change_rate", "volume", "trade_volume", "ask", "bid")
"""What each way shows of an issue, beside its name: eight columns."""
BARS: Final = 390
_BEST: Final = "주식우선호가"
_GRID: Final = Path(__file__).with_name("ag_grid.js")
_TRADES: Final = "주식체결"
_KEEPS: Final = 1_000
_SLOWLY: Final = 0.04
_AT_PACE: Final = 50
"""Trades a second of the one issue of a chart."""

arrivals: list[tuple[int, float]] = []
"""누적거래량 of each trade of the first issue, and the Unix time in ms at which the market's control fired it."""
newest: list[tuple[int, float]] = []
"""누적거래량 of the first issue in each message that has it, and when the newest trade of any issue was fired."""
_newest_at = [0.0]
_clients: list[Client] = []
_kept: list[Any] = []  # a stream that nothing refers to is closed
_begin: list[Callable[[], object]] = []
_sent = [0]


class Rows:
    """The newest quotes of all issues, as ``kw.live`` has them.

    Args:
        address: of the market.
    """

    def __init__(self, address: str) -> None:
        self.client = Client(address)
        self.trades, best = (self._open(one, CODES) for one in (_TRADES, _BEST))
        self.table = LiveTable(CODES, [f"종목{code}" for code in CODES], self.trades, best)
        self.trades.listen(_note_arrivals)
        _begin.append(lambda: self.client.fire("pace", PACE))
        self.client.fire("issues", len(CODES))
        _clients.append(self.client)
        _kept.append(self)
        _count_messages()

    def _open(self, realtype: str, codes: Sequence[str]) -> EventStream[Any]:
        return self.client._streams.open(realtype, codes, _KEEPS)


def _note_arrivals(part: Columns, _start: int) -> None:
    _newest_at[0] = float(part["arrived"][-1]) * 1000
    first = part["code"] == 0
    times = zip(part["total_volume"][first].tolist(), part["arrived"][first].tolist(), strict=True)
    arrivals.extend((int(total), at * 1000) for total, at in times)


def _count_messages() -> None:
    from IPython import get_ipython  # only a kernel has it

    session = get_ipython().kernel.session
    send = session.send

    def count(stream: Any, message: Any, *arguments: Any, **more: Any) -> Any:
        _sent[0] += message == "comm_msg"
        return send(stream, message, *arguments, **more)

    session.send = count


def begin(seconds: float | None = None) -> None:
    """The market begins, when the page shows what it will change, and ends after so many seconds by itself."""
    for one in _begin:
        one()
    if seconds is not None:
        ending = threading.Timer(seconds, end)
        ending.daemon = True
        ending.start()


def end() -> None:
    """The market stands still."""
    for client in _clients:
        client.fire("pace", 0)


def sent() -> int:
    """Messages of widgets so far."""
    return _sent[0]


def _line(label: str, stream: EventStream[Any]) -> StateLine:
    return StateLine(
        lambda: stream.state,
        label,
        "모의투자",
        lambda: pd.Timestamp.now("Asia/Seoul"),
        lambda _: True,
        lambda: 0,
    )


def _repeat(seconds: float, once: Callable[[], object]) -> None:
    def run() -> None:
        due = time.monotonic()
        while True:
            once()
            due = max(time.monotonic(), due + seconds)
            time.sleep(max(0.0, due - time.monotonic()))

    threading.Thread(target=run, daemon=True).start()


# -- rows


def nothing(address: str) -> None:
    """The stream alone: what the rest costs beyond it."""
    Rows(address)


class NotedTicker(Ticker):
    """Notes how new each message is when it is sent."""

    def _changes(self, everything: bool, now: float) -> Message | None:
        newest_at, found = _newest_at[0], super()._changes(everything, now)
        if found is not None and 0 in found[1]["row"]:
            newest.append((int(found[1]["volume"][found[1]["row"].tolist().index(0)]), newest_at))
        return found


def ticker(address: str) -> Any:
    rows = Rows(address)
    return NotedTicker(rows.table, ("name", *COLUMNS), _line("200종목", rows.trades))


def labels(address: str) -> Any:
    """A Label a cell, changed with every trade: how notebooks of ib_async and others do it."""
    rows = Rows(address)
    cells: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    names = []
    for name in rows.table.names:
        names.append(ipywidgets.Label(name))
        for column in cells.values():
            column.append(ipywidgets.Label(""))
        time.sleep(_SLOWLY)  # at once they are more messages than the Jupyter server passes on
    cells["volume"][0].add_class("bench-first")
    version = 0

    def take(part: Columns, _start: int) -> None:
        del part
        nonlocal version
        version, changed, values = rows.table.delta(version)
        for name in COLUMNS:
            for row, value in zip(changed.tolist(), values[name].tolist(), strict=True):
                cells[name][row].value = f"{value:,}"

    rows.trades.listen(take)
    every = [one for row in zip(names, *cells.values(), strict=True) for one in row]
    grid = ipywidgets.GridBox(every, layout=ipywidgets.Layout(grid_template_columns="repeat(8, 100px)"))
    return ipywidgets.Box([grid], layout=ipywidgets.Layout(height="494px", overflow="auto"))


def html_table(address: str) -> Any:
    """One table of HTML, made anew ten times a second."""
    rows = Rows(address)
    shown = ipywidgets.HTML()
    shown.add_class("bench-html")

    def draw() -> None:
        _, _, values = rows.table.delta(-1)
        lines = [
            f'<tr><td>{html.escape(name)}</td><td class="{"bench-first" if not at else ""}">{cells[3]:,}</td>'
            + "".join(f'<td style="text-align:right">{cell:,}</td>' for cell in (*cells[:3], *cells[4:]))
            + "</tr>"
            for at, (name, *cells) in enumerate(
                zip(rows.table.names, *(values[one].tolist() for one in COLUMNS), strict=True)
            )
        ]
        shown.value = f'<div style="height:494px;overflow:auto"><table>{"".join(lines)}</table></div>'

    _repeat(0.1, draw)
    return shown


class Grid(anywidget.AnyWidget):
    """AG Grid with the same messages as the ticker."""

    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    columns = traitlets.List(traitlets.Unicode()).tag(sync=True)


def ag_grid(address: str, script: str, rate: int) -> Any:
    """AG Grid's community edition, so many times a second: the ticker's rows, columns, colours and flash."""
    rows = Rows(address)
    grid = Grid(
        names=list(rows.table.names),
        columns=list(COLUMNS),
        _esm=f"{Path(script).read_text()}\nwindow.agGrid = agGrid;\n{_GRID.read_text()}",
    )
    version = 0

    def send() -> None:
        nonlocal version
        version, changed, values = rows.table.delta(version)
        parts: list[Any] = [changed.astype(np.uint16), *(values[name].astype(np.float64) for name in COLUMNS)]
        if len(changed):
            grid.send({}, [part.tobytes() for part in parts])

    _repeat(1 / rate, send)
    return grid


# -- one issue's bars


def _bars() -> BarColumns:
    last = np.datetime64(pd.Timestamp.now("Asia/Seoul").tz_localize(None).floor("min"), "us")
    time = last - np.arange(BARS)[::-1] * np.timedelta64(1, "m")
    close = 70_000 + 100 * (np.arange(BARS) * 7 % 40)
    first = np.roll(close, 1)
    return BarColumns(
        time, first, np.maximum(first, close) + 100, np.minimum(first, close) - 100, close, close // 7
    )


def _one_issue(address: str) -> tuple[Client, EventStream[Any]]:
    client = Client(address)
    trades = client._streams.open(_TRADES, CODES[:1], _KEEPS)
    _begin.append(lambda: client.fire("pace", _AT_PACE))
    client.fire("issues", 1)
    _clients.append(client)
    _kept.append(trades)
    _count_messages()
    return client, trades


def no_chart(address: str) -> None:
    """The stream of one issue alone."""
    _one_issue(address)


def chart(address: str) -> Any:
    client, trades = _one_issue(address)
    bars = _bars()
    board = RangeBoard(
        "종목", interval("1min"), trades, lambda *_: LoadResult(bars, fetched_at=time.time()), time.time
    )
    with Progress("", show=False) as quiet:
        board.begin(bars.time[0], quiet)
    del client
    return LiveChart(board, AVERAGES, True, _line("1분봉", trades))


def figure(address: str) -> Any:
    """plotly's FigureWidget, whose last bar is changed four times a second."""
    _, trades = _one_issue(address)
    bars = _bars()
    columns = {name: getattr(bars, name).astype(np.float64) for name in ("open", "high", "low", "close")}
    shown = go.FigureWidget(
        [
            go.Candlestick(x=bars.time.astype("M8[ms]"), **columns),
            go.Bar(x=bars.time, y=bars.volume, yaxis="y2"),
        ]
    )
    shown.update_layout(
        height=430, yaxis={"domain": [0.3, 1]}, yaxis2={"domain": [0, 0.25]}, xaxis_rangeslider_visible=False
    )
    prices: list[float] = []
    trades.listen(lambda part, _: prices.append(float(part["price"][-1])))

    def draw() -> None:
        if not prices:
            return
        price = prices[-1]
        columns["close"][-1] = price
        columns["high"][-1] = max(columns["high"][-1], price)
        columns["low"][-1] = min(columns["low"][-1], price)
        with shown.batch_update():
            shown.data[0].update({name: column.copy() for name, column in columns.items()})

    _repeat(0.25, draw)
    return shown
