"""``Painter``: one thread a process that asks every open widget eleven times a second for what to send."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

log = logging.getLogger(__name__)

PERIOD: Final = 1 / 11
"""Seconds between two messages of a widget; a trade waits half of that for its message.

jupyter_server drops messages beyond a thousand a second.
"""


class Painted(Protocol):
    """A widget that is open."""

    def paint(self, now: float) -> bool:
        """Sends at most one message; False when the widget is done. ``now`` is monotonic."""
        ...


class Painter:
    """Runs while a widget is open. Thread-safe.

    Args:
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._open: list[Painted] = []
        self._running = False

    def add(self, widget: Painted) -> None:
        with self._lock:
            self._open.append(widget)
            if self._running:
                return
            self._running = True
        threading.Thread(target=self._run, name="koalab-painter", daemon=True).start()

    def _run(self) -> None:
        while True:
            began = self._monotonic()
            with self._lock:
                widgets = list(self._open)
            done = [widget for widget in widgets if not self._paint(widget, began)]
            with self._lock:
                self._open = [widget for widget in self._open if widget not in done]
                if not self._open:
                    self._running = False
                    return
            time.sleep(max(0.01, PERIOD - (self._monotonic() - began)))

    def _paint(self, widget: Painted, now: float) -> bool:
        try:
            return widget.paint(now)
        except Exception:
            log.exception("a widget could not be painted, and is left as it is")
            return False


PAINTER: Final = Painter()
"""The process's."""
