"""``DeliveryQueue``: brings messages to one target, in order, on a separate thread, until it has taken them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set
from tenacity.wait import wait_exponential

from koalab.alerts.message import AlertMessage
from koalab.alerts.targets import AlertTarget, Undelivered

log = logging.getLogger(__name__)

MOST_WAITING: Final = 1_000
"""Messages that wait for one target; further ones are lost, counted."""


@dataclass(frozen=True, slots=True)
class RetryPauses:
    """Seconds between two attempts: ``first``, then twice as long each time, up to ``longest``."""

    first: float = 1.0
    longest: float = 300.0


class Sender(Protocol):
    """The alert whose message it is.

    Attributes:
        ended: set when its messages are wanted no more.
    """

    ended: threading.Event

    def on_attempt_failed(self, queue: DeliveryQueue, why: str, next_in: float | None) -> None:
        """A target did not take a message; the next attempt is in so many seconds, None: there is none."""
        ...

    def on_delivered(self, queue: DeliveryQueue) -> None:
        """A target took a message."""
        ...


class DeliveryQueue:
    """The messages that wait for one target. Its thread ends when none is left.

    Args:
        target: where they go.
        pauses: between attempts.
    """

    def __init__(self, target: AlertTarget, pauses: RetryPauses) -> None:
        self.label = target.label
        self._target = target
        self._pauses = pauses
        self._lock = threading.Condition()
        self._waiting: deque[tuple[AlertMessage, Sender]] = deque()
        self._thread: threading.Thread | None = None

    def put(self, message: AlertMessage, sender: Sender) -> None:
        """Queues a message; from any thread, at once."""
        with self._lock:
            full = len(self._waiting) >= MOST_WAITING
            if not full:
                self._waiting.append((message, sender))
            if not full and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="koalab-alert", daemon=True)
                self._thread.start()
        if full:
            sender.on_attempt_failed(self, f"{self.label}: {MOST_WAITING:,} messages wait already", None)

    def wait_empty(self, timeout: float) -> bool:
        """Waits until every message is delivered or given up; False on a timeout."""
        with self._lock:
            return self._lock.wait_for(lambda: self._thread is None, timeout)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    self._lock.notify_all()
                    return
                message, sender = self._waiting.popleft()
            if not sender.ended.is_set():
                self._deliver(message, sender)

    def _deliver(self, message: AlertMessage, sender: Sender) -> None:
        def note(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome is not None else None
            sender.on_attempt_failed(self, str(error), state.upcoming_sleep)

        attempts = Retrying(
            retry=retry_if_exception_type(Undelivered),
            wait=wait_exponential(self._pauses.first, self._pauses.longest, min=self._pauses.first),
            sleep=sleep_using_event(sender.ended),
            stop=stop_when_event_set(sender.ended),
            before_sleep=note,
            reraise=True,
        )
        try:
            if self._target.repeats:
                attempts(self._target.send, message)
            else:
                self._target.send(message)
        except Undelivered as error:
            if not self._target.repeats:
                log.warning("alerts: %s", error, exc_info=error.__cause__)
            sender.on_attempt_failed(self, str(error), None)
        else:
            sender.on_delivered(self)
