"""BASIS of the TRs about program trading: the nearest KOSPI200 future above the index, in hundredths of a point.

The market has no futures: it is the cost of carry to the next expiry and a draw.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.market.trading_hours import day_of

_CARRY = 0.025  # a year
_DEVIATION = 30.0  # of the draw, in hundredths of a point
_THURSDAY = 3


def basis(index: int, day: int, minute: int = 0) -> int:
    """The basis on a day (YYYYMMDD), or at a minute of it, where the index is at ``index`` hundredths of a point."""
    today = day_of(day)
    carry = index * _CARRY * (_expiry(today) - today).days / 365
    drawn = hash_random.normal(hash_random.key("basis", day), np.array([minute]))
    return round(carry + _DEVIATION * float(drawn[0]))


def _expiry(today: date) -> date:
    """The next second Thursday of March, June, September or December."""
    month = (today.month + 2) // 3 * 3
    found = _second_thursday(today.year, month)
    if found >= today:
        return found
    return _second_thursday(today.year + month // 12, month % 12 + 3)


def _second_thursday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(_THURSDAY - first.weekday()) % 7 + 7)
