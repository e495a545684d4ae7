"""The scheduler under any load, against a checker that shares nothing with it.

What is checked, from notes of when jobs came, were given up, were handed on, reached the broker and were back:

- no window ever holds more than it takes, its own count beginning when a call was back;
- nothing is handed on that may not be, and nothing later than the first moment at which anything may be: it never
  idles, so it ends as early as can be;
- whoever is handed on is the most urgent of those who may go, by priority, bulk work's tenth call, and arrival;
- what was given up in time is never called and counts nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.scheduler import PRESETS, Limits, Priority, RateLimitedCall, Window
from tests.support.examples import examples
from tests.support.scheduler_bench import START, Bench, settle

pytestmark = pytest.mark.slow

CONDITION = (Window(1, 60.0),)
PRESETS = [
    PRESETS["official"],
    PRESETS["safe"],
    Limits("one a second", {"tr": (Window(1, 1.0),), "condition": CONDITION}),
    Limits("uneven", {"tr": (Window(2, 1.5), Window(3, 2.0), Window(7, 30.0)), "condition": CONDITION}),
    Limits("slow", {"tr": (Window(4, 90.0),), "order": (Window(1, 3.0),), "condition": (Window(2, 45.0),)}),
    Limits("none", {}),
]
EVER = float("inf")


@dataclass
class Asked:
    """A job as the load wants it. Times are quarters of a second, which floats hold exactly."""

    came: float
    client: str
    priority: Priority
    kind: str
    own: str | None
    given_up: float = EVER


quarters = st.integers(0, 160).map(lambda number: number / 4)
trs = st.builds(
    Asked,
    quarters,
    st.sampled_from("abc"),
    st.sampled_from([Priority.INTERACTIVE, Priority.BULK, Priority.ORDER]),
    st.just("tr"),
    st.none(),
)
orders = st.builds(
    Asked, quarters, st.sampled_from("abc"), st.just(Priority.ORDER), st.just("order"), st.none()
)
searches = st.builds(
    Asked,
    quarters,
    st.sampled_from("abc"),
    st.sampled_from([Priority.INTERACTIVE, Priority.BULK]),
    st.just("tr"),
    st.sampled_from(["condition:0:가", "condition:1:나"]),
)
patience = st.sampled_from([EVER, EVER, EVER, EVER, 0.0, 0.25, 0.5, 1.0, 3.0, 18.0, 50.0])
# Many at once, and each of them with a patience of its own.
bursts = st.tuples(st.one_of(trs, trs, orders, searches), st.lists(patience, min_size=1, max_size=14))
loads = st.lists(bursts, min_size=1, max_size=12).map(
    lambda found: [
        replace(asked, given_up=asked.came + patience) for asked, patiences in found for patience in patiences
    ]
)
# Seconds that the control thread takes to get to a call, and that the call takes.
ways = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 2.0]), st.sampled_from([0.0, 0.25, 1.0])), min_size=10, max_size=60
)


@dataclass
class Turn:
    """A job that was handed on, when it reached the broker if it did, and when it was back."""

    asked: Asked
    handed: float
    called: float | None
    back: float


async def played(limits: Limits, load: list[Asked], busy: list[tuple[float, float]]) -> list[Turn]:
    """What the scheduler did with that load, kind by kind in order."""
    bench = Bench(limits, busy=busy)
    jobs: dict[int, RateLimitedCall] = {}
    happenings = sorted(
        [(asked.came, number, False) for number, asked in enumerate(load)]
        + [(asked.given_up, number, True) for number, asked in enumerate(load) if asked.given_up < EVER]
    )
    while True:
        await settle()
        under_way = [made.job for made in bench.made if made.back is None]
        assert bench.waiting() == sum(not job.done.done() and job not in under_way for job in jobs.values())
        due = bench.clock.next_due()
        at = min(EVER if due is None else due - START, happenings[0][0] if happenings else EVER)
        if at == EVER:
            break
        bench.clock.advance(at - bench.now())
        while happenings and happenings[0][0] == at:
            _, number, gives_up = happenings.pop(0)
            asked = load[number]
            if gives_up:
                jobs[number].done.cancel()
            else:
                also = (asked.own,) if asked.own else ()
                jobs[number] = bench.submit(str(number), asked.client, asked.priority, asked.kind, also)
    # Nothing is left: neither waiting, nor in a window that it did not pass.
    assert bench.waiting() == 0
    assert all(job.done.done() for job in jobs.values())
    known = {id(job): load[number] for number, job in jobs.items()}
    turns = [Turn(known[id(made.job)], made.handed, made.called, made.back or 0.0) for made in bench.made]
    for quota in bench.scheduler.quotas():
        backs = [turn.back for turn in turns if turn.called is not None and quota.key in keys_of(turn.asked)]
        assert quota.used == sum(1 for back in backs if back + quota.window.seconds > bench.now())
    await bench.scheduler.close()
    return turns


def keys_of(asked: Asked) -> list[str]:
    return [asked.kind, asked.own] if asked.own else [asked.kind]


def opens(limits: Limits, key: str, before: list[Turn], after: float) -> float:
    """The first moment from ``after`` on at which every window of that key has room, by trying them all."""
    backs = [turn.back for turn in before if turn.called is not None and key in keys_of(turn.asked)]
    windows = limits.of(key)
    moments = sorted({after, *(back + w.seconds for back in backs for w in windows)})
    return next(
        moment
        for moment in moments
        if moment >= after
        and all(sum(back + w.seconds > moment for back in backs) < w.limit for w in windows)
    )


def check_windows(limits: Limits, turns: list[Turn]) -> None:
    for key in {key for turn in turns for key in keys_of(turn.asked)}:
        calls = [turn.called for turn in turns if turn.called is not None and key in keys_of(turn.asked)]
        for window in limits.of(key):
            for call in calls:
                assert sum(call - window.seconds < other <= call for other in calls) <= window.limit


def check_turns(limits: Limits, load: list[Asked], turns: list[Turn]) -> None:
    """Each turn of one kind came at the first moment at which it could, and to whom it was due."""
    free, passed = 0.0, 0
    for number, turn in enumerate(turns):
        before = turns[:number]
        left = [asked for asked in load if not any(other.asked is asked for other in before)]
        could = {}
        for asked in left:
            moment = max(opens(limits, key, before, max(free, asked.came)) for key in keys_of(asked))
            if asked.given_up > moment:
                could[id(asked)] = moment
        assert turn.handed == min(could.values())
        ready = [asked for asked in left if could.get(id(asked), EVER) <= turn.handed < asked.given_up]
        assert any(asked is turn.asked for asked in ready)
        waiting = {asked.priority for asked in ready}
        if Priority.ORDER in waiting:
            assert turn.asked.priority is Priority.ORDER
        elif waiting == {Priority.INTERACTIVE, Priority.BULK}:
            bulk = turn.asked.priority is Priority.BULK
            assert bulk == (passed == 9)
            passed = 0 if bulk else passed + 1
        else:
            passed = 0
        for other in ready:
            if (other.client, other.priority) == (turn.asked.client, turn.asked.priority):
                assert load_order(load, turn.asked) <= load_order(load, other)
        if turn.called is not None:
            assert turn.asked.given_up > turn.called
        free = turn.back
    called = [turn.asked for turn in turns]
    for asked in load:
        if asked.given_up == EVER:
            assert any(asked is other for other in called)


def load_order(load: list[Asked], asked: Asked) -> tuple[float, int]:
    return asked.came, next(number for number, other in enumerate(load) if other is asked)


@settings(max_examples=examples(80, 250), deadline=None)
@given(st.sampled_from(PRESETS), loads, ways)
async def test_it_never_exceeds_a_window_never_idles_and_serves_every_client_in_turn(
    limits: Limits, load: list[Asked], busy: list[tuple[float, float]]
) -> None:
    turns = await played(limits, load, busy)
    check_windows(limits, turns)
    for kind in ("tr", "order"):
        check_turns(
            limits,
            [asked for asked in load if asked.kind == kind],
            [turn for turn in turns if turn.asked.kind == kind],
        )


@settings(max_examples=examples(40, 100), deadline=None)
@given(st.sampled_from(PRESETS), st.lists(trs, min_size=1, max_size=80))
async def test_it_ends_as_early_as_the_windows_let_anybody_end(limits: Limits, load: list[Asked]) -> None:
    turns = await played(limits, load, [])
    # The windows do not care whose calls they are: the earliest sequence is the best there is.
    best: list[float] = []
    for came in sorted(asked.came for asked in load):
        made = [Turn(load[0], time, time, time) for time in best]
        best.append(opens(limits, "tr", made, max([came, *best[-1:]])))
    assert max(turn.back for turn in turns) <= 1.01 * best[-1]
    assert sorted(turn.handed for turn in turns) == best


@settings(max_examples=examples(25, 60), deadline=None)
@given(st.sampled_from(PRESETS), st.lists(searches, min_size=1, max_size=12))
async def test_searches_of_one_condition_are_a_minute_apart_and_no_more(
    limits: Limits, load: list[Asked]
) -> None:
    load = [replace(asked, own="condition:0:가", client="a", priority=Priority.BULK) for asked in load]

    turns = await played(limits, load, [])
    best: list[float] = []
    for came in sorted(asked.came for asked in load):
        made = [Turn(load[0], time, time, time) for time in best]
        after = max([came, *best[-1:]])
        best.append(max(opens(limits, key, made, after) for key in ("tr", "condition:0:가")))
    assert [turn.handed for turn in turns] == best
