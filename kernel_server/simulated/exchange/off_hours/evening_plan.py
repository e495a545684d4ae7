"""The plan of an issue's after-market, which is carried out like that of a regular session."""

from __future__ import annotations

from dataclasses import replace

from kernel_server.clock import seoul
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.market_time import epoch_seconds
from kernel_server.simulated.exchange import generated_script, interruptions
from kernel_server.simulated.exchange.day_plan import DayPlan, with_auctions
from kernel_server.simulated.exchange.interface import Interruption
from kernel_server.simulated.exchange.interruptions import ViContext
from kernel_server.simulated.exchange.off_hours.merged_day import session_close
from kernel_server.simulated.market.after_market.rules import traded
from kernel_server.simulated.market.model import Market, board
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.market.trade_script import NOTHING
from kernel_server.simulated.market.vi_rules import vi_rule


def evening_plan(market: Market, plan: DayPlan) -> DayPlan | None:
    """The plan of the after-market that follows a regular session; None if the issue has none.

    Price limits are those of the regular session. VIs are static: their reference is the close until the first one.
    """
    hours = plan.hours
    if hours.after_market_begins >= hours.ends or not traded(plan.issue):
        return None
    begins, ends = hours.after_market_begins, hours.ends
    key = hash_random.key(plan.key, "after-market")
    evening = SessionHours(orders_from=begins, opens=begins, closing_auction=ends, closes=ends, ends=ends)
    rule, close = vi_rule(seoul(begins).date(), board(plan.issue)), session_close(plan).price
    context = None
    if rule is not None:
        before = len(plan.interruptions)
        context = ViContext(rule, plan.grid, close, evening, key, auction=False, before=before)
    script = NOTHING
    found: tuple[Interruption, ...] = ()
    if plan.off_hours_flow and not plan.halted:
        minutes = market.after_market(plan.issue.code, False, ends, 1)
        pauses = (
            interruptions.pauses(context, epoch_seconds(minutes.time), minutes.open)
            if context is not None
            else ()
        )
        script = generated_script.from_minutes(
            key,
            minutes,
            plan.grid,
            (plan.lower, plan.upper),
            opens=0.0,
            closes=float("inf"),
            pauses=pauses,
            turnover=plan.previous_value,
            trade_size=plan.trade_size,
        )
        if context is not None and len(script):
            found = interruptions.interruptions(context, plan.issue.code, script.time, script.price)
            script = with_auctions(script, found)
    return replace(
        plan,
        hours=evening,
        script=script.packed(),
        daily_bar=None,
        key=key,
        interruptions=found,
        regular=plan,
    )
