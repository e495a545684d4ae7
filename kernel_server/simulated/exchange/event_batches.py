"""The events of an issue's day in time order, made a batch at a time: trades, quote changes, auctions, VIs.

``quote_state`` says what the events up to a moment leave, so that a day can begin at any moment.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats
from kernel_server.simulated.exchange import call_auction
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import NO_EXPECTED_TRADE, ExpectedPrice
from kernel_server.simulated.exchange.quotes.quote_rule import CHANGES, ROUNDING, QuoteState, changes_after
from kernel_server.simulated.market.trade_script import Column, Script, Side

QUOTE_CHANGE, EXPECTED_PRICE, INTERRUPTED, CLOSED = -1, -2, -3, -4

_TRADES_A_BATCH = 128
_EXPECTED_PRICE_SECONDS = 5.0
_CHANGES = np.array(CHANGES)


class EventBatch(NamedTuple):
    """Events in time order. ``kind`` is a constant above, or the index of a trade in the columns after it.

    ``value`` is what a trade adds to 거래대금, KRW.

    The columns are arrays, not lists, as every subscribed issue has a batch in memory.
    """

    time: Sequence[float]
    kind: Sequence[int]
    price: Sequence[int]
    volume: Sequence[int]
    side: Sequence[int]
    value: Sequence[int]


def event_batches(plan: DayPlan, now: float) -> Iterator[EventBatch]:
    """The regular session's events after ``now``; none on a day on which trading is halted."""
    if plan.halted:
        return
    script = plan.script
    position = script.count_by(now)
    since = script.time_at(position - 1) if position else plan.hours.opens
    if script.opens and now < plan.hours.opens:
        yield from _auction_events(plan, plan.hours.orders_from, plan.hours.opens, now)
    stop = len(script) - script.closes
    for interruption in plan.interruptions:
        if interruption.released <= now:
            continue
        release = script.count_before(interruption.released)
        if now < interruption.time:
            yield from _continuous_trading(plan, position, release, since, interruption.time, now)
            yield EventBatch([interruption.time], [INTERRUPTED], [], [], [], [])
        yield from _auction_events(plan, interruption.time, interruption.released, now)
        yield _auction_trade(script, release)
        position, since = release + 1, interruption.released
    if now < plan.hours.closing_auction or position < stop:
        yield from _continuous_trading(plan, position, stop, since, plan.hours.closing_auction, now)
    auction = max(plan.hours.closing_auction, script.time_at(stop - 1) if stop else 0.0)
    if script.closes and position < len(script):
        yield from _auction_events(plan, auction, plan.hours.closes, now)
        yield _auction_trade(script, len(script) - 1)
    elif not script.closes and now < plan.hours.closes:
        yield EventBatch([max(plan.hours.closes, auction)], [CLOSED], [], [], [], [])


def _auction_trade(script: Script, index: int) -> EventBatch:
    """The trade that ends a call auction."""
    part = slice(index, index + 1)
    return EventBatch(script.times(part).tolist(), [0], *_trade_columns(script, part))


def _continuous_trading(
    plan: DayPlan, first: int, stop: int, since: float, end: float, now: float
) -> Iterator[EventBatch]:
    """The trades from index ``first`` up to ``stop``, with quote changes after ``now`` and before ``end``.

    ``since`` is the time of the trade before them, or of the opening.
    """
    for index in range(first, max(stop, first + 1), _TRADES_A_BATCH):
        part = slice(index, min(index + _TRADES_A_BATCH, stop))
        time = plan.script.times(part)
        edges = np.concatenate([[since], time, [max(end, since)] if part.stop >= stop else []])
        yield _trades_and_quotes(plan, part, edges, end, now)
        since = float(time[-1]) if len(time) else since


def _auction_events(plan: DayPlan, start: float, end: float, now: float) -> Iterator[EventBatch]:
    """Updates of the indicative price."""
    times = auction_times(plan.key, start, end)
    times = times[times > now]
    if len(times):
        yield EventBatch(times.tolist(), [EXPECTED_PRICE] * len(times), [], [], [], [])


def auction_times(key: int, start: float, end: float) -> Floats:
    """Times at which an auction's indicative price is published; ``key`` is that of the issue and the day."""
    # The offset spreads the issues' updates over the five seconds.
    offset = hash_random.key(key, "offset") % 5000 / 1000
    return np.arange(start + offset, end, _EXPECTED_PRICE_SECONDS)


def _trades_and_quotes(plan: DayPlan, part: slice, edges: Floats, end: float, now: float) -> EventBatch:
    """Some of the script's trades, and the quote changes between ``edges``."""
    script, times = plan.script, _CHANGES * plan.trade_size
    time = script.times(part)
    counts = np.searchsorted(times, np.diff(edges))
    numbers = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    changes = np.repeat(edges[:-1], counts) + times[numbers]
    changes = changes[(changes > now) & (changes < end)]
    for begins, ends in plan.breaks:
        changes = changes[(changes <= begins + ROUNDING) | (changes > ends + ROUNDING)]
    event_time = np.concatenate([time, changes])
    kind = np.concatenate([np.arange(len(time)), np.full(len(changes), QUOTE_CHANGE)])
    order = np.argsort(event_time, kind="stable")
    return EventBatch(
        _compact("d", event_time[order]), _compact("h", kind[order]), *_trade_columns(script, part)
    )


def quote_state(plan: DayPlan, position: int, last: int, now: float) -> QuoteState:
    """What the quotes follow at a moment.

    Args:
        plan: of the issue's day.
        position: number of trades of its script so far.
        last: the price of the last trade before, KRW.
        now: the moment.
    """
    script, hours = plan.script, plan.hours
    if now >= hours.closes and position == len(script):
        return closed_state(last)
    update = auction_update(plan, position, last, now)
    if update is not None:
        return QuoteState(update.price, Side.NONE, int(update.time), 0)
    interruption = plan.interruption(now)
    end = min(now, interruption.time if interruption is not None else hours.closing_auction)
    if not position:
        return QuoteState(last, Side.NONE, 0, _changes(plan, hours.opens, end))
    time = script.time_at(position - 1)
    number = position - 1 - script.count_before(time // 60 * 60)
    newest = script[position - 1 : position]
    side = Side(int(newest.side[0]))
    return QuoteState(int(newest.price[0]), side, number, _changes(plan, time, end))


class AuctionUpdate(NamedTuple):
    """The newest indicative price and volume of an auction that is going on, and their time."""

    time: float
    price: int
    volume: int


def auction_update(plan: DayPlan, position: int, last: int, now: float) -> AuctionUpdate | None:
    """The newest update of the auction in effect; None without one. Arguments as for ``quote_state``."""
    script, hours = plan.script, plan.hours
    if now >= hours.closes and position == len(script):
        return None
    interruption = plan.interruption(now)
    times = np.zeros(0)
    if plan.halted:
        pass
    elif interruption is not None:
        times = np.append(
            interruption.time, auction_times(plan.key, interruption.time, interruption.released)
        )
    elif script.opens and not position:
        times = auction_times(plan.key, hours.orders_from, hours.opens)
    elif script.closes and position == len(script) - 1:
        begins = max(hours.closing_auction, script.time_at(position - 1) if position else 0.0)
        times = auction_times(plan.key, begins, hours.closes)
    updates = int(np.searchsorted(times, now, side="right"))
    if not updates:
        return None
    time = float(times[updates - 1])
    price, volume = call_auction.expected_price(plan, time, last, position, interruption)
    return AuctionUpdate(time, price, volume)


def newest_auction(plan: DayPlan, position: int, last: int, now: float) -> tuple[ExpectedPrice, bool]:
    """What the newest auction would trade or has traded, and whether it goes on; arguments as for ``quote_state``."""
    update = auction_update(plan, position, last, now)
    if update is not None:
        return ExpectedPrice(update.price, update.volume), True
    script, index = plan.script, -1
    if position and script.closes and position == len(script):
        index = position - 1
    else:
        over = [each.released for each in plan.interruptions if each.released <= now]
        if over:
            index = script.count_before(over[-1])
        elif position and script.opens:
            index = 0
    if not 0 <= index < position:
        if plan.regular is not None:  # before an after-market
            whole = plan.regular.script
            return newest_auction(plan.regular, len(whole), last, plan.hours.opens)
        return NO_EXPECTED_TRADE, False
    trade = script[index : index + 1]
    return ExpectedPrice(int(trade.price[0]), int(trade.volume[0])), False


def _changes(plan: DayPlan, since: float, now: float) -> int:
    """Number of changes of the quotes from ``since`` to ``now``, none of them in a break."""
    count = changes_after(now - since, plan.trade_size)
    for begins, ends in plan.breaks:
        if since < ends and begins < now:
            count -= changes_after(min(now, ends) - since, plan.trade_size)
            count += changes_after(max(begins - since, 0.0), plan.trade_size)
    return count


def newest_auction_at(plan: DayPlan, now: float) -> ExpectedPrice:
    """What the newest auction would trade or has traded, by the plan alone."""
    position = plan.script.count_by(now)
    last = int(plan.script[position - 1 : position].price[0]) if position else plan.base
    return newest_auction(plan, position, last, now)[0]


def closed_state(close: int) -> QuoteState:
    """What the quotes follow after the close: its price alone."""
    return QuoteState(close, Side.NONE, 0, 0)


def _trade_columns(script: Script, part: slice) -> tuple[array[int], array[int], array[int], array[int]]:
    """Price, volume, side and value of trades."""
    trades = script[part]
    return (
        _compact("q", trades.price),
        _compact("q", trades.volume),
        _compact("b", trades.side),
        _compact("q", trades.value),
    )


def _compact(kind: str, column: Floats | Column) -> array[Any]:
    """The numbers as an array of that type code, whose items are Python numbers: one is read much faster."""
    return array(kind, column.astype(kind).tobytes())
