"""Settings of Python's garbage collector for a server process.

A full collection visits all long-lived objects, and no event is fired until it ends. With the whole market
registered at the simulated broker, the longest work on the control thread takes 70 to 80 ms without these settings
and 26 to 32 ms with them (``python -m bench.exchange all``).
"""

from __future__ import annotations

import gc

_FULL_AFTER = 100
"""Collections of the middle generation before a full one, by default 10: some 700,000 more objects.

Two million from Python 3.13 on."""


def tune() -> None:
    """Excludes all present objects from collections and makes full collections ten times rarer.

    To be called once a process has started. Young objects in cycles are collected as soon as by default.
    """
    gc.collect()
    gc.freeze()
    young, middle, _full = gc.get_threshold()
    gc.set_threshold(young, middle, _FULL_AFTER)
