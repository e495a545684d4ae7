"""The scheduler: never more than the broker takes, never later than it must be, fair, and gone when cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.clock import SteppedClock
from kernel_server.scheduler import BackOff, Job, Limits, Priority, Refused, Scheduler, Window, presets
from kernel_server.scheduler.history import History
from kernel_server.scheduler.limits import next_free

START = 1_000_000.0
DAY = 86_400.0
OFFICIAL = presets()["official"]


async def settle() -> None:
    """Lets everything run that can run without time going on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def drive(clock: SteppedClock, done: Callable[[], bool]) -> None:
    """Moves the clock from one thing that is waited for to the next until ``done()``."""
    for _ in range(100_000):
        await settle()
        if done():
            return
        due = clock.next_due()
        assert due is not None, "nothing is waited for, and it is not done"
        clock.advance(due - clock.now())
    raise AssertionError("it never ends")


class Bench:
    """A scheduler over a broker that notes when it was called, and answers what it is told to."""

    def __init__(
        self,
        limits: Limits,
        back_off: BackOff | None = None,
        state_dir: Path | None = None,
        start: float = START,
        wall: Callable[[], float] | None = None,
    ) -> None:
        self.clock = SteppedClock(start)
        self.called: list[tuple[str, float]] = []
        self.answers: list[int] = []
        self.scheduler = Scheduler(self._run, self.clock, limits, back_off, state_dir, wall or self.clock.now)

    async def _run(self, call: Callable[[], int]) -> int:
        return call()

    def submit(
        self, name: str, client: str = "a", priority: Priority = Priority.INTERACTIVE, kind: str = "tr"
    ) -> Job:
        def call() -> int:
            self.called.append((name, self.clock.now() - START))
            return self.answers.pop(0) if self.answers else 0

        return self.scheduler.submit(kind, client, priority, call)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 60))  # type: ignore[arg-type]


def model(windows: tuple[Window, ...], count: int) -> list[float]:
    """The earliest times at which so many calls can be made, one after the other."""
    times: list[float] = []
    for _ in range(count):
        times.append(max([0.0, *(times[-w.limit] + w.seconds for w in windows if len(times) >= w.limit)]))
    return times


windows = st.lists(
    st.builds(Window, st.integers(1, 7), st.sampled_from([0.5, 1.0, 3.0, 18.0, 90.0])), min_size=1, max_size=4
).map(tuple)


@settings(max_examples=60, deadline=None)
@given(windows, st.integers(1, 40))
def test_calls_start_exactly_when_the_windows_allow_it(limit: tuple[Window, ...], count: int) -> None:
    async def scenario() -> None:
        bench = Bench(Limits("test", {"tr": limit}))
        jobs = [bench.submit(str(number)) for number in range(count)]
        await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
        times = [time for _, time in bench.called]
        assert times == pytest.approx(model(limit, count))
        for window in limit:
            for first, last in zip(times, times[window.limit :], strict=False):
                assert last - first >= window.seconds - 1e-6
        await bench.scheduler.close()

    run(scenario)


@settings(max_examples=60, deadline=None)
@given(windows, st.integers(1, 30), st.data())
def test_the_expected_wait_is_the_wait(limit: tuple[Window, ...], count: int, data: st.DataObject) -> None:
    async def scenario() -> None:
        bench = Bench(Limits("test", {"tr": limit}))
        jobs = [bench.submit(str(number)) for number in range(count)]
        await settle()
        waiting = [job for job in jobs if not job.done.done()]
        if waiting:
            chosen = data.draw(st.sampled_from(waiting))
            place = bench.scheduler.place(chosen)
            assert place.ahead == waiting.index(chosen)
            expected = bench.clock.now() - START + place.wait
            await drive(bench.clock, chosen.done.done)
            name = str(jobs.index(chosen))
            assert dict(bench.called)[name] == pytest.approx(expected)
        await bench.scheduler.close()

    run(scenario)


def test_official_limits_let_five_go_at_once_and_the_sixth_after_a_second() -> None:
    async def scenario() -> None:
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

    run(scenario)


def test_the_safe_preset_rests_after_bursts() -> None:
    assert model(presets()["safe"].of("tr"), 26)[4:7] == [0.0, 18.0, 18.0]
    assert model(presets()["safe"].of("tr"), 26)[25] == 90.0


def test_orders_go_before_interactive_work_and_that_before_bulk() -> None:
    async def scenario() -> None:
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

    run(scenario)


def test_clients_take_turns_however_much_one_of_them_asks() -> None:
    async def scenario() -> None:
        bench = Bench(Limits("test", {"tr": (Window(1, 1.0),)}))
        jobs = [bench.submit(f"greedy{number}", "greedy") for number in range(5)]
        await settle()
        jobs += [bench.submit("modest0", "modest"), bench.submit("modest1", "modest")]
        await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
        order = [name for name, _ in bench.called]
        assert order.index("modest0") <= 2
        assert order.index("modest1") <= 4
        await bench.scheduler.close()

    run(scenario)


def test_orders_have_a_counter_of_their_own() -> None:
    async def scenario() -> None:
        bench = Bench(OFFICIAL)
        trs = [bench.submit(f"tr{number}") for number in range(5)]
        orders = [bench.submit(f"order{number}", kind="order") for number in range(5)]
        await settle()
        assert all(job.done.done() for job in trs + orders)
        assert {time for _, time in bench.called} == {0.0}
        await bench.scheduler.close()

    run(scenario)


def test_what_is_cancelled_is_never_called_and_gives_its_place_away() -> None:
    async def scenario() -> None:
        bench = Bench(Limits("test", {"tr": (Window(1, 1.0),)}))
        jobs = [bench.submit(str(number)) for number in range(4)]
        await settle()
        jobs[1].done.cancel()
        await settle()
        assert bench.scheduler.waiting() == 2
        assert bench.scheduler.place(jobs[2]).ahead == 0
        await drive(bench.clock, lambda: all(job.done.done() for job in jobs))
        assert bench.called == [("0", 0.0), ("2", 1.0), ("3", 2.0)]
        await bench.scheduler.close()

    run(scenario)


def test_a_refusal_is_backed_off_from_and_asked_again() -> None:
    async def scenario() -> None:
        bench = Bench(OFFICIAL, BackOff(first=1.0, longest=3.0, attempts=4))
        bench.answers = [-200, -200, -200, 0]
        job = bench.submit("stubborn")
        await drive(bench.clock, job.done.done)
        assert [time for _, time in bench.called] == [0.0, 1.0, 3.0, 6.0]
        assert job.done.result() == 0
        await bench.scheduler.close()

    run(scenario)


def test_refusals_without_end_are_told_with_the_time_to_ask_again() -> None:
    async def scenario() -> None:
        bench = Bench(OFFICIAL, BackOff(first=1.0, longest=60.0, attempts=3))
        bench.answers = [-200] * 10
        job = bench.submit("stubborn")
        await drive(bench.clock, job.done.done)
        error = job.done.exception()
        assert isinstance(error, Refused)
        assert (error.code, error.retry_at) == (-200, START + 3.0 + 4.0)
        await bench.scheduler.close()

    run(scenario)


def test_a_ban_holds_for_everyone_until_the_next_login() -> None:
    async def scenario() -> None:
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

    run(scenario)


def test_a_call_that_fails_is_told_to_its_caller_and_to_nobody_else() -> None:
    async def scenario() -> None:
        bench = Bench(OFFICIAL)

        def broken() -> int:
            raise RuntimeError("the control is gone")

        failed = bench.scheduler.submit("tr", "a", Priority.INTERACTIVE, broken)
        fine = bench.submit("fine", "b")
        await drive(bench.clock, lambda: failed.done.done() and fine.done.done())
        assert isinstance(failed.done.exception(), RuntimeError)
        assert fine.done.result() == 0
        await bench.scheduler.close()

    run(scenario)


def test_what_was_called_before_a_restart_still_counts(tmp_path: Path) -> None:
    async def scenario() -> None:
        before = Bench(OFFICIAL, state_dir=tmp_path)
        jobs = [before.submit(str(number)) for number in range(5)]
        await drive(before.clock, lambda: all(job.done.done() for job in jobs))
        await before.scheduler.close()
        after = Bench(OFFICIAL, state_dir=tmp_path)
        assert ("tr", Window(1000, 3600.0), 5, 0.0) in after.scheduler.quotas()
        job = after.submit("sixth")
        await drive(after.clock, job.done.done)
        assert after.called == [("sixth", pytest.approx(1.0))]
        await after.scheduler.close()

    run(scenario)


@pytest.mark.parametrize("start", [START, START - 2 * DAY, START + 2 * DAY])
def test_what_passes_between_two_servers_is_real_time_whatever_their_clocks_show(
    tmp_path: Path, start: float
) -> None:
    async def scenario() -> None:
        watch = [START]
        before = Bench(OFFICIAL, state_dir=tmp_path, wall=lambda: watch[0])
        job = before.submit("first")
        await drive(before.clock, job.done.done)
        await before.scheduler.close()
        watch[0] += 100.0
        after = Bench(OFFICIAL, state_dir=tmp_path, start=start, wall=lambda: watch[0])
        hour = next(used for _, window, used, _ in after.scheduler.quotas() if window.seconds == 3600.0)
        assert hour == 1
        after.clock.advance(3501.0)
        assert all(used == 0 for _, _, used, _ in after.scheduler.quotas())
        await after.scheduler.close()

    run(scenario)


def test_a_history_cut_off_in_the_middle_keeps_its_whole_times(tmp_path: Path) -> None:
    file, watch = tmp_path / "tr.times", [START]
    history = History(60.0, 5, file, START, lambda: watch[0])
    for seconds in (1.0, 2.0, 3.0):
        watch[0] = START + seconds
        history.add(watch[0])
    history.close()
    file.write_bytes(file.read_bytes()[:-3])
    assert History(60.0, 5, file, START + 4.0, lambda: START + 4.0).times == [START + 1.0, START + 2.0]


def test_a_history_forgets_what_counts_no_more(tmp_path: Path) -> None:
    file = tmp_path / "tr.times"
    history = History(60.0, 5, file, START, lambda: START)
    history.add(START)
    history.close()
    assert History(60.0, 5, file, START + 61.0, lambda: START + 61.0).times == []


def test_the_machines_time_set_back_frees_no_window_after_a_restart(tmp_path: Path) -> None:
    file, watch = tmp_path / "tr.times", [START]
    history = History(60.0, 5, file, START, lambda: watch[0])
    history.add(START)
    watch[0] -= 50.0
    history.add(START + 1.0)
    history.close()
    assert History(60.0, 5, file, START, lambda: START + 20.0).times == [START - 20.0, START - 20.0]


def test_a_folder_that_cannot_be_written_to_costs_the_memory_and_nothing_else(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    history = History(60.0, 5, blocked / "tr.times", now=START)
    history.add(START)
    assert history.times == [START]


def test_a_clock_set_back_frees_no_window() -> None:
    history = History(60.0, 5)
    history.add(START)
    history.add(START - 100.0)
    assert next_free([Window(2, 1.0)], history.times) == START + 1.0


@pytest.mark.parametrize(("limit", "seconds"), [(0, 1.0), (5, 0.0), (5, -1.0)])
def test_a_window_that_makes_no_sense_is_refused(limit: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="window"):
        Window(limit, seconds)
