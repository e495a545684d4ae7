"""``MarketPace``: notices within seconds that no event comes although the market is open.

A quiet issue may trade once an hour, so silence is judged by the pace of everything that the hub receives, and of two
heartbeats of the market: the trades of its two largest issues. Whether a broker takes part in the after-market is not
known beforehand (모의투자 did not), so there silence is one only after an event of that evening.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from kernel_server.reference.sessions import Sessions
from koalab.dates import SEOUL_OFFSET
from koalab.errors import KoalabError
from koalab.live.decoding.fields import registered_fids
from koalab.live.hub import Hub, Subscription
from koalab.store.finality import AFTER_MARKET
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
_SETTLING: Final = 60.0
_EVENING_AFTER: Final = 1800.0  # seconds from the close to the after-market
_HOUR: Final = 3600.0


class Trading(NamedTuple):
    """Continuous trading: when it began, and whether every broker has it."""

    since: float
    certain: bool = True


class MarketPace:
    """A ``hub.Subscriber`` that measures the pace of events. Times are the broker's, seconds since the epoch.

    Args:
        trading: the continuous trading of a moment, None where there is none.
        now: the broker's time.
        speed: broker's seconds per real second.
    """

    def __init__(
        self,
        trading: Callable[[float], Trading | None],
        now: Callable[[], float],
        speed: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self._trading = trading
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
        trading = None if since is None else self._trading(now)
        if since is None or trading is None:
            return None
        if not trading.certain and self._newest < trading.since:
            return None
        last = max(since, self._newest, trading.since)
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
        trading = self._trading(newest)
        if trading is not None and self._newest >= trading.since:  # not across a night or an auction
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


def continuous_trading(sessions: Callable[[], Sessions]) -> Callable[[float], Trading | None]:
    """The continuous trading of a moment, from a minute after its beginning on; None outside it.

    After the regular session it is the after-market, from 2026-09-14 on, until 20:00 on late days too.
    """

    def trading(at: float) -> Trading | None:
        known = sessions()
        index = known.last_started(at)
        if index < 0:
            return None
        opens, closes = float(known.opens[index]), float(known.closes[index])
        if opens + _SETTLING <= at < closes - 600:
            return Trading(opens + _SETTLING)
        evening = closes + _EVENING_AFTER + _SETTLING
        ends = min(closes + _EVENING_AFTER + 4 * _HOUR, midnight_of(closes) + 20 * _HOUR)
        if known.dates[index] >= AFTER_MARKET and evening <= at < ends - _SETTLING:
            return Trading(evening, certain=False)
        return None

    return trading


def midnight_of(at: float) -> float:
    """Midnight in Seoul before a moment."""
    return (at + SEOUL_OFFSET) // (24 * _HOUR) * (24 * _HOUR) - SEOUL_OFFSET
