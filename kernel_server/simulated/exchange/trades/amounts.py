"""Trades that add up to their bar's 거래대금: prices are moved by ticks, and shares from trade to trade.

What a bar's value can be is in ``market.bar_value``. Where it is none of these, as recorded ones may be, price times
volume does not add up to it, and ``settle`` says what each trade adds to it instead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.exchange.trades.layout import Layout, ScriptBars, touching_trades
from kernel_server.simulated.market.bar_value import ValueRange, value_range
from kernel_server.simulated.market.synthetic.daily_prices import Flags

_FAR_ROUNDS, _ROUNDS = 4, 12
_BLOCK = 3  # trades that are moved together, so that prices change as often as recorded
_PARTS = (4, 1 << 62)  # of their shares, that trades at a bar's prices keep where its value needs it
_FIRST_TRADES, _FIRST_PART = 48, 12  # of a bar, of which some are moved: of all where these are too few
_UNABLE, _PAIRS = 1 << 22, 1 << 40  # more than a bar has ticks, and than there are pairs


def bar_range(bars: ScriptBars, grid: PriceRules) -> ValueRange:
    """The values that the trades of bars can have."""
    return value_range(grid, bars.open, bars.high, bars.low, bars.close, bars.volume)


def free_trades(bars: ScriptBars, found: ValueRange, touching: Ints) -> Ints:
    """Trades that bars need besides the ``touching`` ones, which have the prices of the bar."""
    extra = np.maximum(bars.volume - touching, 0)
    wanted = np.where(found.ticks > 1, 1, 0)
    # Trades off the grid of the high have one share each, and that of an auction what it has.
    wanted = np.where(found.uneven | bars.auction_first, 2, wanted)
    needed: Ints = np.where((found.steps > 0) | found.uneven, np.minimum(wanted, extra), 0)
    return needed


class _Free(NamedTuple):
    """Trades whose price is free, of some bars that have such ones.

    Attributes:
        place: of each trade's bar among these bars.
        starts: where each bar begins.
        number: of each trade within its bar.
        volume: shares.
        ticks: price in ticks above the bar's floor.
        most: the most ticks that each bar has.
    """

    place: Ints
    starts: Ints
    number: Ints
    volume: Ints
    ticks: Ints
    most: Ints


def settle(bars: ScriptBars, layout: Layout, found: ValueRange, price: Ints, volume: Ints) -> Ints | None:
    """Change prices and volumes so that price times volume adds up to each bar's value, where it can.

    Returns:
        What each trade adds to 거래대금, None if that is price times volume.
    """
    steps = bars.value - found.least
    able = (found.steps > 0) | found.uneven
    able &= (steps >= 0) & (steps % found.step == 0)
    steps //= found.step
    able &= steps <= found.steps
    count = layout.last - layout.first + 1
    count = count - 1 - (layout.last > layout.first) - (layout.high >= 0) - (layout.low >= 0)
    few = able & (count < 2)
    if few.any():
        _settle_few(bars, layout, found, few, _free(layout), (price, volume), steps)
    able &= count >= 2
    if found.uneven.any():  # all free trades are on the tick grid of the high
        at = np.flatnonzero((able & found.uneven)[layout.bar] & _free(layout))
        price[at] = _at_ticks(found, layout.bar[at], _ticks(found, layout.bar[at], price[at]))
    missing = bars.value - np.add.reduceat(price * volume, layout.first)
    missing = np.where(able & (missing % found.step == 0), missing // found.step, 0)
    for part in (1, *_PARTS):
        wanted = np.flatnonzero(missing)
        if not len(wanted):
            break
        at, place = _free_of(layout, wanted, part == 1)
        bar = wanted[place]
        ticks = _ticks(found, bar, price[at])
        trades = _Free(place, _starts(place), layout.number[at], volume[at], ticks, found.ticks[wanted])
        lacks = missing[wanted]
        if part > 1:
            _give(bars, layout, found, wanted, trades, lacks, volume, part)
        _move(trades, lacks)
        _share(trades, lacks)
        missing[wanted] = lacks
        price[at] = _at_ticks(found, bar, trades.ticks)
        volume[at] = trades.volume
    return _carried(bars, layout, price * volume)


def _free(layout: Layout) -> Flags:
    """Whether the price of each trade is free."""
    free = np.ones(len(layout.bar), np.bool_)
    free[touching_trades(layout)] = False
    return free


def _starts(groups: Ints) -> Ints:
    """Where each group of equal neighbours begins."""
    changed = np.empty(len(groups), np.bool_)
    changed[:1] = True
    np.not_equal(groups[1:], groups[:-1], out=changed[1:])
    found: Ints = changed.nonzero()[0]
    return found


def _free_of(layout: Layout, bar: Ints, some: bool) -> tuple[Ints, Ints]:
    """The free trades of some bars, only ``some`` of the first ones if wished, and the places of their bars."""
    first = layout.first[bar] + 1
    size = layout.last[bar] - first
    if some:
        size = np.minimum(size, np.maximum(size // _FIRST_PART, _FIRST_TRADES))
    place = np.repeat(np.arange(len(bar)), size)
    at = np.arange(len(place)) + (first - np.cumsum(size) + size)[place]
    free = (at != layout.high[bar][place]) & (at != layout.low[bar][place])
    return at[free], place[free]


def _ticks(found: ValueRange, bar: Ints, price: Ints) -> Ints:
    """Prices in ticks above the floor of their bar, to the nearest one."""
    step = found.step[bar]
    ticks: Ints = np.clip((price - found.floor[bar] + step // 2) // step, 0, found.ticks[bar])
    return ticks


def _at_ticks(found: ValueRange, bar: Ints, ticks: Ints) -> Ints:
    return found.floor[bar] + ticks * found.step[bar]


def _give(
    bars: ScriptBars,
    layout: Layout,
    found: ValueRange,
    bar: Ints,
    free: _Free,
    missing: Ints,
    volume: Ints,
    part: int,
) -> None:
    """The trades at the prices of some bars give most of their shares to a free one."""
    first, last, high, low = layout.first[bar], layout.last[bar], layout.high[bar], layout.low[bar]
    at = np.array([first, last, high, low])
    price = np.array([bars.open[bar], bars.close[bar], bars.high[bar], bars.low[bar]])
    there = np.array([~bars.auction_first[bar], last > first, high >= 0, low >= 0])
    held = volume[at]
    more = np.where(there, held - np.maximum(held // part, 1), 0)
    volume[at[there]] = (held - more)[there]
    ticks = (price - found.floor[bar]) // found.step[bar]
    missing += (more * (ticks - free.ticks[free.starts])).sum(axis=0)
    free.volume[free.starts] += more.sum(axis=0)


def _settle_few(
    bars: ScriptBars,
    layout: Layout,
    found: ValueRange,
    few: Flags,
    free: Flags,
    trades: tuple[Ints, Ints],
    steps: Ints,
) -> None:
    """Bars with one free trade or none: the shares that they have beyond one a trade are at their high and low."""
    price, volume = trades
    places = np.flatnonzero(few)
    of_few = few[layout.bar]
    alone = np.flatnonzero(of_few & free)
    at = np.full(len(bars), -1)
    at[layout.bar[alone]] = alone
    high = np.where(
        layout.high >= 0, layout.high, np.where(bars.open == bars.high, layout.first, layout.last)
    )
    low = np.where(layout.low >= 0, layout.low, np.where(bars.open == bars.low, layout.first, layout.last))
    size = layout.last - layout.first + 1
    rest = (bars.volume - size)[places]
    at, high, low, wanted, ticks = at[places], high[places], low[places], steps[places], found.ticks[places]
    above = np.minimum(wanted // np.maximum(ticks, 1), rest)
    wanted = wanted - above * ticks
    volume[of_few] = 1
    np.add.at(volume, high, above)
    np.add.at(volume, low, rest - above)
    known = at >= 0
    price[at[known]] = (found.floor[places] + wanted * found.step[places])[known]


def _move(free: _Free, missing: Ints) -> None:
    """Move prices within their bars: all by as many ticks as is not too far, then one after the other by a tick.

    What is missing then is less than one of the trades that may still be moved, or no trade may be.
    """
    place, starts, volume = free.place, free.starts, free.volume
    way = np.sign(missing)
    room = np.where((way > 0)[place], free.most[place] - free.ticks, free.ticks)
    for _ in range(_FAR_ROUNDS):
        size = np.abs(missing)
        reach = np.add.reduceat(volume * room, starts)
        shares = np.add.reduceat(volume * (room > 0), starts)
        far = (size >= shares) & (shares > 0) & (reach >= size)
        if not far.any():
            break
        moved = np.minimum(np.where(far, size // np.maximum(shares, 1), 0)[place], room)
        room -= moved
        free.ticks[:] += moved * way[place]
        missing -= way * np.add.reduceat(moved * volume, starts)
    sizes = np.diff(starts, append=len(place))
    going = (missing != 0) & (reach >= np.abs(missing))
    at, bar = np.flatnonzero(going[place]), np.flatnonzero(going)
    for turn in range(_ROUNDS):
        if not len(at):
            return
        sizes = sizes[going]
        ends = np.cumsum(sizes)
        starts = ends - sizes
        size, up = np.abs(missing[bar]), way[bar]
        of = np.repeat(np.arange(len(bar)), sizes)
        able = room[at] > 0
        if turn == 0:
            able &= free.number[at] // _BLOCK & 1 == 0
        movable = volume[at] * able
        summed = np.cumsum(movable)
        before = summed[starts] - movable[starts]
        able &= summed <= (before + size)[of]
        room[at] -= able
        free.ticks[at] += able * up[of]
        missing[bar] -= up * np.add.reduceat(movable * able, starts)
        together = summed[ends - 1] - before
        going = (together < size) & ((together > 0) | (turn == 0))
        at, bar = at[going[of]], bar[going]


def _share(free: _Free, missing: Ints) -> None:
    """Where something is missing still, two trades of a bar next to each other share what they have otherwise."""
    place, ticks, volume = free.place, free.ticks, free.volume
    lacks = (missing != 0)[place]
    lacks[free.starts] = False
    second = np.flatnonzero(lacks)
    if not len(second):
        return
    first = second - 1
    of = place[second]
    both = volume[first] + volume[second]
    total = ticks[first] * volume[first] + ticks[second] * volume[second] + missing[of]
    able = (total >= 0) & (total <= both * free.most[of])
    cost = np.where(able, np.abs(ticks[first] - ticks[second]), _UNABLE) * _PAIRS + np.arange(len(first))
    best = np.minimum.reduceat(cost, _starts(of)) % _PAIRS
    best = best[able[best]]
    first, second, both, total, of = first[best], second[best], both[best], total[best], of[best]
    lower, upper = total // both, total % both
    split = upper > 0
    ticks[first], ticks[second] = lower, lower + split
    volume[first[split]] = (both - upper)[split]
    volume[second[split]] = upper[split]
    missing[of] = 0


def _carried(bars: ScriptBars, layout: Layout, amount: Ints) -> Ints | None:
    """Each bar's value split into its trades, in proportion to price times volume; None where that is their sum."""
    total = np.add.reduceat(amount, layout.first)
    value = np.where(bars.value > 0, bars.value, total)
    if np.array_equal(value, total):
        return None
    summed = np.cumsum(amount)
    before = (summed - amount)[layout.first]
    cumulative = np.rint((summed - before[layout.bar]) * (value / total)[layout.bar]).astype(np.int64)
    cumulative[layout.last] = value
    found: Ints = np.diff(cumulative, prepend=0)
    found[layout.first] = cumulative[layout.first]
    return found
