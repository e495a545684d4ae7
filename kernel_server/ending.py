"""The end of the process: a control with an open box keeps its thread, and so the process, for ever."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Final, NoReturn

WITHIN: Final = 15.0
"""Seconds from the request to stop to the end of the process."""


def at_once(code: int) -> NoReturn:
    """Ends the process with that exit code, and runs nothing more than what writes its output.

    Windows ends the other threads first and then lets every library clean up, which waits for ever where one of those
    threads had a lock. So nothing is cleaned up there; what needs it has been closed before.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a process without a console has none
            with contextlib.suppress(OSError):  # its reader is gone
                stream.flush()
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.TerminateProcess(kernel.GetCurrentProcess(), code)
    os._exit(code)


def set_deadline(within: float = WITHIN) -> None:
    """Ends the process with exit code 1 where it has not ended by itself by then.

    What each thread was doing goes to standard error first.

    Args:
        within: seconds from now.
    """
    # The file stays open as long as the process.
    file = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115

    def end() -> None:
        if not threading.Event().wait(within):
            faulthandler.dump_traceback(file)
            at_once(1)

    threading.Thread(target=end, name="deadline", daemon=True).start()
