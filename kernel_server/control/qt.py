"""The control thread for the OCX: Qt's main thread, where COM delivers its events.

PySide2 is imported only when this is used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from kernel_server.control.thread import settle

T = TypeVar("T")
log = logging.getLogger(__name__)

# Python handles a signal (Ctrl-C) only while it runs, so a timer runs it in Qt's loop this often, in ms.
_SIGNAL_CHECK = 200


class QtThread:
    """Runs work on the thread that made it, inside that thread's Qt event loop (``run``)."""

    def __init__(self) -> None:
        from PySide2 import QtCore, QtWidgets

        # An ActiveX control needs a window, hence a QApplication and no QCoreApplication.
        self._application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])

        class Bridge(QtCore.QObject):  # type: ignore[misc]
            posted = QtCore.Signal(object)

        self._bridge: Any = Bridge()
        # Queued even from this same thread: work never runs inside other work.
        self._bridge.posted.connect(lambda work: work(), QtCore.Qt.QueuedConnection)
        self._timer: Any = QtCore.QTimer()
        self._timer.timeout.connect(lambda: None)
        self._timer.start(_SIGNAL_CHECK)

    def post(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._bridge.posted.emit(lambda: settle(future, work))
        return future

    def hand_over(self, work: Callable[[], None]) -> None:
        self._bridge.posted.emit(lambda: _run_logged(work))

    def run(self) -> None:
        """Runs Qt's event loop until ``stop``; called on the main thread."""
        self._application.exec_()

    def stop(self) -> None:
        self._bridge.posted.emit(self._application.quit)


def _run_logged(work: Callable[[], None]) -> None:
    try:
        work()
    except BaseException:
        log.exception("work on the control thread failed")
