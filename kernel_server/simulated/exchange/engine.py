"""The exchange as one chain of turns: each lets happen what is due, in the order of time, and asks for the next."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Callable
from functools import cached_property, lru_cache
from heapq import heappop, heappush

from kernel_server.clock import Clock, Timer
from kernel_server.reference.sessions import Sessions
from kernel_server.simulated.exchange import admission
from kernel_server.simulated.exchange import day_plan as plans
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import (
    Fill,
    Interruption,
    Level,
    NewOrder,
    QueuedShares,
    Refusal,
    SinglePriceState,
    Tape,
    Trade,
    Watcher,
)
from kernel_server.simulated.exchange.interruption_scanner import InterruptionScanner
from kernel_server.simulated.exchange.issue_day import NEVER, IssueDay
from kernel_server.simulated.exchange.off_hours import merged_day
from kernel_server.simulated.exchange.off_hours.past_single_price import PastSinglePrice
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.model import Market
from kernel_server.simulated.market.phases import Board, Phase
from kernel_server.simulated.market.trade_script import Recorded, Side

log = logging.getLogger(__name__)

_TURN = 100  # events a turn, so that it keeps the control thread for some 5 ms, in auctions for 15
_START = 50  # as many events as the start of an issue's day takes time
_LET_GO = 64  # days that are over with each that starts: a millisecond, where all at once take fifty
_RESOLUTION = 0.004  # real seconds; what is due so close together is done in one turn
_LAST = "~"  # sorts behind every code


class SimulatedExchange:
    """An ``Exchange`` that carries out what a market's bars say.

    Time goes by in it only while something is watched or a client has had an order this day: the watcher
    hears of phases only then, and no timer is set otherwise.

    Args:
        market: whose bars are traded.
        clock: when.
        sessions: the calendar, asked for once, when first needed.
        later: hands work to the control thread, never doing it inside the call.
        seed: of everything that is drawn; the same seed makes the same day.
        watcher: who is told what happens.
        recorded: trades that take the place of drawn ones, by code and day.
        kept: of how many issues that nobody watches, at most, the day is kept in memory.
        crowd: whether anybody but clients trades outside the session.
    """

    def __init__(
        self,
        market: Market,
        clock: Clock,
        sessions: Callable[[], Sessions],
        later: Callable[[Callable[[], None]], None],
        seed: int,
        watcher: Watcher,
        recorded: Recorded | None = None,
        kept: int = 256,
        crowd: bool = True,
    ) -> None:
        self._market = market
        self._clock = clock
        self._load = sessions
        self._later = later
        self._seed = seed
        self._watcher = watcher
        self._recorded = recorded
        self._plans = lru_cache(kept)(self._planned)
        self._lookout = InterruptionScanner(
            market, lambda index: phases.hours(self._sessions, index), self._plans
        )
        self._crowd = crowd
        self._evenings = PastSinglePrice(market, seed, crowd)
        self._watched: dict[str, int] = {}
        self._days: dict[str, IssueDay] = {}
        self._over: list[IssueDay] = []  # yesterday's, let go a few at a time
        self._orders: dict[int, str] = {}
        self._numbers = itertools.count(1)
        self._heap: list[tuple[float, str]] = []  # a blank code is a phase, _LAST one that was put off
        self._starting: deque[str] = deque()  # issues whose day has still to be started
        self._changes = NEVER  # when the phase in the heap begins
        self._session = -1  # whose day ``_days`` are
        self._timer: Timer | None = None
        self._turning = self._closed = False

    @cached_property
    def _sessions(self) -> Sessions:
        return self._load()

    def watch(self, code: str) -> None:
        """Events come from now on, where anything is known of the code. Its day is planned and started in a turn."""
        self._watched[code] = self._watched.get(code, 0) + 1
        if self._watched[code] == 1 and code in self._market.issues():
            self._run()
            if code in self._days:
                self._days[code].loud = True
            else:
                self._starting.append(code)
                self._arm()

    def unwatch(self, code: str) -> None:
        left = self._watched.get(code, 0) - 1
        if left > 0:
            self._watched[code] = left
            return
        self._watched.pop(code, None)
        day = self._days.get(code)
        if day is not None:
            day.loud = False
            if not day.kept:
                del self._days[code]

    def tape(self, code: str) -> Tape:
        """As in the interface.

        Raises:
            LookupError: the issue is not listed or nothing is known of it.
        """
        day = self._caught_up(code)
        if day is not None:
            return day.tape
        plan, now = self._plan(code), self._clock.now()
        return merged_day.tape(plan, plan.script.begun(now), now)

    def trades(self, code: str) -> list[Trade]:
        """As in the interface; errors as for ``tape``."""
        day = self._caught_up(code)
        if day is not None:
            return day.trades()
        plan, now = self._plan(code), self._clock.now()
        return merged_day.trades(plan, plan.script.begun(now), now)

    def depth(self, code: str) -> tuple[list[Level], list[Level]]:
        """As in the interface; errors as for ``tape``."""
        day = self._present(code)
        return day.book.depth(Side.SELL), day.book.depth(Side.BUY)

    def waiting(self, code: str) -> QueuedShares:
        """As in the interface; errors as for ``tape``."""
        return self._present(code).beside.waiting(self._clock.now())

    def evening(self, code: str) -> SinglePriceState:
        """As in the interface; errors as for ``tape``."""
        day, now = self._caught_up(code), self._clock.now()
        plan = day.plan if day is not None else self._plan(code)
        if now >= plan.hours.single:
            return self._present(code).beside.evening()
        index = phases.session(self._sessions, now)
        before = phases.hours(self._sessions, index - 1) if index else None
        return self._evenings.before(plan, before)

    def _present(self, code: str) -> IssueDay:
        """The issue's day as it is now, whether or not it is kept alive."""
        return self._caught_up(code) or IssueDay(self._plan(code), self._clock.now(), self._watcher)

    def phase(self) -> Phase:
        return phases.phase(self._sessions, self._clock.now())

    def interruptions(self, most: int | None = None) -> list[Interruption] | None:
        """As in the interface."""
        session = phases.session(self._sessions, self._clock.now())
        return self._lookout.interruptions(session, most)

    def submit(self, order: NewOrder, filled: Callable[[Fill], None]) -> int:
        """As in the interface. Fills that are made at once are told before the number is returned.

        Raises:
            Refusal: ``not_listed``, ``closed``, ``halted``, ``quantity``, ``kind``, ``limit`` or ``tick``.
        """
        phase = self.phase()
        plan = self._checked(order, phase, self._caught_up(order.code))
        self._run()
        day = self._caught_up(order.code) or self._start(order.code, plan)
        number = next(self._numbers)
        self._orders[number] = order.code
        day.submit(number, order, self._clock.now(), phase, filled)
        return number

    def cancel(self, number: int, quantity: int | None = None) -> int:
        day = self._caught_up(self._orders.get(number, ""))
        return day.cancel(number, quantity, self._clock.now()) if day else 0

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _checked(self, order: NewOrder, phase: Phase, day: IssueDay | None) -> DayPlan:
        """The plan of the day that a good order is for."""
        try:
            plan = self._plan(order.code)
        except LookupError:
            raise Refusal("not_listed") from None
        close = merged_day.closed(plan).price if order.board in (Board.AFTER, Board.SINGLE) else 0
        halt = day.halt if day is not None else plan.interruption(self._clock.now())
        admission.check(order, phase, plan, close, halt is not None)
        return plan

    def _plan(self, code: str) -> DayPlan:
        return self._plans(code, phases.session(self._sessions, self._clock.now()))

    def _planned(self, code: str, index: int) -> DayPlan:
        issue = self._market.issues().get(code)
        if issue is None or index < 0:
            raise LookupError(f"{code!r} is not listed, or its market has no session yet")
        hours = phases.hours(self._sessions, index)
        plan = plans.plan(self._market, hours, issue, self._seed, self._recorded, self._crowd)
        if plan is None:
            raise LookupError(f"nothing is known of {code} on {self._sessions.dates[index]}")
        return plan

    def _caught_up(self, code: str) -> IssueDay | None:
        """The issue's day with everything in it that is due, None where it is not being kept alive."""
        day = self._days.get(code)
        if day is None:
            return None
        if not self._turning:
            now = self._clock.now()
            if self._changes <= now:
                self._pass_phases(now)
                return self._caught_up(code)
            if day.due <= now:
                # Whoever hears of it asks back, and must find the day as it stands, not have it step on within.
                self._turning = True
                try:
                    while day.due <= now:
                        day.step()
                finally:
                    self._turning = False
                    if day.due < NEVER:
                        heappush(self._heap, (day.due, code))
                    self._arm()
        return day

    def _pass_phases(self, now: float) -> None:
        """Lets everything happen that is due up to the newest change of phase, which concerns every issue."""
        self._turning = True
        try:
            while self._changes <= now:
                self._happen(*heappop(self._heap))
        finally:
            self._turning = False
            self._arm()

    def _start(self, code: str, plan: DayPlan | None = None) -> IssueDay:
        day = IssueDay(plan or self._plan(code), self._clock.now(), self._watcher)
        day.loud = code in self._watched
        self._days[code] = day
        self._push(day.due, code)
        return day

    def _start_next(self) -> int:
        """Starts the day of whoever has waited longest, if it is still wanted; how many events that weighs."""
        code = self._starting.popleft()
        del self._over[-_LET_GO:]
        if code in self._days or code not in self._watched:
            return 0
        try:
            self._start(code)
        except (LookupError, ValueError, OSError):
            log.exception("no events of %s: nothing is known of it, or its file is bad", code)
        return _START

    def _run(self) -> None:
        """Sees to it that the changes of phase are in the heap."""
        if self._changes < NEVER:
            return
        now = self._clock.now()
        self._session = phases.session(self._sessions, now)
        change = phases.next_change(self._sessions, now)
        if change is not None:
            self._changes = change[0]
            self._push(change[0], "")

    def _push(self, due: float, code: str) -> None:
        if due < NEVER:
            heappush(self._heap, (due, code))
            if not self._turning:
                self._arm()

    def _arm(self) -> None:
        """Sets the timer for what is due first."""
        if self._closed or not (self._heap or self._starting):
            return
        now = self._clock.now()
        due = now if self._starting else self._heap[0][0]
        if due > now:
            due = max(due, now + _RESOLUTION * self._clock.speed)
        if self._timer is not None:
            if self._timer.due <= due:
                return
            self._timer.cancel()
        if due <= now:
            self._timer = Timer(due, lambda: None)
            self._later(self._turn)
        else:
            self._timer = self._clock.call_at(due, lambda: self._later(self._turn), background=True)

    def _turn(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._closed:
            return
        now, left, heap = self._clock.now(), _TURN, self._heap
        self._turning = True
        try:
            while heap and heap[0][0] <= now and left > 0:
                time, code = heappop(heap)
                self._happen(time, code)
                left -= 1
            # At least one, so that a market that is late cannot keep anybody out.
            while self._starting:
                left -= self._start_next()
                if left <= 0:
                    break
        finally:
            self._turning = False
            self._arm()

    def _happen(self, time: float, code: str) -> None:
        """Lets one thing happen."""
        day = self._days.get(code)
        if day is not None:
            if day.due == time:
                day.step()
                if day.due < NEVER:
                    heappush(self._heap, (day.due, code))
        elif not code or code == _LAST:
            self._change(time, put_off=bool(code))

    def _change(self, time: float, put_off: bool) -> None:
        """Another phase begins; one that ends an auction is put off until the last of those is over."""
        self._changes = NEVER
        if not self._watched and not self._days:
            return
        phase = phases.phase(self._sessions, time)
        last = 0.0 if put_off else max((day.ending(phase) for day in self._days.values()), default=0.0)
        if last >= time:
            self._changes = last
            heappush(self._heap, (last, _LAST))
            return
        if phases.session(self._sessions, time) != self._session:
            self._change_day(time)
        for day in list(self._days.values()):
            if day.kept:
                day.turned(phase, time)
        self._watcher.phase(phase, time)
        change = phases.next_change(self._sessions, time)
        if change is not None and (self._watched or self._days):
            self._changes = change[0]
            heappush(self._heap, (change[0], ""))

    def _change_day(self, time: float) -> None:
        """Yesterday's days make room for those of today, each of which starts in a turn."""
        self._session = phases.session(self._sessions, time)
        self._over, self._days = list(self._days.values()), {}
        self._orders.clear()
        self._heap[:] = [entry for entry in self._heap if not entry[1]]
        self._starting = deque(self._watched)
