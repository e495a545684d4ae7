"""The process's file descriptors, of which each connection takes one."""

from __future__ import annotations

import contextlib
import sys


def allow_all() -> None:
    """Lets this process open as many files and connections as the system allows it; many begin with 256 to 1,024.

    With all of them taken by silent connections, no new client could connect.
    """
    if sys.platform == "win32":
        return  # there is no such limit
    import resource

    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS takes less than the limit that it names
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
