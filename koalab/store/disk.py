"""The cache folder: diskcache, set up so that it neither evicts nor unpickles.

diskcache pickles all values but texts, numbers and bytes, and unpickles them on reading, so that write access to a
cache folder runs code in every process that reads it (CVE-2025-69872). The ``Disk`` here stores texts, whole numbers
and bytes, inside the database only, and refuses to read anything else.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import diskcache
import platformdirs
from diskcache.core import MODE_RAW

from koalab.errors import CacheDamaged, KoalabError
from koalab.store.database_errors import is_no_room, is_passing, is_unwritable
from koalab.store.read_only import ReadOnlyCache

log = logging.getLogger(__name__)

T = TypeVar("T")
Value = str | int | bytes

TIMEOUT = 1.0
"""Seconds to wait for another process's write: less than the page to be stored has cost."""

_SETTINGS = {
    # All of them, so that none is taken from the database, where it may be damaged.
    **diskcache.core.DEFAULT_SETTINGS,
    "eviction_policy": "none",
    "cull_limit": 0,
    "statistics": 0,
    # A file that is cut off under a memory map ends the process that reads it.
    "sqlite_mmap_size": 0,
    # Larger than any value: all values lie in the database, so that a commit is atomic and a killed process
    # leaves no stray file.
    "disk_min_file_size": 2**30,
}

# What diskcache raises where the database holds values of other types than it stores.
_ODD_VALUES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError)
_FAILURES = (sqlite3.Error, diskcache.Timeout, OSError)


class CacheUnavailable(KoalabError, OSError):
    """The cache cannot be used now: locked for too long, not writable, or the disk is full.

    Nothing is damaged and nothing was stored; loading works without the cache.

    Attributes:
        no_room: whether the disk is full, or fails.
    """

    no_room = False


class _PlainDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache has no types
    """Texts, whole numbers and bytes, inside the database; no pickles, no files."""

    def put(self, key: object) -> tuple[Any, bool]:
        if type(key) is not str:
            raise TypeError(f"a key is a text, not {key!r}")
        return key, True

    def get(self, key: Any, raw: bool) -> Any:
        if not raw or type(key) is not str:
            raise CacheDamaged(
                f"{self._directory} holds a key that koalab did not write: cache.clear() empties it"
            )
        return key

    def store(self, value: object, read: bool, key: object = None) -> tuple[int, int, str | None, Any]:
        if read or type(value) not in (str, int, bytes):
            raise TypeError(f"a value is a text, a whole number or bytes, not {type(value).__name__}")
        stored: tuple[int, int, str | None, Any] = super().store(value, False, key)
        return stored

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
        if read or mode != MODE_RAW or filename is not None or type(value) not in (str, int, bytes):
            raise CacheDamaged(
                f"{self._directory} holds a value that koalab did not write: "
                "cache.verify() says more, cache.clear() forgets it"
            )
        return value

    def remove(self, file_path: str) -> None:
        """Does nothing: no value lies in a file, and a file name in the database must not delete one."""


def default_folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """The folder of all caches: ``cache_dir``, else KOALAB_CACHE_DIR, else the platform's cache folder."""
    chosen = cache_dir or os.environ.get("KOALAB_CACHE_DIR")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("koalab")


def source_folder(folder: str | os.PathLike[str], source: str) -> Path:
    """The folder of one source of prices: readable, and different for any two sources."""
    slug = re.sub(r"[^0-9a-z]+", "-", source.lower()).strip("-")[:40].strip("-")
    digest = hashlib.sha256(source.encode()).hexdigest()[:10]
    return Path(folder) / (f"{slug}-{digest}" if slug else digest)


class Shelf:
    """One diskcache folder of texts, numbers and bytes under text keys. Any thread, any number of processes.

    The folder is created and opened on first use. All methods raise CacheUnavailable and CacheDamaged.

    Attributes:
        cleared: how often everything in it was deleted here.
    """

    def __init__(self, folder: str | os.PathLike[str], timeout: float = TIMEOUT) -> None:
        self.folder = Path(folder)
        self.cleared = 0
        self._timeout = timeout
        self._opening = threading.Lock()
        self._cache: Any = None
        self._said: set[str] = set()

    def __repr__(self) -> str:
        return f"Shelf({str(self.folder)!r})"

    def place(self, key: str) -> str:
        """Names the place of a value, for its digest: a copy of it elsewhere is another."""
        return f"{self.folder.name}/{key}"

    def get(self, key: str) -> Value | None:
        """The value under that key; None where there is none."""
        value: Value | None = self.read(lambda: self._opened().get(key))
        return value

    def all_keys(self) -> list[str]:
        """All keys, in order."""
        return self.read(lambda: list(self._opened().iterkeys()))

    def check(self) -> list[str]:
        """The problems that SQLite and diskcache find in the database."""
        return self.read(lambda: [str(warning.message) for warning in self._opened().check()])

    def read(self, what: Callable[[], T]) -> T:
        """The result of reading in the database, with its errors as ours."""
        try:
            return what()
        except KoalabError:
            raise
        except (*_FAILURES, *_ODD_VALUES) as error:
            raise self._told(error) from error

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Stores everything inside together or not at all; other writers wait."""
        try:
            cache = self._writable()
            try:
                with cache.transact():
                    yield Transaction(cache, self)
            except diskcache.Timeout:
                # An interrupt may have left a transaction open on this connection; closing ends it.
                cache.close()
                raise
            except KeyboardInterrupt:
                # It may have struck inside diskcache's own bookkeeping, which would then nest the next
                # transaction in this one: a new object starts afresh.
                self._forget(cache)
                raise
        except KoalabError:
            raise
        except _FAILURES as error:
            raise self._told(error) from error

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """Reads everything inside as of one moment; writers wait, unless the cache can only be read."""
        cache = self.read(self._opened)
        if isinstance(cache, ReadOnlyCache):
            yield Transaction(cache, self)
        else:
            with self.transaction() as change:
                yield change

    def say_once(self, log: logging.Logger, text: str, *more: object) -> None:
        """Logs a warning about the folder, which is the text's first ``%s``, the first time that it is said."""
        if text not in self._said:
            self._said.add(text)
            log.warning(text, self.folder, *more)

    def begin_anew(self) -> None:
        """Deletes the database; the next use creates an empty one.

        A process that has it open continues with the old one until it is closed there, and what it stores is lost.
        """
        try:
            self.close()
            for end in ("", "-wal", "-shm", "-journal"):
                (self.folder / f"{diskcache.core.DBNAME}{end}").unlink(missing_ok=True)
        except _FAILURES as error:
            raise self._told(error) from error

    def close(self) -> None:
        """Closes the database; the next use opens it again."""
        cache = self._cache
        if cache is not None:
            self._forget(cache)

    def _opened(self) -> Any:
        cache = self._cache
        if cache is None:
            with self._opening:
                cache = self._cache
                if cache is None:
                    cache = self._cache = self._open()
        return cache

    def _open(self) -> Any:
        try:
            return diskcache.Cache(str(self.folder), timeout=self._timeout, disk=_PlainDisk, **_SETTINGS)
        except (sqlite3.OperationalError, OSError) as error:
            file = self.folder / diskcache.core.DBNAME
            if not is_unwritable(error) or not file.is_file():
                raise
            found = ReadOnlyCache(file, self._timeout, _PlainDisk(str(self.folder)), error)
            if not found.has_values():
                raise
            self.say_once(log, "the cache in %s cannot be written and is only read: %s", error)
            return found

    def _writable(self) -> Any:
        """The cache, opened again where it could not be written before."""
        cache = self._opened()
        if isinstance(cache, ReadOnlyCache):
            self._forget(cache)
            cache = self._opened()
        return cache

    def _forget(self, cache: Any) -> None:
        self._cache = None
        cache.close()

    def _told(self, error: Exception) -> Exception:
        """The error of ours that says what happened."""
        if isinstance(error, diskcache.Timeout):
            # diskcache takes any failure to begin a transaction for a lock.
            reason = error.__context__
            if not isinstance(reason, sqlite3.Error) or not is_unwritable(reason):
                return CacheUnavailable(f"the cache in {self.folder} is being written by another process")
            error = reason
        if isinstance(error, sqlite3.Error) and not is_passing(error):
            return CacheDamaged(
                f"the database in {self.folder} is damaged ({error}): cache.clear() begins a new one"
            )
        if isinstance(error, _FAILURES):
            room = "; cache.clear() without arguments makes room" if is_no_room(error) else ""
            found = CacheUnavailable(f"the cache in {self.folder} cannot be used now: {error}{room}")
            found.no_room = bool(room)
            return found
        return CacheDamaged(
            f"the database in {self.folder} holds what koalab did not write ({error}): cache.clear() begins a new one"
        )


class Transaction:
    """Reads and writes of a shelf inside ``Shelf.transaction``, reads inside ``Shelf.snapshot``."""

    def __init__(self, cache: Any, shelf: Shelf) -> None:
        self._cache = cache
        self._shelf = shelf
        self.place = shelf.place
        self.say_once = shelf.say_once

    def get(self, key: str) -> Value | None:
        value: Value | None = self._shelf.read(lambda: self._cache.get(key))
        return value

    def all_keys(self) -> list[str]:
        return self._shelf.read(lambda: list(self._cache.iterkeys()))

    def set(self, key: str, value: Value) -> None:
        self._cache.set(key, value)

    def delete(self, key: str) -> None:
        self._cache.delete(key)
