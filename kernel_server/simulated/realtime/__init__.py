"""Real-time prices: what the exchange tells, written as Kiwoom writes it, for those who registered for it."""

from kernel_server.simulated.realtime.feed import Feed

__all__ = ["Feed"]
