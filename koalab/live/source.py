"""``StreamSource``: what readers need of a stream: events by number, its state, and its gaps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

from koalab.dates import epoch_seconds
from koalab.errors import KoalabError
from koalab.live.gap import Gap
from koalab.live.wall_time import wall_micros
from koalab.store.series import moment

StateName = Literal["connecting", "live", "stale", "lost", "closed"]


class StreamSource:
    """State and gaps of a stream; a subclass holds the events, numbered from 0 in the order of arrival.

    Args:
        label: what the stream is of, for messages.
        now: the broker's time.
        prices: name of the source of prices.

    Attributes:
        changed: notified on every change; its lock guards everything here.
        gaps: intervals in which events may be lost.
        error: why the stream ended.
        state, since, why: the state, since when (``wall_time``), and the reason.
        dropped: events that this process lost because it read too slowly.
    """

    def __init__(self, label: str, now: Callable[[], float], prices: str = "") -> None:
        self.label = label
        self.prices = prices
        self.changed = threading.Condition()
        self.gaps: list[Gap] = []
        self.error: KoalabError | None = None
        self.state: StateName = "connecting"
        self.since = wall_micros(now())
        self.why = ""
        self.dropped = 0
        self._now = now
        self._wakers: dict[int, Callable[[], None]] = {}

    @property
    def first(self) -> int:
        """The number of the oldest event kept."""
        raise NotImplementedError

    @property
    def stop(self) -> int:
        """The number of the next event."""
        raise NotImplementedError

    def events(self, start: int, stop: int) -> list[Any]:
        """The events of these numbers as objects."""
        raise NotImplementedError

    def begin(self, at: float) -> None:
        """From ``at`` (server time) on every event is received."""
        with self.changed:
            if self.gaps and self.gaps[-1].until is None:
                last = self.gaps[-1]
                self.gaps[-1] = Gap(last.since, max(last.since, wall_micros(at)), last.why)
            self._set_state("live", at, "")

    def lose(self, since: float, why: str) -> None:
        """Events after ``since`` may be lost, until ``begin``."""
        with self.changed:
            if not self.gaps or self.gaps[-1].until is not None:
                self.gaps.append(Gap(wall_micros(since), None, why))
            self._set_state("lost", since, why)

    def miss(self, since: float, until: float, why: str) -> None:
        """Events between these moments (server time) are missing. Adjacent gaps become one."""
        with self.changed:
            start, stop = wall_micros(since), wall_micros(until)
            last = self.gaps[-1] if self.gaps else None
            if last is not None and last.until is None:
                return
            if last is not None and last.until is not None and last.since <= stop and start <= last.until:
                self.gaps[-1] = Gap(min(last.since, start), max(last.until, stop), last.why)
            else:
                self.gaps.append(Gap(start, stop, why))
            self._notify()

    def end(self, error: KoalabError | None = None) -> None:
        """No more events come; ``error`` says why if it was not wanted."""
        with self.changed:
            if self.state != "closed":
                self.error = error
                self._set_state("closed", self._now(), "" if error is None else str(error))

    @property
    def as_of(self) -> float:
        """Up to when events have come, seconds since the epoch: now, unless they come no more."""
        with self.changed:
            state, since = self.state, self.since
        return self._now() if state in ("connecting", "live") else epoch_seconds(moment(since))

    @property
    def over(self) -> bool:
        return self.state == "closed"

    def add_waker(self, key: int, wake: Callable[[], None]) -> None:
        """Calls ``wake`` with the lock held on every change, until ``remove_waker``."""
        with self.changed:
            self._wakers[key] = wake

    def remove_waker(self, key: int) -> None:
        with self.changed:
            self._wakers.pop(key, None)

    # -- with the lock held

    def _set_state(self, state: StateName, at: float, why: str) -> None:
        self.state, self.since, self.why = state, wall_micros(at), why
        self._notify()

    def _notify(self) -> None:
        self.changed.notify_all()
        for wake in list(self._wakers.values()):
            wake()
