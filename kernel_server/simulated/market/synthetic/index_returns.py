"""Daily returns of the indices that ETFs follow, from the walks of their constituents.

They are those of the indices of ``snapshot.index_weights`` but for the rounding of prices to the tick grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.arrays import Floats
from kernel_server.simulated.market import baskets
from kernel_server.simulated.market.corporate_actions import CorporateAction
from kernel_server.simulated.market.listing import Listing
from kernel_server.simulated.market.model import Issue
from kernel_server.simulated.market.synthetic.daily_prices import HALT_REACH, first_session, walk_closes

_INDICES: Mapping[str, tuple[str, int]] = {"201": ("KOSPI", 200), "150": ("KOSDAQ", 150)}
"""Market and number of constituents by index code."""


class _Known(NamedTuple):
    """Returns of the sessions from ``since`` up to ``end``."""

    since: int
    end: int
    returns: Floats


class IndexReturns:
    """Returns of indices, computed on first use.

    Args:
        seed: of the market.
        listing: all issues and their prices.
        actions: corporate actions by code.
        sessions: the calendar.
        moves: the market's return in each session.
    """

    def __init__(
        self,
        seed: int,
        listing: Listing,
        actions: Mapping[str, Sequence[CorporateAction]],
        sessions: Sessions,
        moves: Floats,
    ) -> None:
        self._seed = seed
        self._listing = listing
        self._actions = actions
        self._sessions = sessions
        self._moves = moves
        self._known: dict[str, _Known] = {}

    def returns(self, code: str, since: int, end: int) -> Floats:
        """Simple return of an index in each session of the calendar; 0 before session ``since`` and from ``end`` on."""
        known = self._known.get(code)
        if known is None or known.since > since or known.end < end:
            if known is not None:  # readers of different moments may take turns
                since, end = min(since, known.since), max(end, known.end)
            known = self._known[code] = _Known(since, end, self._compute(code, since, end))
        return known.returns

    def _compute(self, code: str, since: int, end: int) -> Floats:
        market, size = _INDICES[code]
        in_order = baskets.by_size(self._listing.issues, self._listing.prices)
        last = self._sessions.dates[-1]
        members = [
            issue
            for issue in baskets.candidates(in_order, (market,), ())
            if np.datetime64(issue.listed, "D") <= last
        ][:size]
        begin = max(0, since - HALT_REACH - 1)
        end = min(end, len(self._sessions))
        caps = np.zeros((len(members), end - begin))
        starts: dict[tuple[int, int], list[int]] = {}
        for row, issue in enumerate(members):
            starts.setdefault(first_session(issue, self._sessions, begin), []).append(row)
        for (first, _anchor), rows in starts.items():
            if first < end:
                caps[rows, first - begin :] = self._caps([members[row] for row in rows], begin, end)
        before, after = caps[:, :-1], caps[:, 1:]
        # A share counts from its second session on, as in the index itself.
        whole = before.sum(axis=0)
        held = np.where(before > 0, after, 0.0).sum(axis=0)
        grown = np.divide(held, whole, out=np.ones(len(whole)), where=whole > 0)
        found = np.zeros(len(self._sessions))
        found[begin + 1 : end] = grown - 1
        found[:since] = 0.0
        return found

    def _caps(self, issues: Sequence[Issue], since: int, end: int) -> Floats:
        """Market caps of issues with the same first session, at the close of each session from it on."""
        closes = walk_closes(
            self._seed,
            issues,
            [self._listing.prices[issue.code] for issue in issues],
            [self._actions.get(issue.code, ()) for issue in issues],
            self._sessions,
            self._moves,
            since,
            end,
        )
        caps: Floats = closes * np.array([issue.shares for issue in issues], np.float64)[:, None]
        return caps
