"""Detects the end of the parent process, so that an embedded server does not outlive its notebook."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

_POLL_SECONDS = 0.5


def when_gone(parent: int, call: Callable[[], None]) -> None:
    """Calls ``call()`` once, from a thread, as soon as process ``parent`` has ended.

    Two signs are watched: the end of standard input, a pipe from the parent; and, on POSIX, another parent process
    id, because a process that the parent forked may keep the pipe open.
    """
    once = threading.Lock()

    def gone() -> None:
        if once.acquire(blocking=False):
            call()

    def read() -> None:
        # Not through sys.stdin, whose lock this thread would hold for ever: the interpreter's end aborts over it.
        while os.read(standard_input, 4096):
            pass
        gone()

    standard_input = sys.stdin.fileno()

    def poll() -> None:
        pause = threading.Event()
        while os.getppid() == parent:
            pause.wait(_POLL_SECONDS)
        gone()

    threading.Thread(target=read, name="parent-pipe", daemon=True).start()
    if os.name == "posix":
        threading.Thread(target=poll, name="parent-poll", daemon=True).start()
