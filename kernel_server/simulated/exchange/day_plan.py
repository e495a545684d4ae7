"""The plan of an issue's day: its script, its price limits, its VIs, and the previous day's totals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kernel_server.clock import seoul
from kernel_server.reference.price_rules import PriceRules, rules
from kernel_server.simulated.base import hash_random
from kernel_server.simulated.base.arrays import Ints
from kernel_server.simulated.base.market_time import epoch_seconds
from kernel_server.simulated.exchange import generated_script, interruptions
from kernel_server.simulated.exchange.interface import Interruption
from kernel_server.simulated.exchange.interruptions import ViContext
from kernel_server.simulated.exchange.quotes.quote_rule import QuoteRule, quote_key, usual_size, wide_spread
from kernel_server.simulated.exchange.trades.layout import ScriptBars
from kernel_server.simulated.market import day_summary as days
from kernel_server.simulated.market import vi_rules
from kernel_server.simulated.market.model import Bars, Issue, Market, board
from kernel_server.simulated.market.phases import SessionHours
from kernel_server.simulated.market.resample import cut
from kernel_server.simulated.market.trade_script import NOTHING, Script, ScriptLookup, Side


@dataclass(frozen=True, slots=True, eq=False)
class DayPlan:
    """An issue's day. Prices in KRW.

    Attributes:
        date: YYYYMMDD.
        hours: of the session.
        base: 기준가.
        lower, upper: 하한가 and 상한가, widened if recorded prices lie outside.
        script: the day's trades, empty if there are none.
        daily_bar: the session's daily bar if the script is empty and the market has one, otherwise None.
        halted: whether trading is halted for the whole session.
        quotes: the quotes around its trades.
        key: random key of the issue and the day.
        interruptions: its VIs, oldest first, with their ends.
        off_hours_flow: whether there is background order flow on the off-hours boards.
        regular: plan of the regular session, if this is that of the after-market which follows it.
        trade_size: how much larger generated trades are than recorded ones.
        breaks: begin and end of the times within the session without trading, in which quotes stand.
    """

    issue: Issue
    date: int
    hours: SessionHours
    grid: PriceRules
    base: int
    lower: int
    upper: int
    previous_volume: int
    previous_value: int
    script: Script
    daily_bar: Bars | None
    halted: bool
    quotes: QuoteRule
    key: int
    interruptions: tuple[Interruption, ...] = ()
    off_hours_flow: bool = True
    regular: DayPlan | None = None
    trade_size: float = 1.0
    breaks: tuple[tuple[float, float], ...] = ()

    def make_part(self, now: float) -> bool:
        """Make some of the day's trades up to ``now``, if they are not made yet; whether there were any."""
        return (self.regular is not None and self.regular.make_part(now)) or self.script.make_part(now)

    def made_by(self, now: float) -> bool:
        """Whether all of the day's trades up to ``now`` are made."""
        return (self.regular is None or self.regular.made_by(now)) and self.script.made_by(now)

    def interruption(self, now: float) -> Interruption | None:
        """The VI in effect at a moment."""
        return next((each for each in self.interruptions if each.time <= now < each.released), None)


class SessionFacts(NamedTuple):
    """What is known of an issue's session before its trades are made. Prices in KRW.

    Attributes:
        date: YYYYMMDD.
        daily: the newest daily bars, and ``today`` whether the last one is the session's.
        minutes: unadjusted minutes of the whole session, and ``starts`` when they start, seconds since the epoch.
        context: of its VIs, None if the board has none.
        key: random key of the issue and the day.
        trade_size: how much larger trades are than recorded ones.
        auctions: whether the session begins with a call auction.
        begins: when continuous trading begins within a minute, if it does.
        breaks: as in the plan.
    """

    issue: Issue
    date: int
    hours: SessionHours
    grid: PriceRules
    base: int
    lower: int
    upper: int
    previous_volume: int
    previous_value: int
    daily: Bars
    today: bool
    minutes: Bars
    starts: Ints
    context: ViContext | None
    key: int
    trade_size: float = 1.0
    auctions: bool = True
    begins: float = 0.0
    breaks: tuple[tuple[float, float], ...] = ()

    @property
    def opening(self) -> float:
        """When the opening auction uncrosses, -1 if there is none."""
        return self.hours.opens if self.auctions else -1.0

    def pauses(self) -> list[interruptions.TradingPause]:
        """Pauses of the minutes because of VIs."""
        if self.context is None:
            return []
        return interruptions.pauses(self.context, self.starts, self.minutes.open)


def session_facts(
    market: Market,
    hours: SessionHours,
    issue: Issue,
    seed: int,
    recording: Script | None = None,
    trade_size: float = 1.0,
) -> SessionFacts | None:
    """What the market knows of an issue's session; None if it has no data of it.

    The market is queried as of the session's close, so that the whole day is in its bars.
    """
    closes, date = hours.closes, session_date(hours)
    moment = seoul(hours.opens)
    grid = rules(moment.date(), board(issue))
    daily = days.history(market, issue.code, closes, 2)
    today = len(daily) > 0 and int(daily.time[-1]) == date
    before = len(daily) - 1 - today
    minutes = _of_day(market.minute(issue.code, False, closes, 1), date)
    if before >= 0:
        base = int(daily.close[before])
    elif today:
        base = int(daily.open[-1])
    elif recording or len(minutes):
        base = int(recording.price[0] if recording else minutes.open[0])
    else:
        return None
    lower, upper = grid.limits(base)[::-1]
    rule = vi_rules.vi_rule(moment.date(), board(issue))
    key = hash_random.key(seed, issue.code, date)
    return SessionFacts(
        issue,
        date,
        hours,
        grid,
        base,
        lower,
        upper,
        int(daily.volume[before]) if before >= 0 else 0,
        int(daily.value[before]) if before >= 0 else 0,
        daily,
        today,
        minutes,
        epoch_seconds(minutes.time),
        ViContext(rule, grid, base, hours, key) if rule else None,
        key,
        trade_size,
    )


def plan_day(
    market: Market,
    hours: SessionHours,
    issue: Issue,
    seed: int,
    recorded: ScriptLookup | None = None,
    off_hours_flow: bool = True,
    trade_size: float = 1.0,
) -> DayPlan | None:
    """Plan an issue's day. None if the market has no data of it.

    Args:
        market: source of the bars.
        hours: of the session.
        issue: the issue.
        seed: of all randomness.
        recorded: recorded trades, which take precedence over generated ones.
        off_hours_flow: whether there is background order flow on the off-hours boards.
        trade_size: how much larger generated trades are than recorded ones.
    """
    recording = recorded(issue.code, session_date(hours)) if recorded else None
    facts = session_facts(market, hours, issue, seed, recording, trade_size)
    return None if facts is None else plan_session(facts, recording, off_hours_flow)


def session_scripts(facts: Sequence[SessionFacts]) -> list[Script]:
    """The trades that the minutes of sessions call for; each session has minutes."""
    found: dict[int, Script] = {}
    groups: dict[tuple[PriceRules, float], list[int]] = {}
    for place, each in enumerate(facts):
        groups.setdefault((each.grid, each.opening), []).append(place)
    for (grid, opening), places in groups.items():
        bars = [_script_bars(facts[place]) for place in places]
        found |= zip(places, generated_script.together(bars, grid, opening), strict=True)
    return [found[place] for place in range(len(facts))]


def _script_bars(facts: SessionFacts) -> ScriptBars:
    return generated_script.script_bars(
        facts.key,
        facts.minutes,
        (facts.lower, facts.upper),
        facts.opening,
        facts.hours.closes,
        facts.pauses(),
        facts.previous_value,
        facts.trade_size,
        facts.begins,
    )


def plan_session(
    facts: SessionFacts,
    recording: Script | None = None,
    off_hours_flow: bool = True,
    made: Script | None = None,
) -> DayPlan:
    """The plan of a session, with recorded trades or those that its minutes call for, which are made when read.

    ``made`` are these trades, if they are from ``session_scripts`` already.
    """
    if recording:
        return plan_of(facts, recording, off_hours_flow)
    script = made
    if script is None:
        script = session_scripts([facts])[0] if len(facts.minutes) else NOTHING
    minutes = facts.minutes
    if not len(minutes):
        return plan_of(facts, script, off_hours_flow)
    if facts.context is not None and not interruptions.possible(facts.context, facts.starts, minutes):
        facts = facts._replace(context=None)
    return plan_of(facts, script, off_hours_flow, (int(minutes.low.min()), int(minutes.high.max())))


def plan_of(
    facts: SessionFacts,
    script: Script,
    off_hours_flow: bool = True,
    extremes: tuple[int, int] | None = None,
) -> DayPlan:
    """The plan of a session with those trades; ``extremes`` are their lowest and highest price, if known."""
    daily, context = facts.daily, facts.context
    found_interruptions = (
        interruptions.interruptions(context, facts.issue.code, script.time, script.price) if context else ()
    )
    script = with_auctions(script, found_interruptions)
    lower, upper = facts.lower, facts.upper
    if len(script):  # recorded prices may break the limits
        lowest, highest = extremes or (int(script.price.min()), int(script.price.max()))
        lower, upper = min(lower, lowest), max(upper, highest)
    usual = usual_size(facts.previous_volume, facts.base)
    return DayPlan(
        issue=facts.issue,
        date=facts.date,
        hours=facts.hours,
        grid=facts.grid,
        base=facts.base,
        lower=lower,
        upper=upper,
        previous_volume=facts.previous_volume,
        previous_value=facts.previous_value,
        script=script.packed(),
        daily_bar=cut(daily, len(daily) - 1, len(daily)) if facts.today and not len(script) else None,
        halted=facts.today and not len(script) and int(daily.volume[-1]) == 0,
        quotes=QuoteRule(
            facts.grid, lower, upper, usual, quote_key(facts.key), wide_spread(facts.previous_value)
        ),
        key=facts.key,
        interruptions=found_interruptions,
        off_hours_flow=off_hours_flow,
        trade_size=facts.trade_size,
        breaks=facts.breaks,
    )


def with_auctions(script: Script, found: Sequence[Interruption]) -> Script:
    """The script, in which the trade that ends a VI has no initiator, as it is that of an auction."""
    if not found:
        return script
    side = script.side.copy()
    side[[script.count_before(each.released) for each in found]] = int(Side.NONE)
    return script.with_side(side)


def session_date(hours: SessionHours) -> int:
    """YYYYMMDD of a session."""
    moment = seoul(hours.opens)
    return moment.year * 10_000 + moment.month * 100 + moment.day


def _of_day(minutes: Bars, date: int) -> Bars:
    since = int(np.searchsorted(minutes.time, date * 1_000_000))
    return cut(minutes, since, len(minutes))
