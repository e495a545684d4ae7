"""Stores complete minutes in the cache of bars: raw, and adjusted where the scale is certain."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import wall_of
from koalab.live.collecting.minute_builder import CompleteMinutes, SessionMinutes
from koalab.store.bars import AdjustmentChanged, BarStore
from koalab.store.coverage import Coverage
from koalab.store.records import record_of
from koalab.store.series import Moment, Series, moment

log = logging.getLogger(__name__)

_INTERVAL: Final = "1min"
_INSTANT: Final = np.timedelta64(1, "us")
_AUCTION: Final = np.timedelta64(9, "m")  # after the close; its trades may come late


@dataclass(frozen=True, slots=True)
class CollectedMinutes:
    """Complete minutes of one code in one session; ``base_price`` is that session's 기준가, 0 if unknown."""

    code: str
    session: SessionMinutes
    minutes: CompleteMinutes
    base_price: int


class MinuteArchive:
    """Writes collected minutes into the cache.

    Args:
        store: of final bars.
        sessions: of the exchange, read at first use.
    """

    def __init__(self, store: BarStore, sessions: Callable[[], Sessions]) -> None:
        self._store = store
        self._sessions = sessions

    def stored(self, code: str, session: SessionMinutes) -> Coverage:
        """The minutes of a session in the raw series."""
        record = record_of(self._store.shelf, Series(code, _INTERVAL, False))
        return session.within(record.coverage)

    def store(self, collected: Iterable[CollectedMinutes]) -> None:
        """Stores all of them in one transaction.

        Raises:
            CacheUnavailable: the cache cannot be written now.
        """
        with self._store.shelf.transaction():
            for one in collected:
                self._add(one, adjusted=False)
                if self._fits_adjusted(one):
                    self._add(one, adjusted=True)

    def take_back(self, code: str, parts: Iterable[tuple[int, int]]) -> None:
        """Forgets minutes of a code that were stored before all of their trades had come.

        Raises:
            CacheUnavailable: the cache cannot be written now.
        """
        with self._store.shelf.transaction():
            for first, last in parts:
                for adjusted in (False, True):
                    self._store.withdraw(Series(code, _INTERVAL, adjusted), (moment(first), moment(last)))

    def _add(self, one: CollectedMinutes, adjusted: bool) -> None:
        series = Series(one.code, _INTERVAL, adjusted)
        for first, last in one.session.with_breaks(one.minutes.covered):
            covered = (moment(first), moment(last))
            bars = one.minutes.bars.slice(*covered)
            try:
                self._store.add(
                    series, bars, covered, adjustment=_adjustment(one.session) if adjusted else None
                )
            except AdjustmentChanged as changed:
                # The next load of that series requests the missing range and settles its adjustment.
                log.warning("collected minutes are not kept: %s", changed)

    def _fits_adjusted(self, one: CollectedMinutes) -> bool:
        """Whether the session's prices have the scale of the stored adjusted series.

        They have if that series is of this session's adjustment, or if the close of the regular session before equals
        the session's 기준가. Otherwise only a load can decide, so these minutes are not added to the adjusted series.
        """
        series, opening = Series(one.code, _INTERVAL, True), moment(one.session.opens)
        adjustment = _adjustment(one.session)
        known = self._store.cached_range(
            series, opening, opening - _INSTANT
        )  # an empty range: its record alone
        if not known.any_cached or known.adjustment == adjustment:
            return True
        before, _ = self._store.read(series, *self._previous_session(opening))
        if not len(before) or float(before.close[-1]) != one.base_price:
            return False
        return self._store.renew(series, known.adjustment, adjustment)

    def _previous_session(self, opening: Moment) -> tuple[Moment, Moment]:
        """From midnight to the closing auction of the session before the one that opens at ``opening``."""
        sessions = self._sessions()
        index = max(0, int(np.searchsorted(sessions.dates, opening.astype("datetime64[D]"))) - 1)
        midnight: Moment = sessions.dates[index].astype("datetime64[us]")
        return midnight, wall_of(float(sessions.closes[index])) + _AUCTION


def _adjustment(session: SessionMinutes) -> Moment:
    """The adjustment in force during a session, identified by its opening."""
    return moment(session.opens)
