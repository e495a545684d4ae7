"""Complete minutes into the cache of bars, raw and, where they are at its scale, adjusted."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.live.tape import Hours, Piece
from koalab.store import coverage
from koalab.store.bars import BarStore, BasisChanged
from koalab.store.coverage import Coverage
from koalab.store.finality import needs_fetch
from koalab.store.series import Series, microseconds, moment

log = logging.getLogger(__name__)

_INTERVAL: Final = "1min"
_INSTANT: Final = np.timedelta64(1, "us")
# Longer than any closure of the exchange.
_NEIGHBOUR: Final = np.timedelta64(30, "D")


@dataclass(frozen=True, slots=True)
class Collected:
    """What is to be kept of one code and one session; ``base`` is that session's 기준가, 0 where it is not known."""

    code: str
    hours: Hours
    piece: Piece
    base: int


class Archive:
    """Where collected minutes go.

    Args:
        store: of final bars.
        sessions: of the exchange, read when they are first needed.
        now: the broker's time.
    """

    def __init__(self, store: BarStore, sessions: Callable[[], Sessions], now: Callable[[], float]) -> None:
        self._store = store
        self._sessions = sessions
        self._now = now
        # Whether a code's adjusted series is at the scale of that session.
        self._fits: dict[tuple[str, int], bool] = {}

    def held(self, code: str, hours: Hours) -> Coverage:
        """Which minutes of a session the raw series has."""
        _, gaps = self._store.read(Series(code, _INTERVAL, False), moment(hours.first), moment(hours.last))
        found: Coverage = ((hours.first, hours.last),)
        for first, last in gaps:
            low, high = microseconds(first), microseconds(last)
            found = (
                *coverage.intersect(found, hours.first, low - 1),
                *coverage.intersect(found, high + 1, hours.last),
            )
        return found

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
            try:
                self._store.add(series, one.piece.bars.slice(*covered), covered)
            except BasisChanged as changed:
                # The next load of that series asks for what is missing, and finds out what is right.
                log.warning("collected minutes are not kept: %s", changed)

    def _adjusted_fits(self, one: Collected) -> bool:
        """Whether today's prices may stand behind those of the adjusted series.

        Where a later load would see both sides of a gap in one go it checks the scale by itself. Where there is no such
        gap, the last close that is held has to be today's 기준가.
        """
        key = one.code, one.hours.first
        if key not in self._fits:
            opening = moment(one.hours.first)
            series = Series(one.code, _INTERVAL, True)
            before, _ = self._store.read(series, opening - _NEIGHBOUR, opening - _INSTANT)
            fits = not len(before) or float(before.close[-1]) == one.base
            if not fits:
                _, gaps = self._store.read(series, before.time[-1], opening - _INSTANT)
                fits = bool(needs_fetch(gaps, _INTERVAL, self._now(), self._sessions()))
            if not fits and not one.base:
                return False  # nothing was traded yet that would tell it
            self._fits[key] = fits
        return self._fits[key]
