"""Trades generated from minute bars: random ones that add up to exactly those bars.

The trades of a minute depend on its bar alone, so those of any minutes of any issues can be made without the others.
Sums over several bars are taken in whole numbers, as rounding would otherwise depend on the bars before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.market_time import MINUTE_MS, epoch_seconds
from kernel_server.simulated.exchange.interruptions import TradingPause
from kernel_server.simulated.exchange.trades.amounts import (
    bar_range,
    free_trades,
    settle,
)
from kernel_server.simulated.exchange.trades.auctions import auction_shares
from kernel_server.simulated.exchange.trades.layout import (
    FRACTION,
    Layout,
    ScriptBars,
    bar_key,
    extremes,
    joined,
    touching_trades,
)
from kernel_server.simulated.market.bar_value import ValueRange
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.script_parts import ScriptInParts
from kernel_server.simulated.market.trade_script import NOTHING, Script, Side

_LARGEST_TRADE = 9_500_000  # KRW; the mean trade of an issue with ever more turnover
_HALF_TURNOVER = 7_000_000_000  # KRW an hour at which the mean trade is half of that
_TURNOVER_POWER = 0.6
_SESSION_HOURS = 6.5
_COUNT_SPREAD = 0.3
_SIZE_SPREAD = (
    2.1  # of the logarithm of sizes in a minute of many trades: their median is an eighth of their mean
)
_FEW_SPREAD = (
    8.0  # by which it is more, divided by the number of trades: a few seldom have one of the long tail
)
_WEIGHT_UNIT = 1 << 12

_SIDE_CHANGE = 0.45  # share of orders with another initiator than the one before
_NEXT_LEVEL = 0.15  # share of those that are one tick further
_TRADES_A_PART = 12_000
_BARS_OF_FOUR_BYTES = 1 << 15  # whose number and milliseconds fit in four bytes together
_TRADES_A_BURST = 4
_BURST_MS = 4_000  # a burst's length at most; most of it comes at its beginning


@dataclass(frozen=True, slots=True, eq=False)
class BarTrades:
    """The trades of bars, in the order of the bars and of time.

    Attributes:
        count: number of trades of each bar, at least 1.
        time: seconds since the epoch.
        price: KRW.
        volume: shares.
        side: as in ``Script``.
        value: KRW that each adds to 거래대금, None: price times volume.
    """

    count: Ints
    time: Floats
    price: Ints
    volume: Ints
    side: Ints
    value: Ints | None


def minute_keys(day_key: int | NDArray[np.uint64], start: Ints) -> NDArray[np.uint64]:
    """The random keys of minutes, from the key of the issue and the day and their starts (seconds since the epoch)."""
    return hash_random.keys(day_key, start // 60)


def from_minutes(
    key: int,
    bars: Bars,
    grid: PriceRules,
    limits: tuple[int, int],
    opens: float,
    closes: float,
    pauses: Sequence[TradingPause] = (),
    turnover: int = 0,
    trade_size: float = 1.0,
    begins: float = 0.0,
) -> Script:
    """One session's trades of an issue, which add up to exactly its minute bars.

    Args:
        key: random key of the issue and the day.
        bars: unadjusted minute bars of the session, each with trades.
        grid: tick table of the day.
        limits: 하한가 and 상한가.
        opens: session open; a bar that starts then begins with the opening auction.
        closes: session close; a bar that starts then is the closing auction.
        pauses: parts of bars without trades, because of volatility interruptions.
        turnover: KRW that the issue traded on the day before, 0 if unknown.
        trade_size: how much larger trades are than recorded ones.
    """
    if not len(bars):
        return NOTHING
    return in_parts(
        script_bars(key, bars, limits, opens, closes, pauses, turnover, trade_size, begins), grid, opens
    )


def in_parts(bars: ScriptBars, grid: PriceRules, opens: float) -> Script:
    """The trades of one session's bars, those of a busy issue part by part: some bars with a few thousand each."""
    return together([bars], grid, opens)[0]


def together(sessions: Sequence[ScriptBars], grid: PriceRules, opens: float) -> list[Script]:
    """The trades of sessions of several issues, each as from ``in_parts``, made in half the time."""
    bars = sessions[0] if len(sessions) == 1 else joined(sessions)
    found = bar_range(bars, grid)
    count = _trade_counts(bars, found)
    stops = np.cumsum([len(each) for each in sessions]).tolist()
    rows = [slice(stop - len(each), stop) for each, stop in zip(sessions, stops, strict=True)]
    short = [int(count[each.start : each.stop - 1].sum()) < _TRADES_A_PART for each in rows]
    at = np.concatenate([np.arange(each.stop - each.start) + each.start for each in rows])
    at = at[np.repeat(short, [len(each) for each in sessions])]
    trades = bar_trades(bars[at], grid, _known(found, count, at)) if len(at) else None
    scripts, edge = [], 0
    for each, whole, row in zip(sessions, short, rows, strict=True):
        if trades is None or not whole:
            scripts.append(_busy(each, grid, opens, *_known(found, count, row)))
            continue
        stop = edge + int(count[row].sum())
        scripts.append(_script(each, trades, slice(edge, stop), _ends(each, opens)))
        edge = stop
    return scripts


def _known(found: ValueRange, count: Ints, at: Ints | slice) -> tuple[ValueRange, Ints]:
    return ValueRange._make(column[at] for column in found), count[at]


def _ends(bars: ScriptBars, opens: float) -> tuple[bool, bool]:
    """Whether a session begins and ends with a call auction."""
    return bool(bars.start[0] == opens) and not bool(bars.auction[0]), bool(bars.auction[-1])


def _script(bars: ScriptBars, trades: BarTrades, part: slice, ends: tuple[bool, bool]) -> Script:
    """A part of trades in little memory; ``bars`` are those of the session."""
    time, price, volume, side = trades.time, trades.price, trades.volume, trades.side
    value = None if trades.value is None else trades.value[part].copy()
    if value is not None and np.array_equal(value, price[part] * volume[part]):
        value = None
    script = Script(time[part], price[part], volume[part], side[part], *ends, carried=value)
    return script.packed(int(bars.start[0]))


def _busy(bars: ScriptBars, grid: PriceRules, opens: float, found: ValueRange, count: Ints) -> Script:
    edges = np.append(0, np.cumsum(count))
    first = np.flatnonzero(np.diff(edges[:-1] // _TRADES_A_PART, prepend=-1))
    stops = np.append(first[1:], len(bars))
    ends = _ends(bars, opens)

    def make(place: int) -> Script:
        part = slice(first[place], stops[place])
        trades = bar_trades(bars[part], grid, _known(found, count, part))
        return _script(bars, trades, slice(None), ends)

    starts, totals = bars.start[first].tolist(), (int(bars.volume.sum()), int(bars.value.sum()))
    return ScriptInParts(starts, edges[stops] - edges[first], make, *totals, *ends)


def script_bars(
    key: int,
    bars: Bars,
    limits: tuple[int, int],
    opens: float,
    closes: float,
    pauses: Sequence[TradingPause] = (),
    turnover: int = 0,
    trade_size: float = 1.0,
    begins: float = 0.0,
) -> ScriptBars:
    """The columns of one session's bars; arguments as for ``from_minutes``."""
    start = epoch_seconds(bars.time)
    size = len(start)
    auction = start >= closes
    auction_first = (start == opens) & ~auction
    first_ms, last_ms = np.zeros(size, np.int64), np.full(size, MINUTE_MS)
    first_ms[(start < begins) & (begins < start + 60)] = int(begins % 60 * 1000)
    for pause in pauses:
        last_ms[pause.bar - 1] = pause.stop_ms
        first_ms[pause.bar] = pause.resume_ms
        auction_first[pause.bar] = True
    return ScriptBars(
        minute_keys(key, start),
        start,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.volume,
        bars.value,
        np.full(size, turnover),
        np.full(size, trade_size),
        np.full(size, limits[0]),
        np.full(size, limits[1]),
        auction,
        auction_first,
        first_ms,
        last_ms,
    )


def mean_trade(turnover: Floats) -> Floats:
    """KRW of the mean trade of an issue that turns over so much an hour, KRW."""
    return _LARGEST_TRADE / (1 + (_HALF_TURNOVER / np.maximum(turnover, 1.0)) ** _TURNOVER_POWER)


def bar_trades(bars: ScriptBars, grid: PriceRules, known: tuple[ValueRange, Ints] | None = None) -> BarTrades:
    """The trades of bars; those of each depend on nothing but its own columns.

    ``known`` are the values that they can have and their number in each bar, if these are known.

    A bar with fewer shares than different prices cannot be met; its close and open take precedence.
    """
    found = bar_range(bars, grid) if known is None else known[0]
    count = _trade_counts(bars, found) if known is None else known[1]
    layout = Layout(bars, count)
    time = _trade_times(bars, layout)
    side = _drawn_sides(layout)
    volume = _volumes(bars, layout, found)
    price = _prices(bars, grid, layout, side, volume)
    value = settle(bars, layout, found, price, volume)
    side = _initiators(bars, layout, price, side)
    return BarTrades(count, time, price, volume, side, value)


def _trade_counts(bars: ScriptBars, found: ValueRange) -> Ints:
    """Number of trades of each bar: by value, at least enough for its prices and its value, one in an auction."""
    value = bars.volume * bars.close.astype(np.float64)
    # A day may be much livelier than the one before, so half of the rule's turnover is the bar's own.
    own = value * 60
    known = np.where(bars.turnover > 0, bars.turnover / _SESSION_HOURS, own)
    usual = mean_trade(np.sqrt(known * own))
    draw = np.exp(_COUNT_SPREAD * hash_random.normal(bar_key(bars, "count"), np.zeros(len(bars), np.int64)))
    wanted = np.ceil(value / (usual * bars.trade_size) * draw).astype(np.int64)
    above, below = extremes(bars)
    moved = above.astype(np.int64) + below
    moved += (bars.open != bars.close) | (moved > 0)
    least: Ints = 1 + moved + free_trades(bars, found, 1 + moved)
    # The others of a bar that begins with an auction have a share each.
    least = np.maximum(least, np.where(bars.auction_first, 2, 1))
    room = np.where(bars.auction_first, bars.volume + 1 - auction_shares(bars.volume), bars.volume)
    count = np.minimum(np.maximum(wanted, least), room)
    count[bars.auction] = 1
    found_count: Ints = np.maximum(count, 1)
    return found_count


def _trade_times(bars: ScriptBars, layout: Layout) -> Floats:
    """Ascending times within each bar's minute, in bursts; the bar's start for an auction."""
    bar = layout.bar
    bursts = 1 + (layout.last - layout.first) // _TRADES_A_BURST
    burst = layout.field(1) * bursts[bar] >> 16
    begun = (hash_random.bits(bar_key(bars, "burst")[bar], burst) >> np.uint64(48)).astype(np.int64)
    late = layout.field(2) / FRACTION
    late *= late * late * _BURST_MS
    within = (begun * (MINUTE_MS + 1) >> 16) + late.astype(np.int64)
    within[within > MINUTE_MS] -= MINUTE_MS + 1
    # Sorts within each bar; four bytes, where they do, are sorted in half the time of eight.
    narrow = np.int32 if len(bars) <= _BARS_OF_FOUR_BYTES else np.int64
    within = np.sort(((bar << 16) + within).astype(narrow)) & (FRACTION - 1)
    within = within[layout.order]
    ms = within
    if bars.first_ms.any() or (bars.last_ms != MINUTE_MS).any():
        ms = bars.first_ms[bar] + within * (bars.last_ms - bars.first_ms)[bar] // MINUTE_MS
    at_once = layout.first[bars.auction | bars.auction_first]
    ms[at_once] = bars.first_ms[bar[at_once]]
    time: Floats = (bars.start[bar] * 1000 + ms) / 1000
    return time


def _drawn_sides(layout: Layout) -> Ints:
    """Initiators of the orders, 1 or -1: mostly that of the order before, in each bar from a random one on."""
    turns = layout.starts & (layout.field(3) < int(_SIDE_CHANGE * FRACTION))
    turns[layout.first] = layout.field(3)[layout.first] & 1
    turned = np.cumsum(turns.astype(np.int64))
    turned -= (turned - turns)[layout.first][layout.bar]
    return 1 - 2 * (turned & 1)


def _prices(bars: ScriptBars, grid: PriceRules, layout: Layout, side: Ints, volume: Ints) -> Ints:
    """Prices along a random path from each bar's open to its close, at the bid below it or the ask above it.

    The path is moved so that its mean price is near the bar's.
    """
    bar, first, last = layout.bar, layout.first, layout.last
    noise = np.cumsum(
        (hash_random.normal(bar_key(bars, "path")[bar], layout.number) * FRACTION).astype(np.int64)
    )
    noise -= noise[first][bar]
    steps = np.maximum(last - first, 1)
    spread = (bars.high - bars.low) / 2 / np.sqrt(steps) / FRACTION
    drift = ((bars.close - bars.open) - noise[last] * spread) / steps
    path = bars.open[bar] + drift[bar] * layout.number + noise * spread[bar]
    # An order that is larger than the best level goes on to the next ones.
    next_level = ~layout.starts & (layout.field(3) < int(_NEXT_LEVEL * FRACTION))
    further = np.cumsum(next_level.astype(np.int64))
    further -= further[layout.order]
    tick = grid.tick_array(bars.close)
    # Bid and ask are within the bar: where its range is a tick, one of them is its low and the other its high.
    path = np.clip(path, (bars.low + tick / 2)[bar], (bars.high - tick / 2)[bar])
    path = path[layout.order] + side * (further + 0.5) * tick[bar]
    total = np.add.reduceat(np.rint(path).astype(np.int64) * volume, first)
    reach = bars.high - bars.low
    path += np.clip((bars.value - total) / bars.volume, -reach, reach)[bar]
    price = np.clip(_on_grid(bars, grid, bar, path), bars.low[bar], bars.high[bar])
    for index, extreme in ((layout.high, bars.high), (layout.low, bars.low)):
        price[index[index >= 0]] = extreme[index >= 0]
    price[first] = bars.open
    price[last] = bars.close
    return price


def _on_grid(bars: ScriptBars, grid: PriceRules, bar: Ints, path: Floats) -> Ints:
    """The valid prices nearest to a path, as far as it is within its bars' ranges."""
    tick = grid.tick_array(bars.low)
    if (tick != grid.tick_array(bars.high)).any():
        return grid.nearest_array(path)
    steps = tick[bar]  # one for a whole bar, which saves looking it up for each trade
    nearest: Ints = (np.rint(path).astype(np.int64) + steps // 2) // steps * steps
    return nearest


def _initiators(bars: ScriptBars, layout: Layout, price: Ints, drawn: Ints) -> Ints:
    """Initiators: the buyer on an uptick, the seller on a downtick; otherwise as drawn, and none in an auction."""
    bar, first = layout.bar, layout.first
    move = np.sign(np.diff(price, prepend=price[:1]))
    move[first] = 0
    side: Ints = np.where(move != 0, move, drawn)
    side = np.where(move != 0, side, side[layout.order])  # of one order as at its first trade
    side[(move == 0) & (price >= bars.upper[bar])] = int(Side.SELL)
    side[(move == 0) & (price <= bars.lower[bar])] = int(Side.BUY)
    side[first[bars.auction | bars.auction_first]] = int(Side.NONE)
    return side


def _volumes(bars: ScriptBars, layout: Layout, found: ValueRange) -> Ints:
    """Each bar's shares split into its trades, at least one each, with a long tail."""
    bar, first, last = layout.bar, layout.first, layout.last
    count = last - first + 1
    draw = hash_random.normal(bar_key(bars, "size")[bar], layout.number)
    spread = _SIZE_SPREAD + _FEW_SPREAD / np.maximum(count, 2)
    weight = (_WEIGHT_UNIT * np.exp(spread[bar] * draw)).astype(np.int64)
    apart = found.uneven
    if apart.any():
        # Trades off the tick grid of the high have one share, so that the others can add up to the bar's value.
        touching = touching_trades(layout)
        weight[touching[apart[bar[touching]]]] = 0
        free = np.ones(len(bar), np.bool_)
        free[touching] = False
        weight[free & apart[bar]] += 1
    alone = bars.auction_first & (count > 1)
    auctioned = np.where(alone, auction_shares(bars.volume) - 1, 0)
    weight[first[alone]] = 0
    # The share that each trade has anyway is part of its size: what is drawn smaller has just that one.
    weight -= (np.add.reduceat(weight, first) // (bars.volume - auctioned))[bar]
    np.maximum(weight, 0, out=weight)
    weight[last] += 1  # as the weights of a bar may not all be 0
    summed = np.cumsum(weight)
    before = summed[first] - weight[first]
    share = (summed - before[bar]) / np.maximum(summed[last] - before, 1)[bar]
    rest = bars.volume - count - auctioned
    cumulative = np.rint(rest[bar] * share).astype(np.int64)
    cumulative[last] = rest
    volume = np.diff(cumulative, prepend=0)
    volume[first] = cumulative[first]
    volume[first] += auctioned
    shares: Ints = volume + 1
    return shares
