"""A market with few trades: most tests need some of each kind, and the busiest issue's day has several 100,000."""

from __future__ import annotations

from dataclasses import replace

from kernel_server.simulated.settings import BrokerSettings

TRADE_SIZE = 20.0


def quiet(settings: BrokerSettings | None = None) -> BrokerSettings:
    """The settings with large trades, unless they choose a size."""
    chosen = settings or BrokerSettings()
    return replace(chosen, trade_size=TRADE_SIZE) if chosen.trade_size == 1.0 else chosen
