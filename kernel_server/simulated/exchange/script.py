"""A day's trades of one issue that add up to its minute bars, drawn from the seed or as they were recorded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.base.dates import epoch_days
from kernel_server.simulated.exchange.interruptions import TradingPause
from kernel_server.simulated.market.model import Bars
from kernel_server.simulated.market.synthetic.daily_prices import Flags
from kernel_server.simulated.market.tick_size import PriceRules
from kernel_server.simulated.market.trade_script import NOTHING, Script, Side

_SEOUL = 9 * 3600
_VALUE = 4_000_000  # KRW that change hands in a usual trade
_A_DAY = 15_000  # trades of the most traded issue, about
_A_MINUTE = 600  # and at most in one minute
_TURN = 0.12  # how often the initiative passes to the other side at an unchanged price


def from_minutes(
    key: int,
    bars: Bars,
    grid: PriceRules,
    limits: tuple[int, int],
    opens: float,
    closes: float,
    stops: Sequence[TradingPause] = (),
) -> Script:
    """Trades whose minutes are exactly those bars.

    A bar of fewer shares than it has different prices cannot be met wholly; its close and open go first.

    Args:
        key: the issue's and the day's, for draws.
        bars: unadjusted minutes of one session, each with trades.
        grid: the ticks of the day.
        limits: 하한가 and 상한가. A price that stays at one is traded by the side that still has somebody to meet.
        opens: when the session opens; a bar that starts then begins with the opening auction.
        closes: when it closes; a bar that starts then is the closing auction.
        stops: where volatility interruptions leave a part of a bar's minute without trades.
    """
    bars_volume = bars.volume
    if not len(bars_volume):
        return NOTHING
    start = moments(bars.time)
    auction = start >= closes
    counts = _counts(key, bars, auction)
    edges = np.cumsum(counts)
    first, last = edges - counts, edges - 1
    size = int(edges[-1])
    bar = np.repeat(np.arange(len(counts)), counts)
    at = np.arange(size)

    time = _times(key, start, bar, at, auction)
    for stop in stops:
        _make_way(time, start, first, edges, stop)
    opening = bool(start[0] == opens) and not bool(auction[0])
    if opening:
        time[0] = opens
    price = _path(key, bars, grid, counts, bar, at)
    price[first] = bars.open
    price[last] = bars.close
    inner = counts - 2  # trades between the first and the last
    above, below = bars.high > np.maximum(bars.open, bars.close), bars.low < np.minimum(bars.open, bars.close)
    # Where both have to be touched, the high is in the first half of them and the low in the second.
    room = np.where(above & below, (inner + 1) // 2, inner)
    _touch(hash_random.key(key, "high"), price, first + 1, np.where(above, room, 0), bars.high)
    skip = np.where(above, room, 0)
    _touch(hash_random.key(key, "low"), price, first + 1 + skip, np.where(below, inner - skip, 0), bars.low)
    side = _sides(key, price, at)
    still = np.diff(price, prepend=0) == 0
    side[still & (price >= limits[1])] = int(Side.SELL)
    side[still & (price <= limits[0])] = int(Side.BUY)
    closing = bool(auction[-1])
    if opening:
        side[0] = 0
    side[auction[bar]] = 0
    singles = [stop.bar for stop in stops]
    volume = _volumes(key, bars_volume, counts, bar, first, at, singles)
    return Script(time, price, volume, side, opening, closing)


def _counts(key: int, bars: Bars, auction: Flags) -> Ints:
    """How many trades each bar has: by its value, enough for its prices, one in an auction."""
    value = bars.volume * bars.close.astype(np.float64)
    usual = max(float(_VALUE), float(value[~auction].sum()) / _A_DAY)
    luck = np.exp(0.3 * hash_random.bell(hash_random.key(key, "count"), np.arange(len(value))))
    wanted = np.minimum(np.ceil(value / usual * luck), _A_MINUTE).astype(np.int64)
    moved = (bars.high > np.maximum(bars.open, bars.close)).astype(np.int64)
    moved += bars.low < np.minimum(bars.open, bars.close)
    moved += (bars.open != bars.close) | (moved > 0)
    counts = np.minimum(np.maximum(wanted, 1 + moved), bars.volume)
    counts[auction] = 1
    return np.maximum(counts, 1)


def _times(key: int, start: Ints, bar: Ints, at: Ints, auction: Flags) -> Floats:
    """Moments inside each bar's minute, ascending; an auction's is the bar's start."""
    place = hash_random.uniform(hash_random.key(key, "time"), at)
    inside = np.sort(bar + place) - bar  # sorted within each bar, as no draw reaches 1
    time: Floats = start[bar] + np.floor(np.clip(inside, 0.0, 1.0) * 59_999) / 1000
    time[auction[bar]] = start[bar][auction[bar]]
    return time


def _make_way(time: Floats, start: Ints, first: Ints, edges: Ints, stop: TradingPause) -> None:
    """Squeezes the trades of two bars, so that there are none from a moment of the one to a moment of the other."""
    before, after = (slice(first[bar], edges[bar]) for bar in (stop.bar - 1, stop.bar))
    since = float(start[stop.bar - 1]) + stop.begins / 1000
    time[before] = since + _squeezed(time[before] - since, stop.stops - stop.begins)
    since = float(start[stop.bar])
    time[after] = since + stop.goes_on / 1000 + _squeezed(time[after] - since, 59_999 - stop.goes_on)
    time[after.start] = since + stop.goes_on / 1000


def _squeezed(seconds: Floats, room: int) -> Floats:
    """Seconds of a minute brought into so many thousandths of one."""
    return np.floor(np.maximum(seconds, 0.0) * (room / 60)) / 1000


def _path(key: int, bars: Bars, grid: PriceRules, counts: Ints, bar: Ints, at: Ints) -> Ints:
    """Prices that wander from each bar's open to its close, on the grid and inside its range."""
    first = np.cumsum(counts) - counts
    noise = np.cumsum(hash_random.bell(hash_random.key(key, "path"), at))
    noise -= noise[first][bar]
    steps = np.maximum(counts - 1, 1)[bar]
    passed = (at - first[bar]) / steps
    final = noise[first + counts - 1][bar]
    spread = ((bars.high - bars.low) / 2)[bar] / np.sqrt(steps)
    path = bars.open[bar] + (bars.close - bars.open)[bar] * passed + (noise - final * passed) * spread
    # Trades alternate between the two sides of the spread: half a tick up or down before rounding.
    path += (hash_random.uniform(hash_random.key(key, "bounce"), at) - 0.5) * grid.tick_array(bars.close)[bar]
    return np.clip(grid.nearest_array(path), bars.low[bar], bars.high[bar])


def _touch(key: int, price: Ints, first: Ints, room: Ints, edge: Ints) -> None:
    """Puts one of the ``room`` prices of each bar from ``first`` on to its ``edge``, where there is any room."""
    luck = hash_random.uniform(key, np.arange(len(room)))
    place = first + np.minimum((luck * room).astype(np.int64), room - 1)
    price[place[room > 0]] = edge[room > 0]


def _sides(key: int, price: Ints, at: Ints) -> Ints:
    """A rise is a buyer's, a fall a seller's; at the same price the initiative stays, and passes at times."""
    move = np.sign(np.diff(price, prepend=price[:1]))
    turn = hash_random.uniform(hash_random.key(key, "turn"), at) < _TURN
    turn[0] = True
    coin = np.where(hash_random.uniform(hash_random.key(key, "coin"), at) < 0.5, -1, 1)
    known = np.where(move != 0, move, np.where(turn, coin, 0))
    newest = np.maximum.accumulate(np.where(known != 0, at, 0))
    sides: Ints = known[newest]
    return sides


def _volumes(
    key: int, totals: Ints, counts: Ints, bar: Ints, first: Ints, at: Ints, singles: Sequence[int]
) -> Ints:
    """Each bar's shares dealt out to its trades, one at least to each; to a VI's single price about a half."""
    weight = np.exp(1.1 * hash_random.bell(hash_random.key(key, "size"), at))
    for single in singles:
        weight[first[single]] *= counts[single]
    summed = np.cumsum(weight)
    before = np.where(first > 0, summed[first - 1], 0.0)
    share = (summed - before[bar]) / (summed[first + counts - 1] - before)[bar]
    upto = np.rint((totals - counts)[bar] * share).astype(np.int64)
    upto[first + counts - 1] = totals - counts
    volume = np.diff(upto, prepend=0)
    volume[first] = upto[first]
    shares: Ints = volume + 1
    return shares


def moments(time: Ints) -> Ints:
    """Seconds since the epoch of YYYYMMDDHHMMSS in Seoul."""
    clock = time % 1_000_000
    seconds: Ints = epoch_days(time // 1_000_000) * 86_400 - _SEOUL
    return seconds + clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100
