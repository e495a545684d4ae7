"""How things are timed here: several rounds, the median told, and everything that is compared in turn."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of a report: what, how long or how much, and what that is against its floor."""

    what: str
    figure: str
    against: str = ""


def rounds(calls: Sequence[Callable[[], object]], count: int) -> list[list[float]]:
    """Seconds of each call in each round. In every round each is made once, so that a slow moment hits all of them."""
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(count):
        for number, call in enumerate(calls):
            start = time.perf_counter()
            call()
            times[number].append(time.perf_counter() - start)
    return times


def median(times: Sequence[float]) -> float:
    return statistics.median(times)


def ratio(times: Sequence[float], floor: Sequence[float]) -> float:
    """The median over the rounds of one against the other."""
    return statistics.median(mine / other for mine, other in zip(times, floor, strict=True))


def one_core() -> None:
    """Keeps this process, and those it starts, on one core where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def all_cores(before: set[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, before)


def cores() -> set[int]:
    return set(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else set()


def duration(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
