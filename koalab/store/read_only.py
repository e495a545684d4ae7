"""A cache that can only be read: a folder of another user, a disk that is full or write-protected."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import diskcache

from koalab.store.database_errors import is_unwritable


class ReadOnlyCache:
    """A database with diskcache's methods for reading.

    SQLite reads a database with a write-ahead log only where it can make a file beside it. Where it cannot, it
    opens the file as immutable. As it may change all the same, every read opens it, and digests show what changed.

    Args:
        file: the database.
        timeout: seconds to wait for a writer.
        disk: turns what is stored into values.
        reason: why it cannot be written, which every attempt raises.
    """

    def __init__(self, file: Path, timeout: float, disk: diskcache.Disk, reason: Exception) -> None:
        self._file = file
        self._timeout = timeout
        self._disk = disk
        self._reason = reason

    def has_values(self) -> bool:
        """Whether there is a table of values, so that reading makes sense."""
        try:
            return bool(self._rows("SELECT 1 FROM sqlite_master WHERE name = 'Cache'"))
        except sqlite3.DatabaseError:
            return self._file.stat().st_size > 0  # damaged, which reading will report

    def get(self, key: str) -> Any:
        rows = self._rows("SELECT mode, filename, value FROM Cache WHERE key = ? AND raw = 1", key)
        return self._disk.fetch(*rows[0], False) if rows else None

    def iterkeys(self) -> Iterator[str]:
        return (self._disk.get(*row) for row in self._rows("SELECT key, raw FROM Cache ORDER BY key"))

    def check(self) -> list[warnings.WarningMessage]:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            for (message,) in self._rows("PRAGMA integrity_check"):
                if message != "ok":
                    warnings.warn(message, stacklevel=1)
        return found

    def close(self) -> None:
        """Does nothing, as nothing is kept open."""

    def transact(self) -> AbstractContextManager[None]:
        raise self._reason.with_traceback(None)

    def _rows(self, statement: str, *values: object) -> list[Any]:
        try:
            return self._rows_with("mode=ro", statement, values)
        except sqlite3.OperationalError as error:
            if not is_unwritable(error):
                raise
            return self._rows_with("mode=ro&immutable=1", statement, values)

    def _rows_with(self, how: str, statement: str, values: tuple[object, ...]) -> list[Any]:
        address = f"{self._file.absolute().as_uri()}?{how}"
        with closing(sqlite3.connect(address, timeout=self._timeout, uri=True)) as connection:
            return connection.execute(statement, values).fetchall()
