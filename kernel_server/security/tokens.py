"""The table of tokens: names, rights and SHA-256 digests, never the tokens themselves.

A token is 256 random bits, so a plain SHA-256 cannot be reversed; the slow digests that passwords need would add
nothing but time.
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

from kernel_server import files
from kernel_server.security.files import NotPrivate, check_private, create_private, fingerprint
from kernel_server.security.rights import TOKEN_RIGHTS, Right

log = logging.getLogger(__name__)

PREFIX = "koalab_"
_HEADER = "name\trights\tsha256"
_NAME = re.compile(r"[\w.@-]{1,40}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class BadTokens(ValueError):
    """The table of tokens cannot be used, with the reason and the line."""


class Entry(NamedTuple):
    """A token of the table: its name, its right and its SHA-256."""

    name: str
    right: Right
    digest: str


def new_token() -> str:
    """A random token. Its prefix makes it easy to find where one has leaked."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def read(file: Path) -> list[Entry]:
    """Reads the table in ``file``: tab-separated, a header, a row for each token.

    Raises:
        BadTokens: it does not exist, is not private, or is no such table.
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
    """Parses a row; returns what is wrong with it, never the row itself, which may hold a token by mistake."""
    parts = line.split("\t")
    if len(parts) != 3:
        return "a row is a name, its rights and a SHA-256, with tabs between"
    name, right, found = parts
    if not _NAME.match(name):
        return "a name is up to 40 letters, digits, dots, hyphens, underscores and @"
    if right not in TOKEN_RIGHTS:
        return f"the rights of {name} must be one of {', '.join(TOKEN_RIGHTS)}"
    if not _DIGEST.match(found):
        return f"the SHA-256 of {name} must be 64 hexadecimal digits, of the token and not the token itself"
    return Entry(name, TOKEN_RIGHTS[right], found)


def add(file: Path, name: str, right: Right) -> str:
    """Adds a token to the table, creating the file if needed, and returns it; it is not stored anywhere.

    Raises:
        BadTokens: the table cannot be used, or the name is not valid or has a token already.
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
    """Removes a token from the table.

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
            f"{fresh} is there: another process is changing the tokens, or was cut off; then delete it"
        ) from None
    except OSError as error:
        raise BadTokens(f"{file} cannot be written: {error}") from None
    files.put_in_place(fresh, file)


class Tokens:
    """The table as the server uses it: a changed file is read again at the next RPC.

    While the file is missing or damaged, all tokens are refused.

    Raises:
        BadTokens: the file cannot be used now.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = fingerprint(file)
        self._entries = read(file)

    def find(self, token: str) -> Entry | None:
        """The entry of that token; None for an unknown one. All rows are compared, each in constant time."""
        self._refresh()
        asked = digest(token)
        found = None
        for entry in self._entries:
            if hmac.compare_digest(asked, entry.digest):
                found = entry
        return found

    def _refresh(self) -> None:
        seen = fingerprint(self._file)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._entries = read(self._file)
            log.warning("%d tokens read anew from %s", len(self._entries), self._file)
        except BadTokens as error:
            self._entries = []
            log.error("no token is accepted: %s", error)  # noqa: TRY400 - the message is enough
