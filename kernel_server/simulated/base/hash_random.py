"""Random numbers by position: the number for a day or a minute depends on a key and that index alone.

So any bar can be computed without those before it, and is the same in any order, for any range and with any version of
numpy. The mixing function is the finaliser of splitmix64, followed by integer arithmetic and one multiplication.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Floats, Ints

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_EVEN_LANES, _LOW_HALF = np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)


@lru_cache(maxsize=16_384)
def _number(text: str) -> int:
    """A text as a part; codes and names come again and again."""
    return (crc32(text.encode()) << 8) + len(text)


def key(*parts: int | str) -> int:
    """A 64-bit key of all the parts; their order counts."""
    mixed = 0
    for part in parts:
        number = part if isinstance(part, int) else _number(part)
        mixed = (mixed ^ (number & _MASK)) + _STEP & _MASK
        mixed = (mixed ^ mixed >> 30) * _FIRST & _MASK
        mixed = (mixed ^ mixed >> 27) * _SECOND & _MASK
        mixed ^= mixed >> 31
    return mixed


def keys(*parts: int | str | Ints | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """``key`` for columns: array parts, of one length and not negative, give one key per row."""
    mixed: NDArray[np.uint64] = np.zeros(1, np.uint64)
    for part in parts:
        if isinstance(part, str):
            part = _number(part)
        number = np.uint64(part & _MASK) if isinstance(part, int) else part.astype(np.uint64)
        mixed = (mixed ^ number) + np.uint64(_STEP)
        mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(_FIRST)
        mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(_SECOND)
        mixed = mixed ^ mixed >> np.uint64(31)
    return mixed


def text_parts(texts: Sequence[str]) -> Ints:
    """Texts as parts for ``keys``."""
    return np.array([_number(text) for text in texts], np.int64)


def bits(key: int | NDArray[np.uint64], index: Ints) -> NDArray[np.uint64]:
    """64 random bits per index, which must not be negative; several keys broadcast with the indices."""
    z = index.astype(np.uint64)
    z *= np.uint64(_STEP)
    z = z + np.asarray(key, np.uint64)
    z ^= z >> np.uint64(30)
    z *= np.uint64(_FIRST)
    z ^= z >> np.uint64(27)
    z *= np.uint64(_SECOND)
    z ^= z >> np.uint64(31)
    return z


def uniform(key: int | NDArray[np.uint64], index: Ints) -> Floats:
    """A uniform random number per index and key, above 0 and below 1."""
    random = (bits(key, index) >> np.uint64(12)).astype(np.float64)
    return (random + 0.5) * 2.0**-52


def normal(key: int | NDArray[np.uint64], index: Ints) -> Floats:
    """A random number per index and key of mean 0 and deviation 1: nearly normal, but never beyond 3.47.

    It is the sum of four 16-bit numbers, which needs no logarithm and so is the same on every machine.
    """
    random = bits(key, index)
    # The four 16-bit lanes, added in pairs and then to one another.
    pairs = (random & _EVEN_LANES) + (random >> np.uint64(16) & _EVEN_LANES)
    total = ((pairs & _LOW_HALF) + (pairs >> np.uint64(32))).astype(np.int64)
    centred: Floats = (total - 2 * 65535).astype(np.float64) * (3**0.5 / 65536)
    return centred


def smooth_normal(key: int | NDArray[np.uint64], index: Ints, period: int) -> Floats:
    """Like ``normal``, but with a new number only every ``period`` indices and straight lines between them."""
    if not index.size:
        return np.zeros(index.shape)
    block = index // period
    start = int(block.min())
    # A block covers many indices, so each block's number is computed once.
    random = normal(key, np.arange(start, int(block.max()) + 2))
    offset = block - start
    first, second = random[..., offset], random[..., offset + 1]
    return first + (second - first) * ((index - block * period) / period)
