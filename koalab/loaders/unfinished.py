"""The bar that was still growing when it came."""

from __future__ import annotations

import numpy as np

from kernel_server.reference.sessions import Sessions
from koalab.dates import wall_of
from koalab.loaders.intervals import Interval
from koalab.loaders.load import LoadResult
from koalab.store.finality import DEFAULT, Finality, final_until
from koalab.store.series import Moment


def unfinished_from(
    result: LoadResult, interval: Interval, sessions: Sessions, finality: Finality = DEFAULT
) -> Moment | None:
    """The time of the newest bar if it was still growing; None where all are finished.

    A bar of days or longer grows until it is final, as the cache has it; a minute until it is over or final; ticks
    until their number is complete, which only a newer bar shows.
    """
    bars = result.bars
    if not len(bars) or not result.as_of:
        return None
    newest: Moment = bars.time[-1]
    if newest <= final_until(interval.name, result.as_of, sessions, finality) or newest == result.early:
        return None
    if interval.unit == "min" and newest + np.timedelta64(interval.size, "m") <= wall_of(result.as_of):
        return None
    if interval.unit == "tick" and (interval.size == 1 or newest != result.newest):
        return None
    return newest
