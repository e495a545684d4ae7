"""The static volatility interruption (정적 VI) as a rule, from ``interruption.tsv``.

Where an order would trade too far from the static base, which is the price of the issue's newest single-price
trade, trading stops instead, orders are collected for a while, and a single-price trade follows. Until the day has a
price the base is 기준가. The dynamic one (동적 VI), which is measured from the last trade, is not known here: bars of
a minute do not tell how far one trade is from the next.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import NamedTuple

from kernel_server.simulated.base.tables import rows
from kernel_server.simulated.market.tick_size import PriceRules


class ViRule(NamedTuple):
    """How far a price may go from the static base, in percent of it, and how long orders are then collected.

    ``seconds`` is the least, and up to ``random`` more seconds are added to it.
    """

    percent: int
    seconds: int
    random: int

    def triggers(self, base: int, grid: PriceRules) -> tuple[int, int]:
        """The lowest price above the base and the highest one below it, KRW, that set one off.

        >>> from kernel_server.simulated.market.tick_size import rules
        >>> rule(date(2026, 3, 18), "KOSDAQ").triggers(3490, rules(date(2026, 3, 18), "KOSDAQ"))
        (3840, 3140)
        """
        above = -(-base * (100 + self.percent) // 100)
        return grid.ceil(above), grid.floor(base * (100 - self.percent) // 100)


@cache
def _table() -> dict[str, list[tuple[date, ViRule]]]:
    """For each board what holds from which day on, oldest first."""
    found: dict[str, list[tuple[date, ViRule]]] = {}
    for since, board, percent, seconds, random, _why in rows("interruption"):
        held = ViRule(int(percent), int(seconds), int(random))
        found.setdefault(board, []).append((date.fromisoformat(since), held))
    return {board: sorted(held) for board, held in found.items()}


def rule(day: date, board: str) -> ViRule | None:
    """What holds on that day on that board (one of ``ticks``); None where nothing is ever set off."""
    return next((held for since, held in reversed(_table().get(board, [])) if since <= day), None)


def nearest() -> int:
    """The least percentage from the base at which there has ever been one."""
    return min(held.percent for rules in _table().values() for _since, held in rules)
