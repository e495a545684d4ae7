"""The trade tape of a day plan: the trades of its script, and their running totals."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from kernel_server.simulated.base.market_time import hhmmss
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import Tape, Trade
from kernel_server.simulated.market.trade_script import Script, Side

_PLANS = 256  # whose totals are kept: one answer reads the tapes of many issues


class _Totals:
    """The tape of a plan after its first ``position`` trades."""

    def __init__(self, plan: DayPlan) -> None:
        self.position = 0
        self.tape = _without_trades(plan)


_totals = lru_cache(_PLANS)(_Totals)


def tape_at(plan: DayPlan, position: int, now: float) -> Tape:
    """The tape after the first ``position`` trades of the script."""
    if position:
        totals = _totals(plan)
        if position < totals.position:
            totals = _Totals(plan)
        if position > totals.position:
            new = plan.script[totals.position : position]
            add_trades(totals.tape, new, len(new))
            totals.position = position
        return replace(totals.tape)
    tape = _without_trades(plan)
    if plan.daily_bar is not None and now >= plan.hours.closes:
        bar = plan.daily_bar
        tape.last, tape.volume, tape.value = int(bar.close[0]), int(bar.volume[0]), int(bar.value[0])
        if tape.volume:
            tape.open, tape.high, tape.low = int(bar.open[0]), int(bar.high[0]), int(bar.low[0])
    return tape


def _without_trades(plan: DayPlan) -> Tape:
    return Tape(
        code=plan.issue.code,
        base=plan.base,
        upper=plan.upper,
        lower=plan.lower,
        previous_volume=plan.previous_volume,
        previous_value=plan.previous_value,
        shares=plan.issue.shares,
        last=plan.base,
    )


def _add_script(tape: Tape, script: Script, position: int) -> None:
    trades = script[:position]
    price, volume, side = trades.price, trades.volume, trades.side
    high, low = int(np.argmax(price)), int(np.argmin(price))
    tape.last, tape.open = int(price[-1]), int(price[0])
    tape.last_time = script.time_at(position - 1)
    tape.high, tape.low = int(price[high]), int(price[low])
    tape.volume, tape.value = int(volume.sum()), int(trades.value.sum())
    bought, sold = side == int(Side.BUY), side == int(Side.SELL)
    tape.buys, tape.sells = int(volume[bought].sum()), int(volume[sold].sum())
    tape.buy_count, tape.sell_count = int(bought.sum()), int(sold.sum())
    tape.open_time = hhmmss(script.time_at(0))
    tape.high_time, tape.low_time = hhmmss(script.time_at(high)), hhmmss(script.time_at(low))


def add_trades(tape: Tape, script: Script, position: int) -> None:
    """Add the first ``position`` trades of a script to the tape's totals."""
    if not position:
        return
    more = replace(tape, volume=0, value=0)
    _add_script(more, script, position)
    if more.high > tape.high:
        tape.high, tape.high_time = more.high, more.high_time
    if more.low < tape.low or not tape.open:
        tape.low, tape.low_time = more.low, more.low_time
    if not tape.open:
        tape.open, tape.open_time = more.open, more.open_time
    tape.last, tape.last_time = more.last, more.last_time
    tape.volume += more.volume
    tape.value += more.value
    tape.buys += more.buys
    tape.sells += more.sells
    tape.buy_count += more.buy_count
    tape.sell_count += more.sell_count


def add_trade(tape: Tape, trade: Trade, value: int) -> None:
    """Add a trade to the tape's totals; ``value`` is what it adds to 거래대금, KRW."""
    _code, time, price, volume, side = trade
    tape.last, tape.last_time = price, time
    tape.volume += volume
    tape.value += value
    if side is Side.BUY:
        tape.buys += volume
        tape.buy_count += 1
    elif side is Side.SELL:
        tape.sells += volume
        tape.sell_count += 1
    if price > tape.high:
        tape.high, tape.high_time = price, hhmmss(time)
    if price < tape.low or not tape.open:
        tape.low, tape.low_time = price, hhmmss(time)
    if not tape.open:
        tape.open, tape.open_time = price, hhmmss(time)
