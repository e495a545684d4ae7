"""What a load of bars has to ask for, and how many TRs that will take: known before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernel_server import reference
from kernel_server.reference.sessions import Sessions
from koalab.loaders.intervals import Interval
from koalab.store.finality import Gap

_INSTANT = np.timedelta64(1, "us")


def with_unfinal(
    missing: Sequence[Gap], known: np.datetime64, first: np.datetime64, last: np.datetime64
) -> list[Gap]:
    """The gaps of a range, where ``missing`` is what is not held of it up to ``known``: what comes later never is.

    Args:
        missing: gaps up to ``known``, ascending.
        known: the last moment of the range that can be held.
        first: of the range.
        last: of the range.
    """
    gaps = list(missing)
    if known < last:
        ahead = max(first, known + _INSTANT)
        if gaps and gaps[-1][1] == known:
            ahead = gaps.pop()[0]
        gaps.append((ahead, last))
    return gaps


def expected_trs(interval: Interval, gaps: Sequence[Gap], sessions: Sessions) -> int:
    """A guess at the TRs: what the calendar says of the gaps, over the rows a page holds."""
    rows = reference.tr(interval.tr).rows_per_page or 1
    bars_a_day = {"D": 1.0, "W": 0.2, "M": 1 / 21, "Y": 1 / 245}.get(interval.unit, 381 / interval.size)
    trs = 0
    for first, last in gaps:
        low = np.searchsorted(sessions.dates, first.astype("datetime64[D]"))
        high = np.searchsorted(sessions.dates, last.astype("datetime64[D]"), side="right")
        days = int(high - low)
        if interval.unit in ("min", "tick"):
            days = min(days, 160)  # about what the broker keeps
        trs += max(1, -(-round(days * bars_a_day) // rows))
    return trs
