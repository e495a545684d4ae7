"""Scripts that are made part by part, when one is first read: a day of a busy issue has a hundred thousand trades."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kernel_server.simulated.base.arrays import Floats, Ints
from kernel_server.simulated.market.trade_script import NOTHING, Column, Script


class ScriptInParts(Script):
    """A day's trades, of which a part is made when it is first read, and kept.

    Reading a slice makes its parts alone; reading a whole column makes all of them.

    Args:
        starts: of the parts, seconds since the epoch; the trades of each are before the next one starts.
        counts: numbers of their trades.
        make: makes a part, by its place, packed by the first start.
        volume, value: shares and KRW of all trades.
        opens, closes: as in ``Script``.
    """

    __slots__ = ("_edges", "_make", "_parts", "_starts", "_value", "_volume")

    _edges: list[int]
    _make: Callable[[int], Script]
    _parts: list[Script | None]
    _starts: list[float]
    _value: int
    _volume: int

    def __init__(
        self,
        starts: Sequence[float],
        counts: Ints,
        make: Callable[[int], Script],
        volume: int,
        value: int,
        opens: bool = False,
        closes: bool = False,
    ) -> None:
        edges = [0, *np.cumsum(counts).tolist()]
        values: dict[str, Any] = {
            "_starts": list(starts),
            "_edges": edges,
            "_make": make,
            "_parts": [None] * len(starts),
            "_volume": volume,
            "_value": value,
            "opens": opens,
            "closes": closes,
            "origin": int(starts[0]),
        }
        for name, value in values.items():  # a script does not change
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return self._edges[-1]

    @property
    def total_volume(self) -> int:
        return self._volume

    @property
    def total_value(self) -> int:
        return self._value

    @property
    def stamp(self) -> Floats | Column:
        return self[:].stamp

    @property
    def price(self) -> Column:
        return self[:].price

    @property
    def volume(self) -> Column:
        return self[:].volume

    @property
    def side(self) -> Column:
        return self[:].side

    @property
    def carried(self) -> Column | None:
        return self[:].carried

    def times(self, part: slice) -> Floats:
        return self[part].time

    def time_at(self, index: int) -> float:
        index = index if index >= 0 else len(self) + index
        place = bisect_right(self._edges, index) - 1
        return self._part(place).time_at(index - self._edges[place])

    def count_by(self, now: float) -> int:
        place = bisect_right(self._starts, now) - 1
        return self._edges[place] + self._part(place).count_by(now) if place >= 0 else 0

    def count_before(self, moment: float) -> int:
        place = bisect_right(self._starts, moment) - 1
        return self._edges[place] + self._part(place).count_before(moment) if place >= 0 else 0

    def __getitem__(self, part: slice) -> Script:
        start, stop, _step = part.indices(len(self))
        if start >= stop:
            return NOTHING
        edges = self._edges
        first, last = bisect_right(edges, start) - 1, bisect_right(edges, stop - 1) - 1
        found = [
            self._part(place)[max(start - edges[place], 0) : stop - edges[place]]
            for place in range(first, last + 1)
        ]
        if len(found) == 1:
            return found[0]
        plain = all(each.carried is None for each in found)
        return Script(
            np.concatenate([each.stamp for each in found]),
            np.concatenate([each.price for each in found]),
            np.concatenate([each.volume for each in found]),
            np.concatenate([each.side for each in found]),
            origin=self.origin,
            carried=None if plain else np.concatenate([each.value for each in found]),
        )

    def make_part(self, now: float) -> bool:
        for place in range(bisect_right(self._starts, now)):
            if self._parts[place] is None:
                self._part(place)
                return True
        return False

    def made_by(self, now: float) -> bool:
        return None not in self._parts[: bisect_right(self._starts, now)]

    def packed(self, origin: int | None = None) -> Script:  # noqa: ARG002
        return self

    def _part(self, place: int) -> Script:
        made = self._parts[place]
        if made is None:
            made = self._parts[place] = self._make(place)
        return made
