"""``EventLog``: the events of one stream as columns, with a bound on how many are kept."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from koalab.live.decoding.decoder import Column

# Rows of the smallest and the largest block; each is twice the one before, so that a quiet stream takes little, and
# none has more than are kept.
_SMALLEST: Final = 64
_LARGEST: Final = 8_192
_INT32: Final = np.iinfo(np.int32)

Columns = Mapping[str, Column]


class EventLog:
    """Columns of one length that grow at the end; the oldest rows go where there are more than ``keep``.

    Rows are numbered from 0 in the order of arrival, and keep their number. They are written into blocks of a fixed
    size, so that adding one costs the same at any length. Not thread-safe by itself; a written row never changes,
    so that what ``rows`` gave stays right.

    Attributes:
        first: the number of the oldest row kept.
        end: the number of the next row.
    """

    def __init__(self, keep: int | None) -> None:
        self.first = 0
        self.end = 0
        self._keep = keep
        self._starts: list[int] = []
        self._blocks: list[dict[str, Column]] = []
        self._room = 0  # rows that fit into the last block

    def append(self, part: Columns) -> None:
        """Adds rows, which are copied."""
        size, done = _rows(part), 0
        while done < size:
            if not self._room:
                self._begin_block(part)
            block, low = self._blocks[-1], self.end - self._starts[-1]
            count = min(self._room, size - done)
            for name, column in part.items():
                block[name][low : low + count] = column[done : done + count]
            self.end += count
            self._room -= count
            done += count
            if not self._room:
                self._blocks[-1] = {name: _small(column) for name, column in block.items()}
        if self._keep is not None and self.end - self.first > self._keep:
            self._forget(self.end - self._keep)

    def rows(self, start: int, stop: int) -> Iterator[Columns]:
        """The rows from ``start`` to before ``stop``, in parts; those that are kept no more are left out."""
        start, stop = max(start, self.first), min(stop, self.end)
        index = max(0, bisect_right(self._starts, start) - 1)
        while index < len(self._blocks) and self._starts[index] < stop and start < stop:
            low, block = self._starts[index], self._blocks[index]
            cut = slice(max(0, start - low), min(_rows(block), stop - low))
            yield {name: column[cut] for name, column in block.items()}
            index += 1

    def _begin_block(self, like: Columns) -> None:
        last = _rows(self._blocks[-1]) if self._blocks else 0
        most = _LARGEST if self._keep is None else min(_LARGEST, self._keep)
        self._room = max(_SMALLEST, min(most, 2 * last))
        self._starts.append(self.end)
        self._blocks.append({name: np.empty(self._room, column.dtype) for name, column in like.items()})

    def _forget(self, first: int) -> None:
        self.first = first
        gone = max(0, bisect_right(self._starts, first) - 1)
        if gone:
            del self._blocks[:gone], self._starts[:gone]


def _rows(part: Columns) -> int:
    return len(next(iter(part.values())))


def _small(column: Column) -> Column:
    """The column in half the space where its whole numbers fit."""
    if column.dtype != np.int64 or not column.size:
        return column
    fits = _INT32.min <= column.min() and column.max() <= _INT32.max
    return column.astype(np.int32) if fits else column
