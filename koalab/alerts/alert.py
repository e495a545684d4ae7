"""``Alert``: sends a message when something happens, until it is stopped. ``kw.alert(text)`` makes it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self

import numpy as np
import pandas as pd

from koalab.alerts.delivery import DeliveryQueue
from koalab.alerts.grammar import AlertRule
from koalab.alerts.message import AlertMessage, Occurrence
from koalab.dates import SEOUL
from koalab.errors import NoAnswer
from koalab.inputs.arguments import seconds

log = logging.getLogger(__name__)

AlertStateName = Literal["watching", "stale", "lost", "sending", "failing", "done", "stopped", "ended"]

_KEPT: Final = 10_000
_WAIT: Final = 0.2


class AlertFeed(Protocol):
    """Where the occurrences of an alert come from."""

    def state(self) -> tuple[str, str]:
        """``live``, ``connecting``, ``stale``, ``lost`` or ``closed``, and why."""
        ...


class Alert:
    """Sends a message to its targets each time that something happens, until ``stop`` or the end of the session.

    Args:
        number: of the alert in its session.
        rule: what is waited for.
        queues: of the targets.
        once: whether it ends with the first message.
        every: least seconds between two messages, by the server's time; 0: no least.
        release: ends what it has registered; called once, from any thread.
        origin: ``attrs`` of its frames.

    Attributes:
        number, rule, once, every: as given.
        fired: the number of messages so far.
        held_back: how often it happened too soon after a message to be one, since the last message.
        undelivered: messages that a target did not take and that are not sent again.
        ended: set when it sends no more.
    """

    def __init__(
        self,
        number: int,
        rule: AlertRule,
        queues: Sequence[DeliveryQueue],
        once: bool,
        every: float,
        release: Callable[[Alert], None],
        origin: Callable[[], dict[Hashable | None, Any]] = dict,
    ) -> None:
        self._origin = origin
        self.number = number
        self.rule = rule
        self.once = once
        self.every = every
        self.fired = 0
        self.held_back = 0
        self.undelivered = 0
        self.ended = threading.Event()
        self.feed: AlertFeed | None = None
        self._queues = tuple(queues)
        self._release = release
        self._changed = threading.Condition()
        self._over = False
        self._last: Occurrence | None = None
        self._on_their_way = 0
        self._failures: dict[DeliveryQueue, str] = {}
        self._messages: deque[AlertMessage] = deque(maxlen=_KEPT)

    @property
    def to(self) -> tuple[str, ...]:
        """The targets: the service of an Apprise URL, the name of a function, or ``screen``."""
        return tuple(queue.label for queue in self._queues)

    @property
    def state(self) -> AlertStateName:
        """What it does now.

        ``watching``; ``stale`` or ``lost`` while its live data is; ``sending``; ``failing`` while a target does not
        take a message, which is sent again; ``done`` after its only message; ``stopped``; ``ended`` where its live
        data ended with an error. ``problem`` says more.
        """
        return self._state_and_problem()[0]

    @property
    def problem(self) -> str:
        """Why it is stale, lost, failing or ended, or what was not delivered; blank if all is well."""
        return self._state_and_problem()[1]

    @property
    def last(self) -> pd.Timestamp | None:
        """When the newest message's event happened, Asia/Seoul."""
        with self._changed:
            return self._last.time if self._last is not None else None

    @property
    def waiting(self) -> int:
        """Messages on their way, counted for each target."""
        return self._on_their_way

    def messages(self) -> pd.DataFrame:
        """The messages so far: index ``time`` (Asia/Seoul); ``text``, ``code``, ``name``, ``value`` (float64)."""
        with self._changed:
            found = list(self._messages)
        times = pd.DatetimeIndex([one.time for one in found], name="time")
        frame = pd.DataFrame(
            {
                "text": pd.array([one.text for one in found], dtype="str"),
                "code": pd.array([one.code for one in found], dtype="str"),
                "name": pd.array([one.name for one in found], dtype="str"),
                "value": np.array([one.value for one in found], np.float64),
            },
            index=(times if len(times) else times.tz_localize(SEOUL)).as_unit("us"),
        )
        frame.attrs = self._origin()
        return frame

    def stop(self) -> None:
        """Ends it and what it has registered; messages on their way are not sent any more. Idempotent."""
        with self._changed:
            self._over = True
            self.ended.set()
            self._changed.notify_all()
        self._release(self)

    def wait(self, timeout: float | None = None) -> None:
        """Waits until it sends no more: until its only message is delivered, or it is stopped.

        Raises:
            NoAnswer: not within ``timeout`` seconds.
        """
        until = None if timeout is None else time.monotonic() + seconds("timeout", timeout)
        with self._changed:
            while not self._finished():
                left = _WAIT if until is None else min(_WAIT, until - time.monotonic())
                if left <= 0:
                    raise NoAnswer(f"the alert {self.rule} is not over within {timeout:g} s")
                self._changed.wait(left)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state, problem = self._state_and_problem()
        last = f", last {self.last:%H:%M:%S}" if self.last is not None else ""
        return (
            f"<alert {self.number}: {self.rule} → {', '.join(self.to)}: {state}, {self.fired:,} messages{last}"
            f"{f', {problem}' if problem else ''}>"
        )

    # -- for its feed and its queues, from any thread

    def fire(self, happened: Occurrence) -> None:
        """Something happened: sends a message, unless it is over or it is too soon after the one before."""
        with self._changed:
            if self._over:
                return
            if self._last is not None and self.every and happened.at - self._last.at < self.every:
                self.held_back += 1
                return
            more = f" (그 사이 {self.held_back:,}건 더)" if self.held_back else ""
            self._over = self.once
            self._last, self.held_back = happened, 0
            self.fired += 1
            self._on_their_way += len(self._queues)
            message = AlertMessage(
                self.number, happened.time, happened.text + more, happened.code, happened.name, happened.value
            )
            self._messages.append(message)
            self._changed.notify_all()
        for queue in self._queues:
            queue.put(message, self)
        if self.once:
            # The caller may be the thread that the registration's end would wait for.
            threading.Thread(target=self._release, args=(self,), name="koalab-alert", daemon=True).start()

    def on_attempt_failed(self, queue: DeliveryQueue, why: str, next_in: float | None) -> None:
        with self._changed:
            self._failures[queue] = why
            if next_in is None:
                self._on_their_way -= 1
                self.undelivered += 1
            self._changed.notify_all()
        if self.ended.is_set():
            return
        again = f"the next attempt is in {next_in:.0f} s" if next_in is not None else "it is not sent again"
        log.warning("alert %d (%s) could not be delivered: %s; %s", self.number, self.rule, why, again)

    def on_delivered(self, queue: DeliveryQueue) -> None:
        with self._changed:
            self._on_their_way -= 1
            self._failures.pop(queue, None)
            self._changed.notify_all()

    # -- inside

    def _state_and_problem(self) -> tuple[AlertStateName, str]:
        with self._changed:
            over, way, stopped = self._over, self._on_their_way, self.ended.is_set()
            failure = "; ".join(self._failures.values())
        if stopped:
            return "stopped", failure
        if way:
            return ("failing", failure) if failure else ("sending", "")
        if over:
            return "done", failure
        feed, why = self.feed.state() if self.feed is not None else ("live", "")
        if feed == "closed":
            return "ended", why
        if feed == "lost":
            return "lost", why
        return ("stale", why) if feed == "stale" else ("watching", failure)

    def _finished(self) -> bool:
        if self.ended.is_set() or (self._over and not self._on_their_way):
            return True
        return self.feed is not None and self.feed.state()[0] == "closed" and not self._on_their_way
