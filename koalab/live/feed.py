"""``EventFeed``: receives the events of one stream from the hub and keeps them for its readers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import numpy as np

from koalab.errors import KoalabError
from koalab.live.decoding import Decoder
from koalab.live.event_log import Columns, EventLog
from koalab.live.gap import Gap
from koalab.live.wall_time import wall_micros
from koalab.transport.base import TickBatch

log = logging.getLogger(__name__)

StateName = Literal["connecting", "live", "stale", "lost", "closed"]
# So many unreadable events are kept and logged; the rest is counted.
_SHOWN: Final = 20


class EventFeed:
    """A ``hub.Subscriber`` that keeps the events of one real-time type for some codes.

    Args:
        realtype: the type's name.
        codes: events of other codes are ignored; a blank among them accepts all.
        keep: the number of newest events that are kept; None: all.
        decoder: the hub's, so that a batch is decoded once.
        now: the broker's time.

    Attributes:
        changed: notified on every change; its lock guards everything here.
        log: the events, with ``code`` as an index into ``codes``.
        codes: all codes so far.
        several: whether frames have a level for the code.
        gaps: intervals in which events may be lost.
        dropped: events that the server dropped because this process read too slowly.
        unreadable: events left out because a value did not fit its field, and the first reasons.
        error: why the feed ended.
    """

    def __init__(
        self,
        realtype: str,
        codes: Sequence[str],
        keep: int | None,
        decoder: Decoder,
        now: Callable[[], float],
    ) -> None:
        self.realtype = realtype
        self.changed = threading.Condition()
        self.log = EventLog(keep)
        self.codes: dict[str, int] = {code: index for index, code in enumerate(codes) if code}
        self.several = len(codes) > 1
        self.gaps: list[Gap] = []
        self.dropped = 0
        self.unreadable = 0
        self.reasons: list[str] = []
        self.error: KoalabError | None = None
        self.state: StateName = "connecting"
        self.since = wall_micros(now())
        self.why = ""
        self._any_code = "" in codes
        self._decoder = decoder
        self._now = now
        self._wakers: dict[int, Callable[[], None]] = {}
        self._listeners: list[Callable[[Columns, int], None]] = []

    # -- Subscriber, on the hub's thread

    def on_start(self, at: float) -> None:
        with self.changed:
            if self.gaps and self.gaps[-1].until is None:
                last = self.gaps[-1]
                self.gaps[-1] = Gap(last.since, max(last.since, wall_micros(at)), last.why)
            self._set_state("live", at, "")

    def on_batch(self, batch: TickBatch) -> None:
        with self.changed:
            self.dropped += batch.dropped
        found = self._decoder.decode(batch, self.realtype)
        if found is None:
            return
        for problem in found.unreadable[: max(0, _SHOWN - len(self.reasons))]:
            log.warning("live data: an event was left out: %s", problem)
            self.reasons.append(str(problem))
        known = np.array([self._index(code) for code in found.codes], np.int64)
        code = known[found.code]
        mine = code >= 0
        columns: Mapping[str, np.ndarray[tuple[int], np.dtype[np.generic]]] = {"code": code, **found.columns}
        if not mine.all():
            columns = {name: column[mine] for name, column in columns.items()}
        with self.changed:
            self.unreadable += len(found.unreadable)
            if not len(columns["code"]):
                return
            start = self.log.end
            self.log.append(columns)
            self._notify()
        for listener in list(self._listeners):
            listener(columns, start)

    def on_progress(self, until: float) -> None:
        del until

    def on_gap(self, since: float, why: str) -> None:
        with self.changed:
            self.gaps.append(Gap(wall_micros(since), None, why))
            self._set_state("lost", since, why)

    def on_error(self, error: KoalabError) -> None:
        self.end(error)

    # -- any thread

    def end(self, error: KoalabError | None = None) -> None:
        """No more events come; ``error`` says why if it was not wanted."""
        with self.changed:
            if self.state != "closed":
                self.error = error
                self._set_state("closed", self._now(), "" if error is None else str(error))

    @property
    def over(self) -> bool:
        return self.state == "closed"

    def listen(self, listener: Callable[[Columns, int], None]) -> None:
        """Calls ``listener`` on the hub's thread with each part of the log and its first row's number."""
        self._listeners.append(listener)

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
        for wake in self._wakers.values():
            wake()

    def _index(self, code: str) -> int:
        if self._any_code:
            return self.codes.setdefault(code, len(self.codes))
        return self.codes.get(code, -1)
