"""Figures of an issue's trades and quotes, recorded or simulated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.event_batches import QUOTE_CHANGE, event_batches
from kernel_server.simulated.exchange.quotes.quote_rule import QuoteState
from kernel_server.simulated.market.trade_script import Column, Side


class Figures(NamedTuple):
    """Figures of continuous trading; None where nothing is recorded.

    Attributes:
        turnover: billion KRW an hour.
        trades: a second.
        trade: million KRW of the mean trade.
        mean, median: shares of a trade.
        one_share: share of trades of one share.
        spread: mean ticks between the best quotes at a trade.
        quotes: events of the order book for each trade.
    """

    turnover: float
    trades: float
    trade: float
    mean: float
    median: float
    one_share: float | None = None
    spread: float | None = None
    quotes: float | None = None


def of_trades(price: Column, volume: Column, seconds: float, spread: float | None = None) -> Figures:
    """Figures of trades (KRW, shares) in so many seconds."""
    value = price.astype(np.float64) * volume
    return Figures(
        turnover=float(value.sum()) / seconds * 3600 / 1e9,
        trades=len(price) / seconds,
        trade=float(value.mean()) / 1e6,
        mean=float(volume.mean()),
        median=float(np.median(volume)),
        one_share=float((volume == 1).mean()),
        spread=spread,
    )


def of_script(plan: DayPlan) -> Figures:
    """Figures of the trades of a planned day, from the opening to the closing auction."""
    first, stop = _continuous(plan)
    seconds = plan.hours.closing_auction - plan.hours.opens
    return of_trades(plan.script.price[first:stop], plan.script.volume[first:stop], seconds)


def of_plan(plan: DayPlan) -> Figures:
    """Figures of a planned day, those of its quotes too."""
    first, stop = _continuous(plan)
    found = of_script(plan)
    changes = sum(
        sum(kind == QUOTE_CHANGE for kind in batch.kind) for batch in event_batches(plan, plan.hours.opens)
    )
    # A trade has an event of the order book too.
    return found._replace(spread=_spread(plan, first, stop), quotes=1 + changes / max(1, stop - first))


def _continuous(plan: DayPlan) -> tuple[int, int]:
    """Where the trades between the auctions begin and end."""
    return int(plan.script.opens), len(plan.script) - int(plan.script.closes)


def _spread(plan: DayPlan, first: int, stop: int) -> float:
    """The mean ticks between the best quotes after some of the day's trades."""
    script = plan.script
    minute = script.time // 60
    number = np.arange(len(script)) - np.searchsorted(minute, minute)
    ticks = []
    for row in range(first, stop, max(1, (stop - first) // 2_000)):
        side = Side(int(script.side[row]))
        ask, bid = plan.quotes.best(QuoteState(int(script.price[row]), side, int(number[row]), 0))
        if ask and bid:
            ticks.append((ask - bid) / plan.grid.tick(bid))
    return float(np.mean(ticks)) if ticks else 0.0
