"""Bars: the chart TRs' pages as numpy columns, oldest first, and those columns as DataFrames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from koalab.errors import BadInput
from koalab.frames import numbers, overlap
from koalab.frames import pages as paging
from koalab.frames.errors import ConflictingBars, UnreadableValue
from koalab.frames.fields import Columns, Field, fields, labels, table
from koalab.frames.numbers import Floats, Ints, Moments, Numbers
from koalab.transport.base import Page

Kind = Literal["daily", "minute", "tick"]
Bound = str | date | datetime | np.datetime64

_CLOCKS = {"date": numbers.dates, "moment": numbers.times, "index_moment": numbers.index_times}
_SHOWN = ("open", "high", "low", "close", "volume", "value")


@dataclass(frozen=True, slots=True, eq=False)
class BarColumns:
    """Bars of one issue, oldest first, one numpy array a column, all of one length.

    Attributes:
        time: datetime64[us], naive. Midnight of the day (of the broker's day of the period for weeks and longer),
            or Seoul wall time for minutes and ticks. Strictly ascending, but for ticks, of which many can
            share a second: there it never falls.
        open, high, low, close: KRW (index points for index charts). int64, float64 only where the source
            has fractions.
        volume: shares. int64, float64 only where the source has fractions (adjusted volumes may). Of index
            charts it is the figure as the broker gives it.
        value: traded value in KRW, int64, to the million that the broker rounds to. None for minutes and ticks:
            opt10080 and opt10079 have no 거래대금.
        event: 수정주가구분, a sum of flags (1 유상증자, 8 액면분할, 256 권리락 …), int64, 0 on a day without one.
            None for minutes, ticks and indices.
        ratio: 수정비율 in percent, float64, NaN on a day without one. None where ``event`` is.
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
        for column in dataclass_fields(self):
            values = getattr(self, column.name)
            if values is not None and values.shape != self.time.shape:
                raise ValueError(f"{column.name} has {values.size} values for {self.time.size} bars")
        if not (self.time[1:] >= self.time[:-1]).all():
            raise ConflictingBars("bars that do not run from older to newer; load the range again")

    def __len__(self) -> int:
        return self.time.size

    @classmethod
    def empty(cls, kind: Kind) -> BarColumns:
        """No bars, with the columns and dtypes that bars of that kind have."""
        none = np.empty(0, np.int64)
        time = np.empty(0, "M8[us]")
        if kind != "daily":
            return cls(time, none, none, none, none, none)
        return cls(time, none, none, none, none, none, none, none, np.empty(0))

    @classmethod
    def concat(cls, parts: Sequence[BarColumns]) -> BarColumns:
        """The parts, oldest first, as one. Parts without bars are let be; at least one part must be given.

        Raises:
            ConflictingBars: a part begins before or with the last bar of the part before it, or the parts
                are not of one kind.
        """
        held = [part for part in parts if len(part)]
        if len(held) < 2:
            return held[0] if held else parts[0]
        for older, newer in pairwise(held):
            if newer.time[0] <= older.time[-1]:
                raise ConflictingBars(
                    f"bars from {newer.time[0]} on cannot follow bars up to {older.time[-1]}; "
                    "cut one of them with slice first"
                )
        joined: dict[str, Any] = {}
        for column in dataclass_fields(cls):
            arrays = [getattr(part, column.name) for part in held]
            missing = sum(array is None for array in arrays)
            if missing not in (0, len(arrays)):
                raise ConflictingBars(f"some of the bars have {column.name} and some have not")
            joined[column.name] = None if missing else np.concatenate(arrays)
        return cls(**joined)

    def slice(self, first: Bound | None = None, last: Bound | None = None) -> BarColumns:
        """The bars from ``first`` to ``last``, both included; None leaves that end open. Shares the arrays.

        Bounds are naive, in the same clock as ``time``; a bare date as ``last`` is its midnight.
        """
        low = 0 if first is None else int(np.searchsorted(self.time, _moment(first), "left"))
        high = len(self) if last is None else int(np.searchsorted(self.time, _moment(last), "right"))
        cut: dict[str, Any] = {}
        for column in dataclass_fields(self):
            array = getattr(self, column.name)
            cut[column.name] = None if array is None else array[low:high]
        return BarColumns(**cut)


def kind_of(tr: str) -> Kind:
    """Whether a chart TR gives daily (or longer), minute or tick bars.

    Raises:
        BadInput: that TR gives no bars.
    """
    try:
        return _kinds()[tr.lower()]
    except KeyError:
        raise BadInput(f"{tr} gives no bars; these do: {', '.join(_kinds())}") from None


def parse(tr: str, pages: Sequence[Page]) -> BarColumns:
    """The bars on the pages of one chart TR (opt10079 to opt10083, opt10094, and the daily and longer index charts).

    Pages come as the broker gave them: newest first, and newest first inside. Rows that two pages share are taken
    once, from the newer page.

    Raises:
        BadInput: that TR gives no bars.
        UnreadableValue: a value is not what its field holds.
        ConflictingBars: the rows stand in no one order.
    """
    kind = kind_of(tr)
    layout = _layout(tr.lower())
    held = paging.non_empty(pages)
    if not held:
        return _empty(kind, layout)
    paging.check(tr, held, len(fields(tr)))
    source = _Source(tr, held, layout)
    time = source.time("date" if kind == "daily" else "time")
    columns = [source.numbers(name) for name in _SHOWN[:-1]]
    counts = [page.rows for page in held]
    keep = (
        overlap.ticks_to_keep(time, columns, counts) if kind == "tick" else overlap.bars_to_keep(time, counts)
    )
    found: dict[str, Any] = {"time": time, **dict(zip(_SHOWN, columns, strict=False))}
    if "value" in layout:
        found["value"] = source.numbers("value")
    if kind == "daily" and "event" in layout:
        # A blank event is no event.
        found["event"] = np.nan_to_num(source.numbers("event")).astype(np.int64)
        found["ratio"] = source.ratios("ratio")
    return BarColumns(**{name: _oldest_first(array, keep) for name, array in found.items()})


def to_frame(bars: BarColumns, kind: Kind, columns: Columns = "en", code: str | None = None) -> pd.DataFrame:
    """The bars as a DataFrame of its own: nothing done to it reaches ``bars``.

    The index is ``date``, naive, for daily and longer bars, and ``time`` in Asia/Seoul for minutes and ticks; columns
    are ``open high low close volume`` and, where the bars have it, ``value`` in KRW. ``columns="ko"`` names
    them as Kiwoom does (일자 or 체결시간; 시가 고가 저가 현재가 거래량 거래대금); the figures stay the same.
    With ``code`` the index has a level ``code`` before that.

    Raises:
        BadInput: ``columns`` is neither ``"en"`` nor ``"ko"``.
    """
    shown = [getattr(bars, name) for name in _SHOWN]
    arrays = [array for array in shown if array is not None]
    names, index_name = _names(kind, columns)
    index = pd.DatetimeIndex(bars.time.copy(), name=index_name)
    if kind != "daily":
        index = index.tz_localize("Asia/Seoul")
    header = names[: len(arrays)]
    if all(array.dtype == np.int64 for array in arrays):
        # One block, transposed as pandas keeps it, costs a fifth of a column at a time.
        frame = pd.DataFrame(np.stack(arrays).T, index=index, columns=header, copy=False)
    else:
        frame = pd.DataFrame(dict(zip(header, arrays, strict=True)), index=index)
        frame.columns = header
    if code is not None:
        frame.index = pd.MultiIndex.from_product([[code], index], names=["code", index_name])
    return frame


def stack_codes(
    found: Mapping[str, BarColumns], kind: Kind = "daily", columns: Columns = "en"
) -> pd.DataFrame:
    """Bars of several codes as one frame, with a level ``code`` first in the index, in the order given.

    As ``to_frame`` of each, one below the other. ``kind`` and ``columns`` say how it looks where there is no code.
    """
    if not found:
        empty = to_frame(BarColumns.empty(kind), kind, columns)
        no_codes = pd.Index([], dtype="str", name="code")
        return empty.set_index(pd.MultiIndex.from_product([no_codes, empty.index]))
    names, index_name = _names(kind, columns)
    parts = list(found.values())
    time = np.concatenate([part.time for part in parts])
    first = parts[0].time
    if all(np.array_equal(part.time, first) for part in parts) and (first[1:] > first[:-1]).all():
        inner, places = first.copy(), np.tile(np.arange(len(first)), len(parts))
    else:
        inner = np.unique(time)
        places = np.searchsorted(inner, time)
    days = pd.DatetimeIndex(inner) if kind == "daily" else pd.DatetimeIndex(inner).tz_localize("Asia/Seoul")
    levels: Any = [pd.Index(list(found), dtype="str"), days]
    codes: Any = [np.repeat(np.arange(len(parts)), [len(part) for part in parts]), places]
    index = pd.MultiIndex(levels, codes, names=["code", index_name], verify_integrity=False)
    shown = [name for name in _SHOWN if getattr(parts[0], name) is not None]
    arrays = {
        label: np.concatenate([getattr(part, name) for part in parts])
        for label, name in zip(names, shown, strict=False)
    }
    if all(array.dtype == np.int64 for array in arrays.values()):
        frame = pd.DataFrame(
            np.stack(list(arrays.values())).T, index=index, columns=names[: len(arrays)], copy=False
        )
    else:
        frame = pd.DataFrame(arrays, index=index)
        frame.columns = names[: len(arrays)]
    return frame


class _Source:
    """The columns of a load, read by English name."""

    def __init__(self, tr: str, pages: Sequence[Page], layout: Mapping[str, tuple[int, Field]]) -> None:
        self._tr, self._pages, self._layout = tr, pages, layout
        self._rows = paging.row_count(pages)

    def _read(self, name: str, reader: Any, *arguments: Any) -> Any:
        position, field = self._layout[name]
        try:
            return reader(paging.column(self._pages, position), self._rows, *arguments)
        except UnreadableValue as error:
            raise error.within(f"{self._tr} {field.name}") from None

    def time(self, name: str) -> Moments:
        found = cast(Moments, self._read(name, _CLOCKS[self._layout[name][1].kind]))
        if np.isnat(found).any():
            row = int(np.flatnonzero(np.isnat(found))[0])
            raise UnreadableValue("", row, "the time of a bar", f"{self._tr} {self._layout[name][1].name}")
        return found

    def numbers(self, name: str) -> Numbers:
        # Nothing in a bar is below zero, so a sign is a colour (or, on a tick's volume, the side that traded).
        return self._layout[name][1].scaled(self._read(name, numbers.numbers, True))

    def ratios(self, name: str) -> Floats:
        return cast(Floats, self._read(name, numbers.ratios))


def _oldest_first(array: Any, keep: overlap.Mask | None) -> Any:
    return np.ascontiguousarray((array if keep is None else array[keep])[::-1])


def _empty(kind: Kind, layout: Mapping[str, tuple[int, Field]]) -> BarColumns:
    """No bars, with the columns and dtypes of this TR: an index has no events and comes in fractions."""
    none = BarColumns.empty(kind)
    found: dict[str, Any] = {"time": none.time}
    for name in (*_SHOWN, "event", "ratio"):
        array = getattr(none, name)
        if array is not None and name in layout:
            found[name] = array / 1 if layout[name][1].divisor != 1 else array
    return BarColumns(**found)


def _moment(bound: Bound) -> np.datetime64:
    if isinstance(bound, datetime) and bound.tzinfo is not None:
        raise BadInput(f"{bound!r} has a time zone; give Seoul wall time without one")
    return cast("np.datetime64", np.array(bound, "M8[us]")[()])


@cache
def _kinds() -> Mapping[str, Kind]:
    return {tr: cast(Kind, kind) for tr, kind in table("bars")}


@cache
def _layout(tr: str) -> Mapping[str, tuple[int, Field]]:
    return {field.english: (position, field) for position, field in enumerate(fields(tr))}


@cache
def _names(kind: Kind, columns: Columns) -> tuple[pd.Index[Any], str]:
    """Column names and index name, as the chart TRs have them."""
    daily = _layout("opt10081")
    index = daily["date"] if kind == "daily" else _layout("opt10080")["time"]
    return pd.Index(labels([daily[name][1] for name in _SHOWN], columns)), index[1].label(columns)
