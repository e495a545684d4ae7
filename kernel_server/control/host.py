"""The control and its thread, as the event loop sees them: work goes in, results and events come out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from kernel_server.control.errand import Errand
from kernel_server.control.event_context import EventContext
from kernel_server.control.seam import Control, Event
from kernel_server.control.thread import ControlThread

T = TypeVar("T")
log = logging.getLogger(__name__)

Listener = Callable[[EventContext], None]


class Router:
    """Hands each event to whoever waits for it. It is touched on the control thread alone.

    An expectation is keyed by (screen, request name), as TRs, orders and their messages are; it is an event's
    owner, and others do not hear of it. A listener is keyed by the event's name.
    """

    def __init__(self) -> None:
        self._expected: dict[tuple[str, str], Listener] = {}
        self._listeners: dict[str, tuple[Listener, ...]] = {}
        self._calling: Listener | None = None
        self.control: Control

    def expect(self, screen: str, request: str, listener: Listener) -> None:
        """Events of that screen and request name go to ``listener`` until ``forget``."""
        self._expected[screen, request] = listener

    def forget(self, screen: str, request: str) -> None:
        self._expected.pop((screen, request), None)

    def calling(self, listener: Listener | None) -> None:
        """Messages without a screen go to ``listener`` while it is set: the control fires them inside the call."""
        self._calling = listener

    def listen(self, name: str, listener: Listener) -> Callable[[], None]:
        """Every event of that name that nobody owns goes to ``listener``; calling what comes back ends that."""
        self._listeners[name] = (*self._listeners.get(name, ()), listener)

        def stop() -> None:
            left = list(self._listeners.get(name, ()))
            if listener in left:
                left.remove(listener)
            self._listeners[name] = tuple(left)

        return stop

    def counts(self) -> tuple[int, int]:
        """How many expectations and how many listeners there are."""
        return len(self._expected), sum(len(found) for found in self._listeners.values())

    def dispatch(self, event: Event) -> None:
        owner = self._owner(event)
        targets = self._listeners.get(event.name, ()) if owner is None else (owner,)
        if not targets:
            return
        moment = EventContext(event, self.control)
        for listener in targets:
            try:
                listener(moment)
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


class ControlHost:
    """One control on its control thread.

    ``run`` gives the result of work on that thread to the event loop; ``router`` may be used in such work. ``heard``
    hears of every event first, on the control thread, whoever waits for it.
    """

    def __init__(
        self,
        thread: ControlThread,
        make: Callable[[], Control],
        heard: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self.thread = thread
        self._heard = heard
        self.router = Router()
        # The control is made on the thread that will own it: COM wants it so.
        self.control = thread.post(self._make(make)).result(60)
        self.kind = self.control.kind
        self.source = self.control.source

    def _make(self, make: Callable[[], Control]) -> Callable[[], Control]:
        def work() -> Control:
            control = make()
            self.router.control = control
            control.listen(self._dispatch)
            return control

        return work

    def _dispatch(self, event: Event) -> None:
        self._heard(event)
        self.router.dispatch(event)

    def run(self, work: Callable[[Control], T]) -> Errand[T]:
        """``work(control)`` on the control thread. Cancelled before its turn, it is not done."""
        errand = Errand(work, self.control)
        if self.thread.idle:
            errand.look(self.thread.hand_over)
        else:
            errand.leave(self.thread.hand_over)
        return errand

    def close(self) -> None:
        """Closes the control and ends its thread."""
        self.thread.hand_over(self.control.close)
        self.thread.stop()
