"""The deadline of a process that was asked to end."""

from __future__ import annotations

import subprocess
import sys

from tests.support.waiting import HANGS_AFTER

STUCK = """
import sys, threading
from kernel_server import ending

def behind_an_open_box():
    ending.set_deadline(0.2)
    threading.Event().wait()

{without_a_console}
behind_an_open_box()
"""


def ended(without_a_console: str = "") -> subprocess.CompletedProcess[str]:
    script = STUCK.format(without_a_console=without_a_console)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=HANGS_AFTER
    )


def test_a_stuck_process_ends_and_says_where_it_was() -> None:
    process = ended()
    assert process.returncode == 1
    assert "behind_an_open_box" in process.stderr


def test_a_process_without_a_console_ends_too() -> None:
    process = ended("sys.stderr = None")
    assert (process.returncode, process.stderr) == (1, "")


def test_one_that_ends_by_itself_is_left_alone() -> None:
    script = "from kernel_server import ending; ending.set_deadline(100)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=HANGS_AFTER).returncode == 0
