"""Journal of calls that still count against rate limits, kept over restarts because the broker counts on, too.

Times are those of the server's clock, and in the file those of the wall clock, which all servers share.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import time
import zlib
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kernel_server import files

if TYPE_CHECKING:
    from filelock import FileLock

log = logging.getLogger(__name__)

# Calls after which the file is rewritten with those that still count.
_REWRITE = 20_000
# Bytes that are read at most, from the end: many times what a server writes before it rewrites the file.
_LARGEST = 2**24
_BINARY: int = getattr(os, "O_BINARY", 0)


class StateTaken(OSError):
    """Another server uses that folder."""


class Journal:
    """The calls that still count, in a folder that belongs to one server at a time.

    Each call is one line: a CRC-32, and its time and keys as JSON. A line that is truncated, damaged or no call is
    skipped. A time in the future, from a wrong clock, is taken as now, so that it counts for too long rather than too
    short. If the folder cannot be used, the server logs a warning and goes on without a journal.

    Args:
        folder: where the file is; None: nothing is kept.
        now: clock time.
        reach: the seconds for which a call of a key counts.
        wall: seconds since the epoch, the same for all servers.

    Raises:
        StateTaken: another server uses the folder.
    """

    def __init__(
        self,
        folder: Path | None,
        now: float,
        reach: Callable[[str], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._reach = reach
        self._wall = wall
        self._ahead = now - wall()  # of the wall clock, at the start
        self._written = float("-inf")
        self._lock: FileLock | None = None
        self._file: BinaryIO | None = None
        self._lines = 0
        self._kept: list[tuple[float, list[str]]] = []
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder)
            self._kept = self._rewritten(folder)
        except StateTaken:
            raise
        except OSError as error:
            self._give_up(error)

    def times(self, key: str) -> list[float]:
        """Times of calls of that key before this server started, ascending."""
        return sorted(made + self._ahead for made, keys in self._kept if key in keys)

    def record(self, keys: Sequence[str]) -> None:
        """Records a call made now that counts under these keys."""
        if self._file is None or not keys:
            return
        try:
            # Times never go back, so that setting the machine's time does not free a window.
            self._written = max(self._written, self._wall())
            self._file.write(_line(self._written, keys))
            self._lines += 1
            if self._lines > _REWRITE and self._folder is not None:
                self._file.close()
                self._rewritten(self._folder)
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Closes the file and releases the folder."""
        if self._file is not None:
            self._file.close()
        if self._lock is not None:
            self._lock.release()
        self._file = self._lock = None

    def _give_up(self, error: OSError) -> None:
        log.warning("when calls were made is not kept in %s: %s", self._folder, error)
        self.close()

    def _rewritten(self, folder: Path) -> list[tuple[float, list[str]]]:
        """Rewrites the file with the calls that still count, and returns them."""
        file = folder / "calls"
        kept = self._read(file, self._wall())
        files.replace(file, b"".join(_line(made, keys) for made, keys in kept))
        self._file = os.fdopen(
            _not_through_links(file, os.O_WRONLY | os.O_APPEND | _BINARY), "ab", buffering=0
        )
        self._lines = len(kept)
        return kept

    def _read(self, file: Path, now: float) -> list[tuple[float, list[str]]]:
        found = [_parsed(line) for line in _content(file).split(b"\n") if line]
        damaged = found.count(None)
        if damaged:
            log.warning("%d of %d calls in %s cannot be read and do not count", damaged, len(found), file)
        kept = []
        for made, keys in filter(None, found):
            counting = [key for key in keys if made + self._reach(key) > now]
            if counting:
                kept.append((min(made, now), counting))
        return kept


def _content(file: Path) -> bytes:
    """The end of the file; nothing where there is none, or something else (a link, a pipe) has its name."""
    try:
        kind = file.lstat().st_mode
    except FileNotFoundError:
        return b""
    if not stat.S_ISREG(kind):
        log.warning("%s is no file of calls and is not read", file)
        return b""
    with os.fdopen(_not_through_links(file, os.O_RDONLY | _BINARY), "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > _LARGEST:
            log.warning("%s is too long, and of its calls only the last count", file)
            stream.seek(size - _LARGEST)
        return stream.read(_LARGEST)


def _not_through_links(file: Path, flags: int) -> int:
    return os.open(file, flags | getattr(os, "O_NOFOLLOW", 0))


def _line(made: float, keys: Sequence[str]) -> bytes:
    # JSON escapes line breaks, which a condition's name may contain.
    text = json.dumps([made, *keys], ensure_ascii=False).encode("utf-8", "surrogatepass")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parsed(line: bytes) -> tuple[float, list[str]] | None:
    check, _, text = line.partition(b" ")
    if check != b"%08x" % zlib.crc32(text):
        return None
    # A line of a right CRC need not be ours.
    try:
        made, *keys = json.loads(text.decode("utf-8", "surrogatepass"))
        sound = type(made) in (int, float) and isfinite(made) and all(isinstance(key, str) for key in keys)
        return (float(made), keys) if sound and keys else None
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _locked(folder: Path) -> FileLock:
    """The lock of the folder. The operating system frees it when the process ends, also when it is killed."""
    # Imported here because it takes 70 ms, and a simulated broker's server has no such folder by default.
    from filelock import FileLock, Timeout

    # It may be released on another thread than this one.
    lock = FileLock(folder / "lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise StateTaken(
            f"another server keeps its calls in {folder}: stop it, or give this one another folder (--state-dir)"
        ) from error
    return lock
