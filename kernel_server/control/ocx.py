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
from typing import Any

from kernel_server import reference
from kernel_server.control.seam import Event, Handler, Scalar, Value

log = logging.getLogger(__name__)

PROG_ID = "KHOPENAPI.KHOpenAPICtrl.1"
_QT_TYPES = {"str": "QString", "int": "int"}


class ControlMissing(RuntimeError):
    """The OCX is not installed or cannot be loaded into this process."""


def _signature(name: str, arguments: Sequence[tuple[str, str]]) -> str:
    return f"{name}({','.join(_QT_TYPES[kind] for _, kind in arguments)})"


class OcxControl:
    """The control behind a ``QAxWidget``, or behind anything that has its ``dynamicCall`` and signals."""

    kind = "ocx"
    always_paper = False
    # 모의투자 and the real server give the same quotes, so their histories may share a cache.
    source = "kiwoom"

    def __init__(self, widget: Any) -> None:
        from PySide2 import QtCore

        self._widget = widget
        self._handler: Handler | None = None
        self._slots: list[Callable[..., None]] = []
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
        value = self._widget.dynamicCall(_signature(name, function.arguments), list(arguments))
        if function.returns == "none":
            return None
        if function.returns == "table":
            return value if isinstance(value, list) and value and isinstance(value[0], list) else []
        if value is None:
            raise RuntimeError(f"{name}: the control gave nothing back; is it installed whole?")
        return int(value) if function.returns == "int" else str(value)

    def listen(self, handler: Handler) -> None:
        self._handler = handler

    def close(self) -> None:
        self._handler = None
        clear = getattr(self._widget, "clear", None)
        if clear is not None:
            clear()


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


def make() -> OcxControl:
    """Makes the installed control, on Qt's main thread.

    Raises:
        ControlMissing: it is not registered on this machine.
    """
    from PySide2 import QtAxContainer

    widget = QtAxContainer.QAxWidget(PROG_ID)
    if widget.isNull():
        raise ControlMissing(f"{PROG_ID} is not registered: install Kiwoom OpenAPI+ (32-bit) on this machine")
    return OcxControl(widget)
