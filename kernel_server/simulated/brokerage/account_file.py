"""The account file, in which accounts survive a restart of the server: reading, writing, format."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kernel_server.clock import seoul

KIND = "koalab: accounts of the simulated broker"
VERSION = 1
MODE = 0o600
"""Owner only, because the file holds account numbers."""

_GIVEN = "simulated:given:"


class AccountFileError(Exception):
    """An account file is damaged, of another market or version, in use, or not writable.

    Attributes:
        file: its path.
        reason: what is wrong, and what to do.
    """

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Saved:
    """Content of an account file.

    Attributes:
        source: the market whose prices the accounts were traded at, a control's ``source``.
        moment: time of the broker's clock when it was written, seconds since the epoch.
        books: ``Books.snapshot`` as read, not validated; see ``books_of``.
    """

    source: str
    moment: float
    books: Any


def read(file: Path) -> Saved | None:
    """Read an account file; None if there is none.

    Raises:
        AccountFileError: it cannot be read, or was not written by ``write``.
    """
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AccountFileError(file, f"it cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise AccountFileError(file, _damage(f"no JSON: {error}")) from error
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise AccountFileError(file, "it is no account file; take another name")
    if found.get("version") != VERSION:
        raise AccountFileError(
            file,
            f"it is of version {found.get('version')!r}, and this koalab reads {VERSION}; take another name",
        )
    try:
        source, moment = str(found["source"]), datetime.fromisoformat(found["saved"])
        if moment.tzinfo is None:
            raise ValueError("saved has no time zone")
        return Saved(source, moment.timestamp(), found["books"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise AccountFileError(file, _damage(str(error))) from error


def books_of(file: Path, saved: Saved) -> Mapping[str, Any]:
    """The validated books.

    Raises:
        AccountFileError: they are invalid.
    """
    # Imported here because msgspec takes some 60 ms, and a broker without an account file validates nothing.
    from kernel_server.simulated.brokerage import state_check

    try:
        return state_check.check(saved.books)
    except state_check.Misfit as misfit:
        raise AccountFileError(file, _damage(str(misfit))) from misfit


def _damage(why: str) -> str:
    return f"it is damaged ({why}); mend it, or take another name to begin anew"


def write(file: Path, saved: Saved) -> None:
    """Replace the file atomically: a reader finds the old or the new content, never a part.

    Raises:
        OSError: it cannot be written; the old file is kept.
    """
    text = json.dumps(
        {
            "kind": KIND,
            "version": VERSION,
            "source": saved.source,
            "saved": seoul(saved.moment).isoformat(),
            "books": saved.books,
        },
        ensure_ascii=False,
    )
    new_file = file.with_name(f"{file.name}.new")
    with contextlib.suppress(FileNotFoundError):
        new_file.unlink()  # left by a process killed while writing
    with os.fdopen(
        os.open(new_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w", encoding="utf-8"
    ) as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    new_file.replace(file)
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Sync the folder, so that the new name survives a power loss (POSIX only)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def same_prices(saved: str, now: str) -> bool:
    """Whether accounts traded at the prices of one source can continue at those of another.

    The source name of recorded prices changes whenever their files grow, by a day for example, but the market is
    the same.
    """
    return saved == now or (saved.startswith(_GIVEN) and now.startswith(_GIVEN))
