"""``EventStream``: live events as Python objects, as columns and as a frame. ``kw.ticks(codes)`` makes it."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import pandas as pd

from koalab.dates import seoul
from koalab.errors import BadInput
from koalab.inputs.text import shown
from koalab.live import event_frames
from koalab.live.callbacks import CallbackThread
from koalab.live.event_frames import wall_timestamp
from koalab.live.event_log import Columns
from koalab.live.event_reader import EventReader
from koalab.live.events import LiveEvent
from koalab.live.feed import EventFeed

E = TypeVar("E", bound=LiveEvent)


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


class EventStream(Generic[E]):
    """Live events of some codes, from now until ``close``.

    It is an iterator and an asynchronous iterator at once: ``for tick in stream`` and ``async for tick in stream`` go
    on where the last loop stopped, and the first begins with the stream's first event. ``reader()`` gives more
    consumers, each with a place of its own; ``on(fn)`` calls ``fn`` with each event. ``to_frame()`` has all that are
    kept. A stream that nobody refers to any more is closed, unless it has callbacks.

    Args:
        feed: receives the events.
        end: unregisters a feed's codes and ends it.
        stalled_since: when the market's last event came, if events should have come since.
        kept: streams with callbacks, which continue without a reference of the caller's.
    """

    def __init__(
        self,
        feed: EventFeed,
        end: Callable[[EventFeed], None],
        stalled_since: Callable[[], float | None],
        kept: set[EventStream[Any]],
    ) -> None:
        self._feed = feed
        self._stalled_since = stalled_since
        self._kept = kept
        self._reader: EventReader[E] = EventReader(feed, 0)
        self._callbacks: list[CallbackThread] = []
        self._finalizer = weakref.finalize(self, end, feed)
        self._finalizer.atexit = False

    # -- what it is

    @property
    def realtype(self) -> str:
        """The real-time type, 주식체결 for example."""
        return self._feed.realtype

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes; for a type that belongs to no code, those that have come so far."""
        return tuple(self._feed.codes)

    @property
    def state(self) -> StreamState:
        """``connecting``, ``live``, ``stale``, ``lost`` or ``closed``, with ``since`` and ``why``."""
        feed = self._feed
        with feed.changed:
            name, since, why = feed.state, feed.since, feed.why
        stalled = self._stalled_since() if name == "live" else None
        if stalled is not None:
            return StreamState("stale", seoul(stalled), "no event of the market since, though it is open")
        return StreamState(name, wall_timestamp(since), why)

    @property
    def gaps(self) -> pd.DataFrame:
        """Intervals in which events may be lost: ``since until why``, Asia/Seoul; ``until`` is NaT while one lasts."""
        with self._feed.changed:
            return event_frames.gaps(self._feed.gaps)

    @property
    def dropped(self) -> int:
        """Events that this stream or its own loop lost by reading too slowly; readers count for themselves."""
        return self._feed.dropped + self._reader.dropped

    @property
    def unreadable(self) -> int:
        """Events left out because a value did not fit its field; the log has the first of them."""
        return self._feed.unreadable

    def __len__(self) -> int:
        """The number of events kept."""
        with self._feed.changed:
            return self._feed.log.end - self._feed.log.first

    @property
    def received(self) -> int:
        """The number of events so far, those included that are kept no more."""
        return self._feed.log.end

    def to_frame(self, last: int | None = None) -> pd.DataFrame:
        """The events kept, or the ``last`` of them.

        Returns:
            Index ``time`` (Asia/Seoul, ascending as received), with a level ``code`` before it for several codes; the
            fields of the event's class as columns, int64, float64 or str; ``arrived`` is the server's time of the
            event. ``attrs`` have ``realtype``, the number of ``gaps``, and ``forgotten``, the events
            that are kept no more.
        """
        if last is not None and (isinstance(last, bool) or not isinstance(last, int) or last < 0):
            raise BadInput(f"last is a number of events, not {shown(last)}")
        feed = self._feed
        with feed.changed:
            start = feed.log.first if last is None else max(feed.log.first, feed.log.end - last)
            parts, codes = list(feed.log.rows(start, feed.log.end)), tuple(feed.codes)
            forgotten, gaps = feed.log.first, len(feed.gaps)
        frame = event_frames.frame(feed.realtype, parts, codes, feed.several)
        frame.attrs = {"realtype": feed.realtype, "gaps": gaps, "forgotten": forgotten}
        return frame

    # -- consuming

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
        """Another consumer, with a place of its own: from now on, or with ``replay`` from the oldest event kept."""
        with self._feed.changed:
            start = self._feed.log.first if replay else self._feed.log.end
        return EventReader(self._feed, start)

    def on(self, fn: Callable[[E], object]) -> Callable[[], None]:
        """Calls ``fn`` with each event from now on, on a thread of its own; returns a function that ends it.

        An exception in ``fn`` is logged, and the next event comes all the same.
        """
        if not callable(fn):
            raise BadInput(f"a function that takes an event, not {shown(fn)}")
        one = CallbackThread(self.reader(), cast("Callable[[LiveEvent], object]", fn))
        self._callbacks.append(one)
        self._kept.add(self)
        return lambda: self._off(one)

    def listen(self, listener: Callable[[Columns, int], None]) -> None:
        """Calls ``listener`` on the hub's thread with each part of the columns and its first row's number.

        It must be quick and must not raise. ``code`` is an index into ``codes``.
        """
        self._feed.listen(listener)

    def _off(self, one: CallbackThread) -> None:
        one.stop()
        if one in self._callbacks:
            self._callbacks.remove(one)
        if not self._callbacks:
            self._kept.discard(self)

    # -- ending

    def close(self) -> None:
        """Unregisters the codes; what was received stays readable. Idempotent."""
        self._finalizer()
        for one in self._callbacks:
            one.stop()
        self._callbacks.clear()
        self._kept.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        codes = self.codes
        named = ", ".join(codes[:3]) + (f" … {len(codes)} codes" if len(codes) > 3 else "")
        dropped = f", {self.dropped:,} dropped" if self.dropped else ""
        gaps = f", {len(self._feed.gaps)} gaps" if self._feed.gaps else ""
        return f"<{self.realtype} {named}: {self.state!r}, {self.received:,} events{gaps}{dropped}>"
