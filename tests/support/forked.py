"""Processes of tests, forked from one that has imported what they need, so that they cost little.

That one has no threads: a process that is forked from the tests' own would have the locks that other tests' threads
held in that moment, for ever.
"""

from __future__ import annotations

import multiprocessing
import sys

if sys.platform == "win32":
    FORKED = multiprocessing.get_context("spawn")
else:
    FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    ["kernel_server.__main__", "kernel_server.simulated", "koalab.orders.checks", "pytest"]
)
