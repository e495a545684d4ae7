"""The simulated exchange: queries, order entry and subscriptions on top of the days in memory."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache

from kernel_server.clock import Clock
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.market_time import midnight
from kernel_server.simulated.exchange import admission
from kernel_server.simulated.exchange.day_plan import (
    DayPlan,
    SessionFacts,
    plan_session,
    session_date,
    session_facts,
)
from kernel_server.simulated.exchange.event_batches import newest_auction_at
from kernel_server.simulated.exchange.interface import (
    ExchangeSubscriber,
    ExpectedPrice,
    Fill,
    Interruption,
    IssueState,
    Level,
    NewOrder,
    OrderRejected,
    QueuedShares,
    SinglePriceState,
    Tape,
    TradeLog,
)
from kernel_server.simulated.exchange.interruption_scanner import InterruptionScanner
from kernel_server.simulated.exchange.issue_day import IssueDay
from kernel_server.simulated.exchange.live_days import LiveDays
from kernel_server.simulated.exchange.moment.issue_state import (
    book_of_plan,
    issue_state,
    state_of_plan,
    tape_prices,
)
from kernel_server.simulated.exchange.moment.kept_plans import KeptPlans
from kernel_server.simulated.exchange.moment.newest_trades import has_usual_day, states_at
from kernel_server.simulated.exchange.off_hours import merged_day, single_price
from kernel_server.simulated.exchange.off_hours.boards import background_queue
from kernel_server.simulated.exchange.off_hours.evening_plan import evening_plan
from kernel_server.simulated.exchange.off_hours.past_single_price import PastSinglePrice
from kernel_server.simulated.exchange.scripts_ahead import ScriptsAhead
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.model import Issue, Market
from kernel_server.simulated.market.phases import Board, CurrentPhase, ExchangeTimetable, Phase, SessionHours
from kernel_server.simulated.market.trade_script import Script, ScriptLookup

log = logging.getLogger(__name__)

_PLANS_A_TURN = 12  # made in one turn of the control thread


class SimulatedExchange:
    """An ``Exchange`` that trades what a market's bars say.

    Events are processed only for issues that are subscribed, or in which a client has entered an order today.
    Queries of other issues are answered from the day's plan.

    Args:
        market: source of the bars.
        clock: the exchange's time.
        sessions: loads the calendar, once, on first use.
        call_soon: runs work on the control thread, never inside the call.
        seed: of all randomness; the same seed gives the same day.
        subscriber: receives the callbacks.
        recorded: recorded trades, which take precedence over generated ones.
        cached_plans: day plans kept in memory, at most.
        off_hours_flow: whether there is background order flow on the off-hours boards.
        evening_until: hour of the next day from which on a tape has the regular session's prices again.
        trade_size: how much larger generated trades are than recorded ones.
        numbers: numbers of orders; by default from 1 on.
        evening_quotes: whether states have the prices of the after-market while it lasts, as the tape does.
    """

    def __init__(
        self,
        market: Market,
        clock: Clock,
        sessions: Callable[[], Sessions],
        call_soon: Callable[[Callable[[], None]], None],
        seed: int,
        subscriber: ExchangeSubscriber,
        recorded: ScriptLookup | None = None,
        cached_plans: int = 256,
        off_hours_flow: bool = True,
        evening_until: float = 5.0,
        trade_size: float = 1.0,
        numbers: Iterator[int] | None = None,
        evening_quotes: bool = True,
    ) -> None:
        self._market = market
        self._clock = clock
        self._sessions = cache(sessions)
        self._seed = seed
        self._subscriber = subscriber
        self._recorded = recorded
        self._off_hours_flow = off_hours_flow
        self._evening_until = evening_until
        self._trade_size = trade_size
        self._evening_quotes = evening_quotes
        self._facts_of_session = lru_cache(cached_plans)(self._read_facts)
        self._ahead = ScriptsAhead(self._facts_of_session, _PLANS_A_TURN)
        self._plan_of_session = KeptPlans(self._make_plan, cached_plans)
        self._evening_of_session = lru_cache(cached_plans)(self._make_evening)
        self._scanner = InterruptionScanner(
            market, lambda index: phases.hours(self._sessions(), index), self._interruptions_in
        )
        self._past_single_price = PastSinglePrice(market, seed, off_hours_flow)
        self._orders: dict[int, str] = {}  # codes of today's orders by number
        self._numbers = numbers or itertools.count(1)
        timetable = cache(lambda: ExchangeTimetable(self._sessions()))
        self._current = CurrentPhase(timetable, clock.now)
        self._live = LiveDays(
            clock,
            timetable,
            call_soon,
            lambda code: code in market.issues(),
            self._plan,
            subscriber,
            self._orders.clear,
        )
        self.subscribe = self._live.subscribe
        self.unsubscribe = self._live.unsubscribe
        self.close = self._live.close
        self.as_it_is = self._live.as_it_is

    def facts(self, code: str, index: int) -> SessionFacts | None:
        """What is known of an issue's session, an index in the calendar.

        Raises:
            LookupError: the issue is not listed.
        """
        return self._facts_of_session(code, index)

    def session(self) -> int:
        """Index of the current session in the calendar."""
        return self._current.index()

    def tape(self, code: str) -> Tape:
        """See the interface.

        Raises:
            LookupError: the issue is not listed, or the market has no data of it.
        """
        plan, tape = self._unsettled(code)
        return merged_day.settled(plan, tape) if self._settled(plan, self._clock.now()) else tape

    def base(self, code: str) -> int:
        """See the interface; errors as for ``tape``."""
        day = self._live.current(code)
        return (self._plan(code) if day is None else day.plan).base

    def last_time(self, code: str) -> float:
        """The ``last_time`` of the tape without making its totals; errors as for ``tape``."""
        day = self._live.current(code)
        if day is not None:
            return day.tape.last_time
        plan = self._plan(code)
        return merged_day.last_time(plan, plan.script.count_by(self._clock.now()))

    def prepare_tapes(self, codes: Sequence[str]) -> bool:
        """See the interface."""
        now, before = self._clock.now(), self._plan_of_session.asked
        index = phases.session_index(self._sessions(), now)
        for place, code in enumerate(codes):
            if self._live.current(code) is not None:
                continue
            if self._recorded is None and index >= 0:
                self._ahead.make(codes, place, index)
            try:
                made = self._plan_at(code, index, now).make_part(now)
            except (LookupError, ValueError, OSError):
                continue  # the tape says why
            if made or self._plan_of_session.asked - before >= _PLANS_A_TURN:
                return False
        return True

    def unsettled_tape(self, code: str) -> Tape:
        """The tape to the last trade of the after-market, the next morning too; errors as for ``tape``."""
        return self._unsettled(code)[1]

    def _unsettled(self, code: str) -> tuple[DayPlan, Tape]:
        day, now = self._live.current(code), self._clock.now()
        if day is not None:
            return day.plan, day.tape
        plan = self._plan(code)
        return plan, merged_day.tape_at(plan, plan.script.count_by(now), now)

    def trades(self, code: str) -> TradeLog:
        """See the interface; errors as for ``tape``."""
        day = self._live.current(code)
        if day is not None:
            return day.trades()
        plan, now = self._plan(code), self._clock.now()
        return merged_day.trades_until(plan, plan.script.count_by(now), now)

    def depth(self, code: str) -> tuple[Sequence[Level], Sequence[Level]]:
        """See the interface; errors as for ``tape``."""
        day = self._live.current(code)
        if day is not None:
            return day.book.depth()
        return book_of_plan(self._plan(code), self._clock.now())

    def states(self, codes: Sequence[str], moment: float | None = None) -> dict[str, IssueState]:
        """See the interface."""
        now, found = self._clock.now() if moment is None else moment, {}
        index = phases.session_index(self._sessions(), now)
        issues, usual = self._market.issues(), []
        for code in codes:
            day, issue = self._live.current(code) if moment is None else None, issues.get(code)
            if day is not None:
                state = issue_state(day.plan, tape_prices(day.tape), now, day.book.depth())
                found[code] = self._shown(state, now)
                continue
            if issue is None or index < 0:
                continue
            try:
                # A past moment would take the totals of the plan back to it.
                made = self._plan_of_session.made_by(code, index, now) if moment is None else None
                facts = self._usual_facts(issue, index, now) if made is None else None
                if facts is not None:
                    usual.append(facts)
                else:
                    plan = self._plan(code) if moment is None else self._plan_of_session(code, index)
                    found[code] = self._shown(state_of_plan(plan, now), now)
            except (LookupError, ValueError, OSError):
                log.debug("%s has no state", code, exc_info=True)
        return found | {
            facts.issue.code: state for facts, state in zip(usual, states_at(usual, now), strict=True)
        }

    def _shown(self, state: IssueState, now: float) -> IssueState:
        """The state, without the after-market where quotes do not show it."""
        if state.session is None or self._evening_quotes:
            return state
        return state._replace(session=None) if now >= self._hours_of(now).after_market_begins else state

    def _hours_of(self, now: float) -> SessionHours:
        return phases.hours(self._sessions(), phases.session_index(self._sessions(), now))

    def exceptional(self, codes: Sequence[str]) -> list[str]:
        """See the interface."""
        index = phases.session_index(self._sessions(), self._clock.now())
        if index < 0:
            return []
        date = session_date(phases.hours(self._sessions(), index))
        ordered = {code for code in self._orders.values() if self._live.current(code) is not None}
        return [code for code in codes if code in ordered or (self._recorded and self._recorded(code, date))]

    def _usual_facts(self, issue: Issue, index: int, now: float) -> SessionFacts | None:
        """Facts of a session that need no plan of the day; None if the plan is needed."""
        hours = phases.hours(self._sessions(), index)
        if now >= hours.after_market_begins:
            return None
        if self._recorded and self._recorded(issue.code, session_date(hours)):
            return None
        facts = self._facts_of_session(issue.code, index)
        return facts if facts is not None and has_usual_day(facts) else None

    def expected_price(self, code: str) -> ExpectedPrice:
        """See the interface; errors as for ``tape``."""
        day = self._live.as_it_is(code)
        return newest_auction_at(self._plan(code) if day is None else day.plan, self._clock.now())

    def closing_price_queue(self, code: str) -> QueuedShares:
        """See the interface; errors as for ``tape``."""
        now, plan = self._clock.now(), self._plan(code)
        if plan.regular is not None:
            return background_queue(plan.regular, now)
        day = self._live.current(code)
        return background_queue(plan, now) if day is None else day.off_hours.closing_price_queue(now)

    def single_price(self, code: str) -> SinglePriceState:
        """See the interface; errors as for ``tape``."""
        day, now = self._live.current(code), self._clock.now()
        plan = day.plan if day is not None else self._plan(code)
        plan = plan.regular or plan
        if now >= plan.hours.single_price_begins:
            return self._current_day(code).off_hours.single_price()
        if plan.hours.after_market_begins < plan.hours.ends and now >= plan.hours.closes:
            return single_price.without_auctions(code, plan.issue.shares, merged_day.session_close(plan))
        index = phases.session_index(self._sessions(), now)
        previous = phases.hours(self._sessions(), index - 1) if index else None
        return self._past_single_price.before(plan, previous)

    def phase(self, code: str = "") -> Phase:  # noqa: ARG002
        """See the interface."""
        return self._current.phase()

    def interruptions(self, max_issues: int | None = None) -> list[Interruption] | None:
        """See the interface."""
        session = phases.session_index(self._sessions(), self._clock.now())
        return self._scanner.interruptions(session, max_issues)

    def interruptions_of(self, code: str) -> list[Interruption]:
        """See the interface."""
        session = phases.session_index(self._sessions(), self._clock.now())
        try:
            return self._interruptions_in(code, session)
        except LookupError:
            return []

    def submit(self, order: NewOrder, on_fill: Callable[[Fill], None]) -> int:
        """See the interface. ``on_fill`` is called for immediate fills before this returns.

        Raises:
            OrderRejected: ``not_listed``, ``closed``, ``halted``, ``quantity``, ``kind``, ``limit`` or ``tick``.
        """
        phase = self.phase()
        plan = self._check(order, phase, self._live.current(order.code))
        self._live.schedule_phases()
        day = self._live.current(order.code) or self._live.start(order.code, plan)
        number = next(self._numbers)
        self._orders[number] = order.code
        day.submit(number, order, self._clock.now(), phase, on_fill)
        return number

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """See the interface."""
        day = self._live.current(self._orders.get(number, ""))
        return day.cancel(number, quantity, self._clock.now()) if day else 0

    def _current_day(self, code: str) -> IssueDay:
        """The issue's day as of now; one that is not in memory is built from its plan."""
        return self._live.current(code) or IssueDay(self._plan(code), self._clock.now(), self._subscriber)

    def _check(self, order: NewOrder, phase: Phase, day: IssueDay | None) -> DayPlan:
        """Check an order; the plan of its issue's day."""
        try:
            plan = self._plan(order.code)
        except LookupError:
            raise OrderRejected("not_listed") from None
        close = merged_day.session_close(plan).price if order.board in (Board.AFTER, Board.SINGLE) else 0
        interruption = day.interruption if day is not None else plan.interruption(self._clock.now())
        admission.check(order, phase, plan, close, interruption is not None)
        return plan

    def _plan(self, code: str) -> DayPlan:
        """The plan of the regular session, or of the after-market once it has begun."""
        return self._plan_at(code, self.session(), self._clock.now())

    def _plan_at(self, code: str, index: int, now: float) -> DayPlan:
        plan = self._plan_of_session(code, index)
        if now < plan.hours.after_market_begins:
            return plan
        return self._evening_of_session(code, index) or plan

    def _interruptions_in(self, code: str, index: int) -> list[Interruption]:
        """The VIs of a session and its after-market; LookupError if there is no plan of it."""
        plans = self._plan_of_session(code, index), self._evening_of_session(code, index)
        return [each for plan in plans if plan is not None for each in plan.interruptions]

    def _make_evening(self, code: str, index: int) -> DayPlan | None:
        return evening_plan(self._market, self._plan_of_session(code, index))

    def _settled(self, plan: DayPlan, now: float) -> bool:
        """Whether the evening of the plan's day is shown no longer."""
        return plan.regular is not None and now >= midnight(plan.hours.opens) + 3600 * (
            24 + self._evening_until
        )

    def _make_plan(self, code: str, index: int) -> DayPlan:
        recording = None
        if self._recorded and index >= 0:
            recording = self._recorded(code, session_date(phases.hours(self._sessions(), index)))
        facts = self._read_facts(code, index, recording) if recording else self._facts_of_session(code, index)
        if facts is None:
            raise LookupError(f"nothing is known of {code} on {self._sessions().dates[index]}")
        return plan_session(facts, recording, self._off_hours_flow, self._ahead.take(code, index))

    def _read_facts(self, code: str, index: int, recording: Script | None = None) -> SessionFacts | None:
        issue = self._market.issues().get(code)
        if issue is None or index < 0:
            raise LookupError(f"{code!r} is not listed, or its market has no session yet")
        hours = phases.hours(self._sessions(), index)
        return session_facts(self._market, hours, issue, self._seed, recording, self._trade_size)
