"""The newest trades of many issues at once, from the minutes around a moment alone.

The trades of a minute depend on its bar, so an issue's prices and book need no plan of its day: its totals are those
of the minutes that are over, and the trades of the newest ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kernel_server.reference.price_rules import PriceRules
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.exchange import interruptions
from kernel_server.simulated.exchange.day_plan import SessionFacts, plan_of
from kernel_server.simulated.exchange.generated_script import bar_trades, script_bars
from kernel_server.simulated.exchange.interface import IssueState
from kernel_server.simulated.exchange.moment.issue_state import DayPrices, book_at, issue_state
from kernel_server.simulated.exchange.trades.layout import ScriptBars, joined
from kernel_server.simulated.market.resample import picked
from kernel_server.simulated.market.trade_script import Script


def has_usual_day(facts: SessionFacts) -> bool:
    """Whether the newest minutes say all of a session: there are minutes, within the limits, and no VI."""
    minutes = facts.minutes
    if not len(minutes) or int(minutes.high.max()) > facts.upper or int(minutes.low.min()) < facts.lower:
        return False
    if facts.context is None:
        return True
    return not interruptions.releases(facts.context, facts.starts, minutes.open)


def states_at(facts: Sequence[SessionFacts], now: float) -> list[IssueState]:
    """The states of issues with a usual day at a moment of their session or after it."""
    found: list[IssueState | None] = [None] * len(facts)
    groups: dict[PriceRules, list[int]] = {}
    for place, each in enumerate(facts):
        groups.setdefault(each.grid, []).append(place)
    for grid, places in groups.items():
        begun = [int(np.searchsorted(facts[place].starts, now, side="right")) for place in places]
        rows = [_rows(count, len(facts[place].minutes)) for count, place in zip(begun, places, strict=True)]
        parts = [_columns(facts[place], row) for place, row in zip(places, rows, strict=True)]
        trades = bar_trades(joined(parts), grid)
        edges = np.cumsum(trades.count)
        stop = bars = 0
        for place, bars_begun, row in zip(places, begun, rows, strict=True):
            start, bars = stop, bars + len(row)
            stop = int(edges[bars - 1])
            part = slice(start, stop)
            each = facts[place]
            script = Script(
                trades.time[part],
                trades.price[part],
                trades.volume[part],
                trades.side[part],
                opens=bool(each.starts[0] == each.opening),
                closes=bool(each.starts[-1] >= each.hours.closes),
                carried=None if trades.value is None else trades.value[part],
            )
            found[place] = _state(each, script, bars_begun, now)
    return [each for each in found if each is not None]


def _columns(facts: SessionFacts, rows: Ints) -> ScriptBars:
    return script_bars(
        facts.key,
        picked(facts.minutes, rows),
        (facts.lower, facts.upper),
        facts.opening,
        facts.hours.closes,
        (),
        facts.previous_value,
        facts.trade_size,
        facts.begins,
    )


def _rows(begun: int, count: int) -> Ints:
    """The first bar, the last two that have begun, and the last of the day."""
    return np.array(sorted({0, max(0, begun - 2), max(0, begun - 1), count - 1}), np.int64)


def _state(facts: SessionFacts, script: Script, begun: int, now: float) -> IssueState:
    """The state of an issue with the trades of some minutes, after ``begun`` minutes have begun."""
    bars, over = facts.minutes, max(0, begun - 1)
    start = float(facts.starts[over])
    new = slice(int(np.searchsorted(script.time, start)), script.count_by(now))
    price, volume = script.price[new], script.volume[new]
    prices = DayPrices(0, 0, 0, facts.base, 0, 0)
    if over or len(price):
        highs, lows = np.append(bars.high[:over], price), np.append(bars.low[:over], price)
        prices = DayPrices(
            int(bars.open[0]),
            int(highs.max()),
            int(lows.min()),
            int(price[-1] if len(price) else bars.close[over - 1]),
            int(bars.volume[:over].sum() + volume.sum()),
            int(bars.value[:over].sum() + script.value[new].sum()),
        )
    plan = plan_of(facts._replace(context=None), script)
    return issue_state(plan, prices, now, book_at(plan, prices.last, now))
