"""Delivery of answers to TRs and orders in OnReceiveTrData, and the functions that read the current event."""

from __future__ import annotations

from kernel_server.control.seam import Table
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.base.tr import TrAnswerReader
from kernel_server.simulated.brokerage.outbox import OrderNumberReader
from kernel_server.simulated.settings import BrokerSettings


class AnswerDelivery:
    """Fires OnReceiveTrData. The functions that read it, under Kiwoom's names, are blank outside an event."""

    def __init__(self, connection: BrokerConnection, settings: BrokerSettings) -> None:
        self._connection = connection
        self._settings = settings
        self._reader: TrAnswerReader | OrderNumberReader | None = None

    def deliver(
        self,
        screen: str,
        name: str,
        code: str,
        reader: TrAnswerReader | OrderNumberReader,
        prev_next: str = "",
    ) -> None:
        """Fire OnReceiveTrData; while it is handled, the functions below read ``reader``."""
        before, self._reader = self._reader, reader
        try:
            self._connection.fire("OnReceiveTrData", screen, name, code, "", prev_next, 0, "", "", "")
        finally:
            self._reader = before

    def GetCommData(self, strTrCode: str, strRecordName: str, nIndex: int, strItemName: str) -> str:  # noqa: ARG002
        """One value of the event being handled. TR code and record name are ignored."""
        if self._reader is None:
            return ""
        value = self._reader.value(nIndex, strItemName)
        return kiwoom_format.padded(value, self._settings.padding, self._settings.field_width)

    def GetCommDataEx(self, strTrCode: str, strRecordName: str) -> Table | None:  # noqa: ARG002
        """Rows of the event being handled, not padded; None if there are none."""
        return (self._reader.rows or None) if self._reader is not None else None

    def GetRepeatCnt(self, sTrCode: str, sRecordName: str) -> int:  # noqa: ARG002
        return 0 if self._reader is None else self._reader.count

    def GetDataCount(self, strRecordName: str) -> int:  # noqa: ARG002
        return 0 if self._reader is None else self._reader.count

    def GetOutputValue(self, strRecordName: str, nRepeatIdx: int, nItemIdx: int) -> str:  # noqa: ARG002
        return "" if self._reader is None else self._reader.at(nRepeatIdx, nItemIdx)

    def CommGetData(
        self,
        sJongmokCode: str,
        sRealType: str,  # noqa: ARG002
        sFieldName: str,
        nIndex: int,
        sInnerFieldName: str,
    ) -> str:
        """Obsolete getter in its TR form: TR code, blank, request name, row, field."""
        return self.GetCommData(sJongmokCode, sFieldName, nIndex, sInnerFieldName)
