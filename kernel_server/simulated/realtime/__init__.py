"""Real-time events: market data published to registered codes, as Kiwoom writes it."""

from kernel_server.simulated.realtime.publisher import RealTimePublisher

__all__ = ["RealTimePublisher"]
