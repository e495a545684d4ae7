"""``Dashboard``: ticker, ladder, chart, account and order form as one widget. ``kw.dashboard(codes)`` makes it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import anywidget
import ipywidgets
import traitlets

from koalab.errors import KoalabError
from koalab.widgets.account_panel import AccountPanel
from koalab.widgets.bars.chart_board import ChartBoard
from koalab.widgets.book_board import BookBoard
from koalab.widgets.cell_runs import CELL_RUNS
from koalab.widgets.chart import LiveChart
from koalab.widgets.ladder import Ladder
from koalab.widgets.live_widget import STYLE, LiveWidget, script, with_snapshot
from koalab.widgets.order_form import OrderForm
from koalab.widgets.painter import PAINTER, Painter
from koalab.widgets.saved_layout import PANELS, SavedLayout
from koalab.widgets.state_line import StateLine
from koalab.widgets.ticker import Ticker

log = logging.getLogger(__name__)

INTERVALS: Final = {
    "30tick": "30틱",
    "1min": "1분",
    "3min": "3분",
    "5min": "5분",
    "15min": "15분",
    "60min": "60분",
    "D": "일",
}
"""The intervals of the chart that a page offers, with their titles."""
_COLUMNS: Final = {"1 1 480px": ("ticker", "chart", "account"), "0 0 412px": ("ladder", "order")}
"""The parts below each other, by the width of their column; where there is no room beside it, one stands below."""


@dataclass(frozen=True, slots=True)
class IssueSources:
    """Opens what a dashboard shows of one issue, each with its line of state."""

    book: Callable[[str], tuple[BookBoard, StateLine]]
    chart: Callable[[str, str], tuple[ChartBoard, StateLine]]


@dataclass(frozen=True, slots=True)
class Parts:
    """The widgets of a dashboard."""

    ticker: Ticker
    ladder: Ladder
    chart: LiveChart
    account: AccountPanel
    order: OrderForm


class DashboardBar(anywidget.AnyWidget):
    """The buttons above a dashboard: which parts are shown, and the chart's interval."""

    _esm = script("common.js", "dashboard.js")
    _css = STYLE
    titles = traitlets.Dict().tag(sync=True)
    intervals = traitlets.Dict().tag(sync=True)
    panels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    interval = traitlets.Unicode().tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)


class Dashboard(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The widgets of one desk. A row that is chosen in the ticker moves ladder, chart and order form to that issue.

    A price that is chosen in the ladder fills the form, and sends nothing. What is shown is saved with every change.

    Args:
        parts: its widgets.
        sources: of another issue.
        layout: what it begins with.
        save: keeps a layout.
        painter: looks whether its parts have ended.

    Attributes:
        ticker, ladder, chart, account, order: its widgets.
    """

    def __init__(
        self,
        parts: Parts,
        sources: IssueSources,
        layout: SavedLayout,
        save: Callable[[SavedLayout], None],
        painter: Painter = PAINTER,
    ) -> None:
        self.ticker, self.ladder, self.chart = parts.ticker, parts.ladder, parts.chart
        self.account, self.order = parts.account, parts.order
        self._sources = sources
        self._layout_now = layout
        self._save = save
        self._lock = threading.Lock()
        self._shown = self._wanted = (layout.selected, layout.interval)
        self._moving = False
        self._closed = False
        self.bar = DashboardBar(
            titles=PANELS, intervals=INTERVALS, panels=list(layout.panels), interval=layout.interval
        )
        for name, part in {"bar": self.bar, **self.parts}.items():
            part.add_class(f"koalab-part-{name}")
        self._columns = [
            ipywidgets.VBox([self.parts[name] for name in names], layout=_layout(flex=width, min_width="0"))
            for width, names in _COLUMNS.items()
        ]
        self._desk = ipywidgets.HBox(
            self._columns, layout=_layout(flex_flow="row wrap", align_items="flex-start")
        )
        super().__init__([self.bar, self._desk], layout=_layout(width="100%"))
        self.add_class("koalab-dashboard")
        self._show_panels()
        self.ticker.selected = layout.selected
        self.ticker.on_select(lambda code: self._want(code, self._wanted[1]))
        self.ladder.on_select(self.order.fill)
        self.bar.observe(lambda change: self._want(self._wanted[0], change["new"]), "interval")
        self.bar.observe(lambda _: self._show_panels(), "panels")
        save(layout)
        painter.add(self)

    @property
    def parts(self) -> dict[str, LiveWidget]:
        """Its widgets by name."""
        return {
            "ticker": self.ticker,
            "ladder": self.ladder,
            "chart": self.chart,
            "account": self.account,
            "order": self.order,
        }

    @property
    def selected(self) -> str:
        """The code that ladder, chart and order form are of."""
        return self._shown[0]

    def close(self) -> None:
        """Ends its widgets; what they showed last stays readable. Idempotent."""
        for part in self.parts.values():
            part.close()

    def paint(self, now: float) -> bool:
        """Ends what holds its widgets together when they have ended; see ``painter.Painted``."""
        del now
        if not all(part.comm is None for part in self.parts.values()):
            return True
        self._closed = True
        boxes = [self.bar, *self._columns, self._desk]
        layouts = [one.layout for one in (*boxes, self)]
        for one in boxes:
            one.close()
        super().close()
        for layout in layouts:
            layout.close()  # close() of a widget leaves its layout's comm
        return False

    def snapshot(self) -> str:
        """The snapshots of the widgets that are shown."""
        return "".join(part.snapshot() for name, part in self.parts.items() if name in self.bar.panels)

    def _repr_mimebundle_(self, **arguments: Any) -> Any:
        CELL_RUNS.displayed(*self.parts.values())
        return with_snapshot(super()._repr_mimebundle_(**arguments), self.snapshot(), repr(self))

    def __repr__(self) -> str:
        return f"<대시보드 {len(self.ticker.codes)}종목: {self.ladder.name}>"

    def _show_panels(self) -> None:
        shown = self.bar.panels
        for name, part in self.parts.items():
            part.layout.display = None if name in shown else "none"
        for column, names in zip(self._columns, _COLUMNS.values(), strict=True):
            column.layout.display = None if set(names) & set(shown) else "none"
        self._keep(replace(self._layout_now, panels=tuple(shown)))

    def _keep(self, layout: SavedLayout) -> None:
        if layout != self._layout_now:
            self._layout_now = layout
            self._save(layout)

    def _want(self, code: str, interval: str) -> None:
        """Moves to an issue and interval on a thread, as that waits for the broker."""
        if not code or interval not in INTERVALS:
            return
        with self._lock:
            self._wanted = (code, interval)
            if self._moving:
                return
            self._moving = True
        threading.Thread(target=self._move, name="koalab-dashboard", daemon=True).start()

    # -- on the thread

    def _move(self) -> None:
        while True:
            with self._lock:
                wanted = self._wanted
                if wanted == self._shown or self._closed:
                    self._moving = False
                    return
            try:
                self._open(*wanted)
                self.bar.notice = ""
            except KoalabError as error:
                log.info("dashboard: %s", error)
                self.bar.notice = f"{wanted[0]}: {error}"
                with self._lock:
                    again = self._wanted != wanted  # another choice is tried all the same
                    if not again:
                        self._wanted = self._shown
                if not again:
                    self._show_choice()

    def _show_choice(self) -> None:
        """What is marked as chosen is what is shown."""
        self.ticker.selected, self.bar.interval = self._shown

    def _open(self, code: str, interval: str) -> None:
        former_code, former_interval = self._shown
        name = self.ticker.name_of(code)
        if code != former_code:
            self.order.show(code, name)
            self.ladder.show(*self._sources.book(code))
        if (code, interval) != (former_code, former_interval):
            self.chart.show(*self._sources.chart(code, interval))
        self._shown = (code, interval)
        self._keep(replace(self._layout_now, selected=code, interval=interval))


def _layout(**more: str) -> ipywidgets.Layout:
    return ipywidgets.Layout(grid_gap="8px", overflow="visible", **more)
