"""Carrying a plan out: several codes in flight, one count of them all, and an end at any moment.

While one code's answer is on its way, its pages are parsed or the next code begins, others wait in the server's
queue: so the broker's windows are the only wait. Every load asks through a ``Part``, which ends it when the plan is
to stop; the server says something every second, so that takes no longer.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from koalab.errors import Forbidden, KoalabError, LoginFailed, NotConnected, RateLimited, ServerLost
from koalab.plans.work import CodeNeed
from koalab.progress import Progress, next_tr
from koalab.transport.base import QueuePosition

IN_FLIGHT = 8
"""Codes at once: more than the broker takes in a burst."""

# What ends the plan, and not only one code of it.
_FOR_ALL = (ServerLost, NotConnected, LoginFailed, RateLimited, Forbidden)
# So many codes that fail in a row are no accident of theirs.
_IN_A_ROW = 20
_LOOK_EVERY = 0.25
# So long a plan that ends waits for its loads to notice; what is still busy then ends by itself.
_PATIENCE = 4.0


class _PlanStopped(Exception):
    """The plan is over, and so is this part of it."""


@dataclass
class PlanResult:
    """What came of a plan: TRs spent by code, and what went wrong."""

    trs: dict[str, int] = field(default_factory=dict)
    failed: dict[str, KoalabError] = field(default_factory=dict)


class _Tally:
    """The count of all parts together. Any thread."""

    def __init__(self, expected: int) -> None:
        self.lock = threading.Lock()
        self.over = False
        self.done = 0
        self.total = expected
        self.note = ""
        self.queued: set[int] = set()


class _SharedProgress(Progress):
    """One code's share of the count."""

    def __init__(self, tally: _Tally, need: CodeNeed, name: str) -> None:
        super().__init__(name, show=False)
        self._tally = tally
        self._expected = need.trs
        self._name = name
        self.spent = 0

    def expect(self, trs: int) -> None:  # noqa: ARG002
        """The plan has said how many, and knows more than a load does."""
        self._go_on()

    def page(self, note: str = "") -> None:  # noqa: ARG002
        tally = self._tally
        with tally.lock:
            tally.queued.discard(id(self))
            self.spent += 1
            tally.done += 1
            tally.total += self.spent > self._expected
            tally.note = self._name
        self._go_on()

    def waiting(self, place: QueuePosition) -> None:
        tally = self._tally
        with tally.lock:
            tally.queued.add(id(self))
            if not place.ahead:
                tally.note = next_tr(place)
        self._go_on()

    def say(self, note: str) -> None:
        with self._tally.lock:
            self._tally.note = note
        self._go_on()

    def end(self) -> None:
        """Nothing more comes: what was expected beyond is not, unless the plan is stopped."""
        tally = self._tally
        with tally.lock:
            tally.queued.discard(id(self))
            if not tally.over:
                tally.total -= max(0, self._expected - self.spent)

    def _go_on(self) -> None:
        if self._tally.over:
            raise _PlanStopped


class PlanRun:
    """One way through a plan.

    Args:
        needs: what is to be loaded, in this order.
        load: loads one code, and gives the TRs it took.
        name: of a code, for the bar.
        in_flight: how many at once.
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
        """TRs it takes, as far as is known by now."""
        return self._tally.total

    def __call__(self, bar: Progress) -> PlanResult:
        """Loads everything, and shows how far it is.

        Raises:
            KoalabError: what concerns more than one code. What came before is in the cache, as after an interrupt.
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
                    error = self._ended.get(timeout=_LOOK_EVERY)
                except queue.Empty:
                    continue
                left -= 1
                if error is not None:
                    raise error
        finally:
            # However it ends, nobody goes on asking.
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
        bar.stand(done, total, queued, ", ".join(text for text in notes if text))

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
        except BaseException as failed:  # noqa: BLE001 - whoever called the plan is told, on his own thread
            self._tally.over = True
            error = failed
        self._ended.put(error)

    def _one(self, need: CodeNeed) -> None:
        part = _SharedProgress(self._tally, need, self._name(need.code))
        try:
            self._load(need.code, part)
        except _FOR_ALL:
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
