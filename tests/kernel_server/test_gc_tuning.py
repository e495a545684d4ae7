"""The garbage collector of a server process. Each look is in a process of its own, as it is for all of it."""

from __future__ import annotations

import subprocess
import sys

COUNTING = """
import gc
from kernel_server import gc_tuning

class Node:
    pass

if {quiet}:
    gc_tuning.tune()
full = []
gc.callbacks.append(lambda phase, facts: full.append(1) if phase == "start" and facts["generation"] == 2 else None)
kept = []
for _ in range(100_000):
    kept.append(Node())
    kept[-1].own, kept[-1].more = [Node()], (Node(),)
"""


def said(quiet: bool, more: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", COUNTING.format(quiet=quiet) + more],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_market_that_is_registered_sets_off_no_full_collection() -> None:
    assert int(said(False, "print(len(full))")) > 0
    assert int(said(True, "print(len(full))")) == 0


def test_what_dies_young_in_a_cycle_is_still_found() -> None:
    cycles = """
import weakref

class Cycle:
    def __init__(self):
        self.me = self

last = weakref.ref(Cycle())
for _ in range(20_000):
    Cycle()
print(last() is None)
"""
    assert said(True, cycles) == "True"


def test_a_full_collection_still_comes_in_the_end() -> None:
    # How many are young differs between versions of Python.
    due = "young, middle, old = gc.get_threshold(); count = young * middle * old * 6 // 5; "
    assert int(said(True, f"{due}kept += [[n] for n in range(count)]; print(len(full))")) > 0
