"""Who is next: priorities first, then clients in turn, then the order of arrival."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from operator import attrgetter

from kernel_server.scheduler.rate_windows import RateWindows

# While bulk work waits, so many interactive calls go before it and then one of its own: it slows, and never stops.
BEFORE_BULK = 9


class Priority(IntEnum):
    """Orders before interactive work before bulk, which gets at least every tenth call."""

    ORDER = 0
    INTERACTIVE = 1
    BULK = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job stands: how many go before it, and in how many seconds it is expected to start."""

    ahead: int
    wait: float


@dataclass(eq=False, slots=True)
class Job:
    """A call that waits for its turn. ``done`` settles with the control's return code.

    Attributes:
        kind, client, priority, call: as they were submitted.
        success: the code with which the call counts in the gates of its own.
        gates: those of its own, beside that of its kind.
        number: its place in the order of arrival.
        since: clock time at which it was submitted.
        waited: seconds from then until the call was made.
        made: whether the control was really called.
        refusals: how often the broker refused it for no reason that could be seen.
    """

    kind: str
    client: str
    priority: Priority
    call: Callable[[], int]
    done: asyncio.Future[int]
    success: int = 0
    gates: tuple[RateWindows, ...] = ()
    number: int = 0
    since: float = 0.0
    waited: float = 0.0
    made: bool = False
    refusals: int = 0

    @property
    def urgency(self) -> tuple[Priority, int]:
        return self.priority, self.number


_number = attrgetter("number")
_Rows = OrderedDict[str, list[Job]]


class Queue:
    """The waiting jobs of one kind, of which at most one is taken out to be called at a time.

    Within a priority each client gets one turn after the other: a new client comes last, one that is served
    goes to the end.
    """

    def __init__(self) -> None:
        # In the order of turns: each client's jobs in the order of arrival.
        self._rows: dict[Priority, _Rows] = {priority: OrderedDict() for priority in Priority}
        self._counts = dict.fromkeys(Priority, 0)
        self._passed = 0  # interactive calls since bulk work waits for its next
        self._passed_before = 0

    def __len__(self) -> int:
        return sum(self._counts.values())

    @property
    def counts(self) -> Mapping[Priority, int]:
        return self._counts

    def push(self, job: Job) -> None:
        """Puts a job among its client's by its number, wherever it was meanwhile."""
        row = self._rows[job.priority].setdefault(job.client, [])
        if not row or row[-1].number < job.number:
            row.append(job)
        else:
            insort(row, job, key=_number)
        self._counts[job.priority] += 1

    def take(self) -> Job | None:
        """The most urgent job, which is in the queue no more; its client has had its turn."""
        self._passed_before = self._passed
        priority = self._next_priority()
        if priority is None:
            return None
        rows = self._rows[priority]
        client, row = next(iter(rows.items()))
        rows.move_to_end(client)
        job = row[0]
        self._drop(row, 0, job)
        return job

    def give_back(self, job: Job) -> None:
        """The job that was taken last was not served: it has its place back, and its client its turn."""
        self.push(job)
        self._rows[job.priority].move_to_end(job.client, last=False)
        self._passed = self._passed_before

    def remove(self, job: Job) -> bool:
        """Whether it was in the queue, where it is no more."""
        row = self._rows[job.priority].get(job.client, [])
        index = bisect_left(row, job.number, key=_number)
        if index == len(row) or row[index] is not job:
            return False
        self._drop(row, index, job)
        return True

    def ahead(self, job: Job) -> int:
        """How many jobs go before this one, as things stand; it may itself be elsewhere for now."""
        row = self._rows[job.priority].get(job.client, [])
        return self._ahead(job.priority, bisect_left(row, job.number, key=_number), job.client)

    def ahead_of_new(self, priority: Priority, count: int) -> int:
        """How many jobs would go before the last of ``count`` new ones of a new client, the others included."""
        return self._ahead(priority, count - 1, None)

    def _ahead(self, priority: Priority, index: int, client: str | None) -> int:
        rank = self._rank(priority, index, client)
        orders, interactive, bulk = (self._counts[each] for each in Priority)
        if priority is Priority.ORDER:
            return rank
        if priority is Priority.INTERACTIVE:
            return orders + rank + min(bulk, (rank + self._passed) // BEFORE_BULK)
        return orders + rank + min(interactive, BEFORE_BULK - self._passed + rank * BEFORE_BULK)

    def _rank(self, priority: Priority, index: int, client: str | None) -> int:
        """How many of its priority go before the client's job at ``index``."""
        rows = self._rows[priority]
        if not index:
            # Most clients wait for one call, and there may be many of them.
            return len(rows) if client is None or client not in rows else list(rows).index(client)
        rank, turns = index, index + 1  # clients before ours are one turn further than it is
        for other, row in rows.items():
            if other == client:
                turns = index
            else:
                waiting = len(row)
                rank += waiting if waiting < turns else turns
        return rank

    def _next_priority(self) -> Priority | None:
        if self._counts[Priority.ORDER]:
            return Priority.ORDER
        interactive, bulk = self._counts[Priority.INTERACTIVE], self._counts[Priority.BULK]
        if interactive and bulk and self._passed < BEFORE_BULK:
            self._passed += 1
            return Priority.INTERACTIVE
        self._passed = 0
        if bulk:
            return Priority.BULK
        return Priority.INTERACTIVE if interactive else None

    def _drop(self, row: list[Job], index: int, job: Job) -> None:
        del row[index]
        if not row:
            del self._rows[job.priority][job.client]
        self._counts[job.priority] -= 1
