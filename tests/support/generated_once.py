"""Histories of the synthetic market, generated once for all the markets of one process.

Nearly every test starts a server, and each server would generate the same days again. Tests of what is generated go
without this.
"""

from __future__ import annotations

from functools import lru_cache
from weakref import WeakKeyDictionary

import pytest

from kernel_server.simulated.market import listing
from kernel_server.simulated.market.synthetic.daily_prices import DailyPrices
from kernel_server.simulated.market.synthetic.market import SyntheticMarket

_KEPT = 512  # of half a megabyte each: two readings of the whole market


def install(patch: pytest.MonkeyPatch) -> None:
    """Lets all synthetic markets share what they generate; ``patch`` undoes it."""
    generate = SyntheticMarket._generate
    known: dict[tuple[object, ...], list[DailyPrices]] = {}
    calendars: WeakKeyDictionary[SyntheticMarket, bytes] = WeakKeyDictionary()

    def shared(self: SyntheticMarket, codes: list[str], since: int) -> list[DailyPrices]:
        if self not in calendars:
            calendars[self] = self._sessions.dates.tobytes()
        actions = tuple(tuple(self._actions.get(code, ())) for code in codes)
        key = (self._seed, calendars[self], actions, since, *codes)
        found = known.pop(key, None) or generate(self, codes, since)
        known[key] = found  # the newest are last
        if len(known) > _KEPT:
            del known[next(iter(known))]
        return found

    patch.setattr(SyntheticMarket, "_generate", shared)
    patch.setattr(listing, "build_listing", lru_cache(4)(listing.build_listing))
