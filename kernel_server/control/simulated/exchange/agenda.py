"""What is to happen in an issue on a day, in time order and a piece at a time: trades, quote changes, auctions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from kernel_server.control.simulated import draws
from kernel_server.control.simulated.exchange.plan import Plan
from kernel_server.control.simulated.market import Floats

FLICKER, EXPECTED = -1, -2

_AT_ONCE = 128  # trades that are unpacked together
_EXPECTED_EVERY = 5.0  # seconds
_QUIET = (0.4, 3.0, 12.0)  # a pause between trades longer than each of these has one more change of quotes


class Piece(NamedTuple):
    """Events in time order. ``kind`` is FLICKER, EXPECTED, or the place of a trade in the three lists after it."""

    time: list[float]
    kind: list[int]
    price: list[int]
    volume: list[int]
    side: list[int]


def agenda(plan: Plan, now: float) -> Iterator[Piece]:
    """Everything that happens in the issue after ``now`` on that day; nothing while trading is halted."""
    if plan.halted:
        return
    script = plan.script
    position = script.begun(now)
    if script.opens and now < plan.hours.opens:
        yield from _auction(plan, plan.hours.collects, plan.hours.opens, now)
    stop = len(script) - script.closes
    if now < plan.hours.auction or position < stop:
        edge = max(now, plan.hours.opens)
        for first in range(position, max(stop, position + 1), _AT_ONCE):
            part = slice(first, min(first + _AT_ONCE, stop))
            time = script.time[part]
            last = part.stop == stop
            yield _continuous(
                plan, part, np.concatenate([[edge], time, [plan.hours.auction] if last else []])
            )
            edge = float(time[-1]) if len(time) else edge
    if script.closes and position < len(script):
        yield from _auction(plan, plan.hours.auction, plan.hours.closes, now)
        yield Piece(
            script.time[-1:].tolist(),
            [0],
            script.price[-1:].tolist(),
            script.volume[-1:].tolist(),
            script.side[-1:].tolist(),
        )


def _auction(plan: Plan, start: float, end: float, now: float) -> Iterator[Piece]:
    # Not every issue at the same moment.
    offset = draws.key(plan.key, "offset") % 5000 / 1000
    times = np.arange(start + offset, end, _EXPECTED_EVERY)
    times = times[times > now]
    if len(times):
        yield Piece(times.tolist(), [EXPECTED] * len(times), [], [], [])


def _continuous(plan: Plan, part: slice, edges: Floats) -> Piece:
    script = plan.script
    time = script.time[part]
    pause = np.diff(edges)
    index = part.start + np.arange(len(pause))
    moments, kinds = [time], [np.arange(len(time))]
    for turn, longer in enumerate(_QUIET):
        luck = draws.uniform(draws.key(plan.key, "flicker", turn), index)
        changed = (edges[:-1] + pause * luck)[pause > longer]
        moments.append(changed[changed < plan.hours.auction])
        kinds.append(np.full(len(moments[-1]), FLICKER))
    when, kind = np.concatenate(moments), np.concatenate(kinds)
    order = np.argsort(when, kind="stable")
    return Piece(
        when[order].tolist(),
        kind[order].tolist(),
        script.price[part].tolist(),
        script.volume[part].tolist(),
        script.side[part].tolist(),
    )
