"""Ticks of an index, derived from its minute bars."""

from __future__ import annotations

import numpy as np

from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.market.model import Bars

_TICKS = 4  # a minute: open, both extremes, close
_SECONDS = 15


def ticks_of_minutes(minutes: Bars) -> Bars:
    """Four ticks a minute that reproduce its bar; one tick for a minute without movement, as in the auction."""
    falling = minutes.close < minutes.open
    second = np.where(falling, minutes.high, minutes.low)
    third = np.where(falling, minutes.low, minutes.high)
    values = np.stack([minutes.open, second, third, minutes.close], axis=1)
    time = minutes.time[:, None] + np.arange(_TICKS) * _SECONDS
    included = np.ones(values.shape, np.bool_)
    included[minutes.high == minutes.low, 1:] = False
    single = ~included[:, 1:2]
    volume, value = (_spread(column, single)[included] for column in (minutes.volume, minutes.value))
    flat, times = values[included], time[included]
    none = np.zeros(len(flat), np.int64)
    return Bars(times, flat, flat, flat, flat, volume, value, none, none.astype(np.float64))


def _spread(totals: Ints, single: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Ints:
    parts = np.repeat((totals // _TICKS)[:, None], _TICKS, axis=1)
    parts[:, -1] += totals % _TICKS
    parts[:, :1] = np.where(single, totals[:, None], parts[:, :1])
    return parts
