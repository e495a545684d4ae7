"""A file that one process at a time may hold. However the process ends, the system lets go of it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 20  # Windows lets nobody read what is locked, and the holder's number stands at the beginning

    def _lock(handle: int) -> bool:
        os.lseek(handle, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(handle, 0, os.SEEK_SET)
        return True
else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class FileLock:
    """Whoever has taken the lock holds ``file``, which is made for it and goes when it is released.

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
        self._handle: int | None = None

    def take(self) -> bool:
        """Takes it, never waiting; False where somebody else holds it.

        Raises:
            OSError: the file cannot be made or locked.
        """
        while True:
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                taken = _lock(handle)
                # Between opening and locking, its holder may have taken the file away.
                if taken and not self._there(handle):
                    os.close(handle)
                    continue
            except BaseException:
                os.close(handle)
                raise
            if not taken:
                os.close(handle)
                return False
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
            self._handle = handle
            return True

    def _there(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), self._file.stat())
        except FileNotFoundError:
            return False

    def holder(self) -> int | None:
        """The process that holds it, None where that is not known."""
        with contextlib.suppress(OSError, ValueError):
            return int(self._file.read_text(encoding="ascii"))
        return None

    def release(self) -> None:
        if self._handle is None:
            return
        if sys.platform == "win32":  # which takes no open file away
            os.close(self._handle)
            with contextlib.suppress(OSError):
                self._file.unlink()
        else:
            with contextlib.suppress(OSError):
                self._file.unlink()
            os.close(self._handle)
        self._handle = None
