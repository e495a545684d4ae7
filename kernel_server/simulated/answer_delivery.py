"""Answers to TRs and orders as OnReceiveTrData events, and the functions that read the event being handled."""

from __future__ import annotations

from kernel_server.control.seam import Table
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.base.tr import TrAnswerReader
from kernel_server.simulated.brokerage.outbox import OrderNumberReader
from kernel_server.simulated.settings import BrokerSettings


class AnswerDelivery:
    """Fires OnReceiveTrData. One method a function that reads it, under Kiwoom's name; blank outside an event."""

    def __init__(self, connection: BrokerConnection, settings: BrokerSettings) -> None:
        self._connection = connection
        self._settings = settings
        self._reading: TrAnswerReader | OrderNumberReader | None = None

    def deliver(
        self,
        screen: str,
        name: str,
        code: str,
        reading: TrAnswerReader | OrderNumberReader,
        prev_next: str = "",
    ) -> None:
        """Fires OnReceiveTrData; while it is handled, the getters read ``reading``."""
        before, self._reading = self._reading, reading
        try:
            self._connection.fire("OnReceiveTrData", screen, name, code, "", prev_next, 0, "", "", "")
        finally:
            self._reading = before

    def GetCommData(self, strTrCode: str, strRecordName: str, nIndex: int, strItemName: str) -> str:  # noqa: ARG002
        """One value of the event being handled. TR code and record name are not looked at."""
        if self._reading is None:
            return ""
        value = self._reading.value(nIndex, strItemName)
        return kiwoom_format.padded(value, self._settings.padding, self._settings.field_width)

    def GetCommDataEx(self, strTrCode: str, strRecordName: str) -> Table | None:  # noqa: ARG002
        """The rows of the event being handled, not padded; None where there are none."""
        return (self._reading.rows or None) if self._reading is not None else None

    def GetRepeatCnt(self, sTrCode: str, sRecordName: str) -> int:  # noqa: ARG002
        return 0 if self._reading is None else self._reading.count

    def GetDataCount(self, strRecordName: str) -> int:  # noqa: ARG002
        return 0 if self._reading is None else self._reading.count

    def GetOutputValue(self, strRecordName: str, nRepeatIdx: int, nItemIdx: int) -> str:  # noqa: ARG002
        return "" if self._reading is None else self._reading.at(nRepeatIdx, nItemIdx)

    def CommGetData(
        self,
        sJongmokCode: str,
        sRealType: str,  # noqa: ARG002
        sFieldName: str,
        nIndex: int,
        sInnerFieldName: str,
    ) -> str:
        """The old getter in its TR form: TR code, blank, request name, row, field."""
        return self.GetCommData(sJongmokCode, sFieldName, nIndex, sInnerFieldName)
