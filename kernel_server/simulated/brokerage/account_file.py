"""The file in which accounts outlive the server: what stands in it, and how it is read and written."""

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
from kernel_server.simulated.brokerage import state

KIND = "koalab: accounts of the simulated broker"
VERSION = 1
MODE = 0o600
"""It holds account numbers, and nobody but its owner has any business with it."""

_GIVEN = "simulated:given:"


class AccountFileError(Exception):
    """An account file is damaged, of another market or version, in use, or cannot be written.

    Attributes:
        file: which one.
        reason: what is wrong, and what to do.
    """

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Saved:
    """What a file holds.

    Attributes:
        source: the prices that the accounts were traded at, as a control's ``source``.
        moment: of the broker's clock, when it was written; seconds since the epoch.
        books: what ``Books.snapshot`` gave, as it was found: ``books_of`` sees whether it makes sense.
    """

    source: str
    moment: float
    books: Any


def read(file: Path) -> Saved | None:
    """What the file holds; None where there is none.

    Raises:
        AccountFileError: it cannot be read, or is nothing that ``write`` has written.
    """
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AccountFileError(file, f"it cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise AccountFileError(file, _damaged(f"no JSON: {error}")) from error
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
        raise AccountFileError(file, _damaged(str(error))) from error


def books_of(file: Path, saved: Saved) -> Mapping[str, Any]:
    """The books in it.

    Raises:
        AccountFileError: they make no sense.
    """
    try:
        return state.check(saved.books)
    except state.Misfit as misfit:
        raise AccountFileError(file, _damaged(str(misfit))) from misfit


def _damaged(why: str) -> str:
    return f"it is damaged ({why}); mend it, or take another name to begin anew"


def write(file: Path, saved: Saved) -> None:
    """Puts a new file in the place of the old one: whoever reads finds one or the other, whole, whatever happens.

    Raises:
        OSError: it cannot be written; the old one is still there.
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
    fresh = file.with_name(f"{file.name}.new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()  # of a process that was killed while it wrote
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w", encoding="utf-8"
    ) as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
    _settle(file.parent)


def _settle(folder: Path) -> None:
    """Sees to it that the new name outlives a loss of power, where folders can be asked to."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def same_prices(saved: str, now: str) -> bool:
    """Whether an account traded at the prices of one source can go on at those of another.

    Given prices have another name whenever their files grow, by a day for example, and are still the same market.
    """
    return saved == now or (saved.startswith(_GIVEN) and now.startswith(_GIVEN))
