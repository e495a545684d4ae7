"""The events of an issue's day in time order, made a batch at a time: trades, quote changes, auctions, VIs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.market.trade_script import Script

QUOTE_CHANGE, EXPECTED_PRICE, INTERRUPTED = -1, -2, -3

_TRADES_A_BATCH = 128
_EXPECTED_PRICE_SECONDS = 5.0
_PAUSES = (
    0.4,
    3.0,
    12.0,
)  # seconds; a pause between trades has one quote change for each of these it exceeds


class EventBatch(NamedTuple):
    """Events in time order. ``kind`` is a constant above, or the index of a trade in the three columns after it.

    The columns are views of arrays, not lists, as every subscribed issue has a batch in memory.
    """

    time: Sequence[float]
    kind: Sequence[int]
    price: Sequence[int]
    volume: Sequence[int]
    side: Sequence[int]


def event_batches(plan: DayPlan, now: float) -> Iterator[EventBatch]:
    """The regular session's events after ``now``; none on a day on which trading is halted."""
    if plan.halted:
        return
    script = plan.script
    position = script.count_by(now)
    if script.opens and now < plan.hours.opens:
        yield from _auction_events(plan, plan.hours.orders_from, plan.hours.opens, now)
    stop = len(script) - script.closes
    start = max(now, plan.hours.opens)
    for interruption in plan.interruptions:
        if interruption.released <= now:
            continue
        release = int(np.searchsorted(script.time, interruption.released))
        if now < interruption.time:
            yield from _continuous_trading(plan, position, release, start, interruption.time)
            yield EventBatch([interruption.time], [INTERRUPTED], [], [], [])
        yield from _auction_events(plan, interruption.time, interruption.released, now)
        yield _auction_trade(script, release)
        position, start = release + 1, interruption.released
    auction = max(plan.hours.closing_auction, float(script.time[stop - 1]) if stop else 0.0)
    if now < plan.hours.closing_auction or position < stop:
        yield from _continuous_trading(plan, position, stop, start, plan.hours.closing_auction)
    if script.closes and position < len(script):
        yield from _auction_events(plan, auction, plan.hours.closes, now)
        yield _auction_trade(script, len(script) - 1)


def _auction_trade(script: Script, index: int) -> EventBatch:
    """The trade that ends a call auction."""
    part = slice(index, index + 1)
    return EventBatch(script.time[part].data, [0], *_trade_columns(script, part))


def _continuous_trading(
    plan: DayPlan, first: int, stop: int, start: float, end: float
) -> Iterator[EventBatch]:
    """The trades from index ``first`` up to ``stop``, with quote changes from ``start`` up to ``end``."""
    for index in range(first, max(stop, first + 1), _TRADES_A_BATCH):
        part = slice(index, min(index + _TRADES_A_BATCH, stop))
        time = plan.script.time[part]
        last = part.stop == stop
        yield _trades_and_quotes(plan, part, np.concatenate([[start], time, [end] if last else []]), end)
        start = float(time[-1]) if len(time) else start


def _auction_events(plan: DayPlan, start: float, end: float, now: float) -> Iterator[EventBatch]:
    """Updates of the indicative price."""
    # The offset spreads the issues' updates over the five seconds.
    offset = hash_random.key(plan.key, "offset") % 5000 / 1000
    times = np.arange(start + offset, end, _EXPECTED_PRICE_SECONDS)
    times = times[times > now]
    if len(times):
        yield EventBatch(times.tolist(), [EXPECTED_PRICE] * len(times), [], [], [])


def _trades_and_quotes(plan: DayPlan, part: slice, edges: Floats, end: float) -> EventBatch:
    """Some of the script's trades, and quote changes in the pauses between ``edges``, before ``end``."""
    script = plan.script
    time = script.time[part]
    pause = np.diff(edges)
    index = part.start + np.arange(len(pause))
    times, kinds = [time], [np.arange(len(time))]
    for number, least in enumerate(_PAUSES):
        fraction = hash_random.uniform(hash_random.key(plan.key, "flicker", number), index)
        changes = (edges[:-1] + pause * fraction)[pause > least]
        times.append(changes[changes < end])
        kinds.append(np.full(len(times[-1]), QUOTE_CHANGE))
    event_time, kind = np.concatenate(times), np.concatenate(kinds)
    order = np.argsort(event_time, kind="stable")
    return EventBatch(
        event_time[order].data, kind[order].astype(np.int16).data, *_trade_columns(script, part)
    )


def _trade_columns(script: Script, part: slice) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Price, volume and side of trades, as views: indexing one gives a Python int, nothing is copied."""
    return script.price[part].data, script.volume[part].data, script.side[part].data
