"""The kernel server's own tests in the Windows Python."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

import pytest

from scripts.ocx.machine import Machine
from tests.ocx.host import WindowsProgram

LEFT_OUT: Final[Mapping[str, str]] = {
    "tests/kernel_server/test_many_clients.py": "Wine refuses a send of some hundred buffers (WinError 10040)",
    "tests/kernel_server/security/test_access.py::TestARequest::test_of_too_many_bytes_is_refused_by_grpc": (
        "the same, which ends the process"
    ),
}
"""Tests that fail there, and why: each is Wine's fault and none of the server's."""

WITHIN = 900


@pytest.mark.timeout(WITHIN + 60)
def test_they_pass_there(machine: Machine, display: str) -> None:
    options = ["-m", "not slow", "-q", "-p", "no:cacheprovider", "--timeout", "300", "--tb", "short"]
    left_out = [f"--deselect={name}" for name in LEFT_OUT]
    arguments = ["-X", "faulthandler", "-m", "pytest", *options, *left_out, "tests/kernel_server"]
    program = WindowsProgram(machine, display, arguments, KOALAB_TESTS="few")
    lines: list[str] = []

    def read() -> None:
        assert program.process.stdout is not None
        for line in program.process.stdout:
            lines.append(line)  # noqa: PERF402 - what has come is read while more may come

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    code = program.process.wait(WITHIN)
    # Not to the end: Wine's own server has the pipe, too, and outlives the program.
    reader.join(5)
    print("".join([*lines[-60:], *program.lines[-20:]]))
    assert code == 0
