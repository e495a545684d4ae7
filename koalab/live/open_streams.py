"""``OpenStreams``: opens the streams of a session, and knows which are open."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from kernel_server.reference.sessions import Sessions
from koalab.live.decoding.fields import registered_fids
from koalab.live.feed import EventFeed
from koalab.live.hub import Hub, Subscription
from koalab.live.market_pace import MarketPace, continuous_trading
from koalab.live.stream import EventStream
from koalab.transport import forking
from koalab.transport.problems import session_closed

_REGISTERED_WITHIN: Final = 20.0


class OpenStreams:
    """The streams of one session. The market's pace is measured while one is open.

    Args:
        hub: the session's.
        sessions: of the exchange, read on first use.
        now: the broker's time.
        speed: broker's seconds per real second.
        prices: name of the source of prices.
    """

    def __init__(
        self,
        hub: Hub,
        sessions: Callable[[], Sessions],
        now: Callable[[], float],
        speed: Callable[[], float] = lambda: 1.0,
        prices: str = "",
    ) -> None:
        self._hub = hub
        self._now = now
        self._prices = prices
        self._lock = threading.RLock()
        self._closed = False
        self._abandoned: deque[EventFeed] = deque()
        self._feeds: dict[EventFeed, Subscription] = {}
        self._with_callbacks: set[EventStream[Any]] = set()
        self.pace = MarketPace(continuous_trading(sessions), now, speed)
        hub.each_turn = self._end_abandoned
        self._forked = False
        forking.watch(self)

    def after_fork(self) -> None:
        """In a child the streams are the parent's: they are not ended."""
        self._forked = True
        self._lock = threading.RLock()
        self._feeds.clear()

    def open(self, realtype: str, codes: Sequence[str], keep: int | None) -> EventStream[Any]:
        """A stream whose codes are registered; ``keep`` events are kept, None: all.

        Raises:
            NoAnswer, NotConnected: the codes could not be registered.
            RateLimited: all screens for real-time data are full.
        """
        self._end_abandoned()
        feed = EventFeed(realtype, codes, keep, self._hub.decoder, self._now, self._prices)
        with self._lock:
            if self._closed:
                raise session_closed()
            subscription = self._hub.subscribe(codes, registered_fids(realtype), feed)
            self._feeds[feed] = subscription
            self.pace.start(self._hub)
        stream: EventStream[Any] = EventStream(
            feed, self._end, self._abandoned.append, self.pace.stalled_since, self._with_callbacks
        )
        try:
            subscription.wait(_REGISTERED_WITHIN)
        except BaseException:
            stream.close()
            raise
        return stream

    def close(self) -> None:
        """Ends all streams; what they received stays readable."""
        with self._lock:
            self._closed = True
            feeds = list(self._feeds)
        for feed in feeds:
            self._end(feed)
        self._with_callbacks.clear()

    def _end(self, feed: EventFeed) -> None:
        if self._forked:
            return
        with self._lock:
            subscription = self._feeds.pop(feed, None)
            if subscription is not None:
                subscription.close()
            if not self._feeds:
                self.pace.stop()
        feed.end()

    def _end_abandoned(self) -> None:
        while self._abandoned:
            try:
                feed = self._abandoned.popleft()
            except IndexError:  # another thread took it
                return
            self._end(feed)
