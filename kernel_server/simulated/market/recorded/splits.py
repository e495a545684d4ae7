"""Splits, and swapped files, found by comparing an issue's adjusted and unadjusted closes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kernel_server.simulated.market.corporate_actions import SPLIT, ratio
from kernel_server.simulated.market.model import Bars

# Changes of the ratio that count as a split. Smaller ones are as often a bonus or a rights issue and stay unmarked.
_SPLITS = np.array([5, 10, 20, 25, 50, 100])

# Limits of 30 % keep a day's fall below the first and a calm day below the second; a split goes beyond.
_SPLIT, _CALM = 2.0, 1.35


def swapped_on(adjusted: Bars, unadjusted: Bars) -> int:
    """The first day (YYYYMMDD) of a split that is in the adjusted prices and not in the others; 0 if they are right."""
    common, here, there = np.intersect1d(
        adjusted.time, unadjusted.time, assume_unique=True, return_indices=True
    )
    if len(common) < 2:
        return 0
    fair, raw = (np.diff(np.log(bars.close[at])) for bars, at in ((adjusted, here), (unadjusted, there)))
    splits = np.flatnonzero(fair - raw < -np.log(_SPLIT))
    wrong = (fair[splits] < -np.log(_SPLIT)) & (np.abs(raw[splits]) < np.log(_CALM))
    return int(common[1 + splits[0]]) if len(splits) and wrong.all() else 0


def marked(days: Bars, adjusted: Bars, unadjusted: Bars) -> Bars:
    """``days`` with 수정주가구분 and 수정비율 where adjusted and unadjusted closes show a split."""
    common, here, there = np.intersect1d(
        adjusted.time, unadjusted.time, assume_unique=True, return_indices=True
    )
    fair, raw = adjusted.close[here], unadjusted.close[there]
    if len(common) < 2:
        return days
    scale = fair / raw
    step = scale[1:] / scale[:-1]
    # Adjusted prices are rounded to 1 KRW, which limits the accuracy of the step.
    tolerance = 0.001 + 1 / fair[1:] + 1 / fair[:-1]
    nearest = _SPLITS[np.argmin(np.abs(step[:, None] / _SPLITS - 1), axis=1)]
    split = np.abs(step / nearest - 1) < tolerance
    times, factor = common[1:][split], nearest[split]
    event, percent = days.event.copy(), days.ratio.copy()
    rows = np.searchsorted(days.time, times)
    event[rows] = SPLIT
    percent[rows] = [ratio(float(each)) for each in factor]
    return replace(days, event=event, ratio=percent)
