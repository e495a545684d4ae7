"""Whose turn it is: the queue against the plainest thing that does the same, and what a place in it costs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.scheduler import Limits, Priority, RateLimitedCall, Window
from kernel_server.scheduler.queue import BEFORE_BULK, Queue
from tests.support.examples import examples
from tests.support.scheduler_bench import Bench, FunctionCall, drive, settle

ONE_A_SECOND = Limits("test", {"tr": (Window(1, 1.0),)})


class Plain:
    """The same turns, kept in the plainest way: whoever is next is found by looking at everybody."""

    def __init__(self) -> None:
        self.jobs: list[RateLimitedCall] = []
        self.turns: dict[Priority, list[str]] = {priority: [] for priority in Priority}
        self.passed = 0

    def push(self, job: RateLimitedCall) -> None:
        self.jobs.append(job)
        if job.client not in self.turns[job.priority]:
            self.turns[job.priority].append(job.client)

    def remove(self, job: RateLimitedCall) -> None:
        self.jobs.remove(job)
        if not any(other.client == job.client and other.priority is job.priority for other in self.jobs):
            self.turns[job.priority].remove(job.client)

    def _of(self, priority: Priority) -> list[RateLimitedCall]:
        return [job for job in self.jobs if job.priority is priority]

    def take(self) -> RateLimitedCall | None:
        waiting = [priority for priority in Priority if self._of(priority)]
        if not waiting:
            return None
        priority = waiting[0]
        if priority is not Priority.ORDER:
            bulk_waits = Priority.BULK in waiting
            if bulk_waits and self.passed == BEFORE_BULK:
                priority = Priority.BULK
            self.passed = self.passed + 1 if bulk_waits and priority is Priority.INTERACTIVE else 0
        client = self.turns[priority].pop(0)
        job = min((job for job in self._of(priority) if job.client == client), key=lambda job: job.number)
        self.jobs.remove(job)
        if any(other.client == client for other in self._of(priority)):
            self.turns[priority].append(client)
        return job

    def in_turn(self) -> Iterator[RateLimitedCall]:
        """Everybody, in the order in which they would go."""
        copy = Plain()
        copy.jobs, copy.passed = list(self.jobs), self.passed
        copy.turns = {priority: list(clients) for priority, clients in self.turns.items()}
        while (job := copy.take()) is not None:
            yield job


def make(number: int, client: str, priority: Priority) -> RateLimitedCall:
    job = FunctionCall(lambda: 0, client, priority)
    job.number = number
    return job


steps = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.sampled_from("abcd"), st.sampled_from(list(Priority))),
        st.tuples(st.just("take"), st.just(""), st.none()),
        st.tuples(st.just("give back"), st.just(""), st.none()),
        st.tuples(st.just("remove"), st.just(""), st.integers(0, 1000)),
        st.tuples(st.just("step aside"), st.just(""), st.integers(0, 1000)),
    ),
    max_size=60,
)


@settings(max_examples=examples(100, 300), deadline=None)
@given(steps)
async def test_turns_are_the_same_as_in_the_plainest_queue(
    script: list[tuple[str, str, Priority | int | None]],
) -> None:
    queue, plain = Queue(), Plain()
    for number, (what, client, argument) in enumerate(script):
        if what == "push":
            assert isinstance(argument, Priority)
            job = make(number, client, argument)
            queue.push(job)
            plain.push(job)
        elif what == "take":
            assert queue.take() is plain.take()
        elif what == "give back":
            before = list(plain.in_turn())
            taken = queue.take()
            if taken is not None:
                queue.give_back(taken)
            assert list(plain.in_turn()) == before
        elif plain.jobs:
            assert isinstance(argument, int)
            job = plain.jobs[argument % len(plain.jobs)]
            assert queue.remove(job)
            assert not queue.remove(job)
            plain.remove(job)
            if what == "step aside":
                # It waits for a gate of its own, and would go when it can, by its number.
                ahead = queue.ahead(job)
                queue.push(job)
                plain.push(job)
                assert ahead == list(plain.in_turn()).index(job)
        order = list(plain.in_turn())
        assert len(queue) == len(order)
        assert [queue.ahead(job) for job in order] == list(range(len(order)))
    assert [queue.take() for _ in range(len(queue) + 1)] == [*plain.in_turn(), None]


@settings(max_examples=examples(20, 60), deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from("abcde"), st.integers(1, 12)), min_size=1, max_size=12
    )
)
async def test_no_client_is_served_twice_while_another_waits_all_the_time(
    arrivals: list[tuple[int, str, int]],
) -> None:
    bench = Bench(ONE_A_SECOND)
    came: dict[str, float] = {}
    client_of: dict[str, str] = {}
    jobs = []
    for at, client, count in sorted(arrivals):
        if at + 0.5 > bench.now():
            await drive_to(bench, at + 0.5)
        for _ in range(count):
            name = f"{client}{len(jobs)}"
            came[name], client_of[name] = bench.now(), client
            jobs.append(bench.submit(name, client))
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    gone = dict(bench.called)
    last: dict[str, int] = {}
    order = [(client_of[name], time) for name, time in bench.called]
    for second, (client, time) in enumerate(order):
        first = last.get(client)
        last[client] = second
        if first is None:
            continue
        served = {other for other, _ in order[first:second]}
        for name, since in came.items():
            waited = since < order[first][1] and gone[name] > time
            assert not waited or client_of[name] in served
    await bench.scheduler.close()


async def drive_to(bench: Bench, at: float) -> None:
    """Goes on to that time, and stops at whatever is waited for on the way."""
    while True:
        await settle()
        due = bench.clock.next_due()
        left = at - bench.now()
        if due is None or due - bench.clock.now() > left:
            bench.clock.advance(left)
            return
        bench.clock.advance(due - bench.clock.now())


async def test_bulk_work_goes_on_slowly_however_much_interactive_work_there_is() -> None:
    bench = Bench(ONE_A_SECOND)
    bulk = [bench.submit(f"bulk{number}", "loader", Priority.BULK) for number in range(3)]
    for number in range(60):
        bench.submit(f"interactive{number}", "person")
    await drive(bench.clock, lambda: all(job.done.done() for job in bulk))
    names = [name for name, _ in bench.called]
    assert [names.index(f"bulk{number}") for number in range(3)] == [9, 19, 29]
    await bench.scheduler.close()


async def test_orders_do_not_wait_for_other_calls() -> None:
    bench = Bench(ONE_A_SECOND)
    for number in range(30):
        bench.submit(f"bulk{number}", "loader", Priority.BULK)
    orders = [bench.submit(f"order{number}", "trader", Priority.ORDER) for number in range(30)]
    await drive(bench.clock, lambda: all(job.done.done() for job in orders))
    assert [name for name, _ in bench.called] == [f"order{number}" for number in range(30)]
    await bench.scheduler.close()


async def test_a_place_among_ten_thousand_takes_no_more_steps_than_one_among_a_hundred() -> None:
    async def steps_among(count: int) -> int:
        bench = Bench(Limits("test", {"tr": (Window(1, 3600.0),)}))
        bench.submit("first")
        await settle()
        jobs = [bench.submit(f"bulk{number}", "loader", Priority.BULK) for number in range(count)]
        assert bench.scheduler.position(jobs[-1]).ahead == count - 1  # what is worked out once serves all
        steps = lines_of(lambda: bench.scheduler.position(jobs[-1]))
        await bench.scheduler.close()
        return steps

    assert await steps_among(10_000) == await steps_among(100)


def lines_of(call: Callable[[], object]) -> int:
    """How many lines of the scheduler a call takes: its cost, on any machine and whatever else runs there."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line" and "kernel_server" in frame.f_code.co_filename
        return trace

    before = sys.gettrace()
    gc.disable()  # what it would finalize here was left by others
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
        gc.enable()
    return count
