"""Events that a client has not acknowledged yet, as they were: what it asks of them is answered from here.

OpenAPI+ lets a program read an event's data only while it handles the event. A client that handles it elsewhere
would have to hold the control thread up until it is done. Instead the event's data is read at once and kept
for that client, until it says that it is done or its time is up.
"""

from __future__ import annotations

from collections.abc import Sequence

from kernel_server.control.event_context import EventContext
from kernel_server.control.seam import Scalar, Value
from kernel_server.streams.event_codec import Options, real
from kernel_server.streams.realtime import RealEvent

_READ_IN = {
    "GetCommData": "OnReceiveTrData",
    "GetRepeatCnt": "OnReceiveTrData",
    "GetCommRealData": "OnReceiveRealData",
    "GetChejanData": "OnReceiveChejanData",
}
"""Functions that answer inside an event only, and inside which."""


class Snapshot:
    """An event with all its data. Made on the control thread, inside the event."""

    def __init__(self, moment: EventContext) -> None:
        self.name = moment.name
        self.arguments = moment.arguments
        if moment.name == "OnReceiveTrData":
            names, values = moment.single
            self._single = dict(zip(names, values, strict=True))
            self._columns, self._rows = moment.rows
        elif moment.name == "OnReceiveChejanData":
            self._chejan = moment.chejan
        elif moment.name == "OnReceiveRealData":
            code, realtype, data = (str(argument) for argument in moment.arguments)
            found = real(RealEvent(code, realtype, data, 0.0), Options((), infer=True, readable=False))
            self._real = dict(zip(found.single_data.names, found.single_data.values, strict=True))

    def answer(self, function: str, arguments: Sequence[Scalar]) -> Value:
        """What the function would have returned inside the event."""
        if function == "GetRepeatCnt":
            return len(self._rows)
        if function == "GetCommRealData":
            return self._real.get(str(arguments[1]), "")
        if function == "GetChejanData":
            return self._chejan.get(int(arguments[0]), "")
        row, field = int(arguments[2]), str(arguments[3])
        if field in self._columns and 0 <= row < len(self._rows):
            return self._rows[row][self._columns.index(field)]
        return self._single.get(field, "")


class Snapshots:
    """By client, the newest last. It lives on the event loop."""

    def __init__(self) -> None:
        self._open: dict[str, list[Snapshot]] = {}

    def open(self, client: str, snapshot: Snapshot) -> None:
        self._open.setdefault(client, []).append(snapshot)

    def close(self, client: str, snapshot: Snapshot) -> None:
        left = self._open.get(client, [])
        if snapshot in left:
            left.remove(snapshot)
        if not left:
            self._open.pop(client, None)

    def __len__(self) -> int:
        return len(self._open)

    def find(self, client: str, function: str) -> Snapshot | None:
        """The event inside which that client is, if the function reads such events."""
        wanted = _READ_IN.get(function)
        if wanted is None:
            return None
        found = (snapshot for snapshot in reversed(self._open.get(client, ())) if snapshot.name == wanted)
        return next(found, None)
