"""``BarColumns``: bars of one issue as numpy columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from typing import Any, Final, Literal, cast

import numpy as np

from koalab.errors import BadInput
from koalab.frames.errors import ConflictingBars
from koalab.frames.numbers import Floats, Ints, Moments, Numbers

Kind = Literal["daily", "minute", "tick"]
Bound = str | date | datetime | np.datetime64


@dataclass(frozen=True, slots=True, eq=False)
class BarColumns:
    """Bars of one issue, oldest first: one numpy array per column, all of one length.

    Attributes:
        time: datetime64[us], naive. Midnight of the day (of the broker's day of the period for weeks and longer),
            or Seoul wall time for minutes and ticks. Strictly ascending, but non-decreasing for ticks,
            many of which share a second.
        open, high, low, close: KRW (index points for index charts). int64, float64 only where the source
            has fractions.
        volume: shares. int64, float64 only where the source has fractions (adjusted volumes may). Of index
            charts the broker's figure, unscaled.
        value: traded value in KRW, int64, rounded to a million by the broker. None for minutes and ticks:
            opt10080 and opt10079 have no 거래대금.
        event: 수정주가구분, a sum of flags (1 유상증자, 8 액면분할, 256 권리락 …), int64, 0 on a day without an
            event. None for minutes, ticks and indices.
        ratio: 수정비율 in percent, float64, NaN on a day without an event. None where ``event`` is None.
    """

    time: Moments
    open: Numbers
    high: Numbers
    low: Numbers
    close: Numbers
    volume: Numbers
    value: Numbers | None = None
    event: Ints | None = None
    ratio: Floats | None = None

    def __post_init__(self) -> None:
        shape = self.time.shape
        for name in COLUMNS:
            values = getattr(self, name)
            if values is not None and values.shape != shape:
                raise ValueError(f"{name} has {values.size} values for {self.time.size} bars")
        if len(self) > 1 and not (self.time[1:] >= self.time[:-1]).all():
            raise ConflictingBars("bars that do not run from older to newer; load the range again")

    def __len__(self) -> int:
        return self.time.size

    @classmethod
    def empty(cls, kind: Kind) -> BarColumns:
        """No bars, with the columns and dtypes that bars of that kind have."""
        return _empty(kind)

    @classmethod
    def concat(cls, parts: Sequence[BarColumns]) -> BarColumns:
        """Concatenates parts given oldest first. Empty parts are skipped; at least one part is required.

        Raises:
            ConflictingBars: a part does not begin after the last bar of the previous part, or the parts have
                different columns.
        """
        non_empty = [part for part in parts if len(part)]
        if len(non_empty) < 2:
            return non_empty[0] if non_empty else parts[0]
        for older, newer in pairwise(non_empty):
            if newer.time[0] <= older.time[-1]:
                raise ConflictingBars(
                    f"bars from {newer.time[0]} on cannot follow bars up to {older.time[-1]}; "
                    "cut one of them with slice first"
                )
        joined: dict[str, Any] = {}
        for name in COLUMNS:
            arrays = [getattr(part, name) for part in non_empty]
            missing = sum(array is None for array in arrays)
            if missing not in (0, len(arrays)):
                raise ConflictingBars(f"some of the bars have {name} and some have not")
            joined[name] = None if missing else np.concatenate(arrays)
        return cls(**joined)

    def slice(self, first: Bound | None = None, last: Bound | None = None) -> BarColumns:
        """The bars from ``first`` to ``last``, both included, as views; None leaves that end open.

        Bounds are naive, like ``time``; a bare date as ``last`` is its midnight.
        """
        low = 0 if first is None else int(np.searchsorted(self.time, _moment(first), "left"))
        high = len(self) if last is None else int(np.searchsorted(self.time, _moment(last), "right"))
        cut: dict[str, Any] = {}
        for name in COLUMNS:
            array = getattr(self, name)
            cut[name] = None if array is None else array[low:high]
        return BarColumns(**cut)


COLUMNS: Final = tuple(column.name for column in fields(BarColumns))
"""The names of the columns, in order."""


@cache
def _empty(kind: Kind) -> BarColumns:
    empty = np.empty(0, np.int64)
    time = np.empty(0, "M8[us]")
    if kind != "daily":
        return BarColumns(time, empty, empty, empty, empty, empty)
    return BarColumns(time, empty, empty, empty, empty, empty, empty, empty, np.empty(0))


def _moment(bound: Bound) -> np.datetime64:
    if isinstance(bound, np.datetime64):
        return cast("np.datetime64", bound.astype("M8[us]"))
    if isinstance(bound, datetime) and bound.tzinfo is not None:
        raise BadInput(f"{bound!r} has a time zone; give Seoul wall time without one")
    return cast("np.datetime64", np.array(bound, "M8[us]")[()])
