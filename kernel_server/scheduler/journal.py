"""When calls were made, kept over a restart: the broker remembers them too.

Times are those of the server's clock. In the file they are the wall's: that is what passes between two servers,
whatever their clocks show.
"""

from __future__ import annotations

import json
import logging
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from filelock import FileLock

log = logging.getLogger(__name__)

# After so many calls the file is written anew, with those that still count.
_REWRITE = 20_000


class StateTaken(OSError):
    """Another server keeps its calls in that folder."""


class Journal:
    """The calls that still count, in a folder that belongs to one server at a time.

    Each call is one line, appended as it happens: a CRC-32, and as JSON its time and its keys. A line that was
    cut off or damaged is dropped by itself. A time in the future, left behind by a clock that went wrong, is taken for
    now: it counts for longer than it must, and not less. Where the folder cannot be used, the server goes
    on without a memory and says so in its log.

    Args:
        folder: None: nothing is kept.
        now: clock time.
        reach: for how many seconds a call of a key counts.
        wall: seconds since the epoch, for all servers the same.

    Raises:
        StateTaken: another server holds the folder.
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
        self._ahead = now - wall()  # by how much the clock was ahead of the wall's when this server started
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
        """When calls of that key were made before this server started, ascending."""
        return sorted(made + self._ahead for made, keys in self._kept if key in keys)

    def note(self, keys: Sequence[str]) -> None:
        """A call has just been made that counts under these keys."""
        if self._file is None or not keys:
            return
        try:
            # Never earlier than the one before: setting the machine's time must not free a window.
            self._written = max(self._written, self._wall())
            self._file.write(_line(self._written, keys))
            self._lines += 1
            if self._lines > _REWRITE and self._folder is not None:
                self._file.close()
                self._rewritten(self._folder)
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Keeps nothing more, and leaves the folder to the next server."""
        if self._file is not None:
            self._file.close()
        if self._lock is not None:
            self._lock.release()
        self._file = self._lock = None

    def _give_up(self, error: OSError) -> None:
        log.warning("when calls were made is not kept in %s: %s", self._folder, error)
        self.close()

    def _rewritten(self, folder: Path) -> list[tuple[float, list[str]]]:
        """What counts, with which the file begins anew."""
        file, fresh = folder / "calls", folder / "calls.new"
        kept = self._read(file, self._wall())
        fresh.write_bytes(b"".join(_line(made, keys) for made, keys in kept))
        fresh.replace(file)
        self._file = file.open("ab", buffering=0)
        self._lines = len(kept)
        return kept

    def _read(self, file: Path, now: float) -> list[tuple[float, list[str]]]:
        lines = file.read_bytes().split(b"\n") if file.exists() else []
        found = [_parsed(line) for line in lines if line]
        damaged = found.count(None)
        if damaged:
            log.warning("%d of %d calls in %s cannot be read and do not count", damaged, len(found), file)
        kept = []
        for made, keys in filter(None, found):
            counting = [key for key in keys if made + self._reach(key) > now]
            if counting:
                kept.append((min(made, now), counting))
        return kept


def _line(made: float, keys: Sequence[str]) -> bytes:
    # JSON escapes line breaks, whatever a condition is called.
    text = json.dumps([made, *keys], ensure_ascii=False).encode("utf-8", "surrogatepass")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parsed(line: bytes) -> tuple[float, list[str]] | None:
    check, _, text = line.partition(b" ")
    if check != b"%08x" % zlib.crc32(text):
        return None
    made, *keys = json.loads(text.decode("utf-8", "surrogatepass"))
    return float(made), keys


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
            f"another server keeps its calls in {folder}: stop it, or give this one a folder of its own (--state-dir)"
        ) from error
    return lock
