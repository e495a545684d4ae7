"""The control and its thread, as the event loop sees them: work goes in, results and events come out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Generic, TypeVar

from kernel_server.control.event_context import EventContext
from kernel_server.control.origin import Origin, OriginTracker
from kernel_server.control.seam import Control, Event
from kernel_server.control.thread import ControlThread, call_in_loop

T = TypeVar("T")
log = logging.getLogger(__name__)

_MADE_WITHIN = 60.0

Listener = Callable[[EventContext], None]


class Router:
    """Dispatches each event to its listeners. It is used on the control thread only.

    A listener is keyed by the event's name. An expectation is keyed by (screen, request name), as TRs, orders and
    their messages are: it owns those events, and listeners do not get them.

    Args:
        control: whose events they are.
        on_event: called first, with every event.
    """

    def __init__(self, control: Control, on_event: Callable[[Event], None]) -> None:
        self._control = control
        self._on_event = on_event
        self._expected: dict[tuple[str, str], Listener] = {}
        self._listeners: dict[str, tuple[Listener, ...]] = {}
        self._calling: Listener | None = None

    def expect(self, screen: str, request: str, listener: Listener) -> None:
        """Sends events of that screen and request name to ``listener`` until ``forget``."""
        self._expected[screen, request] = listener

    def forget(self, screen: str, request: str) -> None:
        self._expected.pop((screen, request), None)

    def calling(self, listener: Listener | None) -> None:
        """Sends messages without a screen to ``listener`` while set: the control fires them inside the call."""
        self._calling = listener

    def listen(self, name: str, listener: Listener) -> Callable[[], None]:
        """Sends every event of that name without an owner to ``listener``; the returned function unsubscribes."""
        self._listeners[name] = (*self._listeners.get(name, ()), listener)

        def stop() -> None:
            left = list(self._listeners.get(name, ()))
            if listener in left:
                left.remove(listener)
            self._listeners[name] = tuple(left)

        return stop

    def counts(self) -> tuple[int, int]:
        """The number of expectations and of listeners."""
        return len(self._expected), sum(len(found) for found in self._listeners.values())

    def dispatch(self, event: Event) -> None:
        """Calls the event's owner, else its listeners; an exception of theirs is logged."""
        self._on_event(event)
        owner = self._owner(event)
        targets = self._listeners.get(event.name, ()) if owner is None else (owner,)
        if not targets:
            return
        context = EventContext(event, self._control)
        for listener in targets:
            try:
                listener(context)
            except Exception:
                log.exception("%s could not be handed on", event.name)

    def _owner(self, event: Event) -> Listener | None:
        if event.name not in ("OnReceiveTrData", "OnReceiveMsg"):
            return None
        screen, request = str(event.arguments[0]), str(event.arguments[1])
        expected = self._expected.get((screen, request))
        if expected is None and not screen and not request:
            expected = self._calling
        return expected


class ControlWork(Generic[T]):
    """A function of the control on its way to the control thread, and the future of its result."""

    __slots__ = ("_control", "_function", "_loop", "future")

    def __init__(self, function: Callable[[Control], T], control: Control) -> None:
        self._function = function
        self._control = control
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()

    def run(self) -> None:
        """On the control thread: calls the function unless its future has been cancelled."""
        if self.future.cancelled():
            return
        try:
            result = self._function(self._control)
        except Exception as error:  # noqa: BLE001 - it belongs to the caller, not to this thread
            call_in_loop(self._loop, self._fail, error)
        except BaseException as error:  # noqa: BLE001 - it would end the loop that it is raised on
            name = type(error).__name__
            call_in_loop(self._loop, self._fail, RuntimeError(f"{name} on the control thread: {error}"))
        else:
            call_in_loop(self._loop, self._succeed, result)

    def _succeed(self, result: T) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def _fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class ControlHost:
    """A control, the thread it lives on, and the router of its events.

    Args:
        thread: where the control is made and called.
        make: makes the control.
        on_event: called first with every event, on the control thread.
        clock_start: where the clock was set to begin, as its name says it; blank where it was not.

    Attributes:
        origins: where the control's answers come from.
    """

    def __init__(
        self,
        thread: ControlThread,
        make: Callable[[], Control],
        on_event: Callable[[Event], None] = lambda _event: None,
        clock_start: str = "",
    ) -> None:
        def made() -> tuple[Control, Router, OriginTracker]:
            control = make()
            # After a chosen start splits may still be to come, before which adjusted prices are others.
            prices = f"{control.source}@{clock_start}" if clock_start else control.source
            origins = OriginTracker(control, prices)

            def first(event: Event) -> None:
                origins.on_event(event)
                on_event(event)

            router = Router(control, first)
            control.listen(router.dispatch)
            origins.look()
            return control, router, origins

        self.thread = thread
        # The control is made on the thread that will own it: COM requires it.
        try:
            self.control, self.router, self.origins = thread.post(made).result(_MADE_WITHIN)
        except FutureTimeout:
            raise RuntimeError(
                f"the control has not been created within {_MADE_WITHIN:g} s: it may have opened a window on this"
                " machine's screen that waits for an answer; close it and start again"
            ) from None
        self.kind = self.control.kind
        self.source = self.control.source

    def run(self, function: Callable[[Control], T]) -> asyncio.Future[T]:
        """Calls ``function(control)`` on the control thread. Cancelled before its turn, it is not called."""
        work = ControlWork(function, self.control)
        self.thread.hand_over(work.run)
        return work.future

    def answer(self, function: Callable[[Control], T]) -> asyncio.Future[tuple[T, Origin]]:
        """Like ``run``, with the origin of what the function returns."""
        return self.run(lambda control: self.origins.during(lambda: function(control)))

    async def connected(self) -> bool:
        """Whether a user is logged in at the broker (GetConnectState)."""
        return await self.run(lambda control: control.call("GetConnectState", ())) == 1

    def close(self) -> None:
        """Closes the control and ends its thread."""
        self.thread.hand_over(self.control.close)
        self.thread.stop()
