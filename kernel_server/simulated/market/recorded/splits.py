"""Splits that two given histories of one issue, adjusted and not, tell of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kernel_server.simulated.market.corporate_actions import SPLIT, ratio
from kernel_server.simulated.market.model import Bars

# A step of these many times between the two daily files is taken for a split. Smaller ones are as often a
# bonus or a rights issue, so they are left unmarked.
_SPLITS = np.array([5, 10, 20, 25, 50, 100])


def marked(days: Bars, adjusted: Bars, plain: Bars) -> Bars:
    """``days`` with a mark where adjusted and unadjusted closes come so many times nearer as a split brings them."""
    common, here, there = np.intersect1d(adjusted.time, plain.time, assume_unique=True, return_indices=True)
    fair, raw = adjusted.close[here], plain.close[there]
    if len(common) < 2:
        return days
    scale = fair / raw
    step = scale[1:] / scale[:-1]
    # An adjusted price has been rounded to 1 KRW, which tells how far the step may be off.
    blur = 0.001 + 1 / fair[1:] + 1 / fair[:-1]
    near = _SPLITS[np.argmin(np.abs(step[:, None] / _SPLITS - 1), axis=1)]
    split = np.abs(step / near - 1) < blur
    times, factor = common[1:][split], near[split]
    event, percent = days.event.copy(), days.ratio.copy()
    places = np.searchsorted(days.time, times)
    event[places] = SPLIT
    percent[places] = [ratio(float(many)) for many in factor]
    return replace(days, event=event, ratio=percent)
