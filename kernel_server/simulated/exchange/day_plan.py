"""The plan of an issue's day: its script, its price limits, its VIs, and the previous day's totals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.price_rules import PriceRules, rules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.market_time import epoch_seconds
from kernel_server.simulated.exchange import generated_script, interruptions
from kernel_server.simulated.exchange.background import level_sizes
from kernel_server.simulated.exchange.interface import Interruption
from kernel_server.simulated.exchange.interruptions import ViContext
from kernel_server.simulated.market import day_summary as days
from kernel_server.simulated.market import vi_rules
from kernel_server.simulated.market.model import Bars, Issue, Market, board
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.trade_script import Script, ScriptLookup, Side

_LEVELS_A_DAY = 400  # a usual level has one part in so many of the day's volume
_MIN_LEVEL = 5_000_000  # KRW in a usual level, at least


@dataclass(frozen=True, slots=True, eq=False)
class DayPlan:
    """An issue's day. Prices in KRW.

    Attributes:
        date: YYYYMMDD.
        hours: of the session.
        base: 기준가.
        lower, upper: 하한가 and 상한가, widened if recorded prices lie outside.
        script: the day's trades, empty if there are none.
        daily_bar: the session's daily bar if the script is empty and the market has one, otherwise None.
        halted: whether trading is halted for the whole session.
        level_sizes: shares of the book's background levels.
        key: random key of the issue and the day.
        interruptions: its VIs, oldest first, with their ends.
        off_hours_flow: whether there is background order flow on the off-hours boards.
        regular: plan of the regular session, if this is that of the after-market which follows it.
    """

    issue: Issue
    date: int
    hours: SessionHours
    grid: PriceRules
    base: int
    lower: int
    upper: int
    previous_volume: int
    previous_value: int
    script: Script
    daily_bar: Bars | None
    halted: bool
    level_sizes: tuple[int, ...]
    key: int
    interruptions: tuple[Interruption, ...] = ()
    off_hours_flow: bool = True
    regular: DayPlan | None = None

    def interruption(self, now: float) -> Interruption | None:
        """The VI in effect at a moment."""
        return next((each for each in self.interruptions if each.time <= now < each.released), None)


def plan_day(
    market: Market,
    hours: SessionHours,
    issue: Issue,
    seed: int,
    recorded: ScriptLookup | None = None,
    off_hours_flow: bool = True,
) -> DayPlan | None:
    """Plan an issue's day. None if the market has no data of it.

    The market is queried as of the session's close, so that the whole day is in its bars.

    Args:
        market: source of the bars.
        hours: of the session.
        issue: the issue.
        seed: of all randomness.
        recorded: recorded trades, which take precedence over generated ones.
        off_hours_flow: whether there is background order flow on the off-hours boards.
    """
    closes = hours.closes
    moment = seoul(hours.opens)
    date = moment.year * 10_000 + moment.month * 100 + moment.day
    grid = rules(moment.date(), board(issue))
    daily = days.history(market, issue.code, closes, 3)
    today = len(daily) > 0 and int(daily.time[-1]) == date
    before = len(daily) - 1 - today
    minutes = _of_day(market.minute(issue.code, False, closes, 1), date)
    key = hash_random.key(seed, issue.code, date)
    recording = recorded(issue.code, date) if recorded else None
    if before >= 0:
        base = int(daily.close[before])
    elif today:
        base = int(daily.open[-1])
    elif recording or len(minutes):
        base = int(recording.price[0] if recording else minutes.open[0])
    else:
        return None
    lower, upper = grid.limits(base)[::-1]
    rule = vi_rules.vi_rule(moment.date(), board(issue))
    context = ViContext(rule, grid, base, hours, key) if rule else None
    script = recording or generated_script.from_minutes(
        key,
        minutes,
        grid,
        (lower, upper),
        hours.opens,
        closes,
        interruptions.pauses(context, epoch_seconds(minutes.time), minutes.open) if context else (),
    )
    found_interruptions = (
        interruptions.interruptions(context, issue.code, script.time, script.price) if context else ()
    )
    if found_interruptions:
        side = script.side.copy()
        side[np.searchsorted(script.time, [each.released for each in found_interruptions])] = int(Side.NONE)
        script = replace(script, side=side)
    if len(script):  # recorded prices may break the limits
        lower, upper = min(lower, int(script.price.min())), max(upper, int(script.price.max()))
    shares = int(script.volume.sum())
    return DayPlan(
        issue=issue,
        date=date,
        hours=hours,
        grid=grid,
        base=base,
        lower=lower,
        upper=upper,
        previous_volume=int(daily.volume[before]) if before >= 0 else 0,
        previous_value=int(daily.value[before]) if before >= 0 else 0,
        script=script.packed(),
        daily_bar=cut(daily, len(daily) - 1, len(daily)) if today and not len(script) else None,
        halted=today and not len(script) and int(daily.volume[-1]) == 0,
        level_sizes=level_sizes(
            hash_random.key(key, "levels"), max(shares / _LEVELS_A_DAY, _MIN_LEVEL / base)
        ),
        key=key,
        interruptions=found_interruptions,
        off_hours_flow=off_hours_flow,
    )


def _of_day(minutes: Bars, date: int) -> Bars:
    since = int(np.searchsorted(minutes.time, date * 1_000_000))
    return cut(minutes, since, len(minutes))
