"""What SQLite's errors mean for the cache: it cannot be used now, or its database is damaged."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

# All others are about a database that is not as SQLite wrote it: a missing table, a text that is none.
_NOT_NOW: Final = (
    *("BUSY", "LOCKED", "PROTOCOL"),
    *("READONLY", "PERM", "AUTH", "CANTOPEN"),
    *("FULL", "IOERR", "NOMEM", "NOLFS"),
)
_UNWRITABLE: Final = ("READONLY", "PERM", "AUTH", "CANTOPEN", "FULL", "IOERR")
_NO_ROOM: Final = ("FULL", "IOERR")
_NO_SPACE_LEFT: Final = (errno.ENOSPC, errno.EDQUOT)


def is_passing(error: sqlite3.Error) -> bool:
    """Whether the database cannot be used now; False: it is damaged."""
    return isinstance(error, sqlite3.ProgrammingError) or _named(error, _NOT_NOW)


def is_unwritable(error: sqlite3.Error | OSError) -> bool:
    """Whether it says that nothing can be written there, so that it may still be read."""
    return isinstance(error, OSError) or _named(error, _UNWRITABLE)


def is_no_room(error: BaseException) -> bool:
    """Whether the disk is full, or fails."""
    if isinstance(error, OSError):
        return error.errno in _NO_SPACE_LEFT
    return _named(error, _NO_ROOM)


def _named(error: BaseException, names: tuple[str, ...]) -> bool:
    name: str = getattr(error, "sqlite_errorname", "")
    return name.removeprefix("SQLITE_").startswith(names)
