"""The control thread for the OCX: Qt's main thread, where COM delivers its events.

PySide2 is imported here and nowhere else above the OCX itself, and only when this is used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from kernel_server.control.thread import settle

T = TypeVar("T")
log = logging.getLogger(__name__)

# Python sees a signal (Ctrl-C) only when it runs; Qt's loop gives it a turn this often, in ms.
_PULSE = 200


class QtThread:
    """Runs work on the thread that made it, inside that thread's Qt event loop (``run``)."""

    def __init__(self) -> None:
        from PySide2 import QtCore, QtWidgets

        # An ActiveX control needs a window, so a widget application and not a bare core one.
        self._application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])

        class Bridge(QtCore.QObject):  # type: ignore[misc]
            posted = QtCore.Signal(object)

        self._bridge: Any = Bridge()
        # Queued even from this same thread: work never runs inside other work.
        self._bridge.posted.connect(lambda work: work(), QtCore.Qt.QueuedConnection)
        self._pulse: Any = QtCore.QTimer()
        self._pulse.timeout.connect(lambda: None)
        self._pulse.start(_PULSE)

    def post(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._bridge.posted.emit(lambda: settle(future, work))
        return future

    def hand_over(self, work: Callable[[], None]) -> None:
        self._bridge.posted.emit(lambda: _run_logged(work))

    def run(self) -> None:
        """Qt's event loop, until ``stop``. Call it on the main thread."""
        self._application.exec_()

    def stop(self) -> None:
        self._bridge.posted.emit(self._application.quit)


def _run_logged(work: Callable[[], None]) -> None:
    try:
        work()
    except BaseException:
        log.exception("work on the control thread failed")
