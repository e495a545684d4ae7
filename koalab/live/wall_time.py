"""The time unit of ``koalab.live`` and ``koalab.store.coverage``: microseconds of naive Seoul wall time."""

from __future__ import annotations

from typing import Final

from koalab.dates import wall_of
from koalab.store.series import microseconds

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
DAY: Final = 86_400 * SECOND


def wall_micros(moment: float) -> int:
    """Microseconds of naive Seoul wall time, from seconds since the epoch."""
    return microseconds(wall_of(moment))
