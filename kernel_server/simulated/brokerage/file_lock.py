"""A file that one process at a time locks. The system unlocks it however the process ends."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


class FileLock:
    """A lock whose file contains the process number of its owner, and is deleted on release.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "lock"
    >>> one, two = FileLock(file), FileLock(file)
    >>> one.take(), two.take(), two.holder() == os.getpid()
    (True, False, True)
    >>> one.release(), two.take(), two.release(), file.exists()
    (None, True, None, False)
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        # Imported here because it takes some 40 ms, and a broker without an account file has no lock.
        from filelock import FileLock as SystemLock

        # It may be released on another thread than the one that took it.
        self._lock = SystemLock(file, timeout=0, mode=0o600, thread_local=False)

    def take(self) -> bool:
        """Take it without waiting; False if another process or instance has it.

        Raises:
            OSError: the file cannot be made or locked.
        """
        from filelock import Timeout

        self._file.parent.stat()  # filelock would make a missing folder
        try:
            self._lock.acquire()
        except Timeout:
            return False
        with contextlib.suppress(OSError):  # Windows lets no other handle write to a locked file
            self._file.write_text(f"{os.getpid()}\n", encoding="ascii")
        return True

    def holder(self) -> int | None:
        """The process that has it; None if unknown."""
        with contextlib.suppress(OSError, ValueError):
            return int(self._file.read_text(encoding="ascii"))
        return None

    def release(self) -> None:
        if self._lock.is_locked:
            # While it is locked, so that a process that waits for it sees that its file is gone and makes another.
            with contextlib.suppress(OSError):
                self._file.unlink()
            self._lock.release()
