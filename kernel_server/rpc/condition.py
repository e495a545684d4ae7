"""LoadConditionCall and ConditionCall: 조건검색."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import grpc

from kernel_server import failure, reference
from kernel_server.control.event_context import EventContext
from kernel_server.control.seam import Control
from kernel_server.failure import Failure
from kernel_server.rpc.call import checked
from kernel_server.rpc.context import Context, Parts, client_of
from kernel_server.rpc.listen import EventSubscription
from kernel_server.rpc.queue_metadata import QueueMetadata
from kernel_server.rpc.rate_limited_call import in_turn
from kernel_server.rpc.transaction import fill
from kernel_server.scheduler import Place
from kernel_server.streams import event_codec
from kernel_server.streams.event_codec import Response
from kernel_server.streams.mailbox import Mailbox, Taken
from kernel_server.transactions import PagesRequest
from kernel_server.wire import kernel_pb2, openapi_pb2

LOADED_WITHIN = 15.0
FOUND_WITHIN = 60.0
"""Seconds from SendCondition to OnReceiveTrCondition. A lost event must not be waited for for ever."""
_CODES_A_TR = 100
_LIVE = 1


async def load(parts: Parts) -> Response:
    """Downloads the user's conditions (GetConditionLoad); OnReceiveConditionVer.

    Raises:
        failure.Failure: it could not be done, or nothing came in time.
    """

    def packed(moment: EventContext) -> tuple[int, Response]:
        return int(moment.arguments[0]), event_codec.plain(moment.name, moment.arguments)

    async with EventSubscription(parts, ["OnReceiveConditionVer"], packed) as ear:
        if await parts.host.run(lambda control: control.call("GetConnectState", ())) != 1:
            raise failure.not_connected()
        if await parts.host.run(lambda control: control.call("GetConditionLoad", ())) != 1:
            raise _failed("GetConditionLoad did not begin to load the conditions; try again in a while")
        try:
            taken = await asyncio.wait_for(ear.box.take(), LOADED_WITHIN)
        except asyncio.TimeoutError:
            raise Failure(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                "NoAnswer",
                f"no OnReceiveConditionVer within {LOADED_WITHIN:g} s",
            ) from None
    result, response = taken.items[0]
    if result != 1:
        raise _failed(f"the conditions could not be loaded: {response.arguments[1].string_value}")
    parts.conditions_loaded = True
    return response


async def ensure_loaded(parts: Parts, force: bool = False) -> None:
    """Downloads the conditions where that has not been done since the login."""
    if force or not parts.conditions_loaded:
        await load(parts)


async def conditions(parts: Parts, request: kernel_pb2.ConditionsRequest) -> kernel_pb2.ConditionsResponse:
    """The user's conditions, downloaded before where that is asked for or has not been done since the login.

    Raises:
        failure.Failure: nobody is logged in, or they cannot be downloaded.
    """
    await ensure_loaded(parts, request.reload)
    response = kernel_pb2.ConditionsResponse()
    for index, name in (await _listed(parts)).items():
        response.conditions.add(index=index, name=name)
    return response


async def _listed(parts: Parts) -> dict[int, str]:
    return names(str(await parts.host.run(lambda control: control.call("GetConditionNameList", ()))))


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


async def condition_call(
    parts: Parts, context: Context, request: openapi_pb2.ConditionRequest, waits: QueueMetadata
) -> AsyncIterator[bytes]:
    """Searches once, or goes on telling who enters and who leaves until the reader goes.

    With ``with_info`` what OPTKWFID (OPTFOFID for derivatives) tells of the codes follows each list and change.
    The same condition once more waits until its minute is over.

    Raises:
        failure.Failure: there is no such condition, or the broker will not search it; its message says why.
    """
    if request.search_type not in (0, _LIVE):
        raise failure.bad_input(f"search_type is 0 (once) or 1 (and live), not {request.search_type}")
    await ensure_loaded(parts)
    await _check(parts, request)
    screens = parts.live_screens if request.search_type == _LIVE else parts.search_screens
    _check_room(parts, request)
    async with screens.lend() as screen:
        search = _Search(parts, context, request, screen, waits)
        async with EventSubscription(parts, _Search.EVENTS, search.told) as ear:
            try:
                await search.send()
                answered = False
                while True:
                    taken = await _taken(ear.box, None if answered else FOUND_WITHIN)
                    answered = answered or bool(taken.items)
                    for item in taken.items:
                        async for response in search.responses(item):
                            yield response
                        if search.over:
                            return
                    if taken.over:
                        return
            finally:
                parts.host.thread.hand_over(search.stop)


async def _taken(box: Mailbox[EventContext], seconds: float | None) -> Taken[EventContext]:
    """What is in the box as soon as something is.

    Raises:
        failure.Failure: nothing was within so many seconds.
    """
    try:
        return await asyncio.wait_for(box.take(), seconds)
    except asyncio.TimeoutError:
        raise Failure(
            grpc.StatusCode.DEADLINE_EXCEEDED, "NoAnswer", f"no OnReceiveTrCondition within {seconds:g} s"
        ) from None


def _check_room(parts: Parts, request: openapi_pb2.ConditionRequest) -> None:
    if request.search_type == _LIVE and not parts.live_screens.free:
        raise _failed("as many conditions are live as the broker follows: end one of them first")


async def _check(parts: Parts, request: openapi_pb2.ConditionRequest) -> None:
    known = await _listed(parts)
    if known.get(request.condition_index) != request.condition_name:
        there = ", ".join(f"{index} {name}" for index, name in known.items()) or "none"
        raise failure.bad_input(
            f"no condition {request.condition_index} {request.condition_name!r}; there are: {there}"
        )


class _Search:
    """One condition on one screen."""

    EVENTS = ("OnReceiveTrCondition", "OnReceiveRealCondition", "OnEventConnect")

    def __init__(
        self,
        parts: Parts,
        context: Context,
        request: openapi_pb2.ConditionRequest,
        screen: str,
        waits: QueueMetadata,
    ) -> None:
        self._parts = parts
        self._context = context
        self._request = request
        self._screen = screen
        self._waits = waits
        self._arguments = checked(
            "SendCondition",
            (screen, request.condition_name, request.condition_index, request.search_type),
        )
        self._messages: list[str] = []
        self._stopped = False
        self.over = False

    # On the control thread.

    def told(self, moment: EventContext) -> EventContext | None:
        """Whether the event is this search's."""
        arguments, request = moment.arguments, self._request
        mine = {
            "OnReceiveTrCondition": lambda: (
                (arguments[0], arguments[2], arguments[3])
                == (self._screen, request.condition_name, request.condition_index)
            ),
            "OnReceiveRealCondition": lambda: (
                request.search_type == _LIVE
                and (arguments[2], int(arguments[3])) == (request.condition_name, request.condition_index)
            ),
            "OnEventConnect": lambda: int(arguments[0]) < 0,
        }
        return moment if mine[moment.name]() else None

    def _said(self, moment: EventContext) -> None:
        self._messages.append(str(moment.arguments[3]))

    def _send(self) -> int:
        request, router = self._request, self._parts.host.router
        if self._stopped:
            return 1  # its caller went while this was on its way here
        router.expect(self._screen, request.condition_name, self._said)
        code = self._parts.host.control.call("SendCondition", self._arguments)
        assert isinstance(code, int)
        return code

    def stop(self) -> None:
        control: Control = self._parts.host.control
        request = self._request
        self._stopped = True
        self._parts.host.router.forget(self._screen, request.condition_name)
        control.call("SendConditionStop", (self._screen, request.condition_name, request.condition_index))
        control.call("DisconnectRealData", (self._screen,))

    # On the event loop.

    async def send(self) -> None:
        code = await in_turn(
            self._parts, self._context, "SendCondition", self._arguments, self._send, self._waits
        )
        if code != 1:
            await self._parts.host.run(lambda _: None)  # its message has been posted before this
            said = " / ".join(self._messages) or f"SendCondition returned {code}"
            raise _failed(f"{self._request.condition_name}: {said}")

    async def responses(self, moment: EventContext) -> AsyncIterator[bytes]:
        """What one event is told as."""
        request = self._request
        if moment.name == "OnEventConnect":
            raise Failure(
                grpc.StatusCode.UNAVAILABLE,
                "ServerLost",
                "the connection to the broker was lost, and the search with it: send it again after the login",
                int(moment.arguments[0]),
            )
        if moment.name == "OnReceiveRealCondition":
            yield event_codec.plain(moment.name, moment.arguments).SerializeToString()
            codes = [str(moment.arguments[0])]
        else:
            listed = str(moment.arguments[1])
            arguments = (request.screen_no, *moment.arguments[1:])
            yield event_codec.plain(moment.name, arguments).SerializeToString()
            codes = codes_of(listed)
        if request.flags.with_info:
            async for response in self._info(codes):
                yield response
        self.over = request.search_type != _LIVE

    async def _info(self, codes: Sequence[str]) -> AsyncIterator[bytes]:
        request = self._request
        tr = reference.tr("OPTFOFID" if request.flags.is_future_option else "OPTKWFID")
        for start in range(0, len(codes), _CODES_A_TR):
            part = ";".join(codes[start : start + _CODES_A_TR])
            asked = PagesRequest(tr, {"종목코드": part}, client_of(self._context))
            async for item in self._parts.transactions.pages(asked):
                if not isinstance(item, Place):
                    name = request.request_name or "관심종목정보요청"
                    yield fill(item, tr, request.screen_no, name).SerializeToString()


def _failed(text: str) -> Failure:
    return Failure(grpc.StatusCode.FAILED_PRECONDITION, "NoAnswer", text)
