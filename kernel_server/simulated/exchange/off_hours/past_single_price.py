"""시간외 단일가 of the previous session, which is served until today's begins."""

from __future__ import annotations

from functools import lru_cache

from kernel_server.clock import seoul
from kernel_server.reference.price_rules import rules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import ExpectedPrice, SinglePriceState
from kernel_server.simulated.exchange.off_hours import single_price
from kernel_server.simulated.exchange.off_hours.session_close import SessionClose
from kernel_server.simulated.market import day_summary as days
from kernel_server.simulated.market.model import Issue, Market, board
from kernel_server.simulated.market.phases import SessionHours


def close_from_bars(market: Market, seed: int, issue: Issue, hours: SessionHours) -> SessionClose | None:
    """The close of the session of those hours; None if the issue has no bar of it."""
    bars = days.history(market, issue.code, hours.closes, 2)
    moment = seoul(hours.opens)
    date = moment.year * 10_000 + moment.month * 100 + moment.day
    if not len(bars) or int(bars.time[-1]) != date:
        return None
    grid = rules(moment.date(), board(issue))
    base = int(bars.close[-2] if len(bars) > 1 else bars.open[-1])
    upper, lower = grid.limits(base)
    key = hash_random.key(seed, issue.code, date)
    return SessionClose(key, int(bars.close[-1]), int(bars.volume[-1]), lower, upper, grid)


class PastSinglePrice:
    """Final states of 시간외 단일가.

    Args:
        market: source of the bars.
        seed: the exchange's.
        off_hours_flow: whether there is background order flow on the off-hours boards.
        cached: closes kept in memory, at most.
    """

    def __init__(self, market: Market, seed: int, off_hours_flow: bool, cached: int = 256) -> None:
        self._off_hours_flow = off_hours_flow
        self._close = lru_cache(cached)(lambda issue, hours: close_from_bars(market, seed, issue, hours))

    def before(self, plan: DayPlan, hours: SessionHours | None) -> SinglePriceState:
        """The final state in the session before the plan's day, with those hours, without clients' trades.

        It stands at 기준가 if the market has no bar of that session, or if a split has changed prices since.
        """
        close = self._close(plan.issue, hours) if hours is not None else None
        if hours is None or close is None or close.price != plan.base:
            close = SessionClose(plan.key, plan.base, 0, plan.lower, plan.upper, plan.grid)
            hours = plan.hours
        if not self._off_hours_flow:
            close = close._replace(volume=0)
        if hours.single_price_begins >= hours.ends:
            return single_price.without_auctions(plan.issue.code, plan.issue.shares, close)
        board_hours = single_price.SinglePriceHours(hours.single_price_begins, hours.ends)
        tape = single_price.tape_after(
            plan.issue.code, plan.issue.shares, close, board_hours, board_hours.auctions
        )
        return SinglePriceState(tape, [], [], ExpectedPrice(0, 0))
