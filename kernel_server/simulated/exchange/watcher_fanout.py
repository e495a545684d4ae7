"""Watcher of an exchange with subscribers of its own."""

from __future__ import annotations

from collections.abc import Callable

from kernel_server.simulated.exchange.interface import Expected, Interruption, Tape, Trade, Watcher
from kernel_server.simulated.market.phases import Phase


class WatcherFanout:
    """Passes events of the exchange on to its subscribers, which need the exchange to be made first.

    A new phase goes to the subscribers of phases before it goes to the watchers: orders end with a phase before any
    real-time event says so.
    """

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []
        self._phase_callbacks: list[Callable[[Phase], None]] = []

    def subscribe(self, watcher: Watcher) -> None:
        """Adds a watcher of everything."""
        self._watchers.append(watcher)

    def subscribe_to_phases(self, callback: Callable[[Phase], None]) -> None:
        """Adds a callback for phases alone."""
        self._phase_callbacks.append(callback)

    def traded(self, trade: Trade, tape: Tape, ask: int, bid: int) -> None:
        for watcher in self._watchers:
            watcher.traded(trade, tape, ask, bid)

    def quoted(self, code: str, time: float) -> None:
        for watcher in self._watchers:
            watcher.quoted(code, time)

    def expected(self, code: str, time: float, expected: Expected, tape: Tape) -> None:
        for watcher in self._watchers:
            watcher.expected(code, time, expected, tape)

    def interrupted(self, interruption: Interruption) -> None:
        for watcher in self._watchers:
            watcher.interrupted(interruption)

    def evening(self, code: str, time: float, trade: Trade | None) -> None:
        for watcher in self._watchers:
            watcher.evening(code, time, trade)

    def phase(self, phase: Phase, time: float) -> None:
        for callback in self._phase_callbacks:
            callback(phase)
        for watcher in self._watchers:
            watcher.phase(phase, time)
