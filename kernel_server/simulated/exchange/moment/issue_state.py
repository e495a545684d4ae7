"""Prices, newest trade and book of an issue at a moment, from the plan of its day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.event_batches import newest_auction, quote_state
from kernel_server.simulated.exchange.interface import IssueState, Level, Tape, Trade
from kernel_server.simulated.exchange.off_hours import merged_day
from kernel_server.simulated.market.day_summary import DaySummary
from kernel_server.simulated.market.trade_script import Side


class DayPrices(NamedTuple):
    """Prices of a session so far, KRW and shares: 0 and 기준가 before the first trade."""

    open: int
    high: int
    low: int
    last: int
    volume: int
    value: int


def book_at(plan: DayPlan, last: int, now: float) -> tuple[Sequence[Level], Sequence[Level]]:
    """Asks and bids of an unwatched issue; ``last`` is its newest price, KRW."""
    return plan.quotes.quotes(quote_state(plan, plan.script.count_by(now), last, now))


def book_of_plan(plan: DayPlan, now: float) -> tuple[Sequence[Level], Sequence[Level]]:
    """Asks and bids of an unwatched issue, for which only its newest trades are made."""
    return book_at(plan, merged_day.last_price(plan, plan.script.count_by(now), now), now)


def state_of_plan(plan: DayPlan, now: float) -> IssueState:
    """The state of an unwatched issue, as planned."""
    position = plan.script.count_by(now)
    tape = merged_day.tape_at(plan, position, now)
    return issue_state(plan, tape_prices(tape), now, book_at(plan, tape.last, now))


def tape_prices(tape: Tape) -> DayPrices:
    """The prices of a tape."""
    return DayPrices(tape.open, tape.high, tape.low, tape.last, tape.volume, tape.value)


def issue_state(
    plan: DayPlan, prices: DayPrices, now: float, book: tuple[Sequence[Level], Sequence[Level]]
) -> IssueState:
    """The state of an issue at a moment.

    Args:
        plan: with the newest trade up to that moment, at least.
        prices: of the session so far.
        now: the moment.
        book: asks and bids.
    """
    script, hours = plan.script, plan.hours
    position = script.count_by(now)
    newest = None
    if position:
        row = script[position - 1 : position]
        newest = Trade(
            plan.issue.code, row.time_at(0), int(row.price[0]), int(row.volume[0]), Side(int(row.side[0]))
        )
    session = None
    regular = plan.regular or plan
    if len(regular.script) and hours.opens <= now < hours.closes:
        if plan.regular is not None:
            # 시간외종가 is on the tape and stands in no bar.
            evening = script[:position]
            prices = prices._replace(
                volume=regular.script.total_volume + evening.total_volume,
                value=regular.script.total_value + evening.total_value,
            )
        session = DaySummary(
            issue=plan.issue,
            date=plan.date,
            base=plan.base,
            **prices._asdict(),
            previous_volume=plan.previous_volume,
            upper=plan.upper,
            lower=plan.lower,
        )
    expected, in_auction = newest_auction(plan, position, prices.last, now)
    return IssueState(session, newest, *book, expected, in_auction)
