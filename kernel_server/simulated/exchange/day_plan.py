"""What an issue's day is going to be: its script, its limits, and the day before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kernel_server.clock import seoul
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange import interruptions
from kernel_server.simulated.exchange import script as scripts
from kernel_server.simulated.exchange.background import sizes
from kernel_server.simulated.exchange.interface import Interruption, Tape, Trade
from kernel_server.simulated.exchange.interruptions import ViContext
from kernel_server.simulated.market import day_summary as days
from kernel_server.simulated.market import vi_rules
from kernel_server.simulated.market.model import Bars, Issue, Market
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.market.tick_size import PriceRules, board, rules
from kernel_server.simulated.market.trade_script import Recorded, Script, Side

_LEVEL_SHARE = 400  # a level of the book holds about this part of the day's volume
_QUIET_LEVEL = 5_000_000  # KRW in a level of an issue that trades little


@dataclass(frozen=True, slots=True, eq=False)
class DayPlan:
    """An issue's day. Prices in KRW.

    Attributes:
        date: YYYYMMDD.
        hours: of the session.
        script: its trades, none where none are known or trading is halted.
        whole: its daily bar where the script is empty and the session has one, otherwise None.
        halted: whether the session goes by without trading.
        pool: volumes for its book.
        key: for draws.
        interruptions: its VIs, oldest first, each with its end.
        crowd: whether anybody but clients trades outside the session.
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
    whole: Bars | None
    halted: bool
    pool: tuple[int, ...]
    key: int
    interruptions: tuple[Interruption, ...] = ()
    crowd: bool = True

    def interruption(self, now: float) -> Interruption | None:
        """The VI that is on at that moment."""
        return next((each for each in self.interruptions if each.time <= now < each.released), None)


def plan(
    market: Market,
    hours: SessionHours,
    issue: Issue,
    seed: int,
    recorded: Recorded | None = None,
    crowd: bool = True,
) -> DayPlan | None:
    """The day of the issue in that session; None where nothing is known of it.

    The market is asked as if the session were over, so that the whole of it is known.

    Args:
        market: whose bars they are.
        hours: of the session.
        issue: whose day it is.
        seed: of everything that is drawn.
        recorded: trades that take the place of drawn ones.
        crowd: whether anybody but clients trades outside the session.
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
    found = recorded(issue.code, date) if recorded else None
    if before >= 0:
        base = int(daily.close[before])
    elif today:
        base = int(daily.open[-1])
    elif found or len(minutes):
        base = int(found.price[0] if found else minutes.open[0])
    else:
        return None
    lower, upper = grid.limits(base)[::-1]
    rule = vi_rules.rule(moment.date(), board(issue))
    frame = ViContext(rule, grid, base, hours, key) if rule else None
    script = found or scripts.from_minutes(
        key,
        minutes,
        grid,
        (lower, upper),
        hours.opens,
        closes,
        interruptions.pauses(frame, scripts.moments(minutes.time), minutes.open) if frame else (),
    )
    halts = interruptions.interruptions(frame, issue.code, script.time, script.price) if frame else ()
    if halts:
        side = script.side.copy()
        side[np.searchsorted(script.time, [halt.released for halt in halts])] = int(Side.NONE)
        script = replace(script, side=side)
    if len(script):  # given prices may know no limits
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
        whole=_row(daily, len(daily) - 1) if today and not len(script) else None,
        halted=today and not len(script) and int(daily.volume[-1]) == 0,
        pool=sizes(hash_random.key(key, "levels"), max(shares / _LEVEL_SHARE, _QUIET_LEVEL / base)),
        key=key,
        interruptions=halts,
        crowd=crowd,
    )


def _of_day(minutes: Bars, date: int) -> Bars:
    since = int(np.searchsorted(minutes.time, date * 1_000_000))
    return _part(minutes, slice(since, None))


def _row(bars: Bars, row: int) -> Bars:
    return _part(bars, slice(row, row + 1))


def _part(bars: Bars, part: slice) -> Bars:
    return Bars(*(getattr(bars, name)[part] for name in Bars.__slots__))


def tape(plan: DayPlan, position: int, now: float) -> Tape:
    """The tape after the first ``position`` trades of the script."""
    made = Tape(
        code=plan.issue.code,
        base=plan.base,
        upper=plan.upper,
        lower=plan.lower,
        previous_volume=plan.previous_volume,
        previous_value=plan.previous_value,
        shares=plan.issue.shares,
        last=plan.base,
    )
    if position:
        _summed(made, plan.script, position)
    elif plan.whole is not None and now >= plan.hours.closes:
        bar = plan.whole
        made.last, made.volume, made.value = int(bar.close[0]), int(bar.volume[0]), int(bar.value[0])
        if made.volume:
            made.open, made.high, made.low = int(bar.open[0]), int(bar.high[0]), int(bar.low[0])
    return made


def _summed(made: Tape, script: Script, position: int) -> None:
    time, price, volume, side = (
        column[:position] for column in (script.time, script.price, script.volume, script.side)
    )
    high, low = int(np.argmax(price)), int(np.argmin(price))
    made.last, made.open = int(price[-1]), int(price[0])
    made.high, made.low = int(price[high]), int(price[low])
    made.volume, made.value = int(volume.sum()), int(np.dot(price.astype(np.int64), volume))
    bought, sold = side == int(Side.BUY), side == int(Side.SELL)
    made.buys, made.sells = int(volume[bought].sum()), int(volume[sold].sum())
    made.buy_count, made.sell_count = int(bought.sum()), int(sold.sum())
    made.open_time = hhmmss(float(time[0]))
    made.high_time, made.low_time = hhmmss(float(time[high])), hhmmss(float(time[low]))


def add(made: Tape, trade: Trade) -> None:
    """Counts one more trade."""
    _code, time, price, volume, side = trade
    made.last = price
    made.volume += volume
    made.value += price * volume
    if side is Side.BUY:
        made.buys += volume
        made.buy_count += 1
    elif side is Side.SELL:
        made.sells += volume
        made.sell_count += 1
    if price > made.high:
        made.high, made.high_time = price, hhmmss(time)
    if price < made.low or not made.open:
        made.low, made.low_time = price, hhmmss(time)
    if not made.open:
        made.open, made.open_time = price, hhmmss(time)


def trades(plan: DayPlan, position: int) -> list[Trade]:
    """The first ``position`` trades of the script."""
    script = plan.script
    sides = {int(side): side for side in Side}
    return [
        Trade(plan.issue.code, time, price, volume, sides[side])
        for time, price, volume, side in zip(
            script.time[:position].tolist(),
            script.price[:position].tolist(),
            script.volume[:position].tolist(),
            script.side[:position].tolist(),
            strict=True,
        )
    ]


def hhmmss(time: float) -> str:
    """The time of day in Seoul."""
    second = (int(time) + 9 * 3600) % 86_400
    return f"{second // 3600:02}{second // 60 % 60:02}{second % 60:02}"
