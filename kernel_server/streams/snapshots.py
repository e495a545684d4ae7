"""Unacknowledged events with their data, from which a client's GetCommData and the like are answered.

OpenAPI+ lets a program read an event's data only while it handles the event. To handle it in a remote client, the
control thread would have to wait for that client. Instead all data of the event is read at once and kept for the
client until it acknowledges the event or its time is up.
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
"""Functions that only work inside an event, and that event."""


class Snapshot:
    """An event with all its data; made on the control thread, inside the event."""

    def __init__(self, context: EventContext) -> None:
        self.name = context.name
        self.arguments = context.arguments
        if context.name == "OnReceiveTrData":
            names, values = context.single
            self._single = dict(zip(names, values, strict=True))
            self._columns, self._rows = context.rows
        elif context.name == "OnReceiveChejanData":
            self._chejan = context.chejan
        elif context.name == "OnReceiveRealData":
            code, realtype, data = (str(argument) for argument in context.arguments)
            found = real(RealEvent(code, realtype, data, 0.0), Options((), infer=True, readable=False))
            self._real = dict(zip(found.single_data.names, found.single_data.values, strict=True))

    def answer(self, function: str, arguments: Sequence[Scalar]) -> Value:
        """The function's result, as inside the event."""
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
    """Unacknowledged events by client, the newest last. It is used on the event loop only."""

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
        """The client's newest unacknowledged event that the function reads; None where there is none."""
        wanted = _READ_IN.get(function)
        if wanted is None:
            return None
        found = (snapshot for snapshot in reversed(self._open.get(client, ())) if snapshot.name == wanted)
        return next(found, None)
