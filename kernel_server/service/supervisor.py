"""Keeps a program running: when it ends with an error it is started again, after pauses that grow."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger(__name__)


class Child(Protocol):
    """A running program."""

    def wait(self, seconds: float) -> int | None:
        """Its exit code; None where it still runs after that many seconds."""

    def end(self) -> None:
        """Asks it to end, and ends it where it does not."""


@dataclass(frozen=True)
class Pauses:
    """Seconds.

    Attributes:
        first, longest: before a restart; doubled each time up to the longest.
        sound: a program that ran so long was sound, so that the next pause is the first again.
        look: between two looks at the program, each of which is reported.
    """

    first: float = 5.0
    longest: float = 300.0
    sound: float = 600.0
    look: float = 5.0


@dataclass(frozen=True)
class Running:
    """What is reported of the program.

    Attributes:
        up: whether it runs.
        restarts: how often it was started again.
        last_exit: its last exit code; None where it has not ended yet.
    """

    up: bool
    restarts: int
    last_exit: int | None


class Supervisor:
    """Runs a program until it ends without an error or ``stop`` is called.

    Args:
        start: starts it.
        report: called at each change and each look.
        pauses: its pauses.
        monotonic: seconds of a clock that only goes forward.
        stopped: is set by ``stop``; waits with a timeout.
    """

    def __init__(
        self,
        start: Callable[[], Child],
        report: Callable[[Running], None],
        pauses: Pauses,
        monotonic: Callable[[], float],
        stopped: threading.Event,
    ) -> None:
        self._start = start
        self._report = report
        self._pauses = pauses
        self._monotonic = monotonic
        self._stopped = stopped
        self._restarts = 0
        self._last_exit: int | None = None

    def stop(self) -> None:
        """Ends the program and ``run``; from any thread, or a signal's handler."""
        self._stopped.set()

    def run(self) -> int:
        """Runs it; returns its last exit code, 0 after ``stop``."""
        pause = self._pauses.first
        while not self._stopped.is_set():
            began = self._monotonic()
            code = self._run_once()
            if code is None or code == 0:
                return 0
            self._last_exit = code
            if self._monotonic() - began >= self._pauses.sound:
                pause = self._pauses.first
            log.error("the server ended with exit code %d; it is started again in %.0f s", code, pause)
            self._say(False)
            if self._stopped.wait(pause):
                return 0
            pause = min(pause * 2, self._pauses.longest)
            self._restarts += 1
        return 0

    def _run_once(self) -> int | None:
        """The exit code of one run; None where it was stopped."""
        try:
            child = self._start()
        except OSError:
            log.exception("the server could not be started")
            return 1
        try:
            while not self._stopped.is_set():
                self._say(True)
                code = child.wait(self._pauses.look)
                if code is not None:
                    return code
            return None
        finally:
            child.end()

    def _say(self, up: bool) -> None:
        self._report(Running(up, self._restarts, self._last_exit))
