"""Complete minutes into the cache of bars, raw and, where they are at its scale, adjusted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.live.minute_builder import CompleteMinutes, SessionMinutes
from koalab.store import coverage
from koalab.store.bars import AdjustmentChanged, BarStore
from koalab.store.coverage import Coverage
from koalab.store.records import record_of
from koalab.store.series import Moment, Series, moment

log = logging.getLogger(__name__)

_INTERVAL: Final = "1min"
_INSTANT: Final = np.timedelta64(1, "us")


@dataclass(frozen=True, slots=True)
class Collected:
    """What is to be kept of one code and one session; ``base`` is that session's 기준가, 0 where it is not known."""

    code: str
    hours: SessionMinutes
    piece: CompleteMinutes
    base: int


class Archive:
    """Where collected minutes go.

    Args:
        store: of final bars.
        sessions: of the exchange, read when they are first needed.
    """

    def __init__(self, store: BarStore, sessions: Callable[[], Sessions]) -> None:
        self._store = store
        self._sessions = sessions

    def held(self, code: str, hours: SessionMinutes) -> Coverage:
        """Which minutes of a session the raw series has."""
        record = record_of(self._store.shelf, Series(code, _INTERVAL, False))
        return coverage.intersect(record.coverage, hours.first, hours.last)

    def keep(self, collected: Iterable[Collected]) -> None:
        """Keeps them all, or none.

        Raises:
            CacheUnavailable: the cache cannot be used now.
        """
        with self._store.shelf.transaction():
            for one in collected:
                self._add(one, adjusted=False)
                if self._adjusted_fits(one):
                    self._add(one, adjusted=True)

    def _add(self, one: Collected, adjusted: bool) -> None:
        series = Series(one.code, _INTERVAL, adjusted)
        for first, last in one.piece.covered:
            covered = (moment(first), moment(last))
            bars = one.piece.bars.slice(*covered)
            try:
                self._store.add(
                    series, bars, covered, adjustment=_adjustment(one.hours) if adjusted else None
                )
            except AdjustmentChanged as changed:
                # The next load of that series asks for what is missing, and finds out what is right.
                log.warning("collected minutes are not kept: %s", changed)

    def _adjusted_fits(self, one: Collected) -> bool:
        """Whether the session's prices may stand beside the adjusted ones that are held.

        They may where those have its adjustment, or where their last close, of the session before, is its 기준가.
        Otherwise only a load can decide, and adds this session's minutes.
        """
        series, adjustment = Series(one.code, _INTERVAL, True), _adjustment(one.hours)
        opening = moment(one.hours.first)
        known = self._store.cached_range(series, opening, opening - _INSTANT)  # its record alone
        if not known.any_cached or known.adjustment == adjustment:
            return True
        before, _ = self._store.read(series, self._day_before(opening), opening - _INSTANT)
        if not len(before) or float(before.close[-1]) != one.base:
            return False
        return self._store.renew(series, known.adjustment, adjustment)

    def _day_before(self, opening: Moment) -> Moment:
        """The midnight of the session before the one that opens then."""
        dates = self._sessions().dates
        index = int(np.searchsorted(dates, opening.astype("datetime64[D]"))) - 1
        found: Moment = dates[max(0, index)].astype("datetime64[us]")
        return found


def _adjustment(hours: SessionMinutes) -> Moment:
    """The adjustment in force during that session: the one that its opening names."""
    return moment(hours.first)
