"""Execution of a plan: several codes in flight, one count of them all, and a stop at any moment.

While pages of one code are on their way or parsed, other codes wait in the server's queue: so the broker's windows
are the only wait. Every load reports to a ``_SharedProgress``, which raises when the plan stops; the server sends
something every second, so a stop takes no longer.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from koalab.errors import NOT_OF_ONE_ISSUE, KoalabError
from koalab.plans.work import CodeNeed
from koalab.progress import Progress, next_tr
from koalab.transport.base import QueuePosition

IN_FLIGHT = 8
"""Codes in flight: more than the broker accepts in a burst."""

# So many failed codes in a row end the plan.
_IN_A_ROW = 20
_SHOW_EVERY = 0.25
# Seconds that a stopped plan waits for its threads; one that is still busy then ends by itself.
_PATIENCE = 4.0


class _PlanStopped(Exception):
    """Ends a load because its plan is over."""


@dataclass
class PlanResult:
    """The outcome of a plan: TRs spent by code, and errors by code."""

    trs: dict[str, int] = field(default_factory=dict)
    failed: dict[str, KoalabError] = field(default_factory=dict)


class _Tally:
    """The count of all codes together. Any thread."""

    def __init__(self, expected: int) -> None:
        self.lock = threading.Lock()
        self.over = False
        self.done = 0
        self.total = expected
        self.note = ""
        self.queued: set[int] = set()


class _SharedProgress(Progress):
    """The progress of one code, added to the plan's count; raises when the plan is over."""

    def __init__(self, tally: _Tally, need: CodeNeed, name: str) -> None:
        super().__init__(name, show=False)
        self._tally = tally
        self._expected = need.trs
        self._name = name
        self.spent = 0

    def expect(self, trs: int) -> None:  # noqa: ARG002
        """Ignored: the plan's estimate uses more than a load has."""
        self._check_over()

    def page(self, note: str = "") -> None:  # noqa: ARG002
        tally = self._tally
        with tally.lock:
            tally.queued.discard(id(self))
            self.spent += 1
            tally.done += 1
            tally.total += self.spent > self._expected
            tally.note = self._name
        self._check_over()

    def waiting(self, place: QueuePosition) -> None:
        tally = self._tally
        with tally.lock:
            tally.queued.add(id(self))
            if not place.ahead:
                tally.note = next_tr(place)
        self._check_over()

    def set_note(self, note: str) -> None:
        with self._tally.lock:
            self._tally.note = note
        self._check_over()

    def end(self) -> None:
        """Takes TRs that were expected and not needed off the total, unless the plan was stopped."""
        tally = self._tally
        with tally.lock:
            tally.queued.discard(id(self))
            if not tally.over:
                tally.total -= max(0, self._expected - self.spent)

    def _check_over(self) -> None:
        if self._tally.over:
            raise _PlanStopped


class PlanRun:
    """One run of a plan.

    Args:
        needs: what to load, in this order.
        load: loads one code, and returns the TRs it took.
        name: of a code, for the bar.
        in_flight: codes at once.
    """

    def __init__(
        self,
        needs: Sequence[CodeNeed],
        load: Callable[[str, Progress], int],
        name: Callable[[str], str],
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self.outcome = PlanResult()
        self._todo = deque(needs)
        self._load = load
        self._name = name
        self._in_flight = min(in_flight, len(needs))
        self._tally = _Tally(sum(need.trs for need in needs))
        self._ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._in_a_row = 0

    @property
    def done(self) -> int:
        """TRs that came back."""
        return self._tally.done

    @property
    def total(self) -> int:
        """TRs expected in all."""
        return self._tally.total

    def __call__(self, bar: Progress) -> PlanResult:
        """Loads all codes, and shows the count.

        Raises:
            KoalabError: what concerns more than one code. What came before is stored, as after an interrupt.
        """
        threads = [
            threading.Thread(target=self._work, name="koalab-plan", daemon=True)
            for _ in range(self._in_flight)
        ]
        try:
            for thread in threads:
                thread.start()
            left = len(threads)
            while left:
                self._show(bar)
                try:
                    error = self._ended.get(timeout=_SHOW_EVERY)
                except queue.Empty:
                    continue
                left -= 1
                if error is not None:
                    raise error
        finally:
            # However it ends, no thread requests more.
            self._tally.over = True
            until = time.monotonic() + _PATIENCE
            for thread in threads:
                if thread.ident is not None:
                    thread.join(max(0.0, until - time.monotonic()))
            self._show(bar)
        return self.outcome

    def _show(self, bar: Progress) -> None:
        tally = self._tally
        with tally.lock:
            done, total, queued, note = tally.done, tally.total, len(tally.queued), tally.note
        failed = len(self.outcome.failed)
        notes = [f"실패 {failed}" if failed else "", note]
        bar.set_counts(done, total, queued, ", ".join(text for text in notes if text))

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            while not self._tally.over:
                try:
                    need = self._todo.popleft()
                except IndexError:
                    break
                self._one(need)
        except _PlanStopped:
            pass
        except BaseException as failed:  # noqa: BLE001 - raised again on the caller's thread
            self._tally.over = True
            error = failed
        self._ended.put(error)

    def _one(self, need: CodeNeed) -> None:
        part = _SharedProgress(self._tally, need, self._name(need.code))
        try:
            self._load(need.code, part)
        except NOT_OF_ONE_ISSUE:
            raise
        except KoalabError as error:
            self.outcome.failed[need.code] = error
            self._in_a_row += 1
            if self._in_a_row >= _IN_A_ROW:
                raise
        else:
            self._in_a_row = 0
        finally:
            part.end()
            self.outcome.trs[need.code] = part.spent
