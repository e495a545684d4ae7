"""LoadConditionCall, ConditionCall, Conditions and Condition: 조건검색."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import grpc

from kernel_server import failure, reference
from kernel_server.control.event_context import EventContext
from kernel_server.control.host import ControlHost, Router
from kernel_server.control.origin import Origin
from kernel_server.control.screens import Screens
from kernel_server.control.seam import Control
from kernel_server.failure import Failure
from kernel_server.rpc.context import Context, client_of, require_expected
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.rpc.rate_limited_call import CallMaker, ClientCall
from kernel_server.rpc.transaction import fill
from kernel_server.rpc.values import checked, to_origin
from kernel_server.scheduler import QueuePosition
from kernel_server.security.orders import OrderRules
from kernel_server.streams import event_codec
from kernel_server.streams.event_codec import Response
from kernel_server.streams.mailbox import Mailbox, Taken
from kernel_server.streams.subscriptions import EventSource
from kernel_server.transactions import PagesRequest, TrService
from kernel_server.wire import kernel_pb2, openapi_pb2

LOADED_WITHIN = 15.0
"""Seconds from GetConditionLoad to OnReceiveConditionVer."""
FOUND_WITHIN = 60.0
"""Seconds from SendCondition to OnReceiveTrCondition: an event may get lost."""
_CODES_A_TR = 100
_LIVE = 1
LIVE_CODES = 100
"""A condition with more issues is searched once; the broker sends no entries and exits of it."""


class SendConditionCall(ClientCall):
    """SendCondition on one screen; messages about it are collected."""

    def __init__(
        self,
        request: openapi_pb2.ConditionRequest,
        screen: str,
        context: Context,
        rules: OrderRules,
        router: Router,
    ) -> None:
        arguments = (screen, request.condition_name, request.condition_index, request.search_type)
        super().__init__("SendCondition", checked("SendCondition", arguments), context, rules)
        self._screen = screen
        self._condition = request.condition_name
        self._router = router
        self.messages: list[str] = []

    def call(self, control: Control) -> int:
        self._router.expect(self._screen, self._condition, self._on_message)
        return super().call(control)

    def _on_message(self, event: EventContext) -> None:
        self.messages.append(str(event.arguments[3]))


class ConditionSearches:
    """Conditions of the user, and searches by them.

    Args:
        host: the control.
        events: the control's events.
        maker: makes SendCondition in its turn.
        rules: which orders may be sent.
        transactions: requests the TRs with which results are filled.

    Attributes:
        loaded: whether the conditions have been loaded since the login.
    """

    def __init__(
        self,
        host: ControlHost,
        events: EventSource,
        maker: CallMaker,
        rules: OrderRules,
        transactions: TrService,
    ) -> None:
        self._host = host
        self._events = events
        self._maker = maker
        self._rules = rules
        self._transactions = transactions
        self._live_screens = Screens(first=5181, count=10)
        self._search_screens = Screens(first=5200, count=10)
        self.loaded = False

    def on_connect(self, _event: EventContext) -> None:
        """OnEventConnect: loaded conditions belong to the connection."""
        self.loaded = False

    async def load_condition_call(
        self, _request: openapi_pb2.LoadConditionRequest, _context: Context
    ) -> Response:
        """LoadConditionCall."""
        return await self.load()

    async def load(self) -> Response:
        """Loads the user's conditions (GetConditionLoad); returns OnReceiveConditionVer.

        Raises:
            failure.Failure: it could not be done, or nothing came in time.
        """

        def packed(event: EventContext) -> tuple[int, Response]:
            return int(event.arguments[0]), event_codec.plain(event.name, event.arguments)

        async with self._events.subscribe(["OnReceiveConditionVer"], packed) as subscription:
            if not await self._host.connected():
                raise failure.not_connected()
            if await self._host.run(lambda control: control.call("GetConditionLoad", ())) != 1:
                raise _failed("GetConditionLoad did not begin to load the conditions; try again in a while")
            try:
                taken = await asyncio.wait_for(subscription.box.take(), LOADED_WITHIN)
            except asyncio.TimeoutError:
                raise Failure(
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                    "NoAnswer",
                    f"no OnReceiveConditionVer within {LOADED_WITHIN:g} s",
                ) from None
        result, response = taken.items[0]
        if result != 1:
            raise _failed(f"the conditions could not be loaded: {response.arguments[1].string_value}")
        self.loaded = True
        return response

    async def ensure_loaded(self, force: bool = False) -> None:
        """Loads the conditions if that has not been done since the login, or by ``force``."""
        if force or not self.loaded:
            await self.load()

    async def conditions(
        self, request: kernel_pb2.ConditionsRequest, _context: Context
    ) -> kernel_pb2.ConditionsResponse:
        """Conditions: the user's conditions by index.

        Raises:
            failure.Failure: no user is logged in, or they cannot be loaded.
        """
        await self.ensure_loaded(request.reload)
        listed, origin = await self._listed()
        response = kernel_pb2.ConditionsResponse(origin=to_origin(origin))
        for index, name in listed.items():
            response.conditions.add(index=index, name=name)
        return response

    async def condition(
        self, request: openapi_pb2.ConditionRequest, context: Context
    ) -> AsyncIterator[bytes]:
        """ConditionCall and Condition: searches once, or live: then entries and exits follow until the client leaves.

        With ``with_info`` each list and change is followed by OPTKWFID (OPTFOFID for derivatives) of its codes.
        A repeated search of the same condition waits until its minute is over.

        Raises:
            failure.Failure: there is no such condition, or the broker will not search it; its message says why.
        """
        require_expected(context, self._host.origins.last)
        if request.search_type not in (0, _LIVE):
            raise failure.bad_input(f"search_type is 0 (once) or 1 (and live), not {request.search_type}")
        await self.ensure_loaded()
        origin = await self._check(request)
        live = request.search_type == _LIVE
        if live and not self._live_screens.free:
            raise _failed("as many conditions are live as the broker follows: end one of them first")
        async with (self._live_screens if live else self._search_screens).lend() as screen:
            search = _Search(request, screen)
            call = SendConditionCall(request, screen, context, self._rules, self._host.router)
            async with self._events.subscribe(search.EVENTS, search.filter) as subscription:
                try:
                    await self._send(call, QueueMetadata(context, origin))
                    answered = False
                    while True:
                        taken = await _taken(subscription.box, None if answered else FOUND_WITHIN)
                        answered = answered or bool(taken.items)
                        for event in taken.items:
                            response, codes = search.response(event)
                            if live and len(codes) > LIVE_CODES:
                                raise _failed(
                                    f"{request.condition_name} has {len(codes)} issues, and the broker follows a"
                                    f" condition of at most {LIVE_CODES} live: narrow it, or search it once"
                                )
                            yield response
                            if request.flags.with_info:
                                async with aclosing(self._info(request, codes, context)) as pages:
                                    async for page in pages:
                                        yield page
                            if not live:
                                return
                        if taken.over:
                            return
                finally:
                    self._host.thread.hand_over(lambda: self._stop(search))

    async def _send(self, call: SendConditionCall, waits: QueueMetadata) -> None:
        code = await self._maker.make(call, waits)
        if code == 1:
            await waits.confirm()
        else:
            await self._host.run(lambda _: None)  # its message has been posted before this
            said = " / ".join(call.messages) or f"SendCondition returned {code}"
            raise _failed(f"{call.arguments[1]}: {said}")

    def _stop(self, search: _Search) -> None:
        """On the control thread."""
        control, request, screen = self._host.control, search.request, search.screen
        self._host.router.forget(screen, request.condition_name)
        control.call("SendConditionStop", (screen, request.condition_name, request.condition_index))
        control.call("DisconnectRealData", (screen,))

    async def _info(
        self, request: openapi_pb2.ConditionRequest, codes: Sequence[str], context: Context
    ) -> AsyncGenerator[bytes, None]:
        """OPTKWFID or OPTFOFID of the codes, a hundred a page."""
        tr = reference.tr("OPTFOFID" if request.flags.is_future_option else "OPTKWFID")
        name = request.request_name or "관심종목정보요청"
        for start in range(0, len(codes), _CODES_A_TR):
            part = ";".join(codes[start : start + _CODES_A_TR])
            asked = PagesRequest(tr, {"종목코드": part}, client_of(context))
            async with aclosing(self._transactions.pages(asked)) as pages:
                async for page in pages:
                    if not isinstance(page, QueuePosition):
                        yield fill(page, tr, request.screen_no, name).SerializeToString()

    async def _check(self, request: openapi_pb2.ConditionRequest) -> Origin:
        known, origin = await self._listed()
        if known.get(request.condition_index) != request.condition_name:
            there = ", ".join(f"{index} {name}" for index, name in known.items()) or "none"
            raise failure.bad_input(
                f"no condition {request.condition_index} {request.condition_name!r}; there are: {there}"
            )
        return origin

    async def _listed(self) -> tuple[dict[int, str], Origin]:
        listed, origin = await self._host.answer(lambda control: control.call("GetConditionNameList", ()))
        if not origin.connected:  # the list is blank then
            raise failure.not_connected()
        return names(str(listed)), origin


class _Search:
    """One condition on one screen."""

    EVENTS = ("OnReceiveTrCondition", "OnReceiveRealCondition", "OnEventConnect")

    def __init__(self, request: openapi_pb2.ConditionRequest, screen: str) -> None:
        self.request = request
        self.screen = screen

    def filter(self, event: EventContext) -> EventContext | None:
        """The event if it is this search's; on the control thread."""
        return event if self._concerns(event) else None

    def _concerns(self, event: EventContext) -> bool:
        arguments, request = event.arguments, self.request
        condition = (request.condition_name, request.condition_index)
        if event.name == "OnReceiveTrCondition":
            return arguments[0] == self.screen and (arguments[2], arguments[3]) == condition
        if event.name == "OnReceiveRealCondition":
            return request.search_type == _LIVE and (arguments[2], int(arguments[3])) == condition
        return int(arguments[0]) < 0

    def response(self, event: EventContext) -> tuple[bytes, list[str]]:
        """The event on the wire, and the codes that it is about.

        Raises:
            failure.Failure: the connection was lost.
        """
        if event.name == "OnEventConnect":
            raise Failure(
                grpc.StatusCode.UNAVAILABLE,
                "ServerLost",
                "the connection to the broker was lost, and the search with it: send it again after the login",
                int(event.arguments[0]),
            )
        if event.name == "OnReceiveRealCondition":
            response = event_codec.plain(event.name, event.arguments)
            return response.SerializeToString(), [str(event.arguments[0])]
        response = event_codec.plain(event.name, (self.request.screen_no, *event.arguments[1:]))
        return response.SerializeToString(), codes_of(str(event.arguments[1]))


async def _taken(box: Mailbox[EventContext], seconds: float | None) -> Taken[EventContext]:
    """The events in the box, as soon as there are any.

    Raises:
        failure.Failure: none came within so many seconds.
    """
    try:
        return await asyncio.wait_for(box.take(), seconds)
    except asyncio.TimeoutError:
        raise Failure(
            grpc.StatusCode.DEADLINE_EXCEEDED, "NoAnswer", f"no OnReceiveTrCondition within {seconds:g} s"
        ) from None


def names(listed: str) -> dict[int, str]:
    """The conditions by index.

    >>> names("0^대형 저평가 우량주;1^중소형 저평가주;")
    {0: '대형 저평가 우량주', 1: '중소형 저평가주'}
    """
    pairs = (item.split("^", 1) for item in listed.split(";") if item)
    return {int(index): name for index, name in pairs}


def codes_of(listed: str) -> list[str]:
    """The codes of OnReceiveTrCondition, with or without prices.

    >>> codes_of("005930;000660;"), codes_of("005930^77000;")
    (['005930', '000660'], ['005930'])
    """
    return [item.split("^")[0] for item in listed.split(";") if item]


def _failed(text: str) -> Failure:
    return Failure(grpc.StatusCode.FAILED_PRECONDITION, "NoAnswer", text)
