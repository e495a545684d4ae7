"""Subscriber of an exchange that forwards its callbacks to subscribers added later."""

from __future__ import annotations

from collections.abc import Callable

from kernel_server.simulated.exchange.interface import (
    ExchangeSubscriber,
    ExpectedPrice,
    Interruption,
    Tape,
    Trade,
)
from kernel_server.simulated.market.phases import Phase


class SubscriberFanout:
    """An ``ExchangeSubscriber`` that exists before its own subscribers, which need the exchange to be made first.

    A new phase goes to the phase callbacks before it goes to the subscribers: orders end with a phase before any
    real-time event says so.
    """

    def __init__(self) -> None:
        self._subscribers: list[ExchangeSubscriber] = []
        self._phase_callbacks: list[Callable[[Phase], None]] = []

    def subscribe(self, subscriber: ExchangeSubscriber) -> None:
        """Add a subscriber of all callbacks."""
        self._subscribers.append(subscriber)

    def subscribe_to_phases(self, callback: Callable[[Phase], None]) -> None:
        """Add a callback for phases alone."""
        self._phase_callbacks.append(callback)

    def on_trade(self, trade: Trade, tape: Tape, ask: int, bid: int) -> None:
        for subscriber in self._subscribers:
            subscriber.on_trade(trade, tape, ask, bid)

    def on_quote(self, code: str, time: float) -> None:
        for subscriber in self._subscribers:
            subscriber.on_quote(code, time)

    def on_expected_price(self, code: str, time: float, expected: ExpectedPrice, tape: Tape) -> None:
        for subscriber in self._subscribers:
            subscriber.on_expected_price(code, time, expected, tape)

    def on_interruption(self, interruption: Interruption) -> None:
        for subscriber in self._subscribers:
            subscriber.on_interruption(interruption)

    def on_single_price(self, code: str, time: float, trade: Trade | None) -> None:
        for subscriber in self._subscribers:
            subscriber.on_single_price(code, time, trade)

    def on_phase(self, phase: Phase, time: float) -> None:
        for callback in self._phase_callbacks:
            callback(phase)
        for subscriber in self._subscribers:
            subscriber.on_phase(phase, time)
