"""TRs: from named inputs to pages. Each page is one rate-limited call; pages follow while the broker has more."""

from __future__ import annotations

import asyncio
import itertools
import operator
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from kernel_server import failure, reference
from kernel_server.clock import Clock
from kernel_server.control.event_context import EventContext, read_rows, read_single
from kernel_server.control.host import ControlHost
from kernel_server.control.origin import Origin
from kernel_server.control.screens import Screens
from kernel_server.control.seam import Control, Event, Scalar, Table
from kernel_server.control.thread import call_in_loop
from kernel_server.observe.metrics import Metrics
from kernel_server.scheduler import (
    Priority,
    QueuePosition,
    RateLimitedCall,
    Refused,
    Scheduler,
    WindowFull,
    keys,
)

# The broker answers in a third of a second or not at all.
ANSWER_TIMEOUT = 15.0
# Seconds between two queue positions of a waiting request, which also show that the server is alive.
POSITION_EVERY = 1.0
NOT_CONNECTED = (-100, -101, -106)
WATCH_LIST = {"optkwfid": 0, "optfofid": 3}  # nTypeFlag of CommKwRqData
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
_WHOLE = re.compile(r"[+-]?\d+\Z")


@dataclass(frozen=True, slots=True)
class StopCondition:
    """Ends a request at the first row that meets ``name comparator value``: it is dropped with all that follow.

    Whole numbers are compared as such. With ``texts`` everything is compared as text: a time then comes after the
    date with which it begins.
    """

    name: str
    value: str
    comparator: str
    texts: bool = False

    def met(self, text: str) -> bool:
        left, right = text.strip(), self.value.strip()
        compare = _COMPARE[self.comparator]
        if not self.texts and _WHOLE.match(left) and _WHOLE.match(right):
            return compare(int(left), int(right))
        return compare(left, right)


@dataclass(frozen=True)
class PagesRequest:
    """A request for the pages of one TR; ``max_pages`` 0: all of them."""

    tr: reference.Tr
    inputs: Mapping[str, str]
    client: str
    priority: Priority = Priority.INTERACTIVE
    stop: StopCondition | None = None
    max_pages: int = 0


@dataclass
class TrPage:
    """One page as it was read inside its event: texts as the control gave them."""

    event: Event
    single: list[str]
    rows: Table
    messages: list[str]
    received_at: float
    origin: Origin
    stopped: bool = False
    waited: float = 0.0  # seconds in the queue

    @property
    def prev_next(self) -> str:
        return str(self.event.arguments[4]).strip()


class PageCall(RateLimitedCall):
    """CommRqData, or CommKwRqData for a watch list, for one page; it reads the page inside its event.

    Args:
        request: the TR.
        host: the control, and the router that gets the answer here.
        clock: whose time ``TrPage.received_at`` is.
        screen, name: the screen and request name, the same for all pages of a request.
        prev_next: 0 for the first page, 2 for a further one.

    Attributes:
        page: settles with the page, or with the failure that was answered instead.
        messages: texts of OnReceiveMsg.
    """

    def __init__(
        self, request: PagesRequest, host: ControlHost, clock: Clock, screen: str, name: str, prev_next: int
    ) -> None:
        super().__init__("tr", request.client, request.priority, keys.of_tr(request.tr))
        self.page: asyncio.Future[TrPage] = asyncio.get_running_loop().create_future()
        self.messages: list[str] = []
        self._request = request
        self._control = host.control
        self._router = host.router
        self._origins = host.origins
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._screen = screen
        self._name = name
        self._prev_next = prev_next
        self._stop_listening: Callable[[], None] = lambda: None

    # On the control thread.

    def send(self, control: Control) -> int:
        """Sets the inputs, all of them and in order, and requests the page."""
        router = self._router
        router.expect(self._screen, self._name, self._on_answer)
        self._stop_listening()  # of an attempt that was refused
        self._stop_listening = router.listen("OnEventConnect", self._on_connect)
        router.calling(self._on_answer)
        try:
            function, arguments = self._function()
            if function == "CommRqData":
                for key, value in self._request.inputs.items():
                    control.call("SetInputValue", (key, value))
            code = control.call(function, arguments)
        finally:
            router.calling(None)
        assert isinstance(code, int)
        if code != 0:
            router.forget(self._screen, self._name)
        return code

    def _function(self) -> tuple[str, Sequence[Scalar]]:
        """The control function that requests the page, and its arguments."""
        request = self._request
        type_flag = WATCH_LIST.get(request.tr.code.lower())
        if type_flag is None:
            return "CommRqData", (self._name, request.tr.code, self._prev_next, self._screen)
        listed = request.inputs["종목코드"]
        count = len([code for code in listed.split(";") if code])
        return "CommKwRqData", (listed, self._prev_next // 2, count, type_flag, self._name, self._screen)

    def close(self) -> None:
        """Releases what ``send`` set up, after the last page of a request."""
        self._router.forget(self._screen, self._name)
        self._stop_listening()
        # A quote TR registers real-time data for its code on its screen, which has no consumer.
        self._control.call("DisconnectRealData", (self._screen,))

    def _on_answer(self, event: EventContext) -> None:
        """OnReceiveTrData and OnReceiveMsg of this screen and name."""
        tr = self._request.tr
        if event.name != "OnReceiveMsg":
            self._stop_listening()
            try:
                page = self._read(event)
            except Exception as error:
                call_in_loop(self._loop, self._answer, failure.unreadable(tr.code, error))
                raise
            call_in_loop(self._loop, self._answer, page)
            return
        message = str(event.arguments[3])
        self.messages.append(message)
        if message.startswith("Fail to parse"):
            inputs = ", ".join(declared.name for declared in tr.inputs)
            text = f"{tr.code}: the broker answers {message!r}: its inputs are {inputs}, in this order"
            call_in_loop(self._loop, self._answer, failure.bad_input(text))

    def _read(self, event: EventContext) -> TrPage:
        """The page of the event that is being handled."""
        rows = read_rows(self._control, self._request.tr)
        single = read_single(self._control, self._request.tr)
        return TrPage(event.event, single, rows, self.messages, self._clock.now(), self._origins.look())

    def _on_connect(self, event: EventContext) -> None:
        """OnEventConnect: a request over a lost connection is never answered."""
        code = int(event.arguments[0])
        if code < 0:
            call_in_loop(self._loop, self._answer, failure.connection_lost(code))

    # On the event loop.

    def withdraw(self) -> None:
        """Withdraws the call if it has not been made, and ignores its answer."""
        self.done.cancel()
        self.page.cancel()
        if not self.page.cancelled():
            self.page.exception()  # retrieved, so that asyncio does not log it

    def _answer(self, answer: TrPage | failure.Failure) -> None:
        if self.page.done():
            return
        if isinstance(answer, TrPage):
            self.page.set_result(answer)
        else:
            self.page.set_exception(answer)


class TrService:
    """Requests TRs page by page through the scheduler, each request on its own screen.

    Args:
        host: the control.
        scheduler: grants the turns.
        screens: the screens it may use.
        clock: whose time counts.
        answer_timeout: seconds (real ones) after which a page without an answer fails.
        metrics: where TRs and answers are counted.
        reconnecting: whether the connection is lost and the server is about to log in again.
    """

    def __init__(
        self,
        host: ControlHost,
        scheduler: Scheduler,
        screens: Screens,
        clock: Clock,
        answer_timeout: float,
        metrics: Metrics,
        reconnecting: Callable[[], Awaitable[bool]],
    ) -> None:
        self._host = host
        self._scheduler = scheduler
        self._screens = screens
        self._clock = clock
        self._answer_timeout = answer_timeout
        self._metrics = metrics
        self._reconnecting = reconnecting
        self._names = itertools.count(1)

    async def pages(self, request: PagesRequest) -> AsyncGenerator[TrPage | QueuePosition, None]:
        """The pages of a TR; while it waits for its turn or its answer, its queue position every second.

        Raises:
            failure.Failure: no user is logged in, the broker refuses, or its answer does not come.
        """
        stop = _stop_index(request)
        async with self._screens.lend() as screen:
            name = f"k{next(self._names):06d}"
            call: PageCall | None = None
            first: Origin | None = None
            try:
                for number in itertools.count(1):
                    call = PageCall(request, self._host, self._clock, screen, name, 0 if number == 1 else 2)
                    self._scheduler.submit(call)
                    position = self._scheduler.position(call)
                    if position.wait > 0:
                        yield position
                    while not await _done_within(call.done, POSITION_EVERY):
                        yield self._scheduler.position(call)
                    await self._check_sent(call, request.tr.code)
                    sent_at, waited = self._clock.now(), 0.0
                    while not call.page.done():
                        if waited >= self._answer_timeout:
                            raise _no_answer(request.tr.code, self._answer_timeout, call.messages)
                        pause = min(POSITION_EVERY, self._answer_timeout - waited)
                        waited += pause
                        if not await _done_within(call.page, pause):
                            yield QueuePosition(0, 0.0)
                    page = call.page.result()
                    first = first or page.origin
                    if page.origin != first:  # it would continue another login's pages
                        raise failure.connection_changed(request.tr.code)
                    page.waited = call.waited
                    self._metrics.tr_answered(max(0.0, page.received_at - sent_at))
                    if stop is not None and request.stop is not None:
                        _cut(page, stop, request.stop)
                    last = page.stopped or page.prev_next != "2" or number == request.max_pages
                    yield page
                    if last:
                        return
            finally:
                if call is not None:
                    call.withdraw()
                    self._host.thread.hand_over(call.close)

    async def _check_sent(self, call: PageCall, code: str) -> None:
        """Raises the failure of a call that the broker has not taken."""
        try:
            returned = call.done.result()
        except Refused as refused:
            raise failure.rate_limited(code, refused.code, refused.retry_at) from None
        except WindowFull as full:
            raise failure.window_full(code, full.key, full.retry_at) from None
        if returned in NOT_CONNECTED and await self._reconnecting():
            raise failure.connection_lost(returned)
        if returned != 0:
            raise failure.returned(code, returned)
        self._metrics.tr_sent(code)


async def _done_within(future: asyncio.Future[Any], seconds: float) -> bool:
    """Whether the future is done, or becomes so within that time."""
    if not future.done():
        await asyncio.wait({future}, timeout=seconds)
    return future.done()


def _stop_index(request: PagesRequest) -> int | None:
    """The column that the stop condition looks at."""
    if request.stop is None:
        return None
    try:
        return request.tr.multi_names.index(request.stop.name)
    except ValueError:
        names = ", ".join(request.tr.multi_names) or "none"
        raise failure.bad_input(
            f"{request.tr.code} has no field {request.stop.name!r} to stop at; its rows have: {names}"
        ) from None


def _no_answer(code: str, seconds: float, messages: Sequence[str]) -> failure.Failure:
    said = f"; it said: {' / '.join(messages)}" if messages else ""
    return failure.Failure(
        grpc.StatusCode.DEADLINE_EXCEEDED, "NoAnswer", f"{code}: no answer within {seconds:g} s{said}"
    )


def _cut(page: TrPage, index: int, stop: StopCondition) -> None:
    """Drops the rows from the first one on that meets the stop condition."""
    for number, row in enumerate(page.rows):
        if stop.met(row[index]):
            page.rows = page.rows[:number]
            page.stopped = True
            return
