"""Which issues have an after-market, and since when."""

from __future__ import annotations

from typing import Final

import numpy as np

from kernel_server.simulated.market.model import Issue

FIRST: Final = np.datetime64("2026-09-14", "D")
"""First session with an after-market."""

_MARKETS = frozenset(("KOSPI", "KOSDAQ"))
_EXCLUDED = frozenset(("etf", "etn"))


def traded(issue: Issue) -> bool:
    """Whether the issue is traded in the after-market: shares of KOSPI and KOSDAQ, no ETFs and ETNs."""
    return issue.market in _MARKETS and issue.kind not in _EXCLUDED
