"""The scheduler: never more than the broker takes, never later than it must be, fair, and gone when cancelled."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.scheduler import PRESETS, BackOff, Limits, Priority, Refused, Window
from tests.support.examples import examples
from tests.support.scheduler_bench import START, Bench, FunctionCall, drive, settle

OFFICIAL = PRESETS["official"]


def model(windows: tuple[Window, ...], count: int) -> list[float]:
    """The earliest times at which so many calls can be made, one after the other."""
    times: list[float] = []
    for _ in range(count):
        times.append(max([0.0, *(times[-w.limit] + w.seconds for w in windows if len(times) >= w.limit)]))
    return times


windows = st.lists(
    st.builds(Window, st.integers(1, 7), st.sampled_from([0.5, 1.0, 3.0, 18.0, 90.0])), min_size=1, max_size=4
).map(tuple)


@settings(max_examples=examples(25, 60), deadline=None)
@given(windows, st.integers(1, 40))
async def test_calls_start_exactly_when_the_windows_allow_it(limit: tuple[Window, ...], count: int) -> None:
    bench = Bench(Limits("test", {"tr": limit}))
    jobs = [bench.submit(str(number)) for number in range(count)]
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    times = [time for _, time in bench.called]
    assert times == model(limit, count)
    for window in limit:
        for first, last in zip(times, times[window.limit :], strict=False):
            assert last - first >= window.seconds - 1e-6
    await bench.scheduler.close()


who = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(list(Priority))), min_size=1, max_size=40)


@settings(max_examples=examples(40, 100), deadline=None)
@given(windows, who, st.data())
async def test_the_expected_wait_is_the_wait(
    limit: tuple[Window, ...], asked: list[tuple[str, Priority]], data: st.DataObject
) -> None:
    bench = Bench(Limits("test", {"tr": limit}))
    jobs = [bench.submit(str(number), *each) for number, each in enumerate(asked)]
    await settle()
    waiting = [job for job in jobs if not job.done.done()]
    if waiting:
        chosen = data.draw(st.sampled_from(waiting))
        place = bench.scheduler.position(chosen)
        expected, before = bench.now() + place.wait, len(bench.called)
        await drive(bench.clock, chosen.done.done)
        names = [name for name, _ in bench.called]
        name = str(jobs.index(chosen))
        assert names.index(name) - before == place.ahead
        assert dict(bench.called)[name] == expected
    await bench.scheduler.close()


@settings(max_examples=examples(25, 60), deadline=None)
@given(windows, who, st.integers(1, 30))
async def test_the_expected_wait_of_work_that_is_not_asked_for_yet_is_its_wait(
    limit: tuple[Window, ...], asked: list[tuple[str, Priority]], count: int
) -> None:
    bench = Bench(Limits("test", {"tr": limit}))
    for number, each in enumerate(asked):
        bench.submit(str(number), *each)
    await settle()
    expected = bench.now() + bench.scheduler.expected_wait("tr", count)
    jobs = [bench.submit(f"new{number}", "new", Priority.BULK) for number in range(count)]
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    assert dict(bench.called)[f"new{count - 1}"] == expected
    assert bench.scheduler.expected_wait("tr", 0) == 0.0
    await bench.scheduler.close()


async def test_the_expected_wait_changes_with_every_call_that_is_made() -> None:
    bench = Bench(Limits("test", {"tr": (Window(2, 10.0),)}))
    jobs = [bench.submit(str(number)) for number in range(5)]
    assert [bench.scheduler.position(job).wait for job in jobs] == [0.0, 0.0, 10.0, 10.0, 20.0]
    await settle()
    assert [bench.scheduler.position(job).wait for job in jobs] == [0.0, 0.0, 10.0, 10.0, 20.0]
    assert [bench.scheduler.position(job).ahead for job in jobs] == [0, 0, 0, 1, 2]
    bench.clock.advance(10.0)
    await settle()
    assert bench.scheduler.position(jobs[4]).wait == 10.0
    await bench.scheduler.close()


async def test_a_call_that_is_under_way_is_reckoned_with() -> None:
    bench = Bench(Limits("test", {"tr": (Window(1, 10.0),)}), busy=[(2.0, 2.0)])
    jobs = [bench.submit(str(number)) for number in range(2)]
    await settle()
    bench.clock.advance(1.0)
    assert [bench.scheduler.position(job).wait for job in jobs] == [0.0, 10.0]
    assert bench.scheduler.expected_wait("tr", 2) == 30.0
    assert bench.waiting() == 1
    jobs[1].done.cancel()
    await drive(bench.clock, jobs[0].done.done)
    await bench.scheduler.close()


async def test_the_expected_wait_of_more_than_anybody_asks_for_goes_by_the_slowest_window() -> None:
    for preset in PRESETS.values():
        bench = Bench(preset)
        wait = bench.scheduler.expected_wait("tr", 1_000_000)
        assert wait == pytest.approx(999_999 * 3.6, rel=0.01)
        await bench.scheduler.close()


async def test_official_limits_let_five_go_at_once_and_the_sixth_after_a_second() -> None:
    bench = Bench(OFFICIAL)
    jobs = [bench.submit(str(number)) for number in range(6)]
    await settle()
    assert [time for _, time in bench.called] == [0.0] * 5
    bench.clock.advance(0.999)
    await settle()
    assert len(bench.called) == 5
    bench.clock.advance(0.001)
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    assert bench.called[5] == ("5", pytest.approx(1.0))
    await bench.scheduler.close()


def test_the_safe_preset_rests_after_bursts() -> None:
    assert model(PRESETS["safe"].of("tr"), 26)[4:7] == [0.0, 18.0, 18.0]
    assert model(PRESETS["safe"].of("tr"), 26)[25] == 90.0


async def test_orders_go_before_interactive_work_and_that_before_bulk() -> None:
    bench = Bench(Limits("test", {"tr": (Window(1, 1.0),)}))
    jobs = [
        bench.submit("first"),
        bench.submit("bulk", priority=Priority.BULK),
        bench.submit("interactive"),
        bench.submit("order", priority=Priority.ORDER),
    ]
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    # Whoever is most urgent when the window opens gets it, whenever they came.
    assert [name for name, _ in bench.called] == ["order", "first", "interactive", "bulk"]
    await bench.scheduler.close()


async def test_clients_take_turns_however_much_one_of_them_asks() -> None:
    bench = Bench(Limits("test", {"tr": (Window(1, 1.0),)}))
    jobs = [bench.submit(f"greedy{number}", "greedy") for number in range(5)]
    await settle()
    jobs += [bench.submit("modest0", "modest"), bench.submit("modest1", "modest")]
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    order = [name for name, _ in bench.called]
    assert order.index("modest0") <= 2
    assert order.index("modest1") <= 4
    await bench.scheduler.close()


async def test_orders_have_a_counter_of_their_own() -> None:
    bench = Bench(OFFICIAL)
    trs = [bench.submit(f"tr{number}") for number in range(5)]
    orders = [bench.submit(f"order{number}", kind="order") for number in range(5)]
    await settle()
    assert all(job.done.done() for job in trs + orders)
    assert {time for _, time in bench.called} == {0.0}
    await bench.scheduler.close()


async def test_what_is_cancelled_is_never_called_and_gives_its_place_away() -> None:
    bench = Bench(Limits("test", {"tr": (Window(1, 1.0),)}))
    jobs = [bench.submit(str(number)) for number in range(4)]
    await settle()
    jobs[1].done.cancel()
    await settle()
    assert bench.waiting() == 2
    assert bench.scheduler.position(jobs[2]).ahead == 0
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    assert bench.called == [("0", 0.0), ("2", 1.0), ("3", 2.0)]
    await bench.scheduler.close()


async def test_a_refusal_is_backed_off_from_and_asked_again() -> None:
    bench = Bench(OFFICIAL, BackOff(first=1.0, longest=3.0, attempts=4))
    bench.answers = [-200, -200, -200, 0]
    job = bench.submit("stubborn")
    await drive(bench.clock, job.done.done)
    assert [time for _, time in bench.called] == [0.0, 1.0, 3.0, 6.0]
    assert job.done.result() == 0
    await bench.scheduler.close()


async def test_refusals_without_end_are_told_with_the_time_to_ask_again() -> None:
    bench = Bench(OFFICIAL, BackOff(first=1.0, longest=60.0, attempts=3))
    bench.answers = [-200] * 10
    job = bench.submit("stubborn")
    await drive(bench.clock, job.done.done)
    error = job.done.exception()
    assert isinstance(error, Refused)
    assert (error.code, error.retry_at) == (-200, START + 3.0 + 4.0)
    await bench.scheduler.close()


async def test_a_ban_holds_for_everyone_until_the_next_login() -> None:
    bench = Bench(Limits("test", {"tr": (Window(1, 1.0),)}))
    bench.answers = [0, -209]
    jobs = [bench.submit(str(number)) for number in range(4)]
    await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
    assert len(bench.called) == 2
    assert all(isinstance(job.done.exception(), Refused) for job in jobs[1:])
    later = bench.submit("later")
    assert isinstance(later.done.exception(), Refused)
    bench.scheduler.logged_in()
    again = bench.submit("again")
    await drive(bench.clock, again.done.done)
    assert again.done.result() == 0
    await bench.scheduler.close()


async def test_a_call_that_fails_raises_for_its_caller_only() -> None:
    bench = Bench(OFFICIAL)

    def broken() -> int:
        raise RuntimeError("the control is gone")

    failed = FunctionCall(broken)
    bench.scheduler.submit(failed)
    fine = bench.submit("fine", "b")
    await drive(bench.clock, lambda: failed.done.done() and fine.done.done())
    assert isinstance(failed.done.exception(), RuntimeError)
    assert fine.done.result() == 0
    await bench.scheduler.close()


@pytest.mark.parametrize(("limit", "seconds"), [(0, 1.0), (5, 0.0), (5, -1.0)])
def test_a_window_that_makes_no_sense_is_refused(limit: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="window"):
        Window(limit, seconds)
