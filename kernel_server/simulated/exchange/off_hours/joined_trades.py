"""Trades of several boards, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from kernel_server.simulated.exchange.interface import Trade, TradeLog
from kernel_server.simulated.market.trade_script import Script, joined


class JoinedTrades(TradeLog):
    """Trades whose columns are joined when more than the newest one is read."""

    __slots__ = ("_joined", "_parts")

    def __init__(self, code: str, parts: Sequence[Script]) -> None:
        self.code = code
        self._parts = parts
        self._joined: Script | None = None

    @property
    def columns(self) -> Script:  # type: ignore[override]  # read alone, as in the class above
        if self._joined is None:
            self._joined = joined(self._parts)
        return self._joined

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def newest(self) -> Trade | None:
        """The newest trade."""
        last = next((part for part in reversed(self._parts) if len(part)), None)
        return None if last is None else TradeLog(self.code, last[len(last) - 1 :])[-1]
