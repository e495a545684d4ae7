"""A segment's bars as bytes, and back without copying.

A header of 16 bytes (``KLB1``, how many columns, how many rows), eight bytes a column (its name, padded, and
``M``, ``i`` or ``f`` for datetime64[us], int64 or float64), then the columns one after another, eight bytes a
value, little-endian. Read-only arrays over the bytes come back.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np

from koalab.errors import CacheDamaged, KoalabError
from koalab.frames.bars import COLUMNS, BarColumns

_HEAD: Final = struct.Struct("<4sIQ")
_MAGIC: Final = b"KLB1"
_DTYPES: Final = {"M": np.dtype("<M8[us]"), "i": np.dtype("<i8"), "f": np.dtype("<f8")}
_WIDTH: Final = 8


def pack(bars: BarColumns) -> bytes:
    """The bytes of those bars."""
    columns = {name: array for name in COLUMNS if (array := getattr(bars, name)) is not None}
    parts = [_HEAD.pack(_MAGIC, len(columns), len(bars.time))]
    parts += [f"{name:<7}{_kind(array)}".encode("ascii") for name, array in columns.items()]
    parts += [array.astype(_DTYPES[_kind(array)], copy=False).tobytes() for array in columns.values()]
    return b"".join(parts)


def unpack(data: bytes) -> BarColumns:
    """The bars in those bytes, over the same memory.

    Raises:
        CacheDamaged: the bytes are no bars.
    """
    try:
        magic, count, rows = _HEAD.unpack_from(data)
        start = _HEAD.size + count * _WIDTH
        if magic != _MAGIC or len(data) != start + count * rows * _WIDTH:
            raise ValueError("wrong head or length")
        names = data[_HEAD.size : start].decode("ascii")
        arrays: dict[str, Any] = {}
        for column in range(count):
            name = names[column * _WIDTH : (column + 1) * _WIDTH]
            offset = start + column * rows * _WIDTH
            arrays[name[:-1].rstrip()] = np.frombuffer(data, _DTYPES[name[-1]], rows, offset)
        return BarColumns(**arrays)
    except (struct.error, ValueError, KeyError, TypeError, KoalabError) as error:
        raise CacheDamaged(f"the cache holds bars that cannot be read ({error}); run verify()") from error


def _kind(array: np.ndarray[Any, Any]) -> str:
    kind = array.dtype.kind
    return kind if kind in "Mf" else "i"
