"""Splits, and swapped files, found by comparing an issue's adjusted and unadjusted closes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference import price_rules
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.market.corporate_actions import SPLIT, ratio
from kernel_server.simulated.market.model import Bars

# Changes of the ratio that count as a split. Smaller ones are as often a bonus or a rights issue and stay unmarked.
_SPLITS = np.array([5, 10, 20, 25, 50, 100])

# Limits of 30 % keep a day's fall below the first and a calm day below the second; a split goes beyond.
_SPLIT, _CALM = 2.0, 1.35
# Shares of days with a price off the tick grid: the tables of old ticks, and recordings, are not without faults.
_FEW, _MANY, _FEWEST = 0.05, 0.3, 20


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


def off_grid_on(adjusted: Bars, unadjusted: Bars, board: str) -> int:
    """The first day (YYYYMMDD) whose unadjusted prices no order can have if the adjusted ones can; 0 if they are right.

    Prices that were traded are multiples of the tick, and adjusted ones are not: so a swap shows at any ratio.
    """
    common, here, there = np.intersect1d(
        adjusted.time, unadjusted.time, assume_unique=True, return_indices=True
    )
    differ = adjusted.close[here] != unadjusted.close[there]
    common, here, there = common[differ], here[differ], there[differ]
    fair, coarse = _off_grid(adjusted, here, epoch_days(common), board)
    raw, _ = _off_grid(unadjusted, there, epoch_days(common), board)
    # Where the tick is 1 KRW adjusted prices are multiples of it too.
    wrong = coarse.sum() >= _FEWEST and raw[coarse].mean() >= _MANY and fair[coarse].mean() <= _FEW
    return int(common[np.argmax(raw & coarse)]) if wrong else 0


def _off_grid(bars: Bars, rows: Ints, day: Ints, board: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of those rows have a price that is no multiple of the tick of its day, and where that is above 1 KRW."""
    found, coarse = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    for part, rules in price_rules.spans(day, board):
        coarse[part] = rules.tick_array(bars.close[rows[part]]) > 1
        for prices in (bars.open, bars.high, bars.low, bars.close):
            price = prices[rows[part]]
            found[part] |= price % rules.tick_array(price) != 0
    return found, coarse


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
