"""Seals: every record and memo of the cache carries a digest of its place and its bytes.

The digest is CRC-32, which is there on every machine and four times as fast as BLAKE2: it is to find accidents, and
the bars of ten years are digested at every read. A value is only as good as its place, which is the source's folder
and the key, so that a record of another issue or a database of another source is not taken for this one's. Segments
of bars carry no seal: the sealed record of their series has their digests.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import Final

FORMAT: Final = b"KLC4"
"""Names the format of all that is sealed; changes with the shape of records or memos. Others are loaded anew."""

_HEAD: Final = struct.Struct("<4sI")
_FAMILY: Final = FORMAT[:3]
_EARLIER: Final = re.compile(r'[0-9a-f]{8}\{"version":')  # records of the third format and before were texts


class NotAsStored(ValueError):
    """A value is not what was stored in its place; the text says why."""


class OtherFormat(NotAsStored):
    """A value was stored in another format: by another version of koalab."""


def digest(data: bytes, start: int = 0) -> int:
    """CRC-32 of the bytes, after those whose digest is ``start``."""
    return zlib.crc32(data, start)


def seal(place: str, content: bytes) -> bytes:
    """The content with its digest, to be stored in that place.

    >>> unseal("source/key", seal("source/key", b"some numbers"))
    b'some numbers'
    """
    return _HEAD.pack(FORMAT, digest(content, digest(place.encode()))) + content


def unseal(place: str, stored: object) -> bytes:
    """The content of what is stored in that place.

    Raises:
        NotAsStored: it is not what ``seal`` made for that place.
        OtherFormat: it is of another format.
    """
    if isinstance(stored, str) and _EARLIER.match(stored):
        raise OtherFormat("it is of an earlier format")
    if not isinstance(stored, bytes) or len(stored) < _HEAD.size or not stored.startswith(_FAMILY):
        raise NotAsStored("it is not what was stored there")
    if not stored.startswith(FORMAT):
        raise OtherFormat("it is of another format")
    content = stored[_HEAD.size :]
    if _HEAD.unpack_from(stored)[1] != digest(content, digest(place.encode())):
        raise NotAsStored("its digest is wrong")
    return content
