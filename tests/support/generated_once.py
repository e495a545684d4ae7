"""What nearly every test would make anew, made once in a process: synthetic histories, Nextrade's days of them, and the
names of all issues.

Nearly every test starts a server with an empty cache: each server would generate the same days again, and each session
would ask it for the names of the same 2,900 issues. Tests of either go without this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.market import listing
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.nextrade.market import NextradeMarket, VenueDay
from kernel_server.simulated.market.synthetic.daily_prices import DailyPrices
from kernel_server.simulated.market.synthetic.market import SyntheticMarket
from koalab.link import CallMany
from koalab.listing import ListingLoader
from koalab.transport.base import Scalar

_ask_listing = ListingLoader._ask_listing
_MANY = 1000
_KEPT = 512  # of half a megabyte each: two readings of the whole market


def install(patch: pytest.MonkeyPatch) -> None:
    """Lets all synthetic markets share what they generate, and all sessions the names; ``patch`` undoes it."""
    _share_histories(patch)
    share_nextrade_days(patch)
    _share_names(patch)


def share_nextrade_days(patch: pytest.MonkeyPatch) -> None:
    """Past days at Nextrade, each of which is made of all minutes of it, are made once a seed, calendar and listing."""
    known: dict[tuple[object, ...], dict[tuple[str, int], VenueDay | None]] = {}
    begin = NextradeMarket.__init__

    def shared(self: NextradeMarket, market: Market, sessions: Callable[[], Sessions]) -> None:
        begin(self, market, sessions)
        if isinstance(market, SyntheticMarket):
            actions = tuple((code, *made) for code, made in market._actions.items())
            key = (market._seed, len(market.issues()), market._sessions.dates.tobytes(), actions)
            self._days = known.setdefault(key, {})

    patch.setattr(NextradeMarket, "__init__", shared)


def share_listings(patch: pytest.MonkeyPatch) -> None:
    """The issues of a seed are drawn once for each number of issues."""
    draw = listing.build_listing
    drawn = lru_cache(8)(lambda seed, *_counts: draw(seed))
    patch.setattr(listing, "build_listing", lambda seed: drawn(seed, *listing.COUNTS.values()))


def _share_histories(patch: pytest.MonkeyPatch) -> None:
    generate = SyntheticMarket._generate
    known: dict[tuple[object, ...], list[DailyPrices]] = {}
    calendars: WeakKeyDictionary[SyntheticMarket, bytes] = WeakKeyDictionary()

    def shared(self: SyntheticMarket, codes: list[str], since: int, end: int) -> list[DailyPrices]:
        if self not in calendars:
            calendars[self] = self._sessions.dates.tobytes()
        actions = tuple(tuple(self._actions.get(code, ())) for code in codes)
        # What an ETF follows depends on the number of issues.
        key = (self._seed, len(self._listing.issues), calendars[self], actions, since, end, *codes)
        found = known.pop(key, None) or generate(self, codes, since, end)
        known[key] = found  # the newest are last
        if len(known) > _KEPT:
            del known[next(iter(known))]
        return found

    patch.setattr(SyntheticMarket, "_generate", shared)
    share_listings(patch)


def _share_names(patch: pytest.MonkeyPatch) -> None:
    """The first session asks for the name of every issue, later ones of the same prices and codes for two of them."""
    known: dict[tuple[object, ...], list[Scalar | None]] = {}

    def shared(self: ListingLoader, call_many: CallMany) -> dict[str, Any]:
        def few(calls: Sequence[tuple[str, tuple[Scalar, ...]]]) -> list[Scalar | None]:
            if len(calls) < _MANY or calls[0][0] != "GetMasterCodeName":
                return call_many(calls)
            key = (self._link.source, *calls)
            names = known.get(key)
            if names is None or call_many([calls[0], calls[-1]]) != [names[0], names[-1]]:
                names = call_many(calls)
                if all(names):  # a broker that is away answers blanks
                    known[key] = names
            return names

        return _ask_listing(self, few)

    patch.setattr(ListingLoader, "_ask_listing", shared)


@contextmanager
def every_name_asked() -> Iterator[None]:
    """Each session asks for the name of every issue, as it does for users."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ListingLoader, "_ask_listing", _ask_listing)
        yield
