"""The garbage collector of a process that is ours: each check starts one, as settings are those of a whole process."""

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
for _ in range(60_000):
    kept.append(Node())
    kept[-1].own, kept[-1].more = [Node()], (Node(),)
"""


def said(quiet: bool, more: str) -> str:
    return said_by(COUNTING.format(quiet=quiet) + more)


def said_by(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
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


def test_what_loads_is_never_visited_and_what_comes_later_is() -> None:
    loading = """
import gc
from kernel_server import gc_tuning

started = []
gc.callbacks.append(lambda phase, facts: started.append(phase))
with gc_tuning.loading():
    kept = [[] for _ in range(50_000)]
    during = len(started)
print(during, gc.get_freeze_count() > 50_000, gc.isenabled(), [one for one in gc.get_objects() if one is kept])
later = [[] for _ in range(50_000)]
print(len(started) > 0)
"""
    assert said_by(loading) == "0 True True []\nTrue"


def test_collections_go_on_after_modules_that_do_not_load() -> None:
    failing = """
import gc
from kernel_server import gc_tuning

try:
    with gc_tuning.loading():
        import no_such_module
except ImportError:
    print(gc.isenabled())
"""
    assert said_by(failing) == "True"


def test_a_start_without_collections_ends_with_them() -> None:
    assert (
        said_by(
            "import gc; gc.disable(); from kernel_server import gc_tuning; gc_tuning.tune(); print(gc.isenabled())"
        )
        == "True"
    )
