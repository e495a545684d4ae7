"""OnReceiveRealData events, and GetCommRealData while one is being handled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from kernel_server import reference
from kernel_server.simulated.base.broker_connection import BrokerConnection


@cache
def _positions(realtype: str) -> Mapping[int, int]:
    """Position of each FID of a type in its string."""
    return {fid: place for place, fid in reversed(list(enumerate(reference.realtype(realtype).fids)))}


class RealTimeEvents:
    """Fires OnReceiveRealData on the connection to the broker."""

    def __init__(self, connection: BrokerConnection) -> None:
        self._connection = connection
        self._event: tuple[str, str] | None = None
        self._split: tuple[str, list[str]] = "", [""]  # the string read last, and its values

    def GetCommRealData(self, sTrCode: str, nFid: int) -> str:  # noqa: ARG002
        """One value of the event being handled. The first argument, code or type, is ignored."""
        if self._event is None:
            return ""
        realtype, data = self._event
        position = _positions(realtype).get(nFid)
        if self._split[0] is not data:  # a program reads many fields of one event
            self._split = data, data.split("\t")
        values = self._split[1]
        return values[position] if position is not None and position < len(values) else ""

    def publish(self, key: str, realtype: str, data: str) -> None:
        """Fire an event, given key, type and string."""
        before, self._event = self._event, (realtype, data)
        try:
            self._connection.fire("OnReceiveRealData", key, realtype, data)
        finally:
            self._event = before
