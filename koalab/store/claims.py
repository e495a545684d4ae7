"""Who may ask for a series' next page: one process and one thread at a time, of all that share a cache.

A claim is a lock that SQLite holds on an empty file, so it goes with the process that has it, however that ends.
Whoever waits for a claim stands in a line of one: the holder, who would like another page, comes after.
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
"""Seconds without a sign of life after which a holder is passed by: stopped, or its machine is asleep."""


class Claim:
    """The right to ask for a series' next page."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def beat(self) -> None:
        """Shows those who wait that the holder is alive, which it has to do every few seconds."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.utime(self._file)


class Claims:
    """The claims of one cache folder. Any thread, any number of processes.

    Args:
        folder: for the files, which are empty; those who share a cache share it, and it is not the cache's own.
        monotonic: seconds of a clock that only goes forward.
        sleep: waits so many seconds; an interrupt gets through it.
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
        """Waits for the claim on a series and holds it.

        Args:
            series: whose.
            needless: asked while waiting, after every change of hands or hundredth of a second: whether the wait
                has lost its reason, because the holder has stored what is wanted.

        Yields:
            The claim; None where ``needless`` said so. Where locks cannot be had (a file system without
            them, a folder that cannot be written), or the holder shows no life for ``STALE`` seconds, a
            claim all the same: to ask twice is better than not at all.
        """
        number = zlib.crc32(series.key.encode()) % _FILES
        held, line = (self._folder / f"{number:03x}.{part}" for part in ("held", "line"))
        with contextlib.ExitStack() as stack:
            with contextlib.ExitStack() as waiting:
                for file, keep in ((line, waiting), (held, stack)):
                    found = self._locked(file, held, needless)
                    if found is None:
                        yield None
                        return
                    keep.enter_context(found)
            claim = Claim(held)
            claim.beat()
            yield claim

    def _locked(
        self, file: Path, held: Path, needless: Callable[[], bool]
    ) -> contextlib.AbstractContextManager[object] | None:
        seen, since = _touched(held), self._monotonic()
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
            touched = _touched(held)
            if touched != seen:
                seen, since = touched, self._monotonic()
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


def _touched(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
