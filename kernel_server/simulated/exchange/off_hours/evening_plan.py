"""The plan of an issue's after-market, which is carried out like that of a regular session."""

from __future__ import annotations

from dataclasses import replace

from kernel_server.simulated.base import hash_random
from kernel_server.simulated.exchange import generated_script
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.market.after_market.rules import traded
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.market.trade_script import NOTHING


def evening_plan(market: Market, plan: DayPlan) -> DayPlan | None:
    """The plan of the after-market that follows a regular session; None if the issue has none.

    Price limits are those of the regular session. Nothing is planned that would set off a VI.
    """
    hours = plan.hours
    if hours.after_market_begins >= hours.ends or not traded(plan.issue):
        return None
    begins, ends = hours.after_market_begins, hours.ends
    key = hash_random.key(plan.key, "after-market")
    script = NOTHING
    if plan.off_hours_flow and not plan.halted:
        minutes = market.after_market(plan.issue.code, False, ends, 1)
        script = generated_script.from_minutes(
            key, minutes, plan.grid, (plan.lower, plan.upper), opens=0.0, closes=float("inf")
        )
    return replace(
        plan,
        hours=SessionHours(orders_from=begins, opens=begins, closing_auction=ends, closes=ends, ends=ends),
        script=script.packed(),
        daily_bar=None,
        key=key,
        interruptions=(),
        regular=plan,
    )
