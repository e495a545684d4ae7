"""``OrderForm``: an order to fill in, check and send. Part of ``kw.dashboard(codes)``."""

from __future__ import annotations

import html
from typing import Any

import traitlets

from koalab.widgets.live_widget import LiveWidget, Message, script
from koalab.widgets.order_entry import OrderEntry
from koalab.widgets.painter import PAINTER, Painter
from koalab.widgets.state_line import StateLine


class OrderForm(LiveWidget):
    """A form for orders of one issue. The first step checks an order and shows what it costs, the second sends it.

    Nothing that the page sends in one message can place an order: the second step needs the answer of the first.

    Args:
        entry: checks and sends.
        code: of the issue.
        name: of the issue.
        real: whether orders go to the real server.
        state: the line below.
        painter: sends what changes.

    Attributes:
        price: KRW that the form is filled with; a trait.
    """

    _esm = script("common.js", "order_form.js")
    code = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    price = traitlets.Int(0).tag(sync=True)
    real = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        entry: OrderEntry,
        code: str,
        name: str,
        real: bool,
        state: StateLine,
        painter: Painter = PAINTER,
    ) -> None:
        self._entry = entry
        self._sent_version = -1
        super().__init__(state, painter, code=code, name=name, real=real)

    def show(self, code: str, name: str) -> None:
        """Takes orders of another issue from now on; a checked one is forgotten."""
        self._entry.forget()
        with self.hold_sync():
            self.code, self.name, self.price = code, name, 0

    def fill(self, price: int) -> None:
        """Fills in a price (KRW), also the one of the last time, which may have been changed in the page since."""
        if price == self.price:
            self.send({"k": "fill"})
        self.price = price

    def _end(self) -> None:
        self._entry.forget()

    def _changes(self, everything: bool, now: float) -> Message | None:
        version = self._entry.version
        self._state.count(0, now)
        if not everything and version == self._sent_version:
            return None
        self._sent_version = version
        head: dict[str, Any] = {"k": "all", "answer": self._entry.answer, "busy": self._entry.busy}
        return head, {}

    def _on_request(self, content: dict[str, Any]) -> None:
        if "check" in content:
            self._entry.check(self.code, content["check"])
        elif "send" in content:
            self._entry.send(content["send"])
        elif "edited" in content:
            self._entry.forget()

    def snapshot(self) -> str:
        """A line that says what it was."""
        return f"<p>{html.escape(f'주문: {self.name} {self.code} · {self._state.caption()}')}</p>"

    def __repr__(self) -> str:
        return f"<주문 {self.name}>"
