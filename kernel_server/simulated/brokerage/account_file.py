"""The account file, in which accounts survive a restart of the server: reading, writing, format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from kernel_server import files
from kernel_server.clock import seoul

KIND = "koalab: accounts of the simulated broker"
VERSION = 1

_CONTENT = ("source", "saved", "books")
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


def read(file: Path, edited: bool = False) -> Saved | None:
    """Read an account file; None if there is none.

    Args:
        file: its path.
        edited: take a file whose digest does not match, because it was edited on purpose.

    Raises:
        AccountFileError: it cannot be read, or was not written by ``write``, or has another name, under which
            another server could use it.
    """
    try:
        names = file.stat().st_nlink
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AccountFileError(file, f"it cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise AccountFileError(file, _damage(f"no JSON: {error}")) from error
    if names > 1:
        raise AccountFileError(
            file,
            "it has another name too (a hard link), under which another server could use it; remove that name, or take"
            " a copy of the file",
        )
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise AccountFileError(file, "it is no account file; take another name")
    if found.get("version") != VERSION:
        raise AccountFileError(
            file,
            f"it is of version {found.get('version')!r}, and this koalab reads {VERSION}; take another name",
        )
    try:
        content = {name: found[name] for name in _CONTENT}
        sound = set(found) == {"kind", "version", "digest", *_CONTENT} and found["digest"] == _digest(
            _text(content)
        )
        source, moment = str(found["source"]), datetime.fromisoformat(found["saved"])
        if moment.tzinfo is None:
            raise ValueError("saved has no time zone")
        saved = Saved(source, moment.timestamp(), found["books"])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise AccountFileError(file, _damage(str(error))) from error
    if not sound and not edited:
        raise AccountFileError(
            file,
            "it is not as it was written: damaged, or edited by hand. If you edited it, take it with"
            " edited_account=True (--edited-account); otherwise take a copy from before, or another name to begin anew",
        )
    return saved


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
    """Replace the file atomically, for its owner only, because it holds account numbers.

    Raises:
        OSError: it cannot be written; the old file is kept.
    """
    content = _text({"source": saved.source, "saved": seoul(saved.moment).isoformat(), "books": saved.books})
    head = json.dumps({"kind": KIND, "version": VERSION, "digest": _digest(content)})
    files.replace(file, f"{head[:-1]}, {content[1:]}\n".encode())


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)


def _digest(text: str) -> str:
    """Of the content as ``write`` formats it, so that another format of the same content has the same."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def same_prices(saved: str, now: str) -> bool:
    """Whether accounts traded at the prices of one source can continue at those of another.

    The source name of recorded prices changes whenever their files grow, by a day for example, but the market is
    the same.
    """
    return saved == now or (saved.startswith(_GIVEN) and now.startswith(_GIVEN))
