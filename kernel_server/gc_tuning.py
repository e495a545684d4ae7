"""Settings of Python's garbage collector for processes that are ours: servers and programs.

A full collection visits all long-lived objects, and no event is fired until it ends. With the whole market
registered at the simulated broker, the longest work on the control thread takes 70 to 80 ms without these settings
and 26 to 32 ms with them (``python -m bench.exchange all``).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_FULL_AFTER = 100
"""Collections of the middle generation before a full one, by default 10: some 700,000 more objects.

Two million from Python 3.13 on."""


@contextmanager
def loading() -> Iterator[None]:
    """Modules that load in this block are never visited by a collection, neither now nor at the end of the process.

    What a module makes stays as long as the process, so that looking through it finds nothing: of the CPU time of a
    command that imports pandas it is a third. Only for a process that is ours alone.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def tune() -> None:
    """Excludes all present objects from collections and makes full collections ten times rarer.

    To be called once a process has started. Young objects in cycles are collected as soon as by default, even if
    there was no collection while the process started.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    young, middle, _full = gc.get_threshold()
    gc.set_threshold(young, middle, _FULL_AFTER)
