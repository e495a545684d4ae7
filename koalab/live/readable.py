"""``ReadableStream``: what all streams offer their users: reading, state, gaps, and the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import pandas as pd

from koalab.dates import seoul
from koalab.errors import BadInput
from koalab.frames.attrs import frame_attrs
from koalab.inputs.text import shown
from koalab.live import event_frames
from koalab.live.callbacks import CallbackThread
from koalab.live.event_frames import wall_timestamp
from koalab.live.event_reader import EventReader
from koalab.live.source import StreamSource

E = TypeVar("E")


class StreamState(str):
    """The state of a stream: a text with ``since`` and ``why``.

    ``connecting`` until the codes are registered, ``live``, ``stale`` while no event of the whole market comes though
    it is open, ``lost`` while server or broker are away, ``closed``.

    Attributes:
        since: when it began, broker's time, Asia/Seoul.
        why: the reason in a sentence; blank for ``connecting`` and ``live``.
    """

    __slots__ = ("since", "why")

    since: pd.Timestamp
    why: str

    def __new__(cls, name: str, since: pd.Timestamp, why: str = "") -> Self:
        state = super().__new__(cls, name)
        state.since, state.why = since, why
        return state

    def __repr__(self) -> str:
        return f"<{self!s} since {self.since:%H:%M:%S}{f': {self.why}' if self.why else ''}>"


class ReadableStream(Generic[E]):
    """A stream of events, from now until ``close``.

    It is an iterator and an asynchronous iterator at once: ``for event in stream`` and ``async for event in stream``
    go on where the last loop stopped, and the first begins with the stream's first event. ``reader()`` gives more
    consumers, each with a separate position; ``on(fn)`` calls ``fn`` with each event.

    Args:
        source: of the events.
        stalled_since: when the market's last event came, if events should have come since.
        kept: streams with callbacks, which continue without a reference of the caller's.
    """

    def __init__(
        self, source: StreamSource, stalled_since: Callable[[], float | None], kept: set[Any]
    ) -> None:
        self._source = source
        self._stalled_since = stalled_since
        self._kept = kept
        self._reader: EventReader[E] = EventReader(source, 0)
        self._callbacks: list[CallbackThread] = []

    @property
    def state(self) -> StreamState:
        """``connecting``, ``live``, ``stale``, ``lost`` or ``closed``, with ``since`` and ``why``."""
        source = self._source
        with source.changed:
            name, since, why = source.state, source.since, source.why
        stalled = self._stalled_since() if name == "live" else None
        if stalled is not None:
            return StreamState("stale", seoul(stalled), "no event of the market since, though it is open")
        return StreamState(name, wall_timestamp(since), why)

    @property
    def gaps(self) -> pd.DataFrame:
        """Intervals in which events may be lost: ``since until why``, Asia/Seoul; ``until`` is NaT while one lasts."""
        with self._source.changed:
            found = event_frames.gaps(self._source.gaps)
        found.attrs = self.origin("")
        return found

    @property
    def dropped(self) -> int:
        """Events that this stream or its own loop lost by reading too slowly; readers count for themselves."""
        return self._source.dropped + self._reader.dropped

    @property
    def received(self) -> int:
        """The number of events so far, those included that are kept no more."""
        return self._source.stop

    def __len__(self) -> int:
        """The number of events kept."""
        with self._source.changed:
            return self._source.stop - self._source.first

    def __bool__(self) -> bool:
        """True: an empty stream is a stream all the same."""
        return True

    def __iter__(self) -> Iterator[E]:
        return self

    def __next__(self) -> E:
        return self._reader.__next__()

    def __aiter__(self) -> AsyncIterator[E]:
        return self

    async def __anext__(self) -> E:
        return await self._reader.__anext__()

    def next(self, timeout: float | None = None) -> E:
        """The next event, waiting for at most ``timeout`` seconds.

        Raises:
            NoAnswer: none came in time.
            StopIteration: the stream is closed and all events were read.
        """
        return self._reader.next(timeout)

    def skip(self) -> int:
        """Lets ``for`` and ``async for`` go on with the next event to come; returns the number of events skipped."""
        return self._reader.skip()

    def reader(self, *, replay: bool = False) -> EventReader[E]:
        """Another consumer, with a separate position: from now on, or with ``replay`` from the oldest event kept."""
        with self._source.changed:
            start = self._source.first if replay else self._source.stop
        return EventReader(self._source, start)

    def on(self, fn: Callable[[E], object]) -> Callable[[], None]:
        """Calls ``fn`` with each event from now on, on a separate thread; returns a function that ends it.

        An exception in ``fn`` is logged, and the next event comes all the same.

        Raises:
            BadInput: that is no function, or the stream is closed and has no event to come.
        """
        if not callable(fn):
            raise BadInput(f"a function that takes an event, not {shown(fn)}")
        if self._source.over:
            raise BadInput(f"{self!r} has no event to come: open another")
        one = CallbackThread(self.reader(), cast("Callable[[Any], object]", fn))
        self._callbacks.append(one)
        self._kept.add(self)
        return lambda: self._off(one)

    def _off(self, one: CallbackThread) -> None:
        one.stop()
        if one in self._callbacks:
            self._callbacks.remove(one)
        if not self._callbacks:
            self._kept.discard(self)

    def close(self) -> None:
        """Ends the stream; what was received stays readable. Idempotent."""
        self._end()
        for one in self._callbacks:
            one.stop()
        self._callbacks.clear()
        self._kept.discard(self)

    def _end(self) -> None:
        raise NotImplementedError

    def origin(self, tr: str) -> dict[Hashable | None, Any]:
        """``attrs`` of a frame made of it now; ``tr`` is the control's function or the TR behind it."""
        return frame_attrs(self._source.prices, tr, self._source.as_of)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
