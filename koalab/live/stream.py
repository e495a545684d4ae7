"""``EventStream``: live events as Python objects, as columns and as a frame. ``kw.ticks(codes)`` makes it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Final, TypeVar

import pandas as pd

from koalab.errors import BadInput
from koalab.inputs.text import shown
from koalab.live import event_frames
from koalab.live.event_log import Columns
from koalab.live.events import LiveEvent
from koalab.live.feed import EventFeed
from koalab.live.readable import ReadableStream

E = TypeVar("E", bound=LiveEvent)
_REGISTERED_BY: Final = "SetRealReg"


class EventStream(ReadableStream[E]):
    """Live events of some codes, from now until ``close``.

    It is an iterator and an asynchronous iterator at once: ``for tick in stream`` and ``async for tick in stream`` go
    on where the last loop stopped, and the first begins with the stream's first event. ``reader()`` gives more
    consumers, each with a separate position; ``on(fn)`` calls ``fn`` with each event. ``to_frame()`` has all that are
    kept. A stream that nothing refers to any more is closed, unless it has callbacks.

    Args:
        feed: receives the events.
        end: unregisters a feed's codes and ends it.
        abandon: does so later, on another thread: a stream may be collected anywhere, with any lock held.
        stalled_since: when the market's last event came, if events should have come since.
        kept: streams with callbacks, which continue without a reference of the caller's.
    """

    def __init__(
        self,
        feed: EventFeed,
        end: Callable[[EventFeed], None],
        abandon: Callable[[EventFeed], None],
        stalled_since: Callable[[], float | None],
        kept: set[Any],
    ) -> None:
        super().__init__(feed, stalled_since, kept)
        self._feed = feed
        self._end_feed = end
        self._finalizer = weakref.finalize(self, abandon, feed)
        self._finalizer.atexit = False

    @property
    def realtype(self) -> str:
        """The real-time type, 주식체결 for example."""
        return self._feed.realtype

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes; for a type that belongs to no code, those that have come so far."""
        return tuple(self._feed.codes)

    @property
    def unreadable(self) -> int:
        """Events left out because a value did not fit its field; the log has the first of them."""
        return self._feed.unreadable

    @property
    def repeated(self) -> int:
        """Trades left out because the same had come before, by 누적거래량."""
        return self._feed.repeated

    @property
    def complete_from(self) -> int | None:
        """Since when no event is missing, in ``wall_time``; None while events may be missing."""
        feed = self._feed
        with feed.changed:
            if feed.state != "live":
                return None
            return max([feed.since, *(gap.until for gap in feed.gaps[-1:] if gap.until is not None)])

    def to_frame(self, last: int | None = None) -> pd.DataFrame:
        """The events kept, or the ``last`` of them.

        Returns:
            Index ``time`` (Asia/Seoul, ascending as received), with a level ``code`` before it for several codes; the
            fields of the event's class as columns, int64, float64 or str; ``arrived`` is the server's time of the
            event. ``attrs`` have ``realtype``, the number of ``gaps``, and ``forgotten``, the events that are kept no
            more.
        """
        if last is not None and (isinstance(last, bool) or not isinstance(last, int) or last < 0):
            raise BadInput(f"last is a number of events, not {shown(last)}")
        feed = self._feed
        with feed.changed:
            start = feed.log.first if last is None else max(feed.log.first, feed.log.end - last)
            parts, codes = list(feed.log.rows(start, feed.log.end)), tuple(feed.codes)
            forgotten, gaps = feed.log.first, len(feed.gaps)
        frame = event_frames.frame(feed.realtype, parts, codes, feed.several)
        frame.attrs = {
            **self.origin(_REGISTERED_BY),
            "realtype": feed.realtype,
            "gaps": gaps,
            "forgotten": forgotten,
        }
        return frame

    def listen(self, listener: Callable[[Columns, int], None]) -> None:
        """Calls ``listener`` on the hub's thread with each part of the columns and its first row's number.

        It must be quick; if it raises, the stream ends with that error. ``code`` is an index into ``codes``.
        """
        self._feed.listen(listener)

    def _end(self) -> None:
        self._finalizer.detach()
        self._end_feed(self._feed)

    def __repr__(self) -> str:
        codes = self.codes
        named = ", ".join(codes[:3]) + (f" … {len(codes)} codes" if len(codes) > 3 else "")
        dropped = f", {self.dropped:,} dropped" if self.dropped else ""
        gaps = f", {len(self._feed.gaps)} gaps" if self._feed.gaps else ""
        return f"<{self.realtype} {named}: {self.state!r}, {self.received:,} events{gaps}{dropped}>"


def weak_listener(method: Callable[[Columns, int], None]) -> Callable[[Columns, int], None]:
    """A listener that does not keep the object of ``method`` alive."""
    reference = weakref.WeakMethod(method)

    def call(part: Columns, start: int) -> None:
        found = reference()
        if found is not None:
            found(part, start)

    return call
