"""Publishes what is traded outside the regular session: 주식시간외호가 and the ECN types of 시간외 단일가."""

from __future__ import annotations

from collections.abc import Callable

from kernel_server.simulated.base import kiwoom_format
from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.exchange.interface import Exchange, Trade
from kernel_server.simulated.market.phases import Phase
from kernel_server.simulated.realtime.field_strings import join_fields
from kernel_server.simulated.realtime.off_hours_strings import (
    BEST,
    BOOK,
    QUEUE,
    QUOTE,
    TRADE,
    OffHoursStrings,
)
from kernel_server.simulated.settings import BrokerSettings

_OPEN = (Phase.BEFORE_OPEN, Phase.AFTER_CLOSE, Phase.SINGLE_PRICE)
_SINGLE = frozenset((TRADE, QUOTE, BEST, BOOK))


class OffHoursPublisher:
    """Publishes off-hours trading of subscribed issues.

    Args:
        publish: fires a real-time event, given key, type and string.
        exchange: supplies queues and evening sessions.
        settings: format of the strings, and whether the ECN types are published at all.

    Attributes:
        open: whether off-hours trading is possible in the current phase.
    """

    def __init__(
        self, publish: Callable[[str, str, str], None], exchange: Exchange, settings: BrokerSettings
    ) -> None:
        self._publish = publish
        self._exchange = exchange
        self._settings = settings
        self._queues: dict[str, tuple[int, int]] = {}  # as last published
        self._writers: dict[str, OffHoursStrings] = {}
        self._phase = Phase.CLOSED
        self.open = False

    def set_phase(self, phase: Phase) -> None:
        self._phase = phase
        self.open = phase in _OPEN

    def on_phase(self, phase: Phase) -> None:
        """Handle a new phase; a new day or evening starts with empty books."""
        self.set_phase(phase)
        if phase in (Phase.BEFORE_OPEN, Phase.PAUSE):
            self._queues.clear()
            self._writers.clear()

    def quoted(self, code: str, types: frozenset[str], time: float) -> bool:
        """Publish 주식시간외호가 if the queue changed; returns whether the regular book may be published too."""
        if self._phase is Phase.SINGLE_PRICE:
            return False
        if QUEUE in types:
            self._publish_queue(code, time)
        return True

    def _publish_queue(self, code: str, time: float) -> None:
        waiting = self._exchange.closing_price_queue(code)
        if self._queues.get(code) == waiting[:2]:
            return
        self._queues[code] = waiting.asks, waiting.bids
        values = {
            "time": hhmmss(time),
            "asks": str(waiting.asks),
            "bids": str(waiting.bids),
            "asks_change": kiwoom_format.signed(waiting.asks_change),
            "bids_change": kiwoom_format.signed(waiting.bids_change),
        }
        self._publish(code, QUEUE, join_fields("queue", QUEUE, values))

    def _writer(self, code: str) -> OffHoursStrings:
        if code not in self._writers:
            self._writers[code] = OffHoursStrings(self._settings)
        return self._writers[code]

    def evening(self, code: str, types: frozenset[str], time: float, trade: Trade | None) -> None:
        """ECN주식체결 of a trade; ECN주식우선호가 and ECN주식호가잔량 if they changed."""
        if not self._settings.evening_types or not types & _SINGLE:
            return
        evening, writer = self._exchange.single_price(code), self._writer(code)
        if trade is not None and TRADE in types:
            self._publish(code, TRADE, writer.traded(evening, trade))
        best = writer.best(evening)
        if best is not None and BEST in types:
            self._publish(code, BEST, best)
        if trade is None and BOOK in types:
            text = writer.depth(time, evening)
            if text is not None:
                self._publish(code, BOOK, text)

    def publish_close(self, code: str, types: frozenset[str]) -> None:
        """Publish ECN주식시세 with the final prices after the last auction."""
        if self._settings.evening_types and QUOTE in types:
            evening = self._exchange.single_price(code)
            self._publish(code, QUOTE, self._writer(code).quoted(evening))
