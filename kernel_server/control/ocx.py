"""Kiwoom's own control: KHOPENAPI.KHOpenAPICtrl.1, hosted by Qt.

Everything here runs on Qt's main thread. Qt checks nothing: a wrong signature connects and never fires, a bare
string argument arrives as ``'0'``, an unknown method returns None. So signatures come from the reference tables,
arguments are passed as a list, and None in place of a value is an error.
"""

from __future__ import annotations

import logging
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kernel_server import reference
from kernel_server.control import installed, type_library, window_station
from kernel_server.control.installed import ControlMissing
from kernel_server.control.qt_messages import QtMessages
from kernel_server.control.seam import Event, Handler, Scalar, Table, Value

log = logging.getLogger(__name__)

PROG_ID = "KHOPENAPI.KHOpenAPICtrl.1"
_QT_TYPES = {"str": "QString", "int": "int"}


def _signature(name: str, arguments: Sequence[tuple[str, str]]) -> str:
    return f"{name}({','.join(_QT_TYPES[kind] for _, kind in arguments)})"


class OcxControl:
    """The control behind a ``QAxWidget``, or behind anything that has its ``dynamicCall`` and signals.

    Args:
        widget: the widget.
        messages: Qt's messages; it closes them.
        found: what is wrong with the control, a sentence each, though it can be used.
    """

    kind = "ocx"
    always_paper = False
    # 모의투자 and the real server give the same quotes, so their histories may share a cache.
    source = "kiwoom"

    def __init__(self, widget: Any, messages: QtMessages, found: Sequence[str] = ()) -> None:
        from PySide2 import QtCore

        self._widget = widget
        self._messages = messages
        self._found = tuple(found)
        # GetCommDataEx gives no usable array in this process: pages are read cell by cell, and it is not called again.
        self._reads_cells = False
        self._handler: Handler | None = None
        self._slots: list[Callable[..., None]] = [self._on_exception]
        # What the control itself says of a failed call; Qt's own message of it has question marks for Hangul.
        self._exception = ""
        QtCore.QObject.connect(
            widget, QtCore.SIGNAL("exception(int,QString,QString,QString)"), self._on_exception
        )
        for event in reference.events().values():
            slot = self._slot(event)
            self._slots.append(slot)
            QtCore.QObject.connect(widget, QtCore.SIGNAL(_signature(event.name, event.arguments)), slot)

    def _slot(self, event: reference.EventSignature) -> Callable[..., None]:
        def fired(*arguments: Scalar) -> None:
            if self._handler is None:
                return
            try:
                self._handler(Event(event.name, arguments))
            except BaseException:
                log.exception("%s could not be handled", event.name)

        return fired

    def call(self, name: str, arguments: Sequence[Scalar]) -> Value:
        function = reference.function(name)
        if function.returns == "table" and self._reads_cells:
            return []
        self._messages.clear()
        before, self._exception = self._exception, ""  # events inside this call may call, too
        value = self._widget.dynamicCall(_signature(name, function.arguments), list(arguments))
        exception, self._exception = self._exception, before
        if exception:
            raise RuntimeError(f"{name}: the control failed: {exception}")
        if function.returns == "none":
            if reason := self._messages.failure_of(name):
                raise RuntimeError(f"{name}: the control failed: {reason}")
            return None
        if function.returns == "table":
            return self._table(value, arguments)
        if value is None:
            reason = self._messages.recent()
            raise RuntimeError(
                f"{name}: the control gave nothing back{f' ({reason})' if reason else ''}; is it installed whole?"
            )
        return int(value) if function.returns == "int" else str(value)

    def _on_exception(self, code: int, source: str, description: str, _help: str) -> None:
        self._exception = f"{description or 'an exception without a text'} ({source} {code})"

    def _table(self, value: Any, arguments: Sequence[Scalar]) -> Table:
        """The array of GetCommDataEx; none where it is not usable: an array of BSTRs arrives as an empty list."""
        if isinstance(value, list) and value and isinstance(value[0], list):
            return value
        if self.call("GetRepeatCnt", arguments):
            self._reads_cells = True
            log.warning(
                "GetCommDataEx gives no usable array of rows: pages are read cell by cell from now on"
            )
        return []

    def problems(self) -> Sequence[str]:
        """Types that are not the tables', and pages that are read cell by cell; from any thread."""
        if not self._reads_cells:
            return self._found
        return (
            *self._found,
            "GetCommDataEx of this control gives no usable array: pages are read cell by cell, five times slower",
        )

    def listen(self, handler: Handler) -> None:
        self._handler = handler

    def close(self) -> None:
        self._handler = None
        clear = getattr(self._widget, "clear", None)
        if clear is not None:
            clear()
        self._messages.close()


def check_machine() -> None:
    """Checks that the control can run in this process.

    Raises:
        ControlMissing: with what is missing, as far as that can be detected.
    """
    if sys.platform != "win32":
        raise ControlMissing(
            f"Kiwoom's control runs on Windows, this is {sys.platform}: use --control simulated"
        )
    if struct.calcsize("P") != 4:
        raise ControlMissing("Kiwoom's control is 32-bit and this Python is 64-bit: use a 32-bit Python 3.10")
    try:
        import PySide2.QtAxContainer  # noqa: F401 - only to test that it can be imported
    except ImportError as error:
        raise ControlMissing(f"PySide2 cannot be loaded ({error}): it needs Python 3.10") from error
    check_desktop(window_station.is_visible)


def check_desktop(is_visible: Callable[[], bool]) -> None:
    """Checks that this process can show windows to a person: Kiwoom's login is one.

    Raises:
        ControlMissing: it cannot.
    """
    if not is_visible():
        raise ControlMissing(
            "this process has no desktop, as in a Windows service or an ssh session: start it at the desktop of a user"
            " who is logged on, or by `koalab service install`"
        )


def check_control() -> tuple[Path, list[str]]:
    """The installed control's file, and what differs in the types of its functions.

    Raises:
        ControlMissing: it is not registered on this machine, or lacks functions or events.
    """
    path = installed.file_of(PROG_ID)
    try:
        declared = type_library.functions_of(path)
    except OSError as error:
        raise ControlMissing(
            f"{path} has no type library that can be read ({error}): install Kiwoom OpenAPI+ again"
        ) from error
    return path, installed.check_functions(declared, path)


def make() -> OcxControl:
    """Makes the installed control, on Qt's main thread.

    Raises:
        ControlMissing: as ``check_control``, or it cannot be created.
    """
    from PySide2 import QtAxContainer

    path, other_types = check_control()
    messages = QtMessages()
    widget = QtAxContainer.QAxWidget(PROG_ID)
    if widget.isNull():
        reason = messages.recent() or "Qt gives no reason"
        messages.close()
        raise ControlMissing(f"{PROG_ID} ({path}) is registered and cannot be created: {reason}")
    return OcxControl(widget, messages, other_types)
