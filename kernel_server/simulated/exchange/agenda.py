"""What is to happen in an issue on a day, in time order and a piece at a time: trades, quote changes, auctions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.market.trade_script import Script

FLICKER, EXPECTED, HALTED = -1, -2, -3

_AT_ONCE = 128  # trades that are looked at together
_EXPECTED_EVERY = 5.0  # seconds
_QUIET = (0.4, 3.0, 12.0)  # a pause between trades longer than each of these has one more change of quotes


class EventBatch(NamedTuple):
    """Events in time order. ``kind`` is one of the three above, or the place of a trade in the columns after it.

    Columns are views of arrays, not lists: every issue that is watched has one of these.
    """

    time: Sequence[float]
    kind: Sequence[int]
    price: Sequence[int]
    volume: Sequence[int]
    side: Sequence[int]


def agenda(plan: DayPlan, now: float) -> Iterator[EventBatch]:
    """Everything that happens in the issue after ``now`` on that day; nothing while trading is halted."""
    if plan.halted:
        return
    script = plan.script
    position = script.begun(now)
    if script.opens and now < plan.hours.opens:
        yield from _auction(plan, plan.hours.collects, plan.hours.opens, now)
    stop = len(script) - script.closes
    edge = max(now, plan.hours.opens)
    for halt in plan.interruptions:
        if halt.released <= now:
            continue
        release = int(np.searchsorted(script.time, halt.released))
        if now < halt.time:
            yield from _trading(plan, position, release, edge, halt.time)
            yield EventBatch([halt.time], [HALTED], [], [], [])
        yield from _auction(plan, halt.time, halt.released, now)
        yield _single(script, release)
        position, edge = release + 1, halt.released
    auction = max(plan.hours.auction, float(script.time[stop - 1]) if stop else 0.0)
    if now < plan.hours.auction or position < stop:
        yield from _trading(plan, position, stop, edge, plan.hours.auction)
    if script.closes and position < len(script):
        yield from _auction(plan, auction, plan.hours.closes, now)
        yield _single(script, len(script) - 1)


def _single(script: Script, place: int) -> EventBatch:
    """The trade of a single price."""
    part = slice(place, place + 1)
    return EventBatch(script.time[part].data, [0], *_trades(script, part))


def _trading(plan: DayPlan, start: int, stop: int, edge: float, end: float) -> Iterator[EventBatch]:
    """The trades from place ``start`` up to ``stop``, and changes of quotes among them from ``edge`` up to ``end``."""
    for first in range(start, max(stop, start + 1), _AT_ONCE):
        part = slice(first, min(first + _AT_ONCE, stop))
        time = plan.script.time[part]
        last = part.stop == stop
        yield _continuous(plan, part, np.concatenate([[edge], time, [end] if last else []]), end)
        edge = float(time[-1]) if len(time) else edge


def _auction(plan: DayPlan, start: float, end: float, now: float) -> Iterator[EventBatch]:
    # Not every issue at the same moment.
    offset = hash_random.key(plan.key, "offset") % 5000 / 1000
    times = np.arange(start + offset, end, _EXPECTED_EVERY)
    times = times[times > now]
    if len(times):
        yield EventBatch(times.tolist(), [EXPECTED] * len(times), [], [], [])


def _continuous(plan: DayPlan, part: slice, edges: Floats, end: float) -> EventBatch:
    script = plan.script
    time = script.time[part]
    pause = np.diff(edges)
    index = part.start + np.arange(len(pause))
    moments, kinds = [time], [np.arange(len(time))]
    for turn, longer in enumerate(_QUIET):
        luck = hash_random.uniform(hash_random.key(plan.key, "flicker", turn), index)
        changed = (edges[:-1] + pause * luck)[pause > longer]
        moments.append(changed[changed < end])
        kinds.append(np.full(len(moments[-1]), FLICKER))
    when, kind = np.concatenate(moments), np.concatenate(kinds)
    order = np.argsort(when, kind="stable")
    return EventBatch(when[order].data, kind[order].astype(np.int16).data, *_trades(script, part))


def _trades(script: Script, part: slice) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Prices, volumes and sides, as numbers of Python, where they lie in the script: nothing is copied."""
    return script.price[part].data, script.volume[part].data, script.side[part].data
