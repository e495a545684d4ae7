"""The pages of minutes that a load takes, by the hours of each session."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from kernel_server.clock import KST
from koalab.calendar import table
from koalab.loaders.intervals import intervals
from koalab.loaders.tr_estimate import TrEstimate

ROWS = 900  # of a page of opt10080


def pages(first: str, last: str, interval: str, evening: bool, now: str) -> int:
    moment = datetime.fromisoformat(now).replace(tzinfo=KST).timestamp()
    gap = (np.datetime64(first, "us"), np.datetime64(last, "us"))
    return TrEstimate(intervals()[interval], table(), moment, evening=evening).trs([gap])


@pytest.mark.parametrize(
    ("first", "now", "interval", "evening", "minutes"),
    [
        ("2026-09-01", "2026-09-12T12:00", "1min", True, 9 * 381),  # before there was an after-market
        ("2026-09-01", "2026-09-19T12:00", "1min", False, 14 * 381),
        ("2026-09-01", "2026-09-19T12:00", "1min", True, 14 * 381 + 5 * 240),
        ("2026-09-01", "2026-09-19T12:00", "5min", True, 14 * 77 + 5 * 48),
        ("2026-09-14", "2026-09-18T15:45", "1min", True, 5 * 381 + 4 * 240),
        ("2026-09-14", "2026-09-18T17:59", "1min", True, 5 * 381 + 4 * 240 + 120),
        ("2026-09-14T18:00", "2026-09-18T20:30", "1min", True, 4 * 621 + 120),
        ("2026-09-14T20:30", "2026-09-18T20:30", "1min", True, 4 * 621),
    ],
)
def test_minutes_of_the_after_market_count_since_there_is_one(
    first: str, now: str, interval: str, evening: bool, minutes: int
) -> None:
    assert pages(first, now, interval, evening, now) == -(-minutes // ROWS)
