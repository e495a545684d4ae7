"""Small answers kept beside the bars: listings, basic info, anything that is JSON or bytes."""

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
"""How the keys of all memos begin."""
_HEAD: Final = struct.Struct("<cd")


class Memo:
    """Values under text keys, with the time at which each expires.

    Args:
        shelf: where they lie; a ``BarStore``'s own, as a rule.
        clock: seconds since the epoch; the server's clock where it runs faster than the real one.
    """

    def __init__(self, shelf: Shelf, clock: Callable[[], float] = time.time) -> None:
        self._shelf = shelf
        self._clock = clock

    def get(self, key: str) -> Any:
        """The value as it was put; None where there is none, it has expired, or the cache cannot be used now.

        Raises:
            CacheDamaged: what lies there was not put here.
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
        """Keeps bytes, or anything JSON can hold, until ``expires`` (seconds since the epoch; None: for ever).

        Where the cache cannot be used now the value is not kept, and the log says so.

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
        """Forgets everything; how many values that were."""
        with self._shelf.transaction() as change:
            keys = [key for key in change.all_keys() if key.startswith(MEMO)]
            for key in keys:
                change.delete(key)
        return len(keys)


_DECODERS: Final[dict[bytes, Callable[[bytes], Any]]] = {b"b": bytes, b"j": json.loads}
