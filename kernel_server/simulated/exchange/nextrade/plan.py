"""What is known of an issue's session at Nextrade, of which a plan is made like that of the Korea Exchange."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.price_rules import rules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.market_time import epoch_seconds
from kernel_server.simulated.exchange.day_plan import SessionFacts
from kernel_server.simulated.exchange.interruptions import ViContext, releases
from kernel_server.simulated.market import phases, vi_rules
from kernel_server.simulated.market.model import Bars, Issue, board
from kernel_server.simulated.market.nextrade.hours import NextradeTimetable, nextrade_hours
from kernel_server.simulated.market.nextrade.market import NextradeMarket, NextradeSession
from kernel_server.simulated.market.nextrade.minutes import ExchangeDay
from kernel_server.simulated.market.phases import SessionHours


def nextrade_facts(
    market: NextradeMarket,
    timetable: NextradeTimetable,
    index: int,
    issue: Issue,
    seed: int,
    trade_size: float = 1.0,
) -> SessionFacts | None:
    """Facts of an issue's session; None if the issue is not traded there on that day.

    기준가 and price limits are those of the Korea Exchange. All is continuous trading; static VIs are since 2026-09-14.
    """
    day = market.session(issue.code, index)
    if day is None:
        return None
    hours = nextrade_hours(timetable.sessions, index)
    date = market.date(index)
    grid = rules(seoul(hours.opens).date(), board(issue))
    upper, lower = grid.limits(day.base)
    minutes = day.minutes
    return SessionFacts(
        issue=issue,
        date=date,
        hours=timetable.hours(index),
        grid=grid,
        base=day.base,
        lower=lower,
        upper=upper,
        previous_volume=day.previous_volume,
        previous_value=day.previous_value,
        daily=_without_trades(date, day.base),
        today=not len(minutes),
        minutes=minutes,
        starts=epoch_seconds(minutes.time),
        context=_vi_context(timetable, index, issue, day, hash_random.key(seed, issue.code, date)),
        key=hash_random.key(seed, issue.code, date),
        trade_size=trade_size,
        auctions=False,
        begins=hours.main_begins,
        breaks=hours.breaks,
    )


def _vi_context(
    timetable: NextradeTimetable, index: int, issue: Issue, day: NextradeSession, key: int
) -> ViContext | None:
    """What the VIs of a session depend on, None if no price gets far enough for one.

    The reference price is that of the newest auction at either exchange, 기준가 before the first one: a guess, as
    Nextrade has no other auctions than those of its VIs.
    """
    exchange = day.exchange
    if exchange is None or exchange.rule is None or not len(day.minutes):
        return None
    bars = [each for each in (day.minutes, exchange.minutes, exchange.evening) if len(each)]
    lowest = min(day.base, *(int(each.low.min()) for each in bars))
    highest = max(day.base, *(int(each.high.max()) for each in bars))
    if (highest - lowest) * 100 < lowest * (exchange.rule.percent - 1):
        return None
    return ViContext(
        exchange.rule,
        exchange.grid,
        day.base,
        timetable.hours(index),
        key,
        auction=False,
        references=tuple(_auctions(timetable, index, issue, exchange)),
        begins=exchange.hours.main_begins,
    )


def _auctions(
    timetable: NextradeTimetable, index: int, issue: Issue, day: ExchangeDay
) -> Iterator[tuple[float, int]]:
    """Times and prices of the Korea Exchange's auctions: the opening, VIs, the close, VIs of the after-market.

    A price counts from the end of its minute on, as a VI at Nextrade may end within that minute.
    """
    rule = vi_rules.vi_rule(seoul(day.hours.opens).date(), board(issue))
    if rule is None or not len(day.minutes):
        return
    hours = phases.hours(timetable.sessions, index)
    context = ViContext(rule, day.grid, day.base, hours, day.key)
    yield from _vi_auctions(context, day.minutes)
    close = int(day.minutes.close[-1])
    yield day.hours.closes, close
    if len(day.evening):
        begins, ends = hours.after_market_begins, hours.ends
        evening = SessionHours(orders_from=begins, opens=begins, closing_auction=ends, closes=ends, ends=ends)
        yield from _vi_auctions(context._replace(base=close, hours=evening, auction=False), day.evening)


def _vi_auctions(context: ViContext, minutes: Bars) -> Iterator[tuple[float, int]]:
    starts = epoch_seconds(minutes.time)
    rows = [each.row for each in releases(context, starts, minutes.open)]
    if context.auction and 0 not in rows:
        yield float(starts[0]), int(minutes.open[0])
    for row in rows:
        yield float(starts[row]) + 60, int(minutes.open[row])


def _without_trades(date: int, price: int) -> Bars:
    """The bar of a day without trades."""
    prices, none = np.array([price]), np.zeros(1, np.int64)
    return Bars(np.array([date]), prices, prices, prices, prices, none, none, none, np.zeros(1))
