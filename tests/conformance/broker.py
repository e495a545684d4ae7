"""The broker behind a server under test: its time and its faults are reached beside the server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from kernel_server import clock_name, simulated
from kernel_server.clock import RunningClock, SteppedClock
from kernel_server.control.thread import PlainThread
from kernel_server.reference import sessions
from kernel_server.simulated.control import SimulatedControl
from kernel_server.simulated.market import clock as market_clock
from tests.support.simulated_broker import moment
from tests.support.waiting import HANGS_AFTER

START = "2026-11-27 10:00"


class Broker(Protocol):
    """What a test does to the broker."""

    def advance(self, seconds: float) -> None:
        """Lets so many seconds pass there; all that is fired in them has been handled on return."""

    def fault(self, name: str, **arguments: Any) -> None:
        """Calls a method of ``Faults``."""

    def close(self) -> None:
        """Ends it."""


def clock_of(start: str) -> SteppedClock | RunningClock:
    """The clock of a broker; see ``LocalBroker``."""
    if "@" not in start:
        return SteppedClock(moment(start), jump=True)
    return market_clock.make(clock_name.parse(start), sessions.load)


class LocalBroker:
    """A broker in this process, on a clock that leaps over the waits for answers.

    Args:
        start: its time at the begin, Seoul; or the name of a clock that runs, ``fast:20@2026-11-18T09:30``.
        settings: fields of its settings that differ.
    """

    def __init__(self, start: str = START, **settings: Any) -> None:
        self.clock = clock_of(start)
        self.thread = PlainThread()
        self._handed_over = 0  # pieces of the broker's work, and how many of them are done
        self._done = 0
        self._lock = threading.Lock()
        chosen = simulated.BrokerSettings(**{"limited": False, **settings})

        def make() -> SimulatedControl:
            return simulated.build(None, 1, self.clock, chosen, self._hand_over)

        self.control = self.thread.post(make).result(HANGS_AFTER)

    def advance(self, seconds: float) -> None:
        if not isinstance(self.clock, SteppedClock):
            raise TypeError("the time of this broker runs by itself")
        target = self.clock.now() + seconds
        self._settle()
        # From timer to timer, each with all that it starts, so that what is fired depends on no thread's pace.
        while (due := self.clock.next_due()) is not None and due <= target:
            self.clock.advance(max(0.0, due - self.clock.now()))
            self._settle()
        self.clock.advance(target - self.clock.now())
        self._settle()

    def fault(self, name: str, **arguments: Any) -> None:
        def inject() -> None:
            getattr(self.control.faults, name)(**arguments)

        self.thread.post(inject).result(HANGS_AFTER)

    def close(self) -> None:
        self.thread.post(self.control.close).result(HANGS_AFTER)
        self.thread.stop()
        self.clock.close()

    def _hand_over(self, work: Callable[[], None]) -> None:
        def counted() -> None:
            try:
                work()
            finally:
                self._done += 1

        with self._lock:
            self._handed_over += 1
        self.thread.hand_over(counted)

    def _settle(self) -> None:
        """Waits until the broker has nothing more to do at this time: its work hands over further work."""
        while True:
            self.thread.post(lambda: None).result(HANGS_AFTER)
            if self._done == self._handed_over:
                return
