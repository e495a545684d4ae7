"""An issue's planned day with its off-hours trades, without clients' orders.

Trades after the close count on the day's tape, as the broker counts them. They are in no bar of the market.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange import tape as tapes
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.event_batches import EventBatch
from kernel_server.simulated.exchange.interface import Tape, Trade, TradeLog
from kernel_server.simulated.exchange.off_hours import closing_price_flow, single_price_flow
from kernel_server.simulated.exchange.off_hours.closing_price_flow import AfternoonFlow
from kernel_server.simulated.exchange.off_hours.joined_trades import FirstTrades, JoinedTrades
from kernel_server.simulated.exchange.off_hours.session_close import SessionClose
from kernel_server.simulated.market.trade_script import Script, Side

OFF_HOURS = -9
"""Kind of an off-hours event."""


def session_close(plan: DayPlan) -> SessionClose:
    """The session's close; 기준가 if nothing trades. Its volume is 0 without off-hours background order flow."""
    script, price, volume = plan.script, plan.base, 0
    if len(script):
        price, volume = int(script[len(script) - 1 :].price[0]), script.total_volume
    elif plan.daily_bar is not None and not plan.halted:
        price, volume = int(plan.daily_bar.close[0]), int(plan.daily_bar.volume[0])
    return SessionClose(
        plan.key, price, volume if plan.off_hours_flow else 0, plan.lower, plan.upper, plan.grid
    )


def afternoon_flow(plan: DayPlan) -> AfternoonFlow:
    """The background's 장후 시간외종가."""
    return closing_price_flow.afternoon_flow(
        session_close(plan), plan.hours.afternoon_begins, plan.hours.afternoon_ends
    )


def tape_at(plan: DayPlan, position: int, now: float) -> Tape:
    """The tape at that moment, after the first ``position`` trades of the script.

    That of an after-market continues the tape of the regular session.
    """
    if plan.regular is not None:
        tape = tape_at(plan.regular, len(plan.regular.script), plan.hours.opens)
        tapes.add_trades(tape, plan.script, position)
        return tape
    tape = tapes.tape_at(plan, position, now)
    if now >= plan.hours.afternoon_begins and not plan.halted:
        script = afternoon_flow(plan).trades
        _add_script(tape, script, script.count_by(now))
    return tape


def trades_until(plan: DayPlan, position: int, now: float) -> TradeLog:
    """The first ``position`` trades of the script, then those of 장후 시간외종가 up to that moment.

    In an after-market, all trades of the regular session and of 장후 시간외종가 come before them.
    """
    return JoinedTrades(plan.issue.code, _trade_parts(plan, position, now))


def _trade_parts(plan: DayPlan, position: int, now: float) -> list[FirstTrades]:
    parts = [FirstTrades(plan.script, position)]
    if plan.regular is not None:
        return _trade_parts(plan.regular, len(plan.regular.script), plan.hours.opens) + parts
    if now >= plan.hours.afternoon_begins and not plan.halted:
        script = afternoon_flow(plan).trades
        parts.append(FirstTrades(script, script.count_by(now)))
    return parts


def last_price(plan: DayPlan, position: int, now: float) -> int:
    """The ``last`` of ``tape_at``, for which only the newest trade is read."""
    if position:
        return int(plan.script[position - 1 : position].price[0])
    if plan.regular is not None:
        return last_price(plan.regular, len(plan.regular.script), plan.hours.opens)
    if plan.daily_bar is not None and now >= plan.hours.closes:
        return int(plan.daily_bar.close[0])
    return plan.base


def last_time(plan: DayPlan, position: int) -> float:
    """The ``last_time`` of ``tape_at``, likewise."""
    if position:
        return plan.script.time_at(position - 1)
    return last_time(plan.regular, len(plan.regular.script)) if plan.regular is not None else 0.0


def settled(plan: DayPlan, tape: Tape) -> Tape:
    """The tape of an after-market with the prices of its regular session, as it is shown from the next morning on."""
    if plan.regular is None:
        return tape
    regular = tape_at(plan.regular, len(plan.regular.script), plan.hours.opens)
    names = ("last", "last_time", "open", "high", "low", "open_time", "high_time", "low_time")
    return replace(tape, **{name: getattr(regular, name) for name in names})


def add_trade(tape: Tape, trade: Trade) -> None:
    """Add a trade of 시간외종가 to the tape's totals. It does not count for the open, high, low and last price."""
    amount = trade.price * trade.volume
    tape.volume += trade.volume
    tape.value += amount
    if trade.side is Side.BUY:
        tape.buys += trade.volume
        tape.buy_count += 1
    elif trade.side is Side.SELL:
        tape.sells += trade.volume
        tape.sell_count += 1


def _add_script(tape: Tape, script: Script, position: int) -> None:
    trades = script[:position]
    volume, side = trades.volume, trades.side
    tape.volume += int(volume.sum())
    tape.value += int(trades.value.sum())
    bought, sold = side == int(Side.BUY), side == int(Side.SELL)
    tape.buys += int(volume[bought].sum())
    tape.sells += int(volume[sold].sum())
    tape.buy_count += int(bought.sum())
    tape.sell_count += int(sold.sum())


def event_batches(plan: DayPlan, now: float) -> Iterator[EventBatch]:
    """The times of the off-hours events after ``now``; none of them is computed before the close."""
    hours = plan.hours
    if plan.halted or hours.afternoon_begins >= hours.afternoon_ends:
        return
    # One event in the pause after the close computes the boards; its random time spreads that work.
    moment = hours.closes + (hours.afternoon_begins - hours.closes) * (
        0.1 + hash_random.key(plan.key, "evening") % 1000 / 1250
    )
    if len(plan.script):
        moment = max(moment, plan.script.time_at(-1))
    yield from _batch_after([moment], now)
    if now < hours.afternoon_ends:
        yield from _batch_after(afternoon_flow(plan).time, now)
    if hours.single_price_begins < hours.ends:
        yield from _batch_after(
            single_price_flow.event_times(plan.key, hours.single_price_begins, hours.ends).tolist(), now
        )


def _batch_after(times: Sequence[float], now: float) -> Iterator[EventBatch]:
    later = [time for time in times if time > now]
    if later:
        yield EventBatch(later, [OFF_HOURS] * len(later), [], [], [], [])
