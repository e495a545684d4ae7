"""Keeps a program running: when it ends with an error it is started again, after pauses that grow."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

log = logging.getLogger(__name__)


class Child(Protocol):
    """A running program."""

    def wait(self, seconds: float) -> int | None:
        """Its exit code; None where it still runs after that many seconds."""

    def end(self) -> None:
        """Asks it to end, and ends it where it does not."""


class Maintenance(Protocol):
    """Something that is done while the program does not run: an update of what it has loaded, a daily restart."""

    @property
    def name(self) -> str:
        """What it is, as in "the server was ended for …"."""

    @property
    def exit_code(self) -> int | None:
        """The exit code with which the program asks for it; None: it does not."""

    def due(self) -> bool:
        """Whether the program has to end for it now."""

    def perform(self) -> bool:
        """Does it; False where that failed, so that the next start has to wait."""


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
        restarts: how often it was started again after an error.
        last_exit: the exit code of the last error; None where there was none.
        interrupted: how often it was ended for something else.
        doing: what is done while it does not run; blank where nothing is.
    """

    up: bool
    restarts: int
    last_exit: int | None
    interrupted: int = 0
    doing: str = ""


class _Ended(NamedTuple):
    """How a run ended: its exit code, None where the supervisor ended it; and what it ended for."""

    code: int | None
    maintenance: Maintenance | None


class Supervisor:
    """Runs a program until it ends without an error or ``stop`` is called.

    Args:
        start: starts it.
        report: called at each change and each look.
        pauses: its pauses.
        monotonic: seconds of a clock that only goes forward.
        stopped: is set by ``stop``; waits with a timeout.
        look: called at each look while the program runs.
        maintenance: what it is ended for.
    """

    def __init__(
        self,
        start: Callable[[], Child],
        report: Callable[[Running], None],
        pauses: Pauses,
        monotonic: Callable[[], float],
        stopped: threading.Event,
        look: Callable[[], None] = lambda: None,
        maintenance: Sequence[Maintenance] = (),
    ) -> None:
        self._start = start
        self._report = report
        self._pauses = pauses
        self._monotonic = monotonic
        self._stopped = stopped
        self._look = look
        self._maintenance = maintenance
        self._restarts = self._interrupted = 0
        self._last_exit: int | None = None

    def stop(self) -> None:
        """Ends the program and ``run``; from any thread, or a signal's handler."""
        self._stopped.set()

    def run(self) -> int:
        """Runs it; returns its last exit code, 0 after ``stop``."""
        pause = self._pauses.first
        after_maintenance = False
        while not self._stopped.is_set():
            began = self._monotonic()
            ended = self._run_once()
            if ended is None or (ended.code == 0 and ended.maintenance is None):
                return 0
            if self._monotonic() - began >= self._pauses.sound:
                pause, after_maintenance = self._pauses.first, False
            # Maintenance right after the other is no cure, so the second has to wait as an error has.
            if ended.maintenance and self._perform(ended.maintenance) and not after_maintenance:
                after_maintenance = True
                continue
            if not ended.maintenance:
                self._last_exit = ended.code
            log.error("%s; the server is started again in %.0f s", _why(ended), pause)
            self._say(False)
            if self._stopped.wait(pause):
                return 0
            pause = min(pause * 2, self._pauses.longest)
            self._restarts += ended.maintenance is None
        return 0

    def _run_once(self) -> _Ended | None:
        """How one run ended; None where it was stopped."""
        try:
            child = self._start()
        except OSError:
            log.exception("the server could not be started")
            return _Ended(1, None)
        try:
            while not self._stopped.is_set():
                self._say(True)
                code = child.wait(self._pauses.look)
                if code is not None:
                    asked = [one for one in self._maintenance if one.exit_code == code]
                    return _Ended(code, asked[0] if asked else None)
                self._look()
                for one in self._maintenance:
                    if one.due():
                        return _Ended(None, one)
            return None
        finally:
            child.end()

    def _perform(self, maintenance: Maintenance) -> bool:
        self._interrupted += 1
        log.warning("the server was ended for %s", maintenance.name)
        self._say(False, maintenance.name)
        return maintenance.perform()

    def _say(self, up: bool, doing: str = "") -> None:
        self._report(Running(up, self._restarts, self._last_exit, self._interrupted, doing))


def _why(ended: _Ended) -> str:
    if ended.maintenance is not None:
        return f"after {ended.maintenance.name}"
    return f"the server ended with exit code {ended.code}"
