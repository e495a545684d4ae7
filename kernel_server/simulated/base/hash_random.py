"""Random numbers by position: the draw for a day or a minute depends on a key and that day, on nothing else.

So a bar can be computed without the bars before it and comes out the same whoever asks first, for
whatever span and with whatever version of numpy. The mixing function is the finaliser of splitmix64,
and only integer arithmetic and one multiplication stand between it and the draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from kernel_server.simulated.base.arrays import Floats, Ints

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_EVEN_LANES, _LOW_HALF = np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)


def key(*parts: int | str) -> int:
    """One 64-bit key made of all the parts; other parts or another order give another key."""
    mixed = 0
    for part in parts:
        number = part if isinstance(part, int) else (crc32(part.encode()) << 8) + len(part)
        mixed = _mix((mixed ^ (number & _MASK)) + _STEP & _MASK)
    return mixed


def _mix(z: int) -> int:
    z = (z ^ z >> 30) * _FIRST & _MASK
    z = (z ^ z >> 27) * _SECOND & _MASK
    return z ^ z >> 31


def keys(*parts: int | str | Ints) -> NDArray[np.uint64]:
    """``key`` of many at once: the parts that are arrays, of one length and not negative, give each its own."""
    mixed: NDArray[np.uint64] = np.zeros(1, np.uint64)
    for part in parts:
        if isinstance(part, str):
            part = (crc32(part.encode()) << 8) + len(part)
        number = np.uint64(part & _MASK) if isinstance(part, int) else part.astype(np.uint64)
        mixed = (mixed ^ number) + np.uint64(_STEP)
        mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(_FIRST)
        mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(_SECOND)
        mixed = mixed ^ mixed >> np.uint64(31)
    return mixed


def numbers(texts: Sequence[str]) -> Ints:
    """What texts count as in ``keys``."""
    return np.array([(crc32(text.encode()) << 8) + len(text) for text in texts], np.int64)


def bits(key: int | NDArray[np.uint64], index: Ints) -> NDArray[np.uint64]:
    """64 random bits for each index, which must not be negative; for several keys where they broadcast with it."""
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
    """A draw between 0 and 1, neither reached, for each index and key."""
    drawn = (bits(key, index) >> np.uint64(12)).astype(np.float64)
    return (drawn + 0.5) * 2.0**-52


def bell(key: int, index: Ints) -> Floats:
    """A draw of mean 0 and deviation 1 for each index, nearly normal but never beyond 3.47.

    The sum of four 16-bit draws, which needs no logarithm and so is the same on every machine.
    """
    drawn = bits(key, index)
    # The four lanes of 16 bits, added in pairs and then to one another.
    pairs = (drawn & _EVEN_LANES) + (drawn >> np.uint64(16) & _EVEN_LANES)
    total = ((pairs & _LOW_HALF) + (pairs >> np.uint64(32))).astype(np.int64)
    centred: Floats = (total - 2 * 65535).astype(np.float64) * (3**0.5 / 65536)
    return centred


def slow(key: int, index: Ints, period: int) -> Floats:
    """Like ``bell``, but drifting: a new draw every ``period`` of the index, a straight line in between."""
    if not index.size:
        return np.zeros(index.shape)
    block = index // period
    start = int(block.min())
    # Few blocks hold many days: each is drawn once.
    drawn = bell(key, np.arange(start, int(block.max()) + 2))
    place = block - start
    first, second = drawn[place], drawn[place + 1]
    return first + (second - first) * ((index - block * period) / period)
