"""``MarketPace``: notices within seconds that no event comes although the market is open.

A quiet issue may trade once an hour, so silence is judged by the pace of everything that the hub receives, and of two
heartbeats of the market: the trades of its two largest issues.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kernel_server.reference.sessions import Sessions
from koalab.errors import KoalabError
from koalab.live.fields import registered_fids
from koalab.live.hub import Hub, Subscription
from koalab.transport.base import TickBatch

HEARTBEATS: Final = ("005930", "000660")
"""Codes whose trades are the heartbeat: 삼성전자 and SK하이닉스."""
SHORTEST: Final = 5.0
"""Seconds of silence, broker's time, that are never called a stall."""
LONGEST: Final = 60.0
"""Seconds of silence in an open market that always are."""
# Silence of so many mean intervals is a stall: by chance, one in e**12.
_INTERVALS: Final = 12.0
_SMOOTHING: Final = 1 / 32


class MarketPace:
    """A ``hub.Subscriber`` that measures the pace of events. Times are the broker's, seconds since the epoch.

    Args:
        in_session: whether a moment is in the continuous session, when trades are expected.
        now: the broker's time.
    """

    def __init__(self, in_session: Callable[[float], bool], now: Callable[[], float]) -> None:
        self._in_session = in_session
        self._now = now
        self._receiving_since: float | None = None
        self._newest = 0.0
        self._interval = SHORTEST / _INTERVALS
        self._subscription: Subscription | None = None

    def start(self, hub: Hub) -> None:
        """Subscribes to the heartbeats; does nothing if it has."""
        if self._subscription is None:
            self._subscription = hub.subscribe(HEARTBEATS, registered_fids("주식체결"), self)

    def stop(self) -> None:
        subscription, self._subscription = self._subscription, None
        self._receiving_since = None
        if subscription is not None:
            subscription.close()

    def stalled_since(self) -> float | None:
        """The time of the last event if events should have come since; None if all is well or nobody can know."""
        since, now = self._receiving_since, self._now()
        if since is None or not self._in_session(now):
            return None
        last = max(since, self._newest)
        if not self._in_session(last):  # the session has begun since
            return None
        return last if now - last > self.patience else None

    @property
    def patience(self) -> float:
        """Seconds of silence that are a stall, at the present pace."""
        return min(LONGEST, max(SHORTEST, _INTERVALS * self._interval))

    # -- Subscriber, on the hub's thread

    def on_start(self, at: float) -> None:
        if self._receiving_since is None:
            self._receiving_since = at

    def on_batch(self, batch: TickBatch) -> None:
        newest, count = float(batch.time[-1]), len(batch.time)
        if self._newest and self._in_session(self._newest):
            mean = max(0.0, newest - self._newest) / count
            weight = 1 - (1 - _SMOOTHING) ** count
            self._interval += weight * (mean - self._interval)
        self._newest = max(self._newest, newest)

    def on_progress(self, until: float) -> None:
        del until

    def on_gap(self, since: float, why: str) -> None:
        del since, why
        self._receiving_since = None

    def on_error(self, error: KoalabError) -> None:
        del error
        self._receiving_since = None


def continuous_trading(sessions: Callable[[], Sessions]) -> Callable[[float], bool]:
    """Whether a moment is between the opening and the closing auction of a session, a minute after its start."""

    def inside(at: float) -> bool:
        known = sessions()
        index = known.current(at)
        return index is not None and known.opens[index] + 60 <= at < known.closes[index] - 600

    return inside
