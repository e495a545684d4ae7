"""TR requests at the control: inputs, limits, continuation keys, and the handler's answer or refusal."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

from kernel_server import reference
from kernel_server.reference import Tr
from kernel_server.simulated.answer_delivery import AnswerDelivery
from kernel_server.simulated.base.broker_connection import BrokerConnection
from kernel_server.simulated.base.screen_number import is_screen
from kernel_server.simulated.base.tr import (
    AnswerPending,
    TrAnswer,
    TrAnswerReader,
    TrHandler,
    TrRejected,
    TrRequest,
    message,
)
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
        registry: RealTimeRegistry,
        handlers: Mapping[str, TrHandler],
        answers: AnswerDelivery,
    ) -> None:
        self._line = line
        self._settings = settings
        self._limits = limits
        self._registry = registry
        self._handlers = handlers
        self._answers = answers
        self._inputs: dict[str, str] = {}
        self._keys: dict[str, _Key] = {}

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
        except AnswerPending:  # whoever waits for the answer goes on waiting, and no clock has to leap for it
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
            self._registry.register_by_tr(request.screen, answer.codes)
        last = "" if tr.kind == "account" else self._settings.last_page
        prev_next = last if answer.after is None else "2"
        self._answers.deliver(
            request.screen, request.name, request.requested_code, TrAnswerReader(tr, answer), prev_next
        )

    def _say(self, request: TrRequest, text: str) -> None:
        self._line.fire("OnReceiveMsg", request.screen, request.name, request.requested_code, text)
