"""The simulated exchange: queries, order entry and subscriptions on top of the days in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache, lru_cache

from kernel_server.clock import Clock
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.base.market_time import midnight
from kernel_server.simulated.exchange import admission
from kernel_server.simulated.exchange.day_plan import DayPlan, plan_day
from kernel_server.simulated.exchange.interface import (
    ExchangeSubscriber,
    Fill,
    Interruption,
    Level,
    NewOrder,
    OrderRejected,
    QueuedShares,
    SinglePriceState,
    Tape,
    Trade,
)
from kernel_server.simulated.exchange.interruption_scanner import InterruptionScanner
from kernel_server.simulated.exchange.issue_day import IssueDay
from kernel_server.simulated.exchange.live_days import LiveDays
from kernel_server.simulated.exchange.off_hours import merged_day, single_price
from kernel_server.simulated.exchange.off_hours.evening_plan import evening_plan
from kernel_server.simulated.exchange.off_hours.past_single_price import PastSinglePrice
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import ScriptLookup, Side


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
    ) -> None:
        self._market = market
        self._clock = clock
        self._sessions = cache(sessions)
        self._seed = seed
        self._subscriber = subscriber
        self._recorded = recorded
        self._off_hours_flow = off_hours_flow
        self._evening_until = evening_until
        self._plan_of_session = lru_cache(cached_plans)(self._make_plan)
        self._evening_of_session = lru_cache(cached_plans)(self._make_evening)
        self._scanner = InterruptionScanner(
            market, lambda index: phases.hours(self._sessions(), index), self._plan_of_session
        )
        self._past_single_price = PastSinglePrice(market, seed, off_hours_flow)
        self._orders: dict[int, str] = {}  # codes of today's orders by number
        self._numbers = itertools.count(1)
        self._live = LiveDays(
            clock,
            self._sessions,
            call_soon,
            lambda code: code in market.issues(),
            self._plan,
            subscriber,
            self._orders.clear,
        )
        self.subscribe = self._live.subscribe
        self.unsubscribe = self._live.unsubscribe
        self.close = self._live.close

    def tape(self, code: str) -> Tape:
        """See the interface.

        Raises:
            LookupError: the issue is not listed, or the market has no data of it.
        """
        day, now = self._live.current(code), self._clock.now()
        plan = day.plan if day is not None else self._plan(code)
        tape = day.tape if day is not None else merged_day.tape_at(plan, plan.script.count_by(now), now)
        return merged_day.settled(plan, tape) if self._settled(plan, now) else tape

    def trades(self, code: str) -> list[Trade]:
        """See the interface; errors as for ``tape``."""
        day = self._live.current(code)
        if day is not None:
            return day.trades()
        plan, now = self._plan(code), self._clock.now()
        return merged_day.trades_until(plan, plan.script.count_by(now), now)

    def depth(self, code: str) -> tuple[list[Level], list[Level]]:
        """See the interface; errors as for ``tape``."""
        book = self._current_day(code).book
        return book.depth(Side.SELL), book.depth(Side.BUY)

    def closing_price_queue(self, code: str) -> QueuedShares:
        """See the interface; errors as for ``tape``."""
        now, plan = self._clock.now(), self._plan(code)
        if plan.regular is not None:
            return IssueDay(plan.regular, now, self._subscriber).off_hours.closing_price_queue(now)
        return self._current_day(code).off_hours.closing_price_queue(now)

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

    def phase(self) -> Phase:
        """See the interface."""
        return phases.phase(self._sessions(), self._clock.now())

    def interruptions(self, max_issues: int | None = None) -> list[Interruption] | None:
        """See the interface."""
        session = phases.session_index(self._sessions(), self._clock.now())
        return self._scanner.interruptions(session, max_issues)

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
        now = self._clock.now()
        index = phases.session_index(self._sessions(), now)
        plan = self._plan_of_session(code, index)
        if now < plan.hours.after_market_begins:
            return plan
        return self._evening_of_session(code, index) or plan

    def _make_evening(self, code: str, index: int) -> DayPlan | None:
        return evening_plan(self._market, self._plan_of_session(code, index))

    def _settled(self, plan: DayPlan, now: float) -> bool:
        """Whether the evening of the plan's day is shown no longer."""
        return plan.regular is not None and now >= midnight(plan.hours.opens) + 3600 * (
            24 + self._evening_until
        )

    def _make_plan(self, code: str, index: int) -> DayPlan:
        issue = self._market.issues().get(code)
        if issue is None or index < 0:
            raise LookupError(f"{code!r} is not listed, or its market has no session yet")
        hours = phases.hours(self._sessions(), index)
        plan = plan_day(self._market, hours, issue, self._seed, self._recorded, self._off_hours_flow)
        if plan is None:
            raise LookupError(f"nothing is known of {code} on {self._sessions().dates[index]}")
        return plan
