"""The event loop of the exchange: issue days in memory, whose events it processes in time order, phase by phase.

Work on the control thread is cut into slices: each processes events that are due, then the next one is scheduled.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush, heapreplace

from kernel_server.clock import Clock, Timer
from kernel_server.simulated.exchange.day_plan import DayPlan
from kernel_server.simulated.exchange.interface import ExchangeSubscriber
from kernel_server.simulated.exchange.issue_day import NEVER, IssueDay
from kernel_server.simulated.market import phases
from kernel_server.simulated.market.phases import Timetable

log = logging.getLogger(__name__)

_SLICE = 100  # events; some 5 ms of the control thread, 15 in auctions
_START_COST = 50  # the start of an issue's day takes as long as that many events
_EXPIRED_PER_START = (
    64  # expired days freed with each start: 1 ms, while freeing all of them at once takes 50
)
_TIMER_RESOLUTION = 0.004  # real seconds; events this close together share a slice
_DEFERRED_PHASE = "~"  # sorts after all codes


class LiveDays:
    """The issue days that are in memory, because of a subscription or of a client's order on this day.

    Phases change, and a timer is set, only while there is such a day or a subscription.

    Args:
        clock: the exchange's time.
        timetable: phases by session, loaded on first use.
        call_soon: runs work on the control thread, never inside the call.
        listed: whether a code is listed.
        plan: plan of a code's current day; raises LookupError if there is none.
        subscriber: notified of the events of subscribed issues and of phases.
        on_new_session: called when another session or an after-market begins.
    """

    def __init__(
        self,
        clock: Clock,
        timetable: Callable[[], Timetable],
        call_soon: Callable[[Callable[[], None]], None],
        listed: Callable[[str], bool],
        plan: Callable[[str], DayPlan],
        subscriber: ExchangeSubscriber,
        on_new_session: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._timetable = timetable
        self._call_soon = call_soon
        self._listed = listed
        self._plan = plan
        self._subscriber = subscriber
        self._on_new_session = on_new_session
        self._subscriptions: dict[str, int] = {}
        self._days: dict[str, IssueDay] = {}
        self._expired: list[IssueDay] = []  # of the previous session, freed a few at a time
        self._heap: list[
            tuple[float, str]
        ] = []  # time and code; "" for a phase, _DEFERRED_PHASE for a deferred one
        self._to_start: deque[str] = deque()  # subscribed issues whose day has not been started
        self._next_phase = NEVER  # time of the phase in the heap
        self._session = (-1, False)  # of ``_days``, as from ``_part``
        self._timer: Timer | None = None
        self._processing = self._closed = False

    def subscribe(self, code: str) -> None:
        """Count a subscription. The first one starts the issue's day in a separate slice."""
        self._subscriptions[code] = self._subscriptions.get(code, 0) + 1
        if self._subscriptions[code] == 1 and self._listed(code):
            self.schedule_phases()
            if code in self._days:
                self._days[code].subscribed = True
            else:
                self._to_start.append(code)
                self._set_timer()

    def unsubscribe(self, code: str) -> None:
        """Take back a subscription. Without any, a day that can be rebuilt is dropped."""
        left = self._subscriptions.get(code, 0) - 1
        if left > 0:
            self._subscriptions[code] = left
            return
        self._subscriptions.pop(code, None)
        day = self._days.get(code)
        if day is not None:
            day.subscribed = False
            if not day.has_client_orders:
                del self._days[code]

    def close(self) -> None:
        """Stop the timer and all events."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def current(self, code: str) -> IssueDay | None:
        """The issue's day with all due events processed; None if it is not in memory."""
        day = self._days.get(code)
        if day is None:
            return None
        if not self._processing:
            now = self._clock.now()
            if self._next_phase <= now:
                self._process_phases(now)
                return self.current(code)
            if day.due <= now:
                # A callback may query the same issue: it gets the day as it is, without further steps.
                self._processing = True
                try:
                    while day.due <= now:
                        day.step()
                finally:
                    self._processing = False
                    if day.due < NEVER:
                        heappush(self._heap, (day.due, code))
                    self._set_timer()
        return day

    def as_it_is(self, code: str) -> IssueDay | None:
        """The issue's day without the events that are due: for callbacks, which come in between."""
        return self._days.get(code)

    def start(self, code: str, plan: DayPlan) -> IssueDay:
        """Take an issue's day into memory, as of now."""
        day = IssueDay(plan, self._clock.now(), self._subscriber)
        day.subscribed = code in self._subscriptions
        self._days[code] = day
        self._schedule(day.due, code)
        return day

    def schedule_phases(self) -> None:
        """Schedule the next phase, if it is not scheduled."""
        if self._next_phase < NEVER:
            return
        now = self._clock.now()
        self._session = self._part(now)
        change = phases.change_after(self._timetable(), now)
        if change is not None:
            self._next_phase = change[0]
            self._schedule(change[0], "")

    def _schedule(self, due: float, code: str) -> None:
        if due < NEVER:
            heappush(self._heap, (due, code))
            if not self._processing:
                self._set_timer()

    def _set_timer(self) -> None:
        """Set the timer for the first thing that is due."""
        if self._closed or not (self._heap or self._to_start):
            return
        now = self._clock.now()
        due = now if self._to_start else self._heap[0][0]
        if due > now:
            due = max(due, now + _TIMER_RESOLUTION * self._clock.speed)
        if self._timer is not None:
            if self._timer.due <= due:
                return
            self._timer.cancel()
        if due <= now:
            self._timer = Timer(due, lambda: None)
            self._call_soon(self._run_slice)
        else:
            self._timer = self._clock.call_at(due, lambda: self._call_soon(self._run_slice), background=True)

    def _run_slice(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._closed:
            return
        now, left, heap = self._clock.now(), _SLICE, self._heap
        self._processing = True
        try:
            while heap and heap[0][0] <= now and left > 0:
                self._process_next()
                left -= 1
            # At least one start per slice, so that late events cannot keep new subscriptions waiting forever.
            while self._to_start:
                left -= self._start_next()
                if left <= 0:
                    break
        finally:
            self._processing = False
            self._set_timer()

    def _start_next(self) -> int:
        """Start the day that has waited longest, if it is still subscribed; the cost in events."""
        code = self._to_start.popleft()
        del self._expired[-_EXPIRED_PER_START:]
        if code in self._days or code not in self._subscriptions:
            return 0
        try:
            plan = self._plan(code)
            if plan.make_part(
                self._clock.now()
            ):  # a busy issue's trades until now are made in several slices
                self._to_start.appendleft(code)
                return _SLICE
            self.start(code, plan)
        except (LookupError, ValueError, OSError):
            log.exception("no events of %s: nothing is known of it, or its file is bad", code)
        return _START_COST

    def _process_next(self) -> None:
        """Process the first entry of the heap."""
        heap = self._heap
        entry = heap[0]
        time, code = entry
        day = self._days.get(code)
        if day is None or day.due != time:
            heappop(heap)
            if day is None and (not code or code == _DEFERRED_PHASE):
                self._change_phase(time, deferred=bool(code))
            return
        day.step()
        if heap and heap[0] is entry and day.due < NEVER:
            heapreplace(heap, (day.due, code))
            return
        # What a callback has scheduled in between comes first; the entry left behind is of no event.
        if heap and heap[0] is entry:
            heappop(heap)
        if day.due < NEVER:
            heappush(heap, (day.due, code))

    def _process_phases(self, now: float) -> None:
        """Process the events of all issues up to the last phase that is due."""
        self._processing = True
        try:
            while self._next_phase <= now:
                self._process_next()
        finally:
            self._processing = False
            self._set_timer()

    def _change_phase(self, time: float, deferred: bool) -> None:
        """Begin another phase; one that ends an auction is deferred until the last issue's auction is over."""
        self._next_phase = NEVER
        if not self._subscriptions and not self._days:
            return
        phase = phases.phase_at(self._timetable(), time)
        last = (
            0.0 if deferred else max((day.delayed_auction(phase) for day in self._days.values()), default=0.0)
        )
        if last >= time:
            self._next_phase = last
            heappush(self._heap, (last, _DEFERRED_PHASE))
            return
        if self._part(time) != self._session:
            self._change_session(time)
        for day in list(self._days.values()):
            if day.has_client_orders:
                day.change_phase(phase, time)
        self._subscriber.on_phase(phase, time)
        change = phases.change_after(self._timetable(), time)
        if change is not None and (self._subscriptions or self._days):
            self._next_phase = change[0]
            heappush(self._heap, (change[0], ""))

    def _part(self, now: float) -> tuple[int, bool]:
        """The index of the session, and whether its after-market has begun, whose days are kept apart."""
        timetable = self._timetable()
        index = phases.index_at(timetable, now)
        return index, index >= 0 and now >= timetable.hours(index).after_market_begins

    def _change_session(self, time: float) -> None:
        """Expire the days of the previous part; those of subscribed issues start again, in separate slices."""
        self._session = self._part(time)
        self._expired, self._days = list(self._days.values()), {}
        self._on_new_session()
        self._heap[:] = [entry for entry in self._heap if not entry[1]]
        self._to_start = deque(self._subscriptions)
