"""Trades of several boards, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kernel_server.simulated.exchange.interface import Trade, TradeLog
from kernel_server.simulated.market.trade_script import Script, joined


class FirstTrades(NamedTuple):
    """The first ``number`` trades of a script."""

    script: Script
    number: int


class JoinedTrades(TradeLog):
    """Trades that are read, and their columns joined, when more than the newest one is asked for."""

    __slots__ = ("_joined", "_parts")

    def __init__(self, code: str, parts: Sequence[FirstTrades]) -> None:
        self.code = code
        self._parts = parts
        self._joined: Script | None = None

    @property
    def columns(self) -> Script:  # type: ignore[override]  # read alone, as in the class above
        if self._joined is None:
            self._joined = joined([script[:number] for script, number in self._parts])
        return self._joined

    def __len__(self) -> int:
        return sum(part.number for part in self._parts)

    def newest(self) -> Trade | None:
        """The newest trade."""
        for script, number in reversed(self._parts):
            if number:
                return TradeLog(self.code, script[number - 1 : number])[0]
        return None
