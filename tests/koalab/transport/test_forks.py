"""A forked child neither uses nor ends what belongs to its parent, and ends itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import HANGS_AFTER

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on Windows")

# The children each do one thing and end; the parent's server, session and live data are as before.
_PROGRAM = """
import gc, os, signal, sys
import koalab as kl

kw = kl.connect(cache_dir=sys.argv[1])
kw.find("삼성전자")
pid = kw._link.transport.pid
collection = kw.collect(["005930"])
stream = kw.ticks(["005930"])

def ends():
    sys.exit(7)

def uses():
    asks = (kw.status, lambda: kw.daily("005930", "2026-11-09", "2026-11-13"), lambda: kw.find("LG"),
            lambda: kw.collect(["000660"]), kw.call.GetConnectState, lambda: kw.positions, lambda: next(stream))
    for ask in asks:
        try:
            ask()
        except kl.NotConnected as error:
            assert "kl.connect()" in str(error), error
        else:
            raise AssertionError(ask)
    sys.exit(7)

def closes():
    global kw, collection, stream
    kw.close()
    kw.close()
    stream.close()
    del kw, collection, stream
    gc.collect()
    sys.exit(7)

def of_multiprocessing():
    import multiprocessing

    child = multiprocessing.get_context("fork").Process(target=str)
    child.start()
    child.join()
    assert child.exitcode == 0
    sys.exit(7)

for act in (ends, uses, closes, of_multiprocessing):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        act()
    print(act.__name__, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
assert collection.running
assert len(kw.daily("005930", "2026-11-09", "2026-11-13")) == 5
assert kw._link.transport.pid == pid
kw.close()
print("parent", flush=True)
"""


def test_children_of_all_kinds_end_and_leave_the_parents_server_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=4 * 60 + HANGS_AFTER,
        check=False,
    )
    said = done.stdout.splitlines()
    assert said == ["ends 7", "uses 7", "closes 7", "of_multiprocessing 7", "parent"], done.stderr
