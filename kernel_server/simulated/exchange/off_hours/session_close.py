"""What the off-hours boards need of the session before them, and the price limits of 시간외 단일가."""

from __future__ import annotations

from typing import NamedTuple

from kernel_server.reference.price_rules import PriceRules

_PERCENT = 10  # distance of the limits of 시간외 단일가 from the close


class SessionClose(NamedTuple):
    """Close, price limits (KRW), volume (shares), tick table, and the random key of the issue and the day.

    A volume of 0 stands for no background order flow.
    """

    key: int
    price: int
    volume: int
    lower: int
    upper: int
    grid: PriceRules


def single_price_limits(close: int, lower: int, upper: int, grid: PriceRules) -> tuple[int, int]:
    """Lowest and highest price of 시간외 단일가: ten percent around the close, within the day's limits.

    >>> from datetime import date
    >>> from kernel_server.reference.price_rules import rules
    >>> single_price_limits(3795, 1, 10_000, rules(date(2026, 7, 24), "KOSPI"))
    (3420, 4170)
    """
    room = close * _PERCENT
    return max(lower, grid.ceil(-((room - close * 100) // 100))), min(
        upper, grid.floor((close * 100 + room) // 100)
    )
