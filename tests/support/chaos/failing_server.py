"""``FailingServer``: a server over the simulated broker that is killed and started again at the same address."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from kernel_server import simulated
from kernel_server.clock import SteppedClock, Timer
from koalab.sessions.session import Session
from tests.support.session import Market, start

T = TypeVar("T")
# So long nothing takes, on any machine: it hangs.
_HANGS_AFTER: Final = 300.0
_LOOK_EVERY: Final = 0.5


class SettlingClock(SteppedClock):
    """A stepped clock that jumps to a foreground timer only when the control thread has done what was due before it.

    One that jumps at once passes the deadlines that the work under way is about to cancel, fifteen seconds an order:
    the market then moves on by hours within a trial of an hour.

    Attributes:
        settle: waits for the control thread.
    """

    def __init__(self, start: float) -> None:
        super().__init__(start)
        self.settle: Callable[[], None] = lambda: None
        self.closed = False
        self._asked = threading.Event()
        threading.Thread(target=self._follow, name="clock", daemon=True).start()

    def call_at(self, due: float, call: Callable[[], None], background: bool = False) -> Timer:
        timer = super().call_at(due, call, background)
        if not background:
            self._asked.set()
        return timer

    def close(self) -> None:
        super().close()
        self.closed = True
        self._asked.set()

    def _follow(self) -> None:
        while not self.closed:
            self._asked.wait()
            self._asked.clear()
            while self.next_foreground_due() is not None and not self.closed:
                self.settle()
                if (due := self.next_foreground_due()) is not None:  # not cancelled since
                    self.advance(due - self.now())


class FailingServer:
    """The server of a trial.

    Args:
        folder: of the account file and of the sessions' caches.
        begin: where its clock starts.
        settings: the broker's.
        on_start: called with each server that was started.
    """

    def __init__(
        self,
        folder: Path,
        begin: datetime,
        settings: simulated.BrokerSettings,
        on_start: Callable[[Market], None] = lambda _: None,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._on_start = on_start
        self._ending: threading.Thread | None = None
        self.market = self._start(begin.timestamp(), 0)

    def _start(self, now: float, port: int) -> Market:
        clock = SettlingClock(now)  # a server that stops closes it
        market = start(
            self._folder,
            clock=clock,
            account_file=self._folder / "account.json",
            settings=self._settings,
            port=port,
        )
        clock.settle = lambda: self._settle(market)
        self._on_start(market)
        return market

    @staticmethod
    def _settle(market: Market) -> None:
        done = market.thread.post(lambda: None)
        while not done.done() and not market.clock.closed:
            wait([done], _LOOK_EVERY)

    @property
    def clock(self) -> SettlingClock:
        return cast("SettlingClock", self.market.clock)

    @property
    def killed(self) -> bool:
        return self._ending is not None

    def connect(self, cache: str) -> Session:
        return self.market.connect(cache)

    def look(self, into: Callable[[Any], T]) -> T:
        """The result of reading the broker on its control thread, which a kill may end at any moment."""
        while True:
            self.start_if_killed()
            asked = self.market.thread.post(lambda: into(self.market.broker))
            with suppress(TimeoutError):
                return self._result(asked)
            if not self.killed:
                raise TimeoutError(f"the control thread does not answer: {_stack('control')}")

    def _result(self, asked: Future[T]) -> T:
        """A future's result, waited for as long as the server lives."""
        until = time.monotonic() + _HANGS_AFTER
        while True:
            try:
                return asked.result(_LOOK_EVERY)
            except TimeoutError:
                if self.killed or time.monotonic() > until:
                    raise

    def go(self, seconds: float, step: float = 1.0) -> None:
        """Lets the broker's time pass; a server that was killed is started again."""
        until = self.clock.now() + seconds
        while (left := until - self.clock.now()) > 0:
            self.clock.advance(min(step, left))
            self.look(lambda _: None)

    def kill(self) -> None:
        """From any thread, the control thread included: a server that stops waits for that."""
        self._ending = threading.Thread(target=self.market.server.stop, args=(0,))
        self._ending.start()

    def start_if_killed(self) -> None:
        """Starts the server again, with the same accounts."""
        if self._ending is None:
            return
        self._ending.join()
        self._ending = None
        port = int(self.market.server.address.rpartition(":")[2])
        sessions, self.market = self.market.sessions, self._start(self.clock.now(), port)
        self.market.sessions = sessions

    def close(self) -> None:
        self.start_if_killed()
        self.market.close()


def _stack(name: str) -> str:
    """What the threads of that name are doing."""
    frames = sys._current_frames()
    found = [frames[one.ident] for one in threading.enumerate() if one.name == name and one.ident in frames]
    return "".join(line for frame in found for line in traceback.format_stack(frame))
