"""Going with the parent: an embedded server must not outlive the notebook that started it, however that ended."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

_LOOK_EVERY = 0.5


def when_gone(parent: int, call: Callable[[], None]) -> None:
    """``call()`` once, from a thread, as soon as process ``parent`` is gone.

    Two signs are watched: standard input, a pipe whose other end the parent holds, comes to its end; and,
    where the system has it, this process gets another parent (a copy of the pipe's end may live on in a
    process that the parent forked).
    """
    once = threading.Lock()

    def gone() -> None:
        if once.acquire(blocking=False):
            call()

    def read() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        gone()

    def look() -> None:
        pause = threading.Event()
        while os.getppid() == parent:
            pause.wait(_LOOK_EVERY)
        gone()

    threading.Thread(target=read, name="parent-pipe", daemon=True).start()
    if os.name == "posix":
        threading.Thread(target=look, name="parent-look", daemon=True).start()
