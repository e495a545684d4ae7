"""Qt's messages, which a program without a console shows to no user: into the log, and into errors of the control.

Why a call or the control's creation failed is only in Qt's warnings: "Bad parameter count", "CoCreateInstance failure".
"""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)

_KEPT = 20


class QtMessages:
    """Receives Qt's messages of this process from when it is made until ``close``. It is used on Qt's main thread."""

    def __init__(self) -> None:
        from PySide2 import QtCore

        self._levels = {
            QtCore.QtMsgType.QtDebugMsg: logging.DEBUG,
            QtCore.QtMsgType.QtInfoMsg: logging.INFO,
            QtCore.QtMsgType.QtWarningMsg: logging.WARNING,
        }
        self._recent: list[str] = []
        self._install = QtCore.qInstallMessageHandler
        self._before = self._install(self._on_message)

    def clear(self) -> None:
        """Forgets what came so far."""
        self._recent.clear()

    def recent(self) -> str:
        """The messages since ``clear``, at most the first twenty; blank where none came."""
        return " / ".join(self._recent)

    def failure_of(self, function: str) -> str:
        """What was said since ``clear`` of a call of that function that failed; blank where nothing was."""
        begin = f"QAxBase: Error calling IDispatch member {function}: "
        return next((message[len(begin) :] for message in self._recent if message.startswith(begin)), "")

    def close(self) -> None:
        """Gives Qt's messages back to the handler that was there before."""
        self._install(self._before)

    def _on_message(self, kind: Any, _context: Any, message: str) -> None:
        if len(self._recent) < _KEPT:
            self._recent.append(message)
        log.log(self._levels.get(kind, logging.ERROR), "Qt: %s", message)
