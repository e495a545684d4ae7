"""What the broker tells its client about orders, one event after another, and how a program reads it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from kernel_server.control.seam import Scalar


class OrderNumberReader:
    """The OnReceiveTrData of an order as GetCommData and its like read it: 주문번호 and nothing else."""

    count = 0

    def __init__(self, number: str) -> None:
        self.number = number
        self.rows: list[list[str]] = []

    def value(self, index: int, name: str) -> str:
        """The value of a field; blank for any but 주문번호."""
        return self.number if index == 0 and name.strip() == "주문번호" else ""

    def at(self, index: int, item: int) -> str:
        return self.number if index == 0 and item == 0 else ""


Fire = Callable[..., None]
Deliver = Callable[[str, str, str, OrderNumberReader], None]


class Outbox:
    """Events in the order in which things happened. What happens inside an event is told after it.

    Args:
        fire: fires an event, given its name and arguments, at once.
        deliver: fires OnReceiveTrData, given screen, request name, TR code and what it is read through.
    """

    def __init__(self, fire: Fire, deliver: Deliver) -> None:
        self._fire = fire
        self._deliver = deliver
        self._waiting: deque[Callable[[], None]] = deque()
        self._sending = False
        self._online = False
        self._reading: Mapping[int, str] = {}

    def connect(self, online: bool) -> None:
        """What happens while nobody is connected is never told, not even later."""
        self._online = online
        self._waiting.clear()

    def message(self, screen: str, name: str, code: str, text: str) -> None:
        self._put(lambda: self._fire("OnReceiveMsg", screen, name, code, text))

    def number(self, screen: str, name: str, code: str, number: str) -> None:
        self._put(lambda: self._deliver(screen, name, code, OrderNumberReader(number)))

    def chejan(self, kind: str, values: Callable[[], Mapping[int, str]]) -> None:
        """``kind`` is sGubun; ``values`` gives, when the event is fired, those by FID in the order of sFIdList."""
        self._put(lambda: self._chejan(kind, values()))

    def _chejan(self, kind: str, values: Mapping[int, str]) -> None:
        before, self._reading = self._reading, values
        try:
            fids: tuple[Scalar, ...] = (kind, len(values), ";".join(map(str, values)))
            self._fire("OnReceiveChejanData", *fids)
        finally:
            self._reading = before

    def read(self, fid: int) -> str:
        """GetChejanData: a value of the event that is being handled; blank for any other FID, and outside."""
        return self._reading.get(fid, "")

    def _put(self, event: Callable[[], None]) -> None:
        if self._online:
            self._waiting.append(event)

    def send(self) -> None:
        """Fires what waits."""
        if self._sending:
            return
        self._sending = True
        try:
            while self._waiting:
                self._waiting.popleft()()
        finally:
            self._sending = False
