"""A QObject in the OCX's place: what ``QAxWidget`` does, its traps included, over ready-made answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from PySide2 import QtCore

from kernel_server import reference
from tests.fakes.canned_control import CannedControl

_FORM = re.compile(r"(\w+)\(([\w,]*)\)\Z")


class StandIn(QtCore.QObject):
    exception = QtCore.Signal(int, str, str, str)
    OnEventConnect = QtCore.Signal(int)
    OnReceiveTrData = QtCore.Signal(str, str, str, str, str, int, str, str, str)
    OnReceiveMsg = QtCore.Signal(str, str, str, str)
    OnReceiveRealData = QtCore.Signal(str, str, str)
    OnReceiveChejanData = QtCore.Signal(str, int, str)
    OnReceiveConditionVer = QtCore.Signal(int, str)
    OnReceiveInvestRealData = QtCore.Signal(str)
    OnReceiveRealCondition = QtCore.Signal(str, str, str, str)
    OnReceiveTrCondition = QtCore.Signal(str, str, str, int, int)

    def __init__(
        self, pages: Any, later: Callable[[Callable[[], None]], None], connected: bool = True
    ) -> None:
        super().__init__()
        self.broker = CannedControl(pages, later, connected=connected)
        self.broker.listen(lambda event: getattr(self, event.name).emit(*event.arguments))
        self.wrong_thread = 0
        self.cleared = False

    def dynamicCall(self, signature: str, arguments: Any = None) -> Any:
        if QtCore.QThread.currentThread() != self.thread():
            self.wrong_thread += 1
            return None
        match = _FORM.match(signature)
        known = reference.functions()
        if match is None or match[1] not in known:
            return None
        if isinstance(arguments, str):
            arguments = ["0"]  # as QAxBase does with a bare text
        types = ["QString" if kind == "str" else "int" for _, kind in known[match[1]].arguments]
        if match[2].split(",") != (types or [""]):
            return None
        given = list(arguments or ())
        given += ["QString"] * (len(types) - len(given))
        return self.broker.call(match[1], given)

    def clear(self) -> None:
        self.cleared = True
