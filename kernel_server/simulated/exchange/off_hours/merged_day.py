"""An issue's day with what is traded outside its regular session, as far as no client has a part in it.

What is traded after the close counts on the day's tape, as the broker counts it, and stands in no bar of the market.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange import day_plan as plans
from kernel_server.simulated.exchange.agenda import EventBatch
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import Tape, Trade
from kernel_server.simulated.exchange.off_hours import synthetic_trades
from kernel_server.simulated.exchange.off_hours.synthetic_trades import AtClose, Close
from kernel_server.simulated.market.trade_script import Script, Side

BESIDE = -9
"""The kind of an event beside the regular session."""


def closed(plan: DayPlan) -> Close:
    """What the session comes to; it stands at 기준가 where nothing is traded in it.

    Without a crowd its volume is none, and so nobody but clients is there afterwards.
    """
    script, price, volume = plan.script, plan.base, 0
    if len(script):
        price, volume = int(script.price[-1]), int(script.volume.sum())
    elif plan.whole is not None and not plan.halted:
        price, volume = int(plan.whole.close[0]), int(plan.whole.volume[0])
    return Close(plan.key, price, volume if plan.crowd else 0, plan.lower, plan.upper, plan.grid)


def at_close(plan: DayPlan) -> AtClose:
    """장후 시간외종가."""
    return synthetic_trades.at_close(closed(plan), plan.hours.after, plan.hours.single)


def tape(plan: DayPlan, position: int, now: float) -> Tape:
    """The tape at that moment, ``position`` trades into the script."""
    made = plans.tape(plan, position, now)
    if now >= plan.hours.after and not plan.halted:
        script = at_close(plan).trades
        _summed(made, script, script.begun(now))
    return made


def trades(plan: DayPlan, position: int, now: float) -> list[Trade]:
    """The first ``position`` trades of the script, and those at the close up to that moment."""
    made = plans.trades(plan, position)
    if now >= plan.hours.after and not plan.halted:
        script = at_close(plan).trades
        made += _listed(plan.issue.code, script, script.begun(now))
    return made


def _listed(code: str, script: Script, position: int) -> list[Trade]:
    columns = (script.time, script.price, script.volume, script.side)
    rows = zip(*(column[:position].tolist() for column in columns), strict=True)
    return [Trade(code, time, price, volume, Side(side)) for time, price, volume, side in rows]


def add(made: Tape, trade: Trade) -> None:
    """Counts a trade of 시간외종가: it has no part in the day's open, high and low."""
    amount = trade.price * trade.volume
    made.volume += trade.volume
    made.value += amount
    if trade.side is Side.BUY:
        made.buys += trade.volume
        made.buy_count += 1
    elif trade.side is Side.SELL:
        made.sells += trade.volume
        made.sell_count += 1


def _summed(made: Tape, script: Script, position: int) -> None:
    price, volume, side = (column[:position] for column in (script.price, script.volume, script.side))
    made.volume += int(volume.sum())
    made.value += int(np.dot(price, volume))
    bought, sold = side == int(Side.BUY), side == int(Side.SELL)
    made.buys += int(volume[bought].sum())
    made.sells += int(volume[sold].sum())
    made.buy_count += int(bought.sum())
    made.sell_count += int(sold.sum())


def agenda(plan: DayPlan, now: float) -> Iterator[EventBatch]:
    """When anything happens after the close, later than ``now``; nothing of it is computed before the close."""
    hours = plan.hours
    if plan.halted or hours.after >= hours.single:
        return
    # Evenings are drawn in the pause, not all of them at the same moment.
    moment = hours.closes + (hours.after - hours.closes) * (
        0.1 + hash_random.key(plan.key, "evening") % 1000 / 1250
    )
    if len(plan.script):
        moment = max(moment, float(plan.script.time[-1]))
    yield from _later([moment], now)
    if now < hours.single:
        yield from _later(at_close(plan).time, now)
    yield from _later(synthetic_trades.moments(plan.key, hours.single, hours.ends).tolist(), now)


def _later(times: Sequence[float], now: float) -> Iterator[EventBatch]:
    later = [time for time in times if time > now]
    if later:
        yield EventBatch(later, [BESIDE] * len(later), [], [], [])
