"""``TradeContinuity``: proves by 누적거래량 that no trade is missing, and names those that are.

누적거래량 states the shares of the day with this trade's included. So a trade whose predecessor is missing
says so, and one that comes twice does too, on any connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from koalab.dates import SEOUL_OFFSET
from koalab.live.decoding.decoder import Column

_DAY: Final = 86_400


class Jump(NamedTuple):
    """Two trades of a code (an index) that do not follow each other; ``shares`` are missing, negative if it went back.

    ``since`` and ``until`` are when they arrived, seconds since the epoch.
    """

    code: int
    shares: int
    since: float
    until: float


class TradeContinuity:
    """Follows the 누적거래량 of each code. Not thread-safe by itself."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, float]] = {}  # 누적거래량 and arrival of each code's last trade

    def forget(self) -> None:
        """Begins anew after a gap that has a name already."""
        self._last.clear()

    def check(self, columns: Mapping[str, Column]) -> tuple[NDArray[np.bool_] | None, list[Jump]]:
        """Which trades came for the first time, None for all of them; and where trades are missing.

        The first trade of a code, after ``forget`` and on each day, is compared with nothing.
        """
        repeated: list[int] = []
        jumps: list[Jump] = []
        last = self._last
        rows = zip(
            columns["code"].tolist(),
            columns["total_volume"].tolist(),
            columns["volume"].tolist(),
            columns["arrived"].tolist(),
            strict=True,
        )
        for row, (code, total, volume, arrived) in enumerate(rows):
            total_before, before = last.get(code, (total - volume, arrived))
            missing = total - volume - total_before
            if missing and _day(before) == _day(arrived):
                if missing == -volume:
                    repeated.append(row)
                    continue
                jumps.append(Jump(code, missing, before, arrived))
            last[code] = total, arrived
        if not repeated:
            return None, jumps
        first = np.ones(len(columns["code"]), bool)
        first[repeated] = False
        return first, jumps


def _day(moment: float) -> int:
    return int(moment + SEOUL_OFFSET) // _DAY
