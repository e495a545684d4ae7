"""Who is next: priorities first, then clients in turn, then the order of arrival."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """Orders before interactive work before bulk."""

    ORDER = 0
    INTERACTIVE = 1
    BULK = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job stands: how many go before it, and in how many seconds it is expected to start."""

    ahead: int
    wait: float


@dataclass(eq=False)
class Job:
    """A call that waits for its turn. ``done`` settles with the control's return code."""

    kind: str
    client: str
    priority: Priority
    call: Callable[[], int]
    done: asyncio.Future[int]
    refusals: int = 0


class Queue:
    """The waiting jobs of one kind. Within a priority each client gets one turn after the other."""

    def __init__(self) -> None:
        self._lanes: dict[Priority, OrderedDict[str, deque[Job]]] = {
            priority: OrderedDict() for priority in Priority
        }

    def __len__(self) -> int:
        return sum(len(jobs) for lane in self._lanes.values() for jobs in lane.values())

    def push(self, job: Job) -> None:
        self._lanes[job.priority].setdefault(job.client, deque()).append(job)

    def push_back(self, job: Job) -> None:
        """Gives a job that was taken its place at the head back."""
        lane = self._lanes[job.priority]
        lane.setdefault(job.client, deque()).appendleft(job)
        lane.move_to_end(job.client, last=False)

    def pop(self) -> Job | None:
        for lane in self._lanes.values():
            if lane:
                client, jobs = next(iter(lane.items()))
                job = jobs.popleft()
                if jobs:
                    lane.move_to_end(client)
                else:
                    del lane[client]
                return job
        return None

    def remove(self, job: Job) -> None:
        lane = self._lanes[job.priority]
        jobs = lane.get(job.client)
        if jobs is not None and job in jobs:
            jobs.remove(job)
            if not jobs:
                del lane[job.client]

    def ahead(self, job: Job) -> int:
        """How many jobs go before this one, as things stand."""
        for count, other in enumerate(self._in_turn()):
            if other is job:
                return count
        return 0

    def _in_turn(self) -> Iterator[Job]:
        for lane in self._lanes.values():
            rows = [iter(jobs) for jobs in lane.values()]
            while rows:
                alive = []
                for row in rows:
                    job = next(row, None)
                    if job is not None:
                        yield job
                        alive.append(row)
                rows = alive
