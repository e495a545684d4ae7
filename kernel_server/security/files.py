"""Files that only their owner may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class NotPrivate(ValueError):
    """A file with a secret that other users of this machine can read or change."""


def check_private(file: Path) -> None:
    """Checks that only the owner can read or change ``file``; on Windows nothing is checked.

    Raises:
        NotPrivate: others can, with what to do about it.
        OSError: there is no such file.
    """
    found = file.stat()
    if os.name != "posix":
        return
    if found.st_uid not in (0, os.geteuid()):
        raise NotPrivate(f"{file} belongs to another user: make it yours (chown)")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise NotPrivate(f"{file} can be read or changed by others on this machine: chmod 600 {file}")


def create_private(file: Path, content: bytes) -> None:
    """Writes a new file that only its owner can read.

    Raises:
        FileExistsError: the file exists; it is left unchanged.
    """
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)


def fingerprint(file: Path) -> tuple[int, ...]:
    """A value that differs once the file has changed: times, size, inode; empty where there is no file."""
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
