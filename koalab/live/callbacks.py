"""``CallbackThread``: calls a user's function with each event, on a separate thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from koalab.errors import KoalabError, NoAnswer
from koalab.live.event_reader import EventReader

log = logging.getLogger(__name__)

_LOOK: Final = 1.0


class CallbackThread:
    """Runs until ``stop``, or until the stream is closed. A slow function delays only itself.

    Args:
        reader: the callback's own consumer.
        fn: called with each event; an exception is logged, the first with its traceback.

    Attributes:
        failures: how often ``fn`` raised.
    """

    def __init__(self, reader: EventReader[Any], fn: Callable[[Any], object]) -> None:
        self.failures = 0
        self._reader = reader
        self._fn = fn
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="koalab-callback", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                event = self._reader.next(_LOOK)
            except NoAnswer:
                continue
            except StopIteration:
                return
            except KoalabError as error:
                log.warning("live data: the stream of a callback ended: %s", error)
                return
            if not self._stopped.is_set():
                self.failures = call_logged(self._fn, event, self.failures)


def call_logged(fn: Callable[[Any], object], argument: Any, failures: int) -> int:
    """Calls a user's function; returns how often it has raised so far, which the log says."""
    try:
        fn(argument)
    except Exception as error:
        failures += 1
        if failures == 1:
            log.exception("a callback raised; it is called with the next event all the same")
        else:
            log.warning("a callback raised for the %d. time: %r", failures, error)
    return failures
