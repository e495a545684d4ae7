"""``ConditionWatch``: the issues that fulfil a condition (조건식), kept current. ``kw.watch(condition)`` makes it."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from koalab.dates import SEOUL, seoul
from koalab.errors import KoalabError, ServerLost
from koalab.link import Backoff, Link, QueueObserver, transient
from koalab.live.event_reader import EventReader
from koalab.live.readable import ReadableStream
from koalab.live.source import StreamSource
from koalab.transport.base import ConditionChange, ConditionStream, QueuePosition

log = logging.getLogger(__name__)

_WAIT: Final = 0.2


class MemberChange(NamedTuple):
    """An issue began to fulfil the condition (``entered``) or no longer does.

    ``time`` is the server's, Asia/Seoul. After a gap what changed in it is found by comparing the lists, and has
    the time of the new one.
    """

    code: str
    name: str
    entered: bool
    time: pd.Timestamp


class WatchSource(StreamSource):
    """Follows one live condition on a separate thread, and sends it again after a lost connection.

    Args:
        link: to the broker.
        index: the condition's number.
        name: its name.
        name_of: the name of a code.

    Attributes:
        members: when each issue entered, seconds since the epoch, by code in the order of entry.
        changes: entries and exits since the first list.
    """

    def __init__(self, link: Link, index: int, name: str, name_of: Callable[[str], str]) -> None:
        super().__init__(f"조건식 {name}", link.now, link.source)
        self.members: dict[str, float] = {}
        self.changes: list[MemberChange] = []
        self.waiting: QueuePosition | None = None
        self._link = link
        self._condition = (index, name)
        self._name_of = name_of
        self._stopped = threading.Event()
        self._backoff = Backoff()
        self._stream: ConditionStream | None = None
        self._listed = False
        self._thread = threading.Thread(target=self._run, name="koalab-watch", daemon=True)
        self._thread.start()

    @property
    def first(self) -> int:
        return 0

    @property
    def stop(self) -> int:
        return len(self.changes)

    def events(self, start: int, stop: int) -> list[Any]:
        with self.changed:
            return self.changes[start:stop]

    def wait_listed(self, progress: QueueObserver) -> None:
        """Waits for the first list; ``progress`` shows the wait for the broker's minute.

        Raises:
            KoalabError: the broker does not take the condition.
        """
        while True:
            with self.changed:
                if self._listed:
                    return
                if self.over:
                    raise self.error or ServerLost(f"{self.label} was closed")
                if self.state == "lost":
                    raise ServerLost(self.why)
                waiting = self.waiting
                self.changed.wait(_WAIT)
            if waiting is not None:
                progress.waiting(waiting)

    def finish(self) -> None:
        """Ends the condition at the broker. Idempotent; from any thread."""
        self._stopped.set()
        stream = self._stream
        if stream is not None:
            stream.close()
        self.end()

    # -- on the thread

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow()
            except KoalabError as error:
                if self._stopped.is_set():
                    return
                log.warning("%s: %s", self.label, error)
                if not self._listed or not transient(error):
                    self.end(error)
                    return
                self.lose(self._now(), str(error))
                self._link.restored(self.label, self._stopped, self._backoff)
            except ValueError:  # gRPC raises it for a closed channel: the session has ended
                self.end()
                return
            else:
                return

    def _follow(self) -> None:
        stream = self._link.watch(*self._condition)
        self._stream = stream
        try:
            if self._stopped.is_set():
                return
            for item in stream:
                self._backoff.reset()
                if isinstance(item, QueuePosition):
                    with self.changed:
                        self.waiting = item
                        self._notify()
                elif isinstance(item, ConditionChange):
                    self._on_change(item)
                else:
                    self._on_list(item)
        finally:
            stream.close()

    def _on_list(self, codes: list[str]) -> None:
        at = self._now()
        with self.changed:
            if self._listed:
                for code in [code for code in self.members if code not in codes]:
                    self._leave(code, at)
            for code in codes:
                if code not in self.members:
                    self.members[code] = at
                    if self._listed:
                        self._add(code, True, at)
            self._listed = True
        self.begin(at)

    def _on_change(self, change: ConditionChange) -> None:
        at = self._now()
        with self.changed:
            if change.entered and change.code not in self.members:
                self.members[change.code] = at
                self._add(change.code, True, at)
            elif not change.entered and change.code in self.members:
                self._leave(change.code, at)
            self._notify()

    def _leave(self, code: str, at: float) -> None:
        del self.members[code]
        self._add(code, False, at)

    def _add(self, code: str, entered: bool, at: float) -> None:
        self.changes.append(MemberChange(code, self._name_of(code), entered, seoul(at)))


class ConditionWatch(ReadableStream[MemberChange]):
    """The issues that fulfil a condition, with every entry and exit as it comes, until ``close``.

    ``for change in watch`` gives entries and exits; ``frame()`` the issues that fulfil it now. A watch without
    references is closed, unless it has callbacks.
    """

    def __init__(self, source: WatchSource, condition: str, index: int, kept: set[Any]) -> None:
        super().__init__(source, lambda: None, kept)
        self.condition = condition
        self.index = index
        self._watched = source
        self._finalizer = weakref.finalize(self, source.finish)
        self._finalizer.atexit = False

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the issues that fulfil it now, in the order of entry."""
        with self._watched.changed:
            return tuple(self._watched.members)

    def frame(self) -> pd.DataFrame:
        """The issues that fulfil it now: index ``code`` in the order of entry; ``name``, ``entered`` (Asia/Seoul)."""
        with self._watched.changed:
            members = dict(self._watched.members)
        found = pd.DataFrame(
            {
                "name": pd.array([self._watched._name_of(code) for code in members], dtype="str"),
                "entered": _moments(list(members.values())),
            },
            index=pd.Index(list(members), dtype="str", name="code"),
        )
        return self._described(found)

    def members_and_reader(self) -> tuple[pd.DataFrame, EventReader[MemberChange]]:
        """``frame()`` now, and a reader of what changes after it."""
        with self._watched.changed:
            return self.frame(), self.reader()

    def history(self) -> pd.DataFrame:
        """Entries and exits so far: index ``time`` (Asia/Seoul); ``code``, ``name``, ``entered`` (bool)."""
        with self._watched.changed:
            changes = list(self._watched.changes)
        found = pd.DataFrame(
            {
                "code": pd.array([one.code for one in changes], dtype="str"),
                "name": pd.array([one.name for one in changes], dtype="str"),
                "entered": np.array([one.entered for one in changes], bool),
            },
            index=pd.DatetimeIndex(_moments([one.time.timestamp() for one in changes]), name="time"),
        )
        return self._described(found)

    def _described(self, frame: pd.DataFrame) -> pd.DataFrame:
        frame.attrs = {
            **self.origin("SendCondition"),
            "condition": self.condition,
            "condition_index": self.index,
        }
        return frame

    def _end(self) -> None:
        self._finalizer()

    def __repr__(self) -> str:
        return (
            f"<조건식 {self.condition}: {self.state!r}, {len(self.codes)} issues, {self.received:,} changes>"
        )

    def _repr_html_(self) -> str:
        return str(self.frame().to_html())


def _moments(at: list[float]) -> pd.DatetimeIndex:
    return pd.to_datetime(np.array(at, np.float64), unit="s", utc=True).as_unit("us").tz_convert(SEOUL)
