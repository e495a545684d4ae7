"""The exchange of Nextrade: one session of continuous trading from 08:00 to 20:00, with two breaks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache

from kernel_server.clock import Clock
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.exchange import admission, tape
from kernel_server.simulated.exchange.day_plan import DayPlan, SessionFacts, plan_session
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
    Tape,
    TradeLog,
)
from kernel_server.simulated.exchange.live_days import LiveDays
from kernel_server.simulated.exchange.moment.issue_state import (
    book_of_plan,
    issue_state,
    state_of_plan,
    tape_prices,
)
from kernel_server.simulated.exchange.moment.kept_plans import KeptPlans
from kernel_server.simulated.exchange.moment.newest_trades import has_usual_day, states_at
from kernel_server.simulated.exchange.nextrade.plan import nextrade_facts
from kernel_server.simulated.exchange.off_hours import merged_day
from kernel_server.simulated.exchange.off_hours.joined_trades import FirstTrades, JoinedTrades
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.nextrade.hours import NextradeTimetable
from kernel_server.simulated.market.nextrade.market import NextradeMarket
from kernel_server.simulated.market.phases import CurrentPhase, Phase

log = logging.getLogger(__name__)


class NextradeExchange:
    """The issues that are traded at Nextrade, by codes like ``005930_NX``; methods are those of ``Exchange``.

    Args:
        market: source of the bars.
        clock: the exchange's time.
        sessions: loads the calendar, once, on first use.
        call_soon: runs work on the control thread, never inside the call.
        seed: of all randomness.
        subscriber: receives the callbacks.
        numbers: numbers of orders.
        trade_size: how much larger generated trades are than recorded ones.
        cached_plans: day plans kept in memory, at most.
    """

    def __init__(
        self,
        market: NextradeMarket,
        clock: Clock,
        sessions: Callable[[], Sessions],
        call_soon: Callable[[Callable[[], None]], None],
        seed: int,
        subscriber: ExchangeSubscriber,
        numbers: Iterator[int],
        trade_size: float = 1.0,
        cached_plans: int = 256,
    ) -> None:
        self._market = market
        self._clock = clock
        self._timetable = cache(lambda: NextradeTimetable(sessions()))
        self._current = CurrentPhase(self._timetable, clock.now)
        self._seed = seed
        self._numbers = numbers
        self._trade_size = trade_size
        self._facts_of_session = lru_cache(cached_plans)(self._read_facts)
        self._plan_of_session = KeptPlans(self._make_plan, cached_plans)
        self._lists: dict[str, bool] = {}  # whether issues are traded in the session of that index
        self._lists_of = -1
        self._orders: dict[int, str] = {}  # codes of today's orders by number
        self._live = LiveDays(
            clock,
            self._timetable,
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

    def lists(self, code: str) -> bool:
        """Whether an issue has a session there today."""
        index = self.session()
        if index != self._lists_of:
            self._lists_of, self._lists = index, {}
        found = self._lists.get(code)
        if found is None:
            known = code in self._market.issues() and index >= 0
            found = self._lists[code] = known and self._facts_of_session(code, index) is not None
        return found

    def facts(self, code: str) -> SessionFacts | None:
        """What is known of an issue's current session; None if it has none.

        Raises:
            LookupError: the issue is not listed there.
        """
        return self._facts_of_session(code, self.session())

    def session(self) -> int:
        """Index of the current session in the calendar."""
        return self._current.index()

    def prepare_tapes(self, codes: Sequence[str]) -> bool:
        """See the interface."""
        now = self._clock.now()
        for code in codes:
            if self._live.current(code) is None and self.lists(code) and self._plan(code).make_part(now):
                return False
        return True

    def tape(self, code: str) -> Tape:
        """See the interface."""
        day, now = self._live.current(code), self._clock.now()
        if day is not None:
            return day.tape
        plan = self._plan(code)
        return tape.tape_at(plan, plan.script.count_by(now), now)

    def base(self, code: str) -> int:
        """See the interface."""
        day = self._live.current(code)
        return (self._plan(code) if day is None else day.plan).base

    def last_time(self, code: str) -> float:
        """The ``last_time`` of the tape without making its totals."""
        day = self._live.current(code)
        if day is not None:
            return day.tape.last_time
        plan = self._plan(code)
        return merged_day.last_time(plan, plan.script.count_by(self._clock.now()))

    def trades(self, code: str) -> TradeLog:
        """See the interface."""
        day = self._live.current(code)
        if day is not None:
            return day.trades()
        plan = self._plan(code)
        return JoinedTrades(code, [FirstTrades(plan.script, plan.script.count_by(self._clock.now()))])

    def depth(self, code: str) -> tuple[Sequence[Level], Sequence[Level]]:
        """See the interface."""
        day = self._live.current(code)
        if day is not None:
            return day.book.depth()
        return book_of_plan(self._plan(code), self._clock.now())

    def states(self, codes: Sequence[str], moment: float | None = None) -> dict[str, IssueState]:
        """See the interface."""
        now, found = self._clock.now() if moment is None else moment, {}
        index, usual = phases.index_at(self._timetable(), now), []
        for code in codes:
            day = self._live.current(code) if moment is None else None
            if day is not None:
                found[code] = issue_state(day.plan, tape_prices(day.tape), now, day.book.depth())
                continue
            try:
                if moment is None and (plan := self._plan_of_session.made_by(code, index, now)) is not None:
                    found[code] = state_of_plan(plan, now)
                    continue
                facts = self._facts_of_session(code, index)
                if facts is None:
                    continue
                if has_usual_day(facts):
                    usual.append(facts)
                else:
                    found[code] = state_of_plan(self._plan_of_session(code, index), now)
            except (LookupError, ValueError, OSError):
                log.debug("%s has no state", code, exc_info=True)
        states = zip(usual, states_at(usual, now), strict=True)
        return found | {facts.issue.code: state for facts, state in states}

    def exceptional(self, codes: Sequence[str]) -> list[str]:
        """See the interface."""
        ordered = {code for code in self._orders.values() if self._live.current(code) is not None}
        return [code for code in codes if code in ordered]

    def expected_price(self, code: str) -> ExpectedPrice:
        """See the interface; the only auctions are those of VIs."""
        day = self._live.as_it_is(code)
        return newest_auction_at(self._plan(code) if day is None else day.plan, self._clock.now())

    def phase(self) -> Phase:
        """See the interface."""
        return self._current.phase()

    def interruptions_of(self, code: str) -> list[Interruption]:
        """See the interface."""
        try:
            return list(self._plan(code).interruptions)
        except LookupError:
            return []

    def submit(self, order: NewOrder, on_fill: Callable[[Fill], None]) -> int:
        """See the interface; orders without a price are rejected."""
        phase, day = self.phase(), self._live.current(order.code)
        try:
            plan = day.plan if day is not None else self._plan(order.code)
        except LookupError:
            raise OrderRejected("not_listed") from None
        interruption = day.interruption if day is not None else plan.interruption(self._clock.now())
        admission.check(order, phase, plan, 0, interruption is not None)
        if not order.price:
            raise OrderRejected("kind")
        self._live.schedule_phases()
        day = day or self._live.start(order.code, plan)
        number = next(self._numbers)
        self._orders[number] = order.code
        day.submit(number, order, self._clock.now(), phase, on_fill)
        return number

    def cancel(self, number: int, quantity: int | None = None) -> int:
        """See the interface."""
        day = self._live.current(self._orders.get(number, ""))
        return day.cancel(number, quantity, self._clock.now()) if day else 0

    def _plan(self, code: str) -> DayPlan:
        return self._plan_of_session(code, self.session())

    def _make_plan(self, code: str, index: int) -> DayPlan:
        facts = self._facts_of_session(code, index)
        if facts is None:
            raise LookupError(f"{code} is not traded at Nextrade on {self._market.date(index)}")
        return plan_session(facts)

    def _read_facts(self, code: str, index: int) -> SessionFacts | None:
        issue = self._market.issues().get(code)
        if issue is None or index < 0:
            raise LookupError(f"{code!r} is not listed at Nextrade, or its market has no session yet")
        return nextrade_facts(self._market, self._timetable(), index, issue, self._seed, self._trade_size)
