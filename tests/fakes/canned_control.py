"""A control with canned answers, for tests and benchmarks of what stands above a control.

It answers every TR with the pages it was given, one after the other, and fires its events as the OCX
does. It works on Python 3.10 without numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kernel_server import reference
from kernel_server.control.seam import Event, Handler, Scalar, Table, Value


class CannedControl:
    """Pages by TR code (lower case): each page is (single values by field name, rows in the TR's field order).

    ``later`` posts work to the control thread, so that an answer comes after the request.
    With ``bulk`` False, GetCommDataEx returns nothing, as on some machines, and cells are read one by one.
    """

    kind = "simulated"
    always_paper = True
    source = "ready-made"

    def __init__(
        self,
        pages: Mapping[str, Sequence[tuple[Mapping[str, str], Table]]],
        later: Callable[[Callable[[], None]], None],
        bulk: bool = True,
        connected: bool = True,
    ) -> None:
        self._pages = pages
        self._later = later
        self._bulk = bulk
        self._connected = connected
        self._handler: Handler | None = None
        self._inputs: dict[str, str] = {}
        self._position: dict[tuple[str, str], int] = {}
        self._current: tuple[Mapping[str, str], Table] | None = None
        # What GetChejanData returns, by FID.
        self.chejan: Mapping[int, str] = {}
        self._index: dict[str, dict[str, int]] = {}
        # Recorded calls: (function, arguments), and the inputs of each TR.
        self.calls: list[tuple[str, tuple[Scalar, ...]]] = []
        self.asked: list[dict[str, str]] = []

    def listen(self, handler: Handler) -> None:
        self._handler = handler

    def close(self) -> None:
        self._handler = None

    def fire(self, name: str, *arguments: Scalar) -> None:
        """Fires an event; only on the control thread."""
        if self._handler is not None:
            self._handler(Event(name, arguments))

    def call(self, name: str, arguments: Sequence[Scalar]) -> Value:
        method = getattr(self, name, None)
        if method is not None:
            value: Value = method(*arguments)
            return value
        self.calls.append((name, tuple(arguments)))
        return {"int": 0, "str": "", "none": None, "table": []}[reference.function(name).returns]  # type: ignore[return-value]

    def CommConnect(self) -> int:
        def done() -> None:
            self._connected = True
            self.fire("OnEventConnect", 0)

        self._later(done)
        return 0

    def GetConnectState(self) -> int:
        return int(self._connected)

    def GetLoginInfo(self, tag: str) -> str:
        return {"GetServerGubun": "1", "USER_ID": "readymade"}.get(tag, "")

    def SetInputValue(self, name: str, value: str) -> None:
        self._inputs[name] = value

    def CommRqData(self, request: str, code: str, prev_next: int, screen: str) -> int:
        self.calls.append(("CommRqData", (request, code, prev_next, screen)))
        self.asked.append(self._inputs)
        self._inputs = {}
        pages = self._pages.get(code.lower())
        if not pages:
            return -202
        key = (code, screen)
        number = self._position.get(key, 0) + 1 if prev_next == 2 else 0
        self._position[key] = number
        self._later(lambda: self._answer(screen, request, code, pages[number], number + 1 < len(pages)))
        return 0

    def _answer(
        self, screen: str, request: str, code: str, page: tuple[Mapping[str, str], Table], more: bool
    ) -> None:
        self._current = page
        self.fire("OnReceiveTrData", screen, request, code, "", "2" if more else "0", 0, "", "", "")
        self._current = None

    def GetChejanData(self, fid: int) -> str:
        return self.chejan.get(fid, "")

    def fire_order_number(self, screen: str, request: str, code: str, number: str) -> None:
        """OnReceiveTrData of an order; only on the control thread."""
        self._current = {"주문번호": number}, []
        self.fire("OnReceiveTrData", screen, request, code, "", "", 0, "", "", "")
        self._current = None

    def fire_chejan(self, kind: str, values: Mapping[int, str]) -> None:
        """OnReceiveChejanData with those values by FID; only on the control thread."""
        self.chejan = values
        self.fire("OnReceiveChejanData", kind, len(values), ";".join(map(str, values)))
        self.chejan = {}

    def GetRepeatCnt(self, _code: str, _record: str) -> int:
        return len(self._current[1]) if self._current else 0

    def GetCommDataEx(self, _code: str, _record: str) -> Table:
        return self._current[1] if self._current and self._bulk else []

    def GetCommData(self, code: str, _record: str, row: int, item: str) -> str:
        if self._current is None:
            return ""
        single, rows = self._current
        if item in single and not rows:
            return single[item]
        index = self._index.get(code)
        if index is None:
            names = reference.tr(code).multi_names
            index = self._index[code] = {name: number for number, name in enumerate(names)}
        if item in index and row < len(rows):
            return rows[row][index[item]]
        return single.get(item, "")
