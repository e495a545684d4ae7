"""The desktop of the Windows machine, which all programs of a test run share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from scripts.ocx import wine
from scripts.ocx.machine import Machine
from tests.ocx.host import WindowsProgram

TRIES: Final = 5
_KEEPS_IT = """
import ctypes, sys
user = ctypes.windll.user32
window = user.CreateWindowExW(0, "STATIC", "", 0, 0, 0, 1, 1, None, None, None, None)
user.DestroyWindow(window)  # it would answer no message
print(int(bool(window)), flush=True)
sys.stdin.read()
"""

_users: list[object] = []
_open = ExitStack()
_shown: list[str] = []


@contextmanager
def shared(machine: Machine) -> Iterator[str]:
    """The X display of the desktop, the same for all that use it at once.

    Wine makes its desktop for the first program and gives up after ten seconds, so that on a busy machine that program
    has no windows. One is started for nothing else, again if need be, and stays.
    """
    if not _users:
        _shown[:] = [_open.enter_context(wine.display())]
        _open.enter_context(_kept(machine, _shown[0]))
    user = object()
    _users.append(user)
    try:
        yield _shown[0]
    finally:
        _users.remove(user)
        if not _users:
            _open.close()


@contextmanager
def _kept(machine: Machine, display: str) -> Iterator[None]:
    for _ in range(TRIES):
        program = WindowsProgram(machine, display, ["-c", _KEEPS_IT])
        if program.first_line().strip() == "1":
            break
        program.close()
    else:
        raise RuntimeError("Wine makes no window here")
    try:
        yield
    finally:
        program.close()
