"""Market breadth: how many issues of an index rise and fall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.snapshot.columns import IssueFacts, SessionPrices
from kernel_server.simulated.snapshot.index_weights import Index


@dataclass(frozen=True, slots=True)
class Breadth:
    """Numbers of issues of an index that rose, fell, were unchanged, at a limit, traded, and listed."""

    upper: int
    up: int
    flat: int
    down: int
    lower: int
    traded: int
    listed: int


def is_counted(index: Index) -> Callable[[Issue], bool]:
    """Whether an issue is a constituent: one of a fixed number, or of the index's markets and industries."""
    if index.size:
        members = frozenset(index.members)
        return lambda issue: issue.code in members
    if not index.industries:
        return lambda issue: issue.market in index.markets
    return lambda issue: (
        issue.kind == "stock" and issue.market in index.markets and issue.industry in index.industries
    )


def member_places(index: Index, facts: IssueFacts) -> Ints:
    """Places of the issues counted by an index."""
    counted = is_counted(index)
    return np.array([at for at, issue in enumerate(facts.issues) if counted(issue)], np.int64)


def count_breadth(facts: IssueFacts, places: Ints, prices: SessionPrices) -> Breadth:
    """Count the issues at ``places`` with ``prices``. 상승 includes 상한, 하락 includes 하한."""
    last, base = prices.last, facts.base[places]
    return Breadth(
        upper=int((last >= facts.upper[places]).sum()),
        up=int((last > base).sum()),
        flat=int((last == base).sum()),
        down=int((last < base).sum()),
        lower=int((last <= facts.lower[places]).sum()),
        traded=int((prices.volume > 0).sum()),
        listed=len(places),
    )
