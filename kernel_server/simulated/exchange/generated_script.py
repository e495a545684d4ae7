"""Scripts generated from minute bars: random trades that add up to exactly those bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.market_time import epoch_seconds
from kernel_server.simulated.exchange.interruptions import TradingPause
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.synthetic.daily_prices import Flags
from kernel_server.simulated.market.trade_script import NOTHING, Script, Side

_TRADE_VALUE = 4_000_000  # KRW of a usual trade
_TRADES_A_DAY = 15_000  # of the most traded issue, about
_TRADES_A_MINUTE = 600  # at most
_SIDE_CHANGE = 0.12  # share of trades at an unchanged price that change the initiator


def from_minutes(
    key: int,
    bars: Bars,
    grid: PriceRules,
    limits: tuple[int, int],
    opens: float,
    closes: float,
    pauses: Sequence[TradingPause] = (),
) -> Script:
    """Trades that add up to exactly these minute bars.

    A bar with fewer shares than different prices cannot be met; its close and open take precedence.

    Args:
        key: random key of the issue and the day.
        bars: unadjusted minute bars of one session, each with trades.
        grid: tick table of the day.
        limits: 하한가 and 상한가. Repeated trades at a limit are initiated by the side that still finds the other.
        opens: session open; a bar that starts then begins with the opening auction.
        closes: session close; a bar that starts then is the closing auction.
        pauses: parts of bars without trades, because of volatility interruptions.
    """
    bars_volume = bars.volume
    if not len(bars_volume):
        return NOTHING
    start = epoch_seconds(bars.time)
    auction = start >= closes
    counts = _trade_counts(key, bars, auction)
    edges = np.cumsum(counts)
    first, last = edges - counts, edges - 1
    size = int(edges[-1])
    bar = np.repeat(np.arange(len(counts)), counts)
    at = np.arange(size)

    time = _trade_times(key, start, bar, at, auction)
    for pause in pauses:
        _apply_pause(time, start, first, edges, pause)
    opening_auction = bool(start[0] == opens) and not bool(auction[0])
    if opening_auction:
        time[0] = opens
    price = _price_path(key, bars, grid, counts, bar, at)
    price[first] = bars.open
    price[last] = bars.close
    inner = counts - 2  # trades between the first and the last
    above, below = bars.high > np.maximum(bars.open, bars.close), bars.low < np.minimum(bars.open, bars.close)
    # A bar that has to touch both takes its high from the first half of them and its low from the second.
    room = np.where(above & below, (inner + 1) // 2, inner)
    _touch_extreme(hash_random.key(key, "high"), price, first + 1, np.where(above, room, 0), bars.high)
    skip = np.where(above, room, 0)
    _touch_extreme(
        hash_random.key(key, "low"), price, first + 1 + skip, np.where(below, inner - skip, 0), bars.low
    )
    side = _sides(key, price, at)
    unchanged = np.diff(price, prepend=0) == 0
    side[unchanged & (price >= limits[1])] = int(Side.SELL)
    side[unchanged & (price <= limits[0])] = int(Side.BUY)
    closing_auction = bool(auction[-1])
    if opening_auction:
        side[0] = 0
    side[auction[bar]] = 0
    auction_bars = [pause.bar for pause in pauses]
    volume = _volumes(key, bars_volume, counts, bar, first, at, auction_bars)
    return Script(time, price, volume, side, opening_auction, closing_auction)


def _trade_counts(key: int, bars: Bars, auction: Flags) -> Ints:
    """Number of trades of each bar: by value, at least enough for its prices, one in an auction."""
    value = bars.volume * bars.close.astype(np.float64)
    usual = max(float(_TRADE_VALUE), float(value[~auction].sum()) / _TRADES_A_DAY)
    draw = np.exp(0.3 * hash_random.normal(hash_random.key(key, "count"), np.arange(len(value))))
    wanted = np.minimum(np.ceil(value / usual * draw), _TRADES_A_MINUTE).astype(np.int64)
    moved = (bars.high > np.maximum(bars.open, bars.close)).astype(np.int64)
    moved += bars.low < np.minimum(bars.open, bars.close)
    moved += (bars.open != bars.close) | (moved > 0)
    counts = np.minimum(np.maximum(wanted, 1 + moved), bars.volume)
    counts[auction] = 1
    return np.maximum(counts, 1)


def _trade_times(key: int, start: Ints, bar: Ints, at: Ints, auction: Flags) -> Floats:
    """Ascending times within each bar's minute; the bar's start for an auction."""
    fraction = hash_random.uniform(hash_random.key(key, "time"), at)
    inside = np.sort(bar + fraction) - bar  # sorts within each bar, as fractions are below 1
    time: Floats = start[bar] + np.floor(np.clip(inside, 0.0, 1.0) * 59_999) / 1000
    time[auction[bar]] = start[bar][auction[bar]]
    return time


def _apply_pause(time: Floats, start: Ints, first: Ints, edges: Ints, pause: TradingPause) -> None:
    """Compress the trades of two bars in time, so that none falls into the pause."""
    before, after = (slice(first[bar], edges[bar]) for bar in (pause.bar - 1, pause.bar))
    since = float(start[pause.bar - 1]) + pause.first_ms / 1000
    time[before] = since + _compressed(time[before] - since, pause.stop_ms - pause.first_ms)
    since = float(start[pause.bar])
    time[after] = since + pause.resume_ms / 1000 + _compressed(time[after] - since, 59_999 - pause.resume_ms)
    time[after.start] = since + pause.resume_ms / 1000


def _compressed(seconds: Floats, room: int) -> Floats:
    """Seconds within a minute, scaled to ``room`` milliseconds."""
    return np.floor(np.maximum(seconds, 0.0) * (room / 60)) / 1000


def _price_path(key: int, bars: Bars, grid: PriceRules, counts: Ints, bar: Ints, at: Ints) -> Ints:
    """Prices on random paths from each bar's open to its close, on the tick grid and within the bar's range."""
    first = np.cumsum(counts) - counts
    noise = np.cumsum(hash_random.normal(hash_random.key(key, "path"), at))
    noise -= noise[first][bar]
    steps = np.maximum(counts - 1, 1)[bar]
    passed = (at - first[bar]) / steps
    final = noise[first + counts - 1][bar]
    spread = ((bars.high - bars.low) / 2)[bar] / np.sqrt(steps)
    path = bars.open[bar] + (bars.close - bars.open)[bar] * passed + (noise - final * passed) * spread
    # Trades alternate between best bid and best ask: half a tick up or down before rounding.
    path += (hash_random.uniform(hash_random.key(key, "bounce"), at) - 0.5) * grid.tick_array(bars.close)[bar]
    return np.clip(grid.nearest_array(path), bars.low[bar], bars.high[bar])


def _touch_extreme(key: int, price: Ints, first: Ints, room: Ints, extreme: Ints) -> None:
    """Set a random one of each bar's ``room`` prices from ``first`` on to ``extreme``, if there are any."""
    draw = hash_random.uniform(key, np.arange(len(room)))
    index = first + np.minimum((draw * room).astype(np.int64), room - 1)
    price[index[room > 0]] = extreme[room > 0]


def _sides(key: int, price: Ints, at: Ints) -> Ints:
    """Initiators: the buyer on an uptick, the seller on a downtick; otherwise the last one, with random changes."""
    move = np.sign(np.diff(price, prepend=price[:1]))
    change = hash_random.uniform(hash_random.key(key, "turn"), at) < _SIDE_CHANGE
    change[0] = True
    coin = np.where(hash_random.uniform(hash_random.key(key, "coin"), at) < 0.5, -1, 1)
    known = np.where(move != 0, move, np.where(change, coin, 0))
    newest = np.maximum.accumulate(np.where(known != 0, at, 0))
    sides: Ints = known[newest]
    return sides


def _volumes(
    key: int, totals: Ints, counts: Ints, bar: Ints, first: Ints, at: Ints, auction_bars: Sequence[int]
) -> Ints:
    """Each bar's shares split into its trades, at least one each; a VI's auction trade gets about half of its bar."""
    weight = np.exp(1.1 * hash_random.normal(hash_random.key(key, "size"), at))
    for auction_bar in auction_bars:
        weight[first[auction_bar]] *= counts[auction_bar]
    summed = np.cumsum(weight)
    before = np.where(first > 0, summed[first - 1], 0.0)
    share = (summed - before[bar]) / (summed[first + counts - 1] - before)[bar]
    cumulative = np.rint((totals - counts)[bar] * share).astype(np.int64)
    cumulative[first + counts - 1] = totals - counts
    volume = np.diff(cumulative, prepend=0)
    volume[first] = cumulative[first]
    shares: Ints = volume + 1
    return shares
