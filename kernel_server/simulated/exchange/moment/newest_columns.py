"""The newest trades of a whole market as columns, from the one or two newest minutes of each issue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.market_time import MINUTE_MS
from kernel_server.simulated.exchange.generated_script import bar_trades, minute_keys
from kernel_server.simulated.exchange.trades.layout import ScriptBars
from kernel_server.simulated.market.trade_script import Column

_HIGH = np.iinfo(np.int64).max


class NewestMinutes(NamedTuple):
    """The one or two newest minutes of an issue that have begun, oldest first.

    ``start`` is in seconds since the epoch, ``volume`` and ``value`` (KRW) those of each minute.
    """

    start: Column
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column
    value: Column


class IssueColumns(NamedTuple):
    """What the trades of issues of one board depend on beside their minutes, as columns."""

    key: NDArray[np.uint64]
    turnover: Ints
    lower: Ints
    upper: Ints
    trade_size: float = 1.0


class NewestColumns(NamedTuple):
    """The newest trade of each issue, and what its newest minute has traded so far; all 0 before the first trade.

    Attributes:
        time: in milliseconds since the epoch.
        number: of the trade within its minute, from 0.
        opened, high, low: of the newest minute so far, KRW.
    """

    price: Ints
    side: Ints
    number: Ints
    time: Ints
    opened: Ints
    high: Ints
    low: Ints
    volume: Ints
    value: Ints


def newest_columns(
    grid: PriceRules,
    issues: IssueColumns,
    minutes: Sequence[NewestMinutes],
    opens: float,
    closes: float,
    now: float,
) -> NewestColumns:
    """The newest trades up to ``now`` of issues of one board, each with one minute at least."""
    bars = np.array([len(each.start) for each in minutes])
    issue = np.repeat(np.arange(len(minutes)), bars)
    columns = {
        name: np.concatenate([getattr(each, name) for each in minutes]).astype(np.int64)
        for name in NewestMinutes._fields
    }
    start = columns["start"]
    auction = start >= closes
    trades = bar_trades(
        ScriptBars(
            key=minute_keys(issues.key[issue], start),
            turnover=issues.turnover[issue],
            trade_size=np.full(len(start), issues.trade_size),
            lower=issues.lower[issue],
            upper=issues.upper[issue],
            auction=auction,
            auction_first=(start == opens) & ~auction,
            first_ms=np.zeros(len(start), np.int64),
            last_ms=np.full(len(start), MINUTE_MS),
            **columns,
        ),
        grid,
    )
    bar = np.repeat(np.arange(len(start)), trades.count)
    done = trades.time <= now
    first_trade = np.cumsum(trades.count) - trades.count  # of each bar
    first_bar = np.cumsum(bars) - bars  # of each issue
    count = np.bincount(issue[bar[done]], minlength=len(minutes))
    traded = count > 0
    newest = np.where(traded, first_trade[first_bar] + count - 1, 0)
    last_bar = first_bar + bars - 1
    running = done & (bar == last_bar[issue[bar]])
    volume = np.where(running, trades.volume, 0)
    amounts = trades.price * trades.volume if trades.value is None else trades.value
    edges = first_trade[first_bar]

    def of_newest(column: Ints) -> Ints:
        return np.where(traded, column[newest], 0)

    high = np.maximum.reduceat(np.where(running, trades.price, 0), edges)
    low = np.minimum.reduceat(np.where(running, trades.price, _HIGH), edges)
    return NewestColumns(
        price=of_newest(trades.price),
        side=of_newest(trades.side),
        number=of_newest(np.arange(len(bar)) - first_trade[bar]),
        time=of_newest(np.rint(trades.time * 1000).astype(np.int64)),
        opened=np.where(high > 0, columns["open"][last_bar], 0),
        high=high,
        low=np.where(high > 0, low, 0),
        volume=np.add.reduceat(volume, edges),
        value=np.add.reduceat(np.where(running, amounts, 0), edges),
    )
