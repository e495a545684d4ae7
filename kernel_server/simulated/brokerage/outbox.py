"""Queue of order events to the client, and the values readable while one is being handled."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from kernel_server.control.seam import Scalar


class OrderNumberReader:
    """Reader of an order's OnReceiveTrData for GetCommData and its variants: 주문번호 only."""

    count = 0

    def __init__(self, number: str) -> None:
        self.number = number
        self.rows: list[list[str]] = []

    def value(self, index: int, name: str) -> str:
        """Value of a field; blank for any but 주문번호."""
        return self.number if index == 0 and name.strip() == "주문번호" else ""

    def at(self, index: int, item: int) -> str:
        return self.number if index == 0 and item == 0 else ""


Fire = Callable[..., None]
Deliver = Callable[[str, str, str, OrderNumberReader], None]


class Outbox:
    """Fires order events one at a time, in order. Events queued by a handler are fired after the current one.

    Args:
        fire: fires an event at once, given its name and arguments.
        deliver: fires OnReceiveTrData, given screen, request name, TR code and the reader of its values.
    """

    def __init__(self, fire: Fire, deliver: Deliver) -> None:
        self._fire = fire
        self._deliver = deliver
        self._queued: deque[Callable[[], None]] = deque()
        self._flushing = False
        self._online = False
        self._current_values: Mapping[int, str] = {}

    def connect(self, online: bool) -> None:
        """Set whether a client is connected. Events while offline are dropped, not delayed."""
        self._online = online
        self._queued.clear()

    def message(self, screen: str, name: str, code: str, text: str) -> None:
        self._queue(lambda: self._fire("OnReceiveMsg", screen, name, code, text))

    def order_number(self, screen: str, name: str, code: str, number: str) -> None:
        self._queue(lambda: self._deliver(screen, name, code, OrderNumberReader(number)))

    def chejan(self, kind: str, values: Callable[[], Mapping[int, str]]) -> None:
        """Queue an event of sGubun ``kind``; ``values`` is called when it is fired and returns values by FID."""
        self._queue(lambda: self._fire_chejan(kind, values()))

    def _fire_chejan(self, kind: str, values: Mapping[int, str]) -> None:
        before, self._current_values = self._current_values, values
        try:
            fids: tuple[Scalar, ...] = (kind, len(values), ";".join(map(str, values)))
            self._fire("OnReceiveChejanData", *fids)
        finally:
            self._current_values = before

    def chejan_value(self, fid: int) -> str:
        """GetChejanData: value of the event being handled; blank for other FIDs and outside an event."""
        return self._current_values.get(fid, "")

    def _queue(self, event: Callable[[], None]) -> None:
        if self._online:
            self._queued.append(event)

    def flush(self) -> None:
        """Fire all queued events."""
        if self._flushing:
            return
        self._flushing = True
        try:
            while self._queued:
                self._queued.popleft()()
        finally:
            self._flushing = False
