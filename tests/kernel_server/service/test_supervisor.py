"""A server that ends with an error is started again after pauses that grow; one that is stopped is not."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from kernel_server.service.supervisor import Pauses, Running, Supervisor


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

    def run(self) -> int:
        pauses = Pauses(first=5, longest=60, sound=600, look=5)
        return Supervisor(self.start, self.report, pauses, lambda: self.now, self).run()


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
