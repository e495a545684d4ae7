"""``MarketPace``: notices within seconds that no event comes although the market is open.

A quiet issue may trade once an hour, so silence is judged by the pace of everything that the hub receives, and of two
heartbeats of the market: the trades of its two largest issues.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kernel_server.reference.sessions import Sessions
from koalab.errors import KoalabError
from koalab.live.decoding.fields import registered_fids
from koalab.live.hub import Hub, Subscription
from koalab.transport.base import TickBatch

HEARTBEATS: Final = ("005930", "000660")
"""Codes whose trades are the heartbeat: 삼성전자 and SK하이닉스."""
SHORTEST: Final = 5.0
"""Seconds of silence, broker's time, that are never called a stall."""
LONGEST: Final = 60.0
"""Seconds of silence in an open market that always are."""
SHORTEST_REAL: Final = 2.0
"""Real seconds that are never called one: where the broker's time runs fast, events are on their way for minutes."""
# Silence of so many mean intervals is a stall: by chance, one in e**12.
_INTERVALS: Final = 12.0
_SMOOTHING: Final = 1 / 32


class MarketPace:
    """A ``hub.Subscriber`` that measures the pace of events. Times are the broker's, seconds since the epoch.

    Args:
        trading_since: since when trades have been expected at a moment, None where they are not.
        now: the broker's time.
        speed: broker's seconds per real second.
    """

    def __init__(
        self,
        trading_since: Callable[[float], float | None],
        now: Callable[[], float],
        speed: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self._trading_since = trading_since
        self._now = now
        self._speed = speed
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
        """Since when no event came though events should have; None if all is well or it cannot be known."""
        since, now = self._receiving_since, self._now()
        begun = None if since is None else self._trading_since(now)
        if since is None or begun is None:
            return None
        last = max(since, self._newest, begun)
        return last if now - last > max(self.patience, SHORTEST_REAL * self._speed()) else None

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
        begun = self._trading_since(newest)
        if begun is not None and self._newest >= begun:  # not across a night or an auction
            mean = min(max(0.0, newest - self._newest) / count, LONGEST / _INTERVALS)
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
        self._receiving_since = self._subscription = None


def continuous_trading(sessions: Callable[[], Sessions]) -> Callable[[float], float | None]:
    """When the continuous trading of a moment began, a minute after its session; None outside it."""

    def begun(at: float) -> float | None:
        known = sessions()
        index = known.current(at)
        if index is None or not known.opens[index] + 60 <= at < known.closes[index] - 600:
            return None
        return float(known.opens[index] + 60)

    return begun
