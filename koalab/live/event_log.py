"""``EventLog``: the events of one stream as columns, with a bound on how many are kept."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from koalab.live.decoding import Column

# Small parts are merged into blocks of about so many rows.
_BLOCK: Final = 8_192
_INT32: Final = np.iinfo(np.int32)

Columns = Mapping[str, Column]


class EventLog:
    """Columns of one length that grow at the end; the oldest rows go where more than ``keep`` are held.

    Rows are numbered from 0 in the order of arrival, and keep their number. Not thread-safe by itself.

    Attributes:
        first: the number of the oldest row held.
        end: the number of the next row.
    """

    def __init__(self, keep: int | None) -> None:
        self.first = 0
        self.end = 0
        self._keep = keep
        self._starts: list[int] = []
        self._parts: list[Columns] = []
        self._merged = 0  # parts before this one are whole blocks

    def append(self, part: Columns) -> None:
        """Adds rows, which must not be changed afterwards."""
        size = _rows(part)
        if not size:
            return
        self._starts.append(self.end)
        self._parts.append(part)
        self.end += size
        if self.end - self._starts[self._merged] >= _BLOCK:
            self._merge()
        if self._keep is not None and self.end - self.first > self._keep:
            self._forget(self.end - self._keep)

    def rows(self, start: int, stop: int) -> Iterator[Columns]:
        """The rows from ``start`` to before ``stop``, in parts; those that are held no more are left out."""
        start = max(start, self.first)
        index = max(0, bisect_right(self._starts, start) - 1)
        while index < len(self._parts) and self._starts[index] < stop:
            low, part = self._starts[index], self._parts[index]
            cut = slice(max(0, start - low), min(_rows(part), stop - low))
            yield {name: column[cut] for name, column in part.items()}
            index += 1

    def _merge(self) -> None:
        parts = self._parts[self._merged :]
        names = list(parts[0])
        block = {name: _small(np.concatenate([part[name] for part in parts])) for name in names}
        self._parts[self._merged :] = [block]
        self._starts[self._merged + 1 :] = []
        self._merged += 1

    def _forget(self, first: int) -> None:
        self.first = first
        gone = max(0, bisect_right(self._starts, first) - 1)
        if gone:
            del self._parts[:gone], self._starts[:gone]
            self._merged = max(0, self._merged - gone)


def _rows(part: Columns) -> int:
    return len(next(iter(part.values())))


def _small(column: Column) -> Column:
    """The column in half the space where its whole numbers fit."""
    if column.dtype != np.int64 or not column.size:
        return column
    fits = _INT32.min <= column.min() and column.max() <= _INT32.max
    return column.astype(np.int32) if fits else column
