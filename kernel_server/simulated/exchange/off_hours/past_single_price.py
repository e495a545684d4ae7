"""시간외 단일가 of the session before, which goes on being told until today's begins."""

from __future__ import annotations

from functools import lru_cache

from kernel_server.clock import seoul
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import Expected, SinglePriceState
from kernel_server.simulated.exchange.off_hours import single_price
from kernel_server.simulated.exchange.off_hours.synthetic_trades import Close
from kernel_server.simulated.market import day_summary as days
from kernel_server.simulated.market.model import Issue, Market
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.market.tick_size import board, rules


def drawn(market: Market, seed: int, issue: Issue, hours: SessionHours) -> Close | None:
    """What the session of those hours came to; None where the issue has no bar of it."""
    bars = days.history(market, issue.code, hours.closes, 2)
    moment = seoul(hours.opens)
    date = moment.year * 10_000 + moment.month * 100 + moment.day
    if not len(bars) or int(bars.time[-1]) != date:
        return None
    grid = rules(moment.date(), board(issue))
    base = int(bars.close[-2] if len(bars) > 1 else bars.open[-1])
    upper, lower = grid.limits(base)
    key = hash_random.key(seed, issue.code, date)
    return Close(key, int(bars.close[-1]), int(bars.volume[-1]), lower, upper, grid)


class PastSinglePrice:
    """Evenings that are over.

    Args:
        market: whose days they follow.
        seed: of what is drawn; the exchange's.
        crowd: whether anybody but clients has traded in them.
        kept: of how many issues, at most, they are kept in memory.
    """

    def __init__(self, market: Market, seed: int, crowd: bool, kept: int = 256) -> None:
        self._crowd = crowd
        self._drawn = lru_cache(kept)(lambda issue, hours: drawn(market, seed, issue, hours))

    def before(self, plan: DayPlan, hours: SessionHours | None) -> SinglePriceState:
        """The evening before the day of that plan, clients' part in it forgotten; ``hours`` of its session.

        Where nothing is known of it, or the prices of that day have been on another scale, it stands at 기준가.
        """
        close = self._drawn(plan.issue, hours) if hours is not None else None
        if hours is None or close is None or close.price != plan.base:
            close = Close(plan.key, plan.base, 0, plan.lower, plan.upper, plan.grid)
            hours = plan.hours
        if not self._crowd:
            close = close._replace(volume=0)
        of = single_price.SinglePriceHours(hours.single, hours.ends)
        tape = single_price.tape(plan.issue.code, plan.issue.shares, close, of)
        return SinglePriceState(tape, [], [], Expected(0, 0))
