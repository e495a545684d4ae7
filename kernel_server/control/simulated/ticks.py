"""Tick sizes and daily price limits of the exchange, by date, from ``ticks.tsv`` and ``price_limits.tsv``.

A board is what the two tables tell apart: ``KOSPI``, ``KOSDAQ``, ``KONEX``, or ``ETP`` for ETFs and ETNs.

>>> tick(77_500, date(2022, 1, 17), "KOSPI"), tick(77_500, date(2023, 1, 25), "KOSPI")
(100, 100)
>>> limits(77_500, date(2022, 1, 17), "KOSPI")
(100500, 54300)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from kernel_server.control.simulated.market import Floats, Ints, Issue
from kernel_server.control.simulated.tsv import rows

_EPOCH_DAY = date(1970, 1, 1).toordinal()


def board(issue: Issue) -> str:
    """The board whose ticks and limits the issue follows."""
    return "ETP" if issue.kind in ("etf", "etn") else issue.market


@dataclass(frozen=True, eq=False)
class Rules:
    """Tick sizes and price limit of one board in one stretch of time. Prices are in KRW.

    Attributes:
        edges: prices at which the next tick size begins, ascending.
        ticks: tick sizes, one more than edges.
        percent: how far from the base price a price may go, in percent.
    """

    edges: tuple[int, ...]
    ticks: tuple[int, ...]
    percent: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "_edges", np.array(self.edges, np.int64))
        object.__setattr__(self, "_ticks", np.array(self.ticks, np.int64))

    _edges: Ints = None  # type: ignore[assignment]
