"""Claims: per series one process and one thread at a time may request a page, of all that share a cache.

A claim is a SQLite lock on an empty file, so it ends with its process, however that ends. A second lock makes a
queue of one: a holder that requests another page lines up behind the process that waits.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from koalab.store.series import Series

_FILES: Final = 1024
_EVERY: Final = 0.01
STALE: Final = 30.0
"""Lock staleness timeout, seconds: the holder is stopped, or its machine is asleep."""


class Claim:
    """The right to request a series' next page."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def beat(self) -> None:
        """Refreshes the lock's timestamp, which has to happen every few seconds."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.utime(self._file)


class Claims:
    """The claims of one cache folder. Any thread, any number of processes.

    Args:
        folder: for the empty lock files, shared by all processes of a cache; not the cache's own folder.
        monotonic: seconds of a monotonic clock.
        sleep: waits so many seconds, interruptibly.
    """

    def __init__(
        self,
        folder: Path,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._sleep = sleep

    @contextlib.contextmanager
    def of(self, series: Series, needless: Callable[[], bool] = lambda: False) -> Iterator[Claim | None]:
        """Waits for the claim on a series, and releases it at the end of the block.

        Args:
            series: which.
            needless: called every hundredth of a second during the wait: whether the claim is no longer needed,
                because its holder has stored the bars.

        Yields:
            The claim; None where ``needless`` returned True. Where locks do not work (a file system without
            them, a read-only folder), or the holder did not refresh its lock for ``STALE`` seconds, a claim all
            the same: a page requested twice is better than none.
        """
        with self.named(f"{zlib.crc32(series.key.encode()) % _FILES:03x}", needless) as claim:
            yield claim

    @contextlib.contextmanager
    def named(self, name: str, needless: Callable[[], bool] = lambda: False) -> Iterator[Claim | None]:
        """The same for anything else that is asked for once; ``name`` is the file's."""
        lock, line = (self._folder / f"{name}.{part}" for part in ("held", "line"))
        with contextlib.ExitStack() as stack:
            with contextlib.ExitStack() as waiting:
                for file, keep in ((line, waiting), (lock, stack)):
                    found = self._locked(file, lock, needless)
                    if found is None:
                        yield None
                        return
                    keep.enter_context(found)
            claim = Claim(lock)
            claim.beat()
            yield claim

    def _locked(
        self, file: Path, lock: Path, needless: Callable[[], bool]
    ) -> contextlib.AbstractContextManager[object] | None:
        seen, since = _modified(lock), self._monotonic()
        while True:
            try:
                return contextlib.closing(_lock(file))
            except sqlite3.Error as error:
                if not getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                    return contextlib.nullcontext()
            except OSError:
                return contextlib.nullcontext()
            if needless():
                return None
            modified = _modified(lock)
            if modified != seen:
                seen, since = modified, self._monotonic()
            elif self._monotonic() - since > STALE:
                return contextlib.nullcontext()
            self._sleep(_EVERY)


def _lock(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = MEMORY")  # nothing is written, so no file beside it
        connection.execute("BEGIN IMMEDIATE")
    except BaseException:
        connection.close()
        raise
    return connection


def _modified(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
