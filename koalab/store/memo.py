"""Small cached answers beside the bars: listings, basic info, anything that is JSON or bytes."""

from __future__ import annotations

import json
import logging
import struct
import time
from collections.abc import Callable, Iterator
from math import inf
from typing import Any, Final

from koalab.errors import CacheDamaged
from koalab.store.disk import CacheUnavailable, Shelf, Transaction
from koalab.store.seal import NotAsStored, OtherFormat, seal, unseal

log = logging.getLogger(__name__)

MEMO: Final = "memo:"
"""Prefix of the keys of all memos."""
_HEAD: Final = struct.Struct("<cd")


class Memo:
    """Key-value cache with an expiry time per value.

    Args:
        shelf: that stores them, usually a ``BarStore``'s.
        clock: seconds since the epoch; the server's clock where it runs faster than the real one.
    """

    def __init__(self, shelf: Shelf, clock: Callable[[], float] = time.time) -> None:
        self._shelf = shelf
        self._clock = clock

    @property
    def cleared(self) -> int:
        """How often the whole cache was cleared through its shelf: what is in memory from before counts no more."""
        return self._shelf.cleared

    def get(self, key: str) -> Any:
        """The value as it was put; None where it is absent or expired, or is to be loaded anew, which a warning says.

        The latter where the cache cannot be used now, or is damaged, or was filled by another version of koalab.
        """
        try:
            stored = self._shelf.get(MEMO + key)
            if stored is None:
                return None
            kind, expires, data = _opened(self._shelf, MEMO + key, stored)
        except OtherFormat:
            self._shelf.say_once(
                log, "answers in %s were stored by another version of koalab: they are asked for anew"
            )
            return None
        except (CacheUnavailable, CacheDamaged, NotAsStored) as error:
            log.warning("the cached %s cannot be used and is loaded anew: %s", key, error)
            return None
        return None if expires <= self._clock() else _DECODERS[kind](data)

    def put(self, key: str, value: Any, expires: float | None = None) -> None:
        """Stores bytes, or anything JSON can represent, until ``expires`` (seconds since the epoch; None: for ever).

        Where the cache cannot be used a warning is logged and the value is not stored.

        Raises:
            TypeError: neither bytes nor JSON.
        """
        if isinstance(value, bytes):
            kind, data = b"b", value
        else:
            kind, data = b"j", json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        head = _HEAD.pack(kind, inf if expires is None else expires)
        try:
            with self._shelf.transaction() as change:
                change.set(MEMO + key, seal(change.place(MEMO + key), head + data))
        except (CacheUnavailable, CacheDamaged) as error:
            log.warning("%s could not be kept: %s", key, error)

    def clear(self) -> int:
        """Deletes all values; returns how many."""
        return clear_memos(self._shelf)


def clear_memos(shelf: Shelf) -> int:
    """Deletes all memos of a shelf; returns how many."""
    with shelf.transaction() as change:
        keys = [key for key in change.all_keys() if key.startswith(MEMO)]
        for key in keys:
            change.delete(key)
    return len(keys)


def wrong_memos(source: Transaction) -> Iterator[str]:
    """The stored values that are not what was put, a sentence each."""
    for key in source.all_keys():
        if key.startswith(MEMO):
            try:
                _opened(source, key, source.get(key))
            except (NotAsStored, CacheDamaged) as error:
                yield f"{key.removeprefix(MEMO)}: {error}; it is loaded anew"


def _opened(source: Shelf | Transaction, key: str, stored: object) -> tuple[bytes, float, bytes]:
    """The kind of a value, its expiry time and its bytes.

    Raises:
        NotAsStored: ``put`` did not store that under that key.
    """
    content = unseal(source.place(key), stored)
    kind, expires = _HEAD.unpack_from(content)
    return kind, expires, content[_HEAD.size :]


_DECODERS: Final[dict[bytes, Callable[[bytes], Any]]] = {b"b": bytes, b"j": json.loads}
