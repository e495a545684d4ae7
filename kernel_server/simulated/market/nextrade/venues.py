"""Codes of other exchanges: ``005930_NX`` is the issue at Nextrade, ``005930_AL`` at both exchanges together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np

from kernel_server.simulated.market import baskets
from kernel_server.simulated.market.model import Issue, Market

NEXTRADE: Final = "_NX"
COMBINED: Final = "_AL"
FIRST: Final = np.datetime64("2025-03-04", "D")
"""First session of Nextrade."""

_MARKETS = ("KOSPI", "KOSDAQ")
_ISSUES = 650  # as announced for 2026; which ones is not known, so the largest (a guess)


def split(code: str) -> tuple[str, str]:
    """The issue's own code, and ``_NX`` or ``_AL`` after it, blank for the Korea Exchange.

    >>> split("005930_NX"), split("005930")
    (('005930', '_NX'), ('005930', ''))
    """
    if "_" in code:  # most codes have no venue, and every event asks
        for venue in (NEXTRADE, COMBINED):
            if code.endswith(venue):
                return code.removesuffix(venue), venue
    return code, ""


def traded(issues: Mapping[str, Issue], prices: Mapping[str, int]) -> list[str]:
    """Codes of the issues that Nextrade trades, the largest first; none without prices, as over given ones."""
    if not prices:
        return []
    found = baskets.candidates(baskets.by_size(issues, prices), _MARKETS, ())
    return [issue.code for issue, _place in zip(found, range(_ISSUES), strict=False)]


class VenueIssues(Mapping[str, Issue]):
    """The issues of a market by their codes at other exchanges.

    An issue is made when it is read: a copy of thousands would be most of what it costs to start a broker.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._made: dict[str, Issue] = {}

    @cached_property
    def traded(self) -> frozenset[str]:
        """Codes at the Korea Exchange of the issues that Nextrade trades."""
        return frozenset(traded(self._market.issues(), self._market.anchor_prices()))

    def __getitem__(self, code: str) -> Issue:
        if code not in self._made:
            own, venue = split(code)
            if not venue or not self.traded or (venue == NEXTRADE and own not in self.traded):
                raise KeyError(code)
            self._made[code] = replace(self._market.issues()[own], code=code)
        return self._made[code]

    def __iter__(self) -> Iterator[str]:
        if self.traded:
            for own in self._market.issues():
                yield from (own + NEXTRADE, own + COMBINED) if own in self.traded else (own + COMBINED,)

    def __len__(self) -> int:
        return len(self.traded) + len(self._market.issues()) if self.traded else 0
