"""Generated minutes of an issue's day at Nextrade, from its day at the Korea Exchange.

While both trade, prices are those of the Korea Exchange, in its after-market too. The pre-market leads from the close
before to the opening price, the after-market from the close to where the other begins. Volumes are a drawn part of the
Korea Exchange's; their split among the hours is made up. Since Nextrade has VIs, a pre-market that gets far enough has
them; the after-market before that of the Korea Exchange does not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.market_time import dates_of, epoch_seconds, times_of
from kernel_server.simulated.market.after_market.evening import (
    EveningMinutes,
    RegularSession,
    evening_minutes,
)
from kernel_server.simulated.market.bar_value import usual_value
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.nextrade.hours import NextradeHours
from kernel_server.simulated.market.resample import cut, joined
from kernel_server.simulated.market.synthetic.vi_prices import with_interruptions
from kernel_server.simulated.market.vi_rules import ViRule

_LEAST_SHARE, _MOST_SHARE = 0.04, 0.2  # of the volume at the Korea Exchange
_PRE_SHARE, _AFTER_SHARE = 0.08, 0.3  # of the day's volume at Nextrade
_ALONE_SHARE = 0.4  # of the after-market's volume, before the Korea Exchange's after-market begins
_MINUTE = 60
_LEAST_VOLUME = 4  # shares of a minute at the prices of another, so that trades can touch all of these


class ExchangeDay(NamedTuple):
    """A session at the Korea Exchange that Nextrade's follows; prices in KRW, not adjusted.

    Attributes:
        key: random key of the issue and the day.
        hours: of Nextrade.
        base, lower, upper: 기준가 and the price limits.
        grid: tick table.
        minutes: minutes of the regular session.
        evening: minutes of the Korea Exchange's after-market.
        rule: of VIs at Nextrade, None if there are none.
    """

    key: int
    hours: NextradeHours
    base: int
    lower: int
    upper: int
    grid: PriceRules
    minutes: Bars
    evening: Bars
    rule: ViRule | None


def nextrade_minutes(day: ExchangeDay) -> Bars:
    """The minutes with trades of a day at Nextrade; none where the Korea Exchange has no trades."""
    volume = int(day.minutes.volume.sum())
    draw = float(hash_random.uniform(hash_random.key(day.key, "NXT share"), np.zeros(1, np.int64))[0])
    total = round(volume * _LEAST_SHARE * (_MOST_SHARE / _LEAST_SHARE) ** draw)
    if not total:
        return cut(day.minutes, 0, 0)
    before = 0 if day.hours.late else round(total * _PRE_SHARE)
    after = round(total * _AFTER_SHARE)
    auction = int(np.searchsorted(day.minutes.time, _label(day.hours.main_ends)))
    regular = cut(day.minutes, 0, auction)
    parts = [
        _alone(day, "NXT pre", before, day.base, int(day.minutes.open[0])),
        _beside(day, "NXT volume", total - before - after, regular, capped=True),
        *_after_market(day, after),
    ]
    return joined([part for part in parts if len(part)] or [cut(day.minutes, 0, 0)])


def _after_market(day: ExchangeDay, total: int) -> list[Bars]:
    close = int(day.minutes.close[-1])
    if not len(day.evening):
        return [_alone(day, "NXT after", total, close, close)]
    alone = round(total * _ALONE_SHARE)
    return [
        _alone(day, "NXT after", alone, close, int(day.evening.open[0])),
        _beside(day, "NXT evening", total - alone, day.evening),
    ]


def _session(day: ExchangeDay, what: str, start: int) -> RegularSession:
    return RegularSession(hash_random.key(day.key, what), start, day.lower, day.upper, day.grid)


def _alone(day: ExchangeDay, what: str, total: int, start: int, target: int) -> Bars:
    """The minutes in which the Korea Exchange does not trade, from a price to another one."""
    hours, grid = day.hours, day.grid
    begins, ends = hours.pre_begins, hours.pre_ends
    if what == "NXT after":
        evening = int(epoch_seconds(day.evening.time[:1])[0]) if len(day.evening) else hours.ends
        begins, ends = hours.after_begins, min(evening, hours.after_begins + 240 * _MINUTE)
    length = int(ends - begins) // _MINUTE
    found = evening_minutes(_session(day, what, start), total, length)
    if not len(found.minute):
        return cut(day.minutes, 0, 0)
    step: Floats = (target - int(found.close[-1])) * (found.minute + 1) / length
    lower, upper = day.lower, day.upper
    if day.rule is not None and what == "NXT after":
        up, down = day.rule.triggers(start, grid)
        lower, upper = max(lower, grid.ceil(down + 1)), min(upper, grid.floor(up - 1))
    close = np.clip(grid.nearest_array(found.close + step), lower, upper)
    opened = np.where(found.volume < 2, close, np.append(close[:1], close[:-1]))
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    minutes = EveningMinutes(found.minute, opened, high, low, close, found.volume)
    if day.rule is not None:
        key = hash_random.key(day.key, what, "interruption")
        minutes = with_interruptions(day.rule, grid, key, start, minutes, length)
    return _as_bars(grid, int(begins) + minutes.minute * _MINUTE, *minutes[1:])


def _beside(day: ExchangeDay, what: str, total: int, minutes: Bars, capped: bool = False) -> Bars:
    """The minutes in which both trade, at the Korea Exchange's prices; ``capped`` at its volume too."""
    if not len(minutes):
        return minutes
    noise = hash_random.normal(hash_random.key(day.key, what), np.arange(len(minutes)))
    summed = np.cumsum(minutes.volume * np.exp(0.5 * noise))
    edges = np.rint(total * summed / max(float(summed[-1]), 1.0)).astype(np.int64)
    volume = np.diff(edges, prepend=0)
    volume = np.minimum(volume, minutes.volume) if capped else volume
    kept = volume >= _LEAST_VOLUME
    columns = (minutes.open, minutes.high, minutes.low, minutes.close, volume)
    opened, high, low, close, volume = (column[kept] for column in columns)
    none = np.zeros(len(volume), np.int64)
    value = usual_value(day.grid, opened, high, low, close, volume)
    return Bars(minutes.time[kept], opened, high, low, close, volume, value, none, none.astype(np.float64))


def _as_bars(
    grid: PriceRules, start: Ints, opened: Ints, high: Ints, low: Ints, close: Ints, volume: Ints
) -> Bars:
    none = np.zeros(len(start), np.int64)
    time = dates_of(start) * 1_000_000 + times_of(start)
    value = usual_value(grid, opened, high, low, close, volume)
    return Bars(time, opened, high, low, close, volume, value, none, none.astype(np.float64))


def _label(moment: float) -> int:
    start = np.array([int(moment)])
    return int((dates_of(start) * 1_000_000 + times_of(start))[0])
