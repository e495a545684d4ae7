"""A broker that takes less than the windows say: refusals stop, and what is made comes near what it takes."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.scheduler import PRESETS, BackOff, Limits, Refused, Window
from tests.support.examples import examples
from tests.support.scheduler_bench import START, Bench, drive, settle

pytestmark = pytest.mark.slow

OFFICIAL = PRESETS["official"]
HOUR = 3600.0


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


class Broker:
    """Takes what its own windows hold, and refuses the rest with -200. Windows may change: by time from START."""

    def __init__(self, *phases: tuple[float, Sequence[Window]]) -> None:
        self._phases = phases
        self._taken: list[float] = []
        self.refused: list[float] = []

    def __call__(self, now: float) -> int:
        windows = [windows for since, windows in self._phases if since <= now - START][-1]
        for window in windows:
            if len(self._taken) >= window.limit and self._taken[-window.limit] + window.seconds > now:
                self.refused.append(now - START)
                return -200
        self._taken.append(now)
        return 0

    def taken(self, since: float, until: float) -> int:
        return sum(since <= time - START < until for time in self._taken)


CLOSED = (Window(1, 1e9),)  # one call in living memory: as good as none


def best(windows: Sequence[Window], until: float) -> int:
    """How many calls fit in, made as early as can be, before that time."""
    times: list[float] = []
    while True:
        due = max([0.0, *(times[-w.limit] + w.seconds for w in windows if len(times) >= w.limit)])
        if due >= until:
            return len(times)
        times.append(due)


async def loaded(
    limits: Limits, broker: Broker, until: float, calls: int = 4100, back_off: BackOff | None = None
) -> Bench:
    """The bench after that time with more work than can be done."""
    bench = Bench(limits, back_off, broker=broker)

    jobs = [bench.submit(str(number)) for number in range(calls)]
    left = jobs.copy()

    def all_done() -> bool:
        while left and left[-1].done.done():
            left.pop()  # asked once: a load of thousands is looked at after each call
        return not left

    await drive(bench.clock, lambda: bench.now() >= until or all_done())
    assert not any(job.done.exception() for job in jobs if job.done.done())
    await bench.scheduler.close()
    return bench


@st.composite
def narrower(draw: st.DrawFn) -> tuple[Limits, tuple[Window, ...]]:
    """A preset, and what the broker takes instead: one of its windows is narrower, and shorter ones fit into it."""
    limits = draw(st.sampled_from([PRESETS["official"], PRESETS["safe"]]))
    windows = limits.of("tr")
    chosen = draw(st.integers(0, len(windows) - 1))
    shorter = max([1, *(window.limit for window in windows[:chosen] if window.limit < windows[chosen].limit)])
    limit = draw(st.integers(min(shorter, windows[chosen].limit - 1), windows[chosen].limit - 1))
    real = [*windows[:chosen], Window(limit, windows[chosen].seconds), *windows[chosen + 1 :]]
    return limits, tuple(real)


@settings(max_examples=examples(4, 15), deadline=None)
@given(narrower())
async def test_refusals_stop_and_the_calls_come_near_what_the_broker_takes(
    setting: tuple[Limits, tuple[Window, ...]],
) -> None:
    limits, real = setting
    broker = Broker((0.0, real))
    until = 3 * HOUR
    await loaded(limits, broker, until)
    # A few until it is found out which window, then one each time it is tried again, half as often each time.
    tries = math.log2(HOUR / 60.0) + until / HOUR
    assert len(broker.refused) <= len(real) + tries
    assert broker.taken(0.0, until) >= 0.97 * best(real, until)


@pytest.mark.parametrize(
    "real",
    [
        PRESETS["safe"].of("tr"),
        [Window(5, 18.0)],
        [Window(3, 2.0)],
        [Window(3, 10.0)],
        [Window(2, 30.0)],
        [Window(20, 60.0)],
        [Window(100, 600.0)],
    ],
)
async def test_unknown_windows_are_respected_by_narrowing_their_neighbours(real: Sequence[Window]) -> None:
    broker = Broker((0.0, real))
    await loaded(OFFICIAL, broker, 4 * HOUR)
    assert broker.taken(0.0, 4 * HOUR) >= 0.5 * min(4000, best(real, 4 * HOUR))
    assert sum(time >= 2 * HOUR for time in broker.refused) <= 30


async def test_a_window_between_two_others_costs_a_refusal_now_and_then_and_no_more() -> None:
    safe = PRESETS["safe"]
    real = [*safe.of("tr"), Window(16, 300.0)]
    broker = Broker((0.0, real))
    await loaded(safe, broker, 4 * HOUR)
    assert broker.taken(0.0, 4 * HOUR) >= 0.6 * best(real, 4 * HOUR)
    # It is known again by the first of them: without that there would be twice as many.
    assert len(broker.refused) <= 100


async def test_each_refusal_is_followed_by_a_longer_peace() -> None:
    broker = Broker((0.0, [Window(2, 1.0)]))
    await loaded(OFFICIAL, broker, 2000.0)
    gaps = [later - sooner for sooner, later in zip(broker.refused, broker.refused[1:])]  # noqa: B905
    assert gaps == sorted(gaps)
    assert len(gaps) <= 4


async def test_a_window_that_is_tried_again_is_known_by_its_first_refusal() -> None:
    # When it is refused there are calls in the short window too, which is looked at first.
    broker = Broker((0.0, [Window(503, HOUR)]))
    await loaded(OFFICIAL, broker, 2 * HOUR)
    assert broker.refused[:3] == [100.0, 101.0, 161.0]
    assert all(later - sooner >= 120.0 for sooner, later in zip(broker.refused[2:], broker.refused[3:]))  # noqa: B905


async def test_windows_open_again_when_the_broker_takes_more_again() -> None:
    real = OFFICIAL.of("tr")
    broker = Broker((0.0, [Window(1, 1.0), real[1]]), (120.0, real))
    await loaded(OFFICIAL, broker, 2 * HOUR)
    # The last of the thousand of the first hour came no later than the widening lets them.
    assert broker.taken(0.0, HOUR) == 1000
    assert broker.taken(300.0, 310.0) == 50
    assert broker.taken(HOUR, 2 * HOUR) == 1000


@pytest.mark.parametrize("preset", ["official", "safe"])
async def test_a_wrong_guess_does_not_last(preset: str) -> None:
    limits = PRESETS[preset]
    windows = limits.of("tr")
    # For half a minute the broker takes nothing at all, for a reason that no window knows.
    broker = Broker((0.0, windows), (40.0, CLOSED), (70.0, windows))
    await loaded(limits, broker, 2 * HOUR)
    assert len(broker.refused) <= 4
    assert broker.taken(0.0, 2 * HOUR) >= 0.95 * best(windows, 2 * HOUR)


async def test_a_limit_that_falls_in_the_middle_is_found_though_longer_windows_were_never_so_full() -> None:
    safe = PRESETS["safe"]
    falls = [Window(3, 18.0)]
    broker = Broker((0.0, safe.of("tr")), (1000.0, falls))
    await loaded(safe, broker, 1000.0 + 2 * HOUR)
    assert broker.taken(1000.0 + HOUR, 1000.0 + 2 * HOUR) >= 0.97 * HOUR / 18.0 * 3


@pytest.mark.parametrize("few", [2, 4])
async def test_limits_that_fall_and_rise_and_fall_elsewhere_are_found_each_time(few: int) -> None:
    safe = PRESETS["safe"]
    usual, falls, elsewhere = safe.of("tr"), [Window(few, 18.0)], [Window(12, 90.0)]
    starts = [0.0, 1000.0, 4000.0, 7000.0, 10_000.0, 13_000.0]
    broker = Broker(*zip(starts, [usual, falls, usual, falls, usual, elsewhere], strict=True))
    await loaded(safe, broker, 20_000.0, 9000)
    for since, until, pace in [(1e3, 4e3, few / 18), (7e3, 1e4, few / 18), (13e3, 2e4, 12 / 90)]:
        assert broker.taken(since, until) >= 0.95 * pace * (until - since)


async def test_the_quotas_say_what_is_taken_at_present() -> None:
    bench = Bench(OFFICIAL, broker=Broker((0.0, [Window(3, 1.0)])))
    jobs = [bench.submit(str(number)) for number in range(4)]
    await settle()
    assert [quota.allowed for quota in bench.scheduler.quotas() if quota.key == "tr"] == [3, 1000]
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    bench.clock.advance(60.0)
    assert [quota.allowed for quota in bench.scheduler.quotas() if quota.key == "tr"] == [5, 1000]
    await bench.scheduler.close()


async def test_learned_windows_show_in_the_quotas_while_they_apply() -> None:
    bench = Bench(OFFICIAL, broker=Broker((0.0, [Window(5, 18.0)])))
    for number in range(100):
        bench.submit(str(number))
    await drive(bench.clock, lambda: bench.now() >= 80.0)
    found = [quota for quota in bench.scheduler.quotas() if quota.key == "tr"]
    assert [quota.window.seconds for quota in found] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 3600.0]
    assert all(quota.allowed == quota.window.limit <= 5 for quota in found[1:-1])
    await bench.scheduler.close()


async def test_the_log_says_what_was_learned(caplog: pytest.LogCaptureFixture) -> None:
    logging.disable(logging.NOTSET)
    caplog.set_level(logging.WARNING, "kernel_server")
    await loaded(OFFICIAL, Broker((0.0, [Window(3, 1.0)])), 10.0)
    assert "tr: at most 3 calls in 1 s for the next 60 s, where 5 were to be allowed" in caplog.text


async def test_nothing_is_learned_where_no_call_could_be_the_cause() -> None:
    bench = Bench(OFFICIAL, BackOff(attempts=3))
    bench.answers = [-200, -200]
    jobs = [bench.submit(str(number)) for number in range(6)]
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    assert [time for _, time in bench.called] == [0.0, 1.0, 3.0, 3.0, 3.0, 3.0, 3.0, 4.0]
    await bench.scheduler.close()


async def test_windows_stay_as_they_are_where_that_is_set() -> None:
    bench = Bench(OFFICIAL, BackOff(tighten=0.0, attempts=2))
    bench.answers = [0, 0, -200, -200]
    jobs = [bench.submit(str(number)) for number in range(3)]
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    assert isinstance(jobs[2].done.exception(), Refused)
    assert [quota.allowed for quota in bench.scheduler.quotas() if quota.key == "tr"] == [5, 1000]
    await bench.scheduler.close()


async def test_orders_learn_from_their_own_refusals_and_trs_do_not() -> None:
    bench = Bench(OFFICIAL)
    bench.answers = [0, 0, -308]
    jobs = [bench.submit(str(number), kind="order") for number in range(3)]
    await settle()
    jobs += [bench.submit(str(number)) for number in range(5)]
    await settle()
    assert [quota.allowed for quota in bench.scheduler.quotas()] == [5, 1000, 2]
    assert all(job.done.done() for job in jobs[3:])
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    await bench.scheduler.close()


async def test_the_expected_wait_keeps_to_a_tighter_window_until_it_opens_again() -> None:
    broker = Broker((0.0, [Window(1, 1.0)]), (0.5, OFFICIAL.of("tr")))
    bench = Bench(OFFICIAL, broker=broker)
    jobs = [bench.submit(str(number)) for number in range(400)]
    await settle()
    assert broker.refused == [0.0]
    expected = [bench.now() + bench.scheduler.position(job).wait for job in jobs[1:]]
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    taken = [time for _, time in bench.called][2:]
    assert taken == expected
    assert taken[58:65] == [59.0, 60.0, 60.0, 60.0, 60.0, 60.0, 61.0]
    await bench.scheduler.close()


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"first": 0.0}, {"first": 5.0, "longest": 1.0}, {"tighten": -1.0}]
)
def test_a_back_off_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    make: Callable[..., BackOff] = BackOff
    with pytest.raises(ValueError, match="back-off"):
        make(**wrong)
