"""Conversion of date columns between YYYYMMDD and days since the epoch."""

from __future__ import annotations

import numpy as np

from kernel_server.simulated.base.arrays import Ints

_EPOCH = 19700101


def yyyymmdd(day: Ints) -> Ints:
    """YYYYMMDD of days since the epoch."""
    date = day.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    months = month.astype(np.int64)
    years = months // 12 + 1970
    found: Ints = years * 10_000 + (months % 12 + 1) * 100 + (date - month).astype(np.int64) + 1
    return found


def epoch_days(date: Ints) -> Ints:
    """Days since the epoch of YYYYMMDD. An invalid date gives the number of some other date."""
    months = ((date // 10_000 - 1970) * 12 + date // 100 % 100 - 1).astype("datetime64[M]")
    days: Ints = months.astype("datetime64[D]").astype(np.int64) + date % 100 - 1
    return days


def known_epoch_days(date: Ints) -> Ints:
    """The same of a history, whose places without a day are 0 and give 0."""
    return epoch_days(np.where(date > 0, date, _EPOCH))
