"""Replacing a file, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

MODE = 0o600
"""Owner only."""

_TRIES, _PAUSE = 50, 0.02


def replace(file: Path, content: bytes) -> None:
    """Replaces a file atomically: a reader finds the old or the new content, never a part, also after a power loss.

    The new content is first written to ``NAME.new`` beside it, which is always a new file: what lies there is removed,
    and a link there is not followed. Only the owner can read the file.

    Raises:
        OSError: it cannot be written; the old file is kept.
    """
    new_file = file.with_name(f"{file.name}.new")
    with contextlib.suppress(FileNotFoundError):
        new_file.unlink()  # left by a process killed while writing
    handle = os.open(new_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), MODE)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    put_in_place(new_file, file)
    _sync_folder(file.parent)


def put_in_place(new_file: Path, file: Path, sleep: Callable[[float], None] = time.sleep) -> None:
    """Gives the new file the name of the old one.

    Windows refuses that while another program reads the old one, so it is tried for a second.

    Raises:
        OSError: it is not possible; both files are kept.
    """
    for _ in range(_TRIES - 1):
        try:
            new_file.replace(file)
        except PermissionError:
            sleep(_PAUSE)
        else:
            return
    new_file.replace(file)


def _sync_folder(folder: Path) -> None:
    """Syncs the folder, so that the new name survives a power loss (POSIX only)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
