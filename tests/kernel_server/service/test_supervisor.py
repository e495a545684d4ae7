"""A server that ends with an error is started again after pauses that grow; one that is stopped is not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from kernel_server.service.maintenance import DailyRestart
from kernel_server.service.supervisor import Maintenance, Pauses, Running, Supervisor


class Program:
    """A child that runs for so many looks and ends with that code; None: it runs until it is ended."""

    def __init__(self, code: int | None, looks: int = 1) -> None:
        self.code = code
        self.looks = looks
        self.ended = False

    def wait(self, seconds: float) -> int | None:
        self.looks -= 1
        return self.code if self.looks <= 0 else None

    def end(self) -> None:
        self.ended = True


class Bench(threading.Event):
    """The event that stops a supervisor, with the time that its waits take; ``pauses`` are those waits."""

    def __init__(self, programs: Sequence[Program | OSError], stop_after: int = 1000) -> None:
        super().__init__()
        self.now = 0.0
        self.pauses: list[float] = []
        self.reports: list[Running] = []
        self.programs = list(programs)
        self.left = list(programs)
        self.stop_after = stop_after

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now += timeout
        self.pauses.append(timeout)
        return self.is_set()

    def start(self) -> Program:
        program = self.left.pop(0)
        if isinstance(program, OSError):
            raise program
        return program

    def report(self, running: Running) -> None:
        self.reports.append(running)
        if len(self.reports) >= self.stop_after:
            self.set()

    def run(self, look: Callable[[], None] = lambda: None, *maintenance: Maintenance) -> int:
        pauses = Pauses(first=5, longest=60, sound=600, look=5)
        return Supervisor(self.start, self.report, pauses, lambda: self.now, self, look, maintenance).run()


def test_a_server_that_fails_is_started_again_after_pauses_that_double_up_to_the_longest() -> None:
    bench = Bench([*(Program(1) for _ in range(6)), Program(0)])
    assert bench.run() == 0
    assert bench.pauses == [5, 10, 20, 40, 60, 60]
    assert bench.reports[-1] == Running(True, 6, 1)


def test_after_a_sound_run_the_pause_is_the_first_again() -> None:
    bench = Bench([])

    class Sound(Program):
        def wait(self, seconds: float) -> int | None:
            bench.now += 700
            return 3

    bench.left = [Program(1), Program(1), Sound(3), Program(1), Program(0)]
    bench.run()
    assert bench.pauses == [5, 10, 5, 10]


def test_a_server_that_ends_by_itself_is_not_started_again() -> None:
    bench = Bench([Program(0)])
    assert bench.run() == 0
    assert bench.pauses == []


def test_one_that_cannot_be_started_is_tried_again() -> None:
    bench = Bench([OSError("no such file"), Program(0)])
    assert bench.run() == 0
    assert bench.reports[0] == Running(False, 0, 1)


def test_stop_ends_the_server_and_the_supervisor() -> None:
    program = Program(None, looks=10_000)
    bench = Bench([program], stop_after=3)
    assert bench.run() == 0
    assert program.ended
    assert bench.reports == [Running(True, 0, None)] * 3


def test_stop_in_a_pause_starts_no_other() -> None:
    bench = Bench([Program(1), Program(1)], stop_after=2)
    assert bench.run() == 0
    assert len(bench.left) == 1


class Update:
    """Maintenance that is due at the looks in ``due_at``, or is asked for with exit code 75."""

    name = "an update"
    exit_code: int | None = 75

    def __init__(self, *due_at: int, works: bool = True) -> None:
        self.due_at = due_at
        self.works = works
        self.looks = self.done = 0

    def due(self) -> bool:
        self.looks += 1
        return self.looks in self.due_at

    def perform(self) -> bool:
        self.done += 1
        return self.works


class TestMaintenance:
    def test_ends_the_server_and_starts_it_again_at_once(self) -> None:
        first = Program(None, looks=10_000)
        bench, update = Bench([first, Program(0)]), Update(2)
        assert bench.run(lambda: None, update) == 0
        assert first.ended
        assert update.done == 1
        assert bench.pauses == []
        assert bench.reports[2:] == [
            Running(False, 0, None, 1, "an update"),
            Running(True, 0, None, 1),
        ]

    def test_is_what_an_exit_code_asks_for(self) -> None:
        bench, update = Bench([Program(75), Program(0)]), Update()
        assert bench.run(lambda: None, update) == 0
        assert update.done == 1
        assert bench.pauses == []
        assert bench.reports[-1].restarts == 0

    def test_that_fails_makes_the_next_start_wait(self) -> None:
        bench = Bench([Program(75), Program(75), Program(0)])
        bench.run(lambda: None, Update(works=False))
        assert bench.pauses == [5, 10]

    def test_again_and_again_makes_the_starts_wait_as_errors_do(self) -> None:
        bench = Bench([*(Program(75) for _ in range(5)), Program(0)])
        bench.run(lambda: None, Update())
        assert bench.pauses == [5, 10, 20, 40]

    def test_of_another_exit_code_is_none(self) -> None:
        bench, update = Bench([Program(1), Program(0)]), Update()
        bench.run(lambda: None, update)
        assert update.done == 0
        assert bench.reports[-1] == Running(True, 1, 1)

    def test_the_desktop_is_looked_at_while_the_server_runs(self) -> None:
        looks: list[int] = []
        bench = Bench([Program(0, looks=4)])
        bench.run(lambda: looks.append(1))
        assert len(looks) == 3


class TestTheDailyRestart:
    @staticmethod
    def at(text: str) -> float:
        return datetime.fromisoformat(f"{text}+09:00").timestamp()

    def test_is_due_once_a_day_at_that_time_in_seoul(self) -> None:
        now = [self.at("2026-11-30T05:59")]
        restart = DailyRestart("06:00", lambda: now[0])
        assert not restart.due()
        now[0] = self.at("2026-11-30T06:00")
        assert restart.due()
        assert restart.perform()
        assert not restart.due()
        now[0] = self.at("2026-12-01T06:01")
        assert restart.due()

    def test_of_a_time_that_is_over_today_is_tomorrows(self) -> None:
        now = [self.at("2026-11-30T06:00")]
        restart = DailyRestart("06:00", lambda: now[0])
        assert not restart.due()
        now[0] += 86_400
        assert restart.due()

    def test_of_a_machine_that_slept_is_made_up_for_once(self) -> None:
        now = [self.at("2026-11-30T05:00")]
        restart = DailyRestart("06:00", lambda: now[0])
        now[0] = self.at("2026-12-03T08:00")
        assert restart.due()
        restart.perform()
        assert not restart.due()

    @pytest.mark.parametrize("text", ["6", "24:00", "06:60", "six", ""])
    def test_of_no_time_of_day_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="HH:MM"):
            DailyRestart(text, lambda: 0.0)
