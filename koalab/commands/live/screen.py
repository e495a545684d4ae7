"""``LiveScreen``: redraws a part of the terminal until Ctrl-C, and leaves the terminal as it was."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, Final, Self

from rich.console import Console, RenderableType
from rich.live import Live

_TERMINATED: Final = 128  # and the signal's number: the shells' exit code
# The state that is drawn has what these loggers warn of: a connection that is lost, and tried again.
_DRAWN_INSTEAD: Final = ("koalab.live", "koalab.link")


class LiveScreen:
    """A part of the terminal that is redrawn; what was drawn last stays.

    The first Ctrl-C and SIGTERM set ``stopped`` in place of an exception, which could fall into the middle of a
    drawing; a second Ctrl-C is an exception again. Warnings of live data are not logged while it draws.

    Attributes:
        stopped: whether the user, or the system, has ended it.
    """

    def __init__(self, console: Console) -> None:
        self.stopped = threading.Event()
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._before: dict[signal.Signals, Any] = {}
        self._levels: dict[str, int] = {}
        self._signal = 0

    @property
    def width(self) -> int:
        return self._console.width

    @property
    def height(self) -> int:
        return self._console.height

    def draw(self, what: RenderableType) -> None:
        """Draws it in place of what was drawn before."""
        self._live.update(what, refresh=True)

    def print(self, line: RenderableType) -> None:
        """Writes a line above, which stays there."""
        self._console.print(line)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for one in (signal.SIGINT, signal.SIGTERM):
                self._before[one] = signal.signal(one, self._on_signal)
        for name in _DRAWN_INSTEAD:
            self._levels[name] = logging.getLogger(name).level
            logging.getLogger(name).setLevel(logging.ERROR)
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._live.stop()
            if not self._console.is_terminal:
                self._console.line()  # as a terminal gets one
        finally:
            self._console.show_cursor()
            for name, level in self._levels.items():
                logging.getLogger(name).setLevel(level)
            for one, handler in self._before.items():
                signal.signal(one, handler)
        if self._signal == signal.SIGTERM:
            sys.exit(_TERMINATED + self._signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.stopped.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signal = number
        self.stopped.set()
