"""TRs: from named inputs to pages. One request is in flight a page; pages follow while the broker has more."""

from __future__ import annotations

import asyncio
import itertools
import logging
import operator
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from kernel_server import failure, reference
from kernel_server.clock import Clock
from kernel_server.control.event_context import EventContext, read_rows, read_single
from kernel_server.control.host import ControlHost
from kernel_server.control.screens import Screens
from kernel_server.control.seam import Control, Event, Scalar, Table
from kernel_server.control.thread import call_in_loop
from kernel_server.observe.metrics import Metrics
from kernel_server.scheduler import Place, Priority, Refused, Scheduler, WindowFull, keys

log = logging.getLogger(__name__)

# A page whose answer does not come is lost: the broker answers in a third of a second or not at all.
ANSWER_TIMEOUT = 15.0
# How often a waiting request is told where it stands: its caller hears that the server is alive.
PLACE_EVERY = 1.0
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
    """Rows from the first one on that meets ``name comparator value`` are not wanted, nor further pages.

    Whole numbers are compared as such, unless ``texts`` has everything compared letter by letter: a time then
    comes after the date with which it begins.
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
    """One TR as it is asked for: by whom, how urgently, and how far."""

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
    stopped: bool = False
    waited: float = 0.0  # seconds until the request had its turn

    @property
    def prev_next(self) -> str:
        return str(self.event.arguments[4]).strip()


@dataclass
class _Waiter:
    """What one request needs on the control thread: it reads the page inside the event."""

    tr: reference.Tr
    control: Control
    clock: Clock
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[TrPage]
    messages: list[str] = field(default_factory=list)

    def __call__(self, event: EventContext) -> None:
        if event.name == "OnReceiveMsg":
            message = str(event.arguments[3])
            self.messages.append(message)
            if message.startswith("Fail to parse"):
                call_in_loop(
                    self.loop,
                    self._fail,
                    failure.bad_input(
                        f"{self.tr.code}: the broker answers {message!r}: its inputs are"
                        f" {', '.join(declared.name for declared in self.tr.inputs)}, in this order"
                    ),
                )
            return
        answer = TrPage(
            event.event,
            read_single(self.control, self.tr),
            read_rows(self.control, self.tr),
            self.messages,
            self.clock.now(),
        )
        call_in_loop(self.loop, self._succeed, answer)

    def lost(self, moment: EventContext) -> None:
        """OnEventConnect: what was asked over a connection that is gone is never answered."""
        code = int(moment.arguments[0])
        if code < 0:
            call_in_loop(self.loop, self._fail, failure.connection_lost(code))

    def _succeed(self, answer: TrPage) -> None:
        if not self.done.done():
            self.done.set_result(answer)

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class TrService:
    """Sends TRs through the scheduler, each request on a screen of its own, and yields what comes back."""

    def __init__(
        self,
        host: ControlHost,
        scheduler: Scheduler,
        screens: Screens,
        clock: Clock,
        answer_timeout: float = ANSWER_TIMEOUT,
        metrics: Metrics | None = None,
    ) -> None:
        self._host = host
        self._scheduler = scheduler
        self._screens = screens
        self._clock = clock
        self._answer_timeout = answer_timeout
        self._metrics = metrics or Metrics()
        self._names = itertools.count(1)
        self._listening: dict[str, Callable[[], None]] = {}
        # Whether the connection is lost and about to be there again.
        self.lost: Callable[[], bool] = lambda: False

    async def pages(self, request: PagesRequest) -> AsyncIterator[TrPage | Place]:
        """The pages of a TR, and while it waits its place in the queue.

        Raises:
            failure.Failure: nobody is logged in, the broker refuses, or its answer does not come.
        """
        stop = self._stop_index(request)
        async with self._screens.lend() as screen:
            name = f"k{next(self._names):06d}"
            try:
                for number in itertools.count(1):
                    answer: TrPage | None = None
                    async for item in self._page(request, screen, name, 0 if number == 1 else 2):
                        if isinstance(item, Place):
                            yield item
                        else:
                            answer = item
                    assert answer is not None
                    if stop is not None and request.stop is not None:
                        _cut(answer, stop, request.stop)
                    last = answer.stopped or answer.prev_next != "2" or number == request.max_pages
                    yield answer
                    if last:
                        return
            finally:
                self._host.thread.hand_over(lambda: self._clear(screen, name))

    def _clear(self, screen: str, name: str) -> None:
        self._host.router.forget(screen, name)
        self._listening.pop(name, lambda: None)()
        # A quote TR registers real-time data for its code on its screen; nobody listens to it there.
        self._host.control.call("DisconnectRealData", (screen,))

    def _stop_index(self, request: PagesRequest) -> int | None:
        if request.stop is None:
            return None
        try:
            return request.tr.multi_names.index(request.stop.name)
        except ValueError:
            names = ", ".join(request.tr.multi_names) or "none"
            raise failure.bad_input(
                f"{request.tr.code} has no field {request.stop.name!r} to stop at; its rows have: {names}"
            ) from None

    async def _page(
        self, request: PagesRequest, screen: str, name: str, prev_next: int
    ) -> AsyncIterator[TrPage | Place]:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(request.tr, self._host.control, self._clock, loop, loop.create_future())
        job = self._scheduler.submit(
            "tr",
            request.client,
            request.priority,
            lambda: self._send(request, screen, name, prev_next, waiter),
            also=keys.of_tr(request.tr),
        )
        try:
            place = self._scheduler.place(job)
            if place.wait > 0:
                yield place
            while not (await asyncio.wait({job.done}, timeout=0 if job.done.done() else PLACE_EVERY))[0]:
                yield self._scheduler.place(job)
            code = job.done.result()
        except Refused as refused:
            raise failure.rate_limited(request.tr.code, refused.code, refused.retry_at) from None
        except WindowFull as full:
            raise failure.window_full(request.tr.code, full.key, full.retry_at) from None
        except BaseException:
            # The call may be on its way to the control thread by now, where nobody is to wait for its answer.
            waiter.done.cancel()
            raise
        finally:
            job.done.cancel()
        if code in NOT_CONNECTED and self.lost():
            raise failure.connection_lost(code)
        if code != 0:
            raise failure.returned(request.tr.code, code)
        sent_at = self._clock.now()
        self._metrics.tr_sent(request.tr.code)
        waited = 0.0
        while not waiter.done.done() and waited < self._answer_timeout:
            pause = min(PLACE_EVERY, self._answer_timeout - waited)
            await asyncio.wait({waiter.done}, timeout=pause)
            waited += pause
            if not waiter.done.done():
                yield Place(0, 0.0)
        if waiter.done.done():
            answer = waiter.done.result()
            answer.waited = job.waited
            self._metrics.tr_answered(max(0.0, answer.received_at - sent_at))
            yield answer
        else:
            said = f"; it said: {' / '.join(waiter.messages)}" if waiter.messages else ""
            raise failure.Failure(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                "NoAnswer",
                f"{request.tr.code}: no answer within {self._answer_timeout:g} s{said}",
            )

    def _send(self, request: PagesRequest, screen: str, name: str, prev_next: int, waiter: _Waiter) -> int:
        """On the control thread: sets the inputs, all of them and in order, and sends the TR."""
        control, router = self._host.control, self._host.router
        if waiter.done.cancelled():
            return 0
        router.expect(screen, name, waiter)
        self._listening.pop(name, lambda: None)()  # of the page before
        self._listening[name] = router.listen("OnEventConnect", waiter.lost)
        router.calling(waiter)
        try:
            type_flag = WATCH_LIST.get(request.tr.code.lower())
            arguments: Sequence[Scalar]
            if type_flag is not None:
                codes = ";".join(request.inputs["종목코드"].split(";"))
                count = len([code for code in codes.split(";") if code])
                function = "CommKwRqData"
                arguments = (codes, prev_next // 2, count, type_flag, name, screen)
            else:
                for key, value in request.inputs.items():
                    control.call("SetInputValue", (key, value))
                function = "CommRqData"
                arguments = (name, request.tr.code, prev_next, screen)
            code = control.call(function, arguments)
        finally:
            router.calling(None)
        assert isinstance(code, int)
        if code != 0:
            router.forget(screen, name)
        return code


def _cut(answer: TrPage, index: int, stop: StopCondition) -> None:
    for number, row in enumerate(answer.rows):
        if stop.met(row[index]):
            answer.rows = answer.rows[:number]
            answer.stopped = True
            return
