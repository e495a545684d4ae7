"""A page that shows a widget, played by its messages."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from koalab.widgets.live_widget import LiveWidget
from koalab.widgets.painter import Painter

KINDS = {"i": np.int32, "f": np.float32, "d": np.float64}
Sent = tuple[dict[str, Any], list[bytes]]


class StillPainter(Painter):
    """Paints when a test says so."""

    def add(self, widget: Any) -> None:
        del widget


class Page:
    """A widget of a ``StillPainter``, and what its page has received."""

    def __init__(self, widget: LiveWidget) -> None:
        self.widget = widget
        self.sent: list[Sent] = []
        self.now = time.monotonic()
        widget.send = lambda content, buffers=None: self.sent.append((content, list(buffers or ())))

    def say(self, **content: Any) -> None:
        self.widget._on_page(None, content, [])

    def paint(self, now: float) -> list[Sent]:
        self.sent.clear()
        self.widget.paint(now)
        return list(self.sent)


def array(sent: Sent, name: str) -> list[float]:
    """The array of that name in a message."""
    message, buffers = sent
    at = message["f"].index(name)
    # A ticker's rows come in several kinds of numbers, behind the numbers of the rows.
    kind = KINDS[message["t"][at - 1]] if "t" in message else np.float64
    return [float(value) for value in np.frombuffer(buffers[at], kind)]
