"""Three ways through the server, traced: a TR page, a real-time event, an order."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest

from kernel_server.wire import kernel_pb2, openapi_pb2
from tests.support.canned_server import CannedServer, RequestQueue, calls, canned_server, daily_rows, fire
from tests.support.koapy_client import KoapyClient
from tests.support.waiting import HANGS_AFTER, wait_until

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="code objects have no qualified name")

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
MOST_TO_THE_CONTROL = 12
CONTROL = "Control.call"
"""Stands for the control, which is not the server's."""


class Step(NamedTuple):
    """One stack of the server's functions, from the outermost to the one that hands on.

    Attributes:
        where: the task or thread, and what follows.
        functions: by class or module and name.
    """

    where: str
    functions: tuple[str, ...]


_TO_QUEUE = ("Scheduler.submit", "Dispatcher.put")
_TO_THREAD = Step(
    "dispatcher's task → control thread", ("Dispatcher._work", "ControlHost.run", "PlainThread.hand_over")
)
_TO_LOOP = ("Mailbox.put", "Waker.wake", "thread.call_in_loop")
_WOKEN = Step("loop: wakes the stream", ("Waker._run", "Mailbox.on_wake"))

WALKS = {
    "A TR page": (
        Step("RPC's task → queue", ("RpcMethod.stream", "TrStreams.pages", "TrService.pages", *_TO_QUEUE)),
        _TO_THREAD,
        Step(
            "control thread → CommRqData",
            ("PlainThread._run", "ControlWork.run", "RateLimitedCall.execute", "PageCall.send", CONTROL),
        ),
        Step(
            "control thread, OnReceiveTrData → loop",
            ("Router.dispatch", "PageCall._on_answer", "thread.call_in_loop"),
        ),
        Step("loop: settles the page", ("PageCall._answer",)),
        Step("RPC's task → message", ("RpcMethod.stream", "TrStreams.pages", "transaction.pack")),
    ),
    "A real-time event": (
        Step(
            "control thread, OnReceiveRealData → loop",
            ("Router.dispatch", "RealTimeRouter.__call__", *_TO_LOOP),
        ),
        _WOKEN,
        Step(
            "RealCall's task → message",
            ("RpcMethod.stream", "RealTimeStreams.real_call", "event_codec.serialized"),
        ),
        Step(
            "or Ticks' task → message",
            ("RpcMethod.stream", "TickStreams.ticks", "TickStreams._batch", "ticks.pack"),
        ),
    ),
    "An order": (
        Step("RPC's task → queue", ("RpcMethod.stream", "OrderStreams.order", "CallMaker.make", *_TO_QUEUE)),
        _TO_THREAD,
        Step(
            "control thread → SendOrder",
            (
                "PlainThread._run",
                "ControlWork.run",
                "RateLimitedCall.execute",
                "ClientCall.send",
                "SendOrderCall.call",
                "ClientCall.call",
                CONTROL,
            ),
        ),
        Step(
            "control thread, OnReceiveChejanData → loop",
            (
                "Router.dispatch",
                "OrderTracker.__call__",
                "OrderTracker._route",
                "TrackedOrder.on_chejan",
                "TrackedOrder._on_report",
                *_TO_LOOP,
            ),
        ),
        _WOKEN,
        Step("RPC's task → message", ("RpcMethod.stream", "OrderStreams.order", "Mailbox.take")),
    ),
}
"""By what goes through the server; docs/architecture.md lists the same names."""

_LAST = {step.functions[-1] for steps in WALKS.values() for step in steps}


class Recorder:
    """Records stacks of the server's functions, in every thread that starts while it is installed.

    Attributes:
        stacks: at each call of a function with which a step ends, and of the control's own functions.
    """

    def __init__(self) -> None:
        self.stacks: list[tuple[str, ...]] = []

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code.co_name == "call" and "canned_control" in code.co_filename:
            if frame.f_locals["name"] in ("CommRqData", "SendOrder"):
                self.stacks.append((*_stack(frame), CONTROL))
        elif _is_ours(frame) and _name(frame) in _LAST:
            self.stacks.append(_stack(frame))

    def follows(self, step: Step) -> bool:
        """Whether every recorded stack between the ends of the step is that of the step, and there is one."""
        first, last = step.functions[0], step.functions[-1]
        found = [stack[stack.index(first) :] for stack in self.stacks if first in stack and stack[-1] == last]
        assert all(stack == step.functions for stack in found), (step, found)
        return bool(found)


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith("kernel_server.")


def _name(frame: FrameType) -> str:
    """Class and method, or module and function."""
    name: str = frame.f_code.co_qualname  # type: ignore[attr-defined,unused-ignore]  # since 3.11
    return name if "." in name else f"{frame.f_globals['__name__'].rpartition('.')[2]}.{name}"


def _stack(frame: FrameType | None) -> tuple[str, ...]:
    names = []
    while frame is not None:
        if _is_ours(frame):
            names.append(_name(frame))
        frame = frame.f_back
    return tuple(reversed(names))


@contextmanager
def recorded() -> Iterator[tuple[CannedServer, Recorder]]:
    """A server all of whose threads are traced."""
    recorder = Recorder()
    threading.setprofile(recorder)
    try:
        with canned_server({"opt10081": [({}, daily_rows(3))]}) as server:
            threading.setprofile(None)
            yield server, recorder
    finally:
        threading.setprofile(None)


def check(recorder: Recorder, steps: tuple[Step, ...], again: Callable[[], object] = lambda: None) -> None:
    """Waits until all steps have been recorded; calls ``again`` while they have not.

    One event may not do: a stream that is busy when it comes need not be woken.
    """

    def all_recorded() -> bool:
        if all(recorder.follows(step) for step in steps):
            return True
        again()
        return False

    wait_until(all_recorded)


def test_a_tr_page() -> None:
    with recorded() as (server, recorder):
        assert server.pages("opt10081", {"종목코드": "005930", "수정주가구분": "1"})
        check(recorder, WALKS["A TR page"])
    passed = [name for step in WALKS["A TR page"][:3] for name in step.functions if name != CONTROL]
    assert len(passed) <= MOST_TO_THE_CONTROL


def test_a_real_time_event() -> None:
    control, woken, real_call, ticks = WALKS["A real-time event"]
    with recorded() as (server, recorder), KoapyClient(server.address) as client:

        def trade() -> None:
            fire(server, "OnReceiveRealData", "005930", "주식체결", "090000\t77000")

        stream = client.real(["005930"], [10])
        wait_until(lambda: len(calls(server, "SetRealReg")) == 1)
        check(recorder, (control, woken, real_call), trade)
        assert next(stream).name == "OnReceiveRealData"
        stream.cancel()
    with recorded() as (server, recorder):
        requests = RequestQueue()
        requests.put(kernel_pb2.TicksRequest(add=["005930"], fids=[10]))
        batches = server.stub.Ticks(iter(requests), timeout=HANGS_AFTER)
        assert next(batches).carried_out == 1
        check(recorder, (control, woken, ticks), trade)
        assert next(batches).type
        batches.cancel()
        requests.end()


def test_an_order() -> None:
    steps = WALKS["An order"]
    with recorded() as (server, recorder):
        request = openapi_pb2.OrderRequest(
            request_name="매수",
            screen_no="0001",
            account_no="8000000011",
            order_type=1,
            code="005930",
            quantity=1,
        )
        events = server.stub.Order(request, timeout=HANGS_AFTER)
        wait_until(lambda: len(calls(server, "SendOrder")) == 1)
        check(recorder, steps[:3])
        name, screen = calls(server, "SendOrder")[0][:2]
        number = "0000001"
        values = {9201: "8000000011", 9203: number, 9001: "A005930", 913: "접수", 902: "1", 920: screen}

        def on_thread(event: Callable[[], None]) -> None:
            server.thread.post(event).result(HANGS_AFTER)

        on_thread(lambda: server.control.fire_order_number(screen, name, "KOA_NORMAL_BUY_KP_ORD", number))
        assert next(events).name == "OnReceiveTrData"
        recorder.stacks.clear()
        check(recorder, steps[3:], lambda: on_thread(lambda: server.control.fire_chejan("0", values)))
        assert next(events).name == "OnReceiveChejanData"
        events.cancel()


def test_the_documentation_lists_the_same_functions() -> None:
    _, heading, rest = ARCHITECTURE.read_text(encoding="utf-8").partition("\n## Three walks\n")
    if not heading:
        pytest.skip("docs/architecture.md has no section about them")
    section = rest.partition("\n## ")[0]
    missing = {
        name for steps in WALKS.values() for step in steps for name in step.functions if name not in section
    }
    assert not missing
