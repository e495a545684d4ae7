"""How many issues of an index rise and fall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.snapshot.columns import IssueFacts, SessionPrices
from kernel_server.simulated.snapshot.index_weights import Index

_WHOLE_MARKETS = ("001", "101")  # these count every issue of their market, the others their members


@dataclass(frozen=True, slots=True)
class Breadth:
    """How many issues of an index rose, fell, stood at a limit or still, were traded, and how many there are."""

    upper: int
    up: int
    flat: int
    down: int
    lower: int
    traded: int
    listed: int


def places_of(index: Index, facts: IssueFacts) -> Ints:
    """Where the issues that an index counts stand among all."""
    if index.code in _WHOLE_MARKETS:
        inside = [at for at, issue in enumerate(facts.issues) if issue.market == index.market]
    else:
        members = set(index.members)
        inside = [at for at, issue in enumerate(facts.issues) if issue.code in members]
    return np.array(inside, np.int64)


def breadth_of(facts: IssueFacts, places: Ints, prices: SessionPrices) -> Breadth:
    """The issues at those places, at their ``prices``. 상한 counts among 상승, 하한 among 하락."""
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
