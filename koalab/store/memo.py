"""Small cached answers beside the bars: listings, basic info, anything that is JSON or bytes."""

from __future__ import annotations

import json
import logging
import struct
import time
from collections.abc import Callable
from math import inf
from typing import Any, Final

from koalab.errors import CacheDamaged
from koalab.store.disk import CacheUnavailable, Shelf

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

    def get(self, key: str) -> Any:
        """The value as it was put; None where it is absent or expired, or the cache cannot be used now.

        Raises:
            CacheDamaged: the stored value was not written by ``put``.
        """
        try:
            stored = self._shelf.get(MEMO + key)
        except CacheUnavailable as error:
            log.warning("%s cannot be looked up: %s", key, error)
            return None
        if stored is None:
            return None
        try:
            if not isinstance(stored, bytes):
                raise TypeError("not bytes")
            kind, expires = _HEAD.unpack_from(stored)
            if expires <= self._clock():
                return None
            return _DECODERS[kind](stored[_HEAD.size :])
        except (struct.error, ValueError, TypeError, KeyError) as error:
            raise CacheDamaged(f"the cache's {key!r} cannot be read ({error}); run clear()") from error

    def put(self, key: str, value: Any, expires: float | None = None) -> None:
        """Stores bytes, or anything JSON can represent, until ``expires`` (seconds since the epoch; None: for ever).

        Where the cache cannot be used now a warning is logged and the value is not stored.

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
                change.set(MEMO + key, head + data)
        except CacheUnavailable as error:
            log.warning("%s could not be kept: %s", key, error)

    def clear(self) -> int:
        """Deletes all values; returns how many."""
        with self._shelf.transaction() as change:
            keys = [key for key in change.all_keys() if key.startswith(MEMO)]
            for key in keys:
                change.delete(key)
        return len(keys)


_DECODERS: Final[dict[bytes, Callable[[bytes], Any]]] = {b"b": bytes, b"j": json.loads}
