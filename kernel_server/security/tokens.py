"""Tokens: a table of who has which right. It holds what tokens digest to and never a token.

A token is 256 random bits, so its SHA-256 tells nothing about it and costs a microsecond to compare; the slow
digests that passwords need would guard nothing here.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from kernel_server.security.files import NotPrivate, check_private, create_private, state
from kernel_server.security.rights import GIVEN, Right

log = logging.getLogger(__name__)

PREFIX = "koalab_"
_HEADER = "name\trights\tsha256"
_NAME = re.compile(r"[\w.@-]{1,40}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class BadTokens(ValueError):
    """The table of tokens cannot be used; it says why, and where."""


class Entry(NamedTuple):
    """One token: whose it is, what it may do, and the SHA-256 of it."""

    name: str
    right: Right
    digest: str


def new_token() -> str:
    """A token nobody can guess. Its beginning makes it easy to find where it should not be."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def read(file: Path) -> list[Entry]:
    """The table in ``file``: tab-separated, a header, a row a token.

    Raises:
        BadTokens: it is not there, not private, or no such table.
    """
    try:
        check_private(file)
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadTokens(f"the tokens in {file} cannot be read: {error}") from None
    except NotPrivate as error:
        raise BadTokens(str(error)) from None
    if not lines or lines[0] != _HEADER:
        raise BadTokens(f"{file} is no table of tokens: its first line is not {_HEADER!r}")
    entries: list[Entry] = []
    for number, line in enumerate(lines[1:], 2):
        entry = _entry(line)
        if isinstance(entry, str):
            raise BadTokens(f"{file}, line {number}: {entry}")
        if any(entry.name == other.name for other in entries):
            raise BadTokens(f"{file}, line {number}: {entry.name} has a token already")
        entries.append(entry)
    return entries


def _entry(line: str) -> Entry | str:
    """A row, or what is wrong with it (never the row itself: somebody may have put a token there)."""
    parts = line.split("\t")
    if len(parts) != 3:
        return "a row is a name, its rights and a SHA-256, with tabs between"
    name, right, found = parts
    if not _NAME.match(name):
        return "a name is up to 40 letters, digits, dots, hyphens, underscores and @"
    if right not in GIVEN:
        return f"the rights of {name} must be one of {', '.join(GIVEN)}"
    if not _DIGEST.match(found):
        return f"the SHA-256 of {name} must be 64 hexadecimal digits, of the token and not the token itself"
    return Entry(name, GIVEN[right], found)


def add(file: Path, name: str, right: Right) -> str:
    """Adds a token to the table, which is made where there is none, and gives the token: nobody can again.

    Raises:
        BadTokens: the table cannot be used, the name will not do, or has a token already.
    """
    entries = read(file) if file.exists() else []
    token = new_token()
    entry = _entry(f"{name}\t{right}\t{digest(token)}")
    if isinstance(entry, str):
        raise BadTokens(entry)
    if any(name == other.name for other in entries):
        raise BadTokens(f"{name} has a token in {file} already: remove it first")
    _write(file, [*entries, entry])
    return token


def remove(file: Path, name: str) -> None:
    """Takes a token out of the table.

    Raises:
        BadTokens: the table cannot be used, or has no token of that name.
    """
    entries = read(file)
    left = [entry for entry in entries if entry.name != name]
    if len(left) == len(entries):
        raise BadTokens(f"{file} has no token of {name!r}")
    _write(file, left)


def _write(file: Path, entries: Iterable[Entry]) -> None:
    fresh = file.with_name(file.name + ".new")
    text = "".join(f"{line}\n" for line in (_HEADER, *("\t".join(map(str, entry)) for entry in entries)))
    try:
        create_private(fresh, text.encode())
    except FileExistsError:
        raise BadTokens(
            f"{fresh} is there: somebody else is changing the tokens, or was cut off; then delete it"
        ) from None
    except OSError as error:
        raise BadTokens(f"{file} cannot be written: {error}") from None
    fresh.replace(file)


class Tokens:
    """The table as the server uses it. A changed file counts from the next RPC on.

    While the file cannot be used nobody is known: a table that was deleted or spoilt must not leave doors open.

    Raises:
        BadTokens: the file cannot be used now.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = state(file)
        self._entries = read(file)

    def find(self, token: str) -> Entry | None:
        """Whose token that is. All rows are compared, each in constant time."""
        self._look()
        asked = digest(token)
        found = None
        for entry in self._entries:
            if hmac.compare_digest(asked, entry.digest):
                found = entry
        return found

    def _look(self) -> None:
        seen = state(self._file)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._entries = read(self._file)
            log.warning("%d tokens read anew from %s", len(self._entries), self._file)
        except BadTokens as error:
            self._entries = []
            log.error("nobody is let in: %s", error)  # noqa: TRY400 - what it says is all there is
