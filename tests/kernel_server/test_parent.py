"""An embedded server watches its parent, and ends cleanly when something else ends it first."""

from __future__ import annotations

import subprocess
import sys

from tests.support.waiting import HANGS_AFTER

WAITING = """
import os, threading
from kernel_server import parent
began, read = threading.Event(), os.read
os.read = lambda *arguments: (began.set(), read(*arguments))[1]
parent.when_gone(os.getppid(), lambda: None)
began.wait(1)
"""


def test_the_interpreter_ends_while_a_thread_waits_for_the_end_of_standard_input() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        rc = process.wait(HANGS_AFTER)  # its standard input stays open
        assert process.stderr is not None
        said = process.stderr.read()
    assert (rc, said) == (0, b"")
