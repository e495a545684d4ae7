"""TRs at the control: inputs gathered, a request sent, its answer delivered in an event and read there."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

from kernel_server import reference
from kernel_server.control.seam import Table
from kernel_server.reference import Tr
from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.base.screen_number import is_screen
from kernel_server.simulated.base.tr import (
    TrAnswer,
    TrAnswerReader,
    TrHandler,
    TrRejected,
    TrRequest,
    Unfinished,
    message,
)
from kernel_server.simulated.brokerage.outbox import OrderNumberReader
from kernel_server.simulated.market.recorded.csv_files import BadMarketData
from kernel_server.simulated.realtime.registry import RealTimeRegistry
from kernel_server.simulated.request_limits import SERVED, RequestLimits
from kernel_server.simulated.settings import BrokerSettings

log = logging.getLogger(__name__)

UNKNOWN_TR = -201
BAD_REQUEST = -202
TOO_MANY_CODES = -204
CODES_A_REQUEST = 100

_WATCH_LISTS: Mapping[int, str] = {0: "OPTKWFID", 3: "OPTFOFID"}  # by nTypeFlag of CommKwRqData


class _Key(NamedTuple):
    """Where the TR that was last answered on a screen goes on."""

    tr: str
    inputs: Mapping[str, str]
    after: int


class TrDispatcher:
    """One method a function, under Kiwoom's name.

    The module keeps one continuation key a screen: another request there, of whatever TR, takes its place.
    """

    def __init__(
        self,
        line: BrokerConnection,
        settings: BrokerSettings,
        limits: RequestLimits,
        registrations: RealTimeRegistry,
        handlers: Mapping[str, TrHandler],
    ) -> None:
        self._line = line
        self._settings = settings
        self._limits = limits
        self._registrations = registrations
        self._handlers = handlers
        self._inputs: dict[str, str] = {}
        self._keys: dict[str, _Key] = {}
        self._reading: TrAnswerReader | OrderNumberReader | None = None

    def clear(self) -> None:
        """Forgets the continuation keys, as a lost connection does."""
        self._keys.clear()

    def unfilled(self) -> list[str]:
        """The TRs that are answered in the right shape, but without values."""
        return [tr.code for tr in reference.trs() if tr.code.lower() not in self._handlers]

    def SetInputValue(self, sID: str, sValue: str) -> None:
        self._inputs[sID] = sValue

    def CommRqData(self, sRQName: str, sTrCode: str, nPrevNext: int, sScreenNo: str) -> int:
        given, self._inputs = self._inputs, {}
        try:
            tr = reference.tr(sTrCode)
        except reference.UnknownReference:
            return UNKNOWN_TR
        if tr.code.upper() in _WATCH_LISTS.values():
            return UNKNOWN_TR  # a TR of CommKwRqData
        if not is_screen(sScreenNo):
            return self._settings.bad_screen
        key = self._keys.get(sScreenNo)
        inputs = {name: value.strip() for name, value in given.items()}
        after = None
        if nPrevNext == 2:
            if key is not None and key.tr == tr.code and key.inputs == inputs:
                after = key.after
            elif self._settings.lost_continuation == "fail":
                return self._not_parsed()
        if not self._packs(tr, inputs):
            return self._not_parsed()
        filled = {**{field.name: "" for field in tr.inputs}, **inputs}
        return self._send(TrRequest(tr, sTrCode, sRQName, sScreenNo, filled, after), inputs)

    def CommKwRqData(
        self,
        sArrCode: str,
        bNext: int,  # noqa: ARG002 - a hundred codes fit one page, there is no next one
        nCodeCount: int,
        nTypeFlag: int,
        sRQName: str,
        sScreenNo: str,
    ) -> int:
        """Asks for the first ``nCodeCount`` of the codes."""
        codes = sArrCode.rstrip(";").split(";")[: max(0, nCodeCount)]
        if nCodeCount > CODES_A_REQUEST:
            return TOO_MANY_CODES
        if not any(codes) or nTypeFlag not in _WATCH_LISTS:
            return BAD_REQUEST
        if not is_screen(sScreenNo):
            return self._settings.bad_screen
        code = _WATCH_LISTS[nTypeFlag]
        joined = ";".join(held.strip() for held in codes)
        return self._send(TrRequest(reference.tr(code), code, sRQName, sScreenNo, {"종목코드": joined}), {})

    def _packs(self, tr: Tr, inputs: Mapping[str, str]) -> bool:
        """Whether the module can pack the inputs: none missing or unknown, and in the TR's own order."""
        declared = [field.name for field in tr.inputs]
        known = {*declared, *(field.name for field in tr.optional_inputs)}
        required = {field.name for field in tr.inputs if field.default is None}
        if not required <= inputs.keys() <= known:
            return False
        given = [name for name in inputs if name in declared]
        return self._settings.input_order == "any" or given == [name for name in declared if name in inputs]

    def _not_parsed(self) -> int:
        # The module finds this out by itself and says so inside the call; nothing ties the message to a request.
        self._line.fire("OnReceiveMsg", "", "", "", message("parse"))
        return self._settings.parse_result

    def _send(self, request: TrRequest, inputs: Mapping[str, str]) -> int:
        refused = self._limits.take(self._line.now())
        if refused != SERVED:
            return refused
        self._keys.pop(request.screen, None)
        self._line.answer_later(self._settings.latency, lambda: self._deliver(request, inputs))
        return 0

    def _deliver(self, request: TrRequest, inputs: Mapping[str, str]) -> None:
        tr = request.tr
        try:
            handler = self._handlers.get(tr.code.lower())
            answer = (
                TrAnswer(message=message("unfilled"))
                if handler is None
                else handler(request, self._line.now())
            )
        except Unfinished:  # whoever waits for the answer goes on waiting, and no clock has to leap for it
            self._line.answer_later(0, lambda: self._deliver(request, inputs), background=True)
            return
        except TrRejected as rejected:
            self._say(request, rejected.text)
            if self._settings.rejected_query == "silent":
                return
            answer = TrAnswer()
        except BadMarketData as bad:
            log.exception("no answer to %s", tr.code)
            answer = TrAnswer(message=f"{message('bad_data')}: {bad}")
        if answer.message:
            self._say(request, answer.message)
        if answer.after is None:
            self._keys.pop(request.screen, None)
        else:
            self._keys[request.screen] = _Key(tr.code, inputs, answer.after)
        if answer.codes:
            self._registrations.follow(request.screen, answer.codes)
        last = "" if tr.kind == "account" else self._settings.last_page
        prev_next = last if answer.after is None else "2"
        self.deliver(request.screen, request.name, request.asked_as, TrAnswerReader(tr, answer), prev_next)

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
            self._line.fire("OnReceiveTrData", screen, name, code, "", prev_next, 0, "", "", "")
        finally:
            self._reading = before

    def _say(self, request: TrRequest, text: str) -> None:
        self._line.fire("OnReceiveMsg", request.screen, request.name, request.asked_as, text)

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
