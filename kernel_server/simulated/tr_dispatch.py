"""TR requests at the control: inputs, limits, continuation keys, and the handler's answer or reject."""

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
    unread,
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


class _Continuation(NamedTuple):
    """Continuation of the TR last answered on a screen."""

    tr: str
    inputs: Mapping[str, str]
    after: int


class TrDispatcher:
    """Request functions of the control, under Kiwoom's names.

    There is one continuation key a screen; any other request on the screen replaces it.
    """

    def __init__(
        self,
        connection: BrokerConnection,
        settings: BrokerSettings,
        limits: RequestLimits,
        registry: RealTimeRegistry,
        handlers: Mapping[str, TrHandler],
        answers: AnswerDelivery,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._limits = limits
        self._registry = registry
        self._handlers = handlers
        self._answers = answers
        self._inputs: dict[str, str] = {}
        self._continuations: dict[str, _Continuation] = {}

    def clear(self) -> None:
        """Drop all continuation keys, as on a lost connection."""
        self._continuations.clear()

    def unfilled(self) -> list[str]:
        """TR codes without a handler, answered with empty values."""
        return [tr.code for tr in reference.trs() if tr.code.lower() not in self._handlers]

    def SetInputValue(self, sID: str, sValue: str) -> None:
        self._inputs[sID] = sValue

    def CommRqData(self, sRQName: str, sTrCode: str, nPrevNext: int, sScreenNo: str) -> int:
        inputs_set, self._inputs = self._inputs, {}  # a request that fails uses them up too
        if not self._connection.GetConnectState():
            return self._settings.not_connected
        try:
            tr = reference.tr(sTrCode)
        except reference.UnknownReference:
            return UNKNOWN_TR
        if tr.code.upper() in _WATCH_LISTS.values():
            return UNKNOWN_TR  # a TR of CommKwRqData
        if not is_screen(sScreenNo):
            return self._settings.bad_screen
        continuation = self._continuations.get(sScreenNo)
        inputs = {name: value.strip() for name, value in inputs_set.items()}
        after = None
        if nPrevNext == 2:
            if continuation is not None and continuation.tr == tr.code and continuation.inputs == inputs:
                after = continuation.after
            elif self._settings.lost_continuation == "fail":
                return self._parse_failure()
        if not self._inputs_valid(tr, inputs):
            return self._parse_failure()
        all_inputs = {**{field.name: "" for field in tr.inputs}, **inputs}
        return self._send(TrRequest(tr, sTrCode, sRQName, sScreenNo, all_inputs, after), inputs)

    def CommKwRqData(
        self,
        sArrCode: str,
        bNext: int,  # noqa: ARG002 - a hundred codes fit one page, there is no next one
        nCodeCount: int,
        nTypeFlag: int,
        sRQName: str,
        sScreenNo: str,
    ) -> int:
        """Requests the first ``nCodeCount`` codes."""
        codes = sArrCode.rstrip(";").split(";")[: max(0, nCodeCount)]
        if nCodeCount > CODES_A_REQUEST:
            return TOO_MANY_CODES
        if not any(codes) or nTypeFlag not in _WATCH_LISTS:
            return BAD_REQUEST
        if not is_screen(sScreenNo):
            return self._settings.bad_screen
        code = _WATCH_LISTS[nTypeFlag]
        joined = ";".join(each.strip() for each in codes)
        return self._send(TrRequest(reference.tr(code), code, sRQName, sScreenNo, {"종목코드": joined}), {})

    def _inputs_valid(self, tr: Tr, inputs: Mapping[str, str]) -> bool:
        """Whether the inputs are complete, known, and in the TR's order."""
        declared = [field.name for field in tr.inputs]
        known = {*declared, *(field.name for field in tr.optional_inputs)}
        required = {field.name for field in tr.inputs if field.default is None}
        if not required <= inputs.keys() <= known:
            return False
        inputs_set = [name for name in inputs if name in declared]
        return self._settings.input_order == "any" or inputs_set == [
            name for name in declared if name in inputs
        ]

    def _parse_failure(self) -> int:
        # The control detects this inside the call; the message refers to no request.
        self._connection.fire("OnReceiveMsg", "", "", "", message("parse"))
        return self._settings.parse_result

    def _send(self, request: TrRequest, inputs: Mapping[str, str]) -> int:
        error = self._limits.take(self._connection.now())
        if error != SERVED:
            return error
        self._continuations.pop(request.screen, None)
        self._connection.answer_later(self._settings.latency, lambda: self._deliver(request, inputs))
        return 0

    def _deliver(self, request: TrRequest, inputs: Mapping[str, str]) -> None:
        tr = request.tr
        try:
            handler = self._handlers.get(tr.code.lower())
            answer = (
                TrAnswer(message=message("unfilled"))
                if handler is None
                else handler(request, self._connection.now())
            )
        except AnswerPending:  # retry in the background: a stepped clock must not jump for it
            self._connection.answer_later(0, lambda: self._deliver(request, inputs), background=True)
            return
        except TrRejected as rejected:
            self._message(request, rejected.text)
            if self._settings.rejected_query == "silent":
                return
            answer = TrAnswer()
        except BadMarketData as bad:
            log.warning("no answer to %s: %s", tr.code, bad)
            answer = TrAnswer(message=unread(bad))
        for text in (answer.message, *answer.unread):
            if text:
                self._message(request, text)
        if answer.after is None:
            self._continuations.pop(request.screen, None)
        else:
            self._continuations[request.screen] = _Continuation(tr.code, inputs, answer.after)
        if answer.codes:
            self._registry.register_by_tr(request.screen, answer.codes)
        last = "" if tr.kind == "account" else self._settings.last_page
        prev_next = last if answer.after is None else "2"
        self._answers.deliver(
            request.screen, request.name, request.requested_code, TrAnswerReader(tr, answer), prev_next
        )

    def _message(self, request: TrRequest, text: str) -> None:
        self._connection.fire("OnReceiveMsg", request.screen, request.name, request.requested_code, text)
