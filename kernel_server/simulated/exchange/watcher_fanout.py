"""Two who want to know of the exchange: one of everything, one of the phases of the day."""

from __future__ import annotations

from collections.abc import Callable

from kernel_server.simulated.exchange.interface import Expected, Interruption, Tape, Trade, Watcher
from kernel_server.simulated.market.phases import Phase


class WatcherFanout:
    """A watcher that hands everything on, and the phase to somebody else first."""

    def __init__(self, watcher: Watcher, phase: Callable[[Phase], None]) -> None:
        self.traded: Callable[[Trade, Tape, int, int], None] = watcher.traded
        self.quoted: Callable[[str, float], None] = watcher.quoted
        self.expected: Callable[[str, float, Expected, Tape], None] = watcher.expected
        self.interrupted: Callable[[Interruption], None] = watcher.interrupted
        self.evening: Callable[[str, float, Trade | None], None] = watcher.evening
        self._watcher = watcher
        self._phase = phase

    def phase(self, phase: Phase, time: float) -> None:
        """Orders end with the phase before anybody is told of it."""
        self._phase(phase)
        self._watcher.phase(phase, time)
