"""The control thread for the OCX: Qt's main thread, where COM delivers its events.

PySide2 is imported only when this is used.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from kernel_server.control.thread import settle

T = TypeVar("T")
log = logging.getLogger(__name__)

# Python handles a signal (Ctrl-C) only while it runs, so a timer runs it in Qt's loop this often, in ms.
_SIGNAL_CHECK = 200


class QtThread:
    """Runs work on the thread that made it, inside that thread's Qt event loop (``run``), one after the other.

    A control function that opens a box pumps messages until it is closed, and Qt would run the next work inside it:
    the inputs of two TRs could mix. That work waits until the function has returned.
    """

    def __init__(self) -> None:
        from PySide2 import QtCore, QtWidgets

        # An ActiveX control needs a window, hence a QApplication and no QCoreApplication.
        self._application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])

        class Bridge(QtCore.QObject):  # type: ignore[misc]
            posted = QtCore.Signal(object)

        self._working = False
        self._waiting: deque[Callable[[], None]] = deque()
        self._bridge: Any = Bridge()
        # Queued even from this same thread, so that nothing posted runs inside the work that posts it.
        self._bridge.posted.connect(self._on_posted, QtCore.Qt.QueuedConnection)
        self._timer: Any = QtCore.QTimer()
        self._timer.timeout.connect(lambda: None)
        self._timer.start(_SIGNAL_CHECK)

    def _on_posted(self, work: Callable[[], None]) -> None:
        self._waiting.append(work)
        if self._working:
            return
        self._working = True
        try:
            while self._waiting:
                self._waiting.popleft()()
        finally:
            self._working = False

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
