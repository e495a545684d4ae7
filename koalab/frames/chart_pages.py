"""Parses pages of the chart TRs into ``BarColumns``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

import numpy as np

from koalab.errors import BadInput
from koalab.frames import numbers, overlap
from koalab.frames import pages as paging
from koalab.frames.bars import BarColumns, Kind
from koalab.frames.errors import UnreadableValue
from koalab.frames.fields import Field, fields, table
from koalab.frames.numbers import Floats, Moments, Numbers
from koalab.transport.base import Page

_TIME_PARSERS = {"date": numbers.dates, "moment": numbers.times, "index_moment": numbers.index_times}
_FIGURES = ("open", "high", "low", "close", "volume", "value")


def kind_of(tr: str) -> Kind:
    """The kind of a chart TR's bars: daily (or longer), minute or tick.

    Raises:
        BadInput: the TR has no bars.
    """
    try:
        return _kinds()[tr.lower()]
    except KeyError:
        raise BadInput(f"{tr} gives no bars; these do: {', '.join(_kinds())}") from None


def parse(tr: str, pages: Sequence[Page]) -> BarColumns:
    """Parses the pages of one chart TR (opt10079 to opt10083, opt10094, and the daily and longer index charts).

    Pages and their rows are newest first, as the broker sends them. Rows that two pages share are taken once, from
    the newer page.

    Raises:
        BadInput: the TR has no bars.
        UnreadableValue: a value does not fit its field.
        ConflictingBars: the rows are not in descending time order.
    """
    kind = kind_of(tr)
    layout = layout_of(tr.lower())
    filled = paging.non_empty(pages)
    if not filled:
        return _empty(kind, layout)
    paging.check(tr, filled, len(fields(tr)))
    source = _PageColumns(tr, filled, layout)
    time = source.time("date" if kind == "daily" else "time")
    columns = [source.numbers(name) for name in _FIGURES[:-1]]
    counts = [page.rows for page in filled]
    keep = (
        overlap.ticks_to_keep(time, columns, counts) if kind == "tick" else overlap.bars_to_keep(time, counts)
    )
    found: dict[str, Any] = {"time": time, **dict(zip(_FIGURES, columns, strict=False))}
    if "value" in layout:
        found["value"] = source.numbers("value")
    if kind == "daily" and "event" in layout:
        # Blank means no event.
        found["event"] = np.nan_to_num(source.numbers("event")).astype(np.int64)
        found["ratio"] = source.ratios("ratio")
    return BarColumns(**{name: _oldest_first(array, keep) for name, array in found.items()})


@cache
def layout_of(tr: str) -> Mapping[str, tuple[int, Field]]:
    """Position and field of each of a TR's columns, by English name."""
    return {field.english: (position, field) for position, field in enumerate(fields(tr))}


class _PageColumns:
    """The columns of several pages, parsed by English name."""

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
        found = cast(Moments, self._read(name, _TIME_PARSERS[self._layout[name][1].kind]))
        if np.isnat(found).any():
            row = int(np.flatnonzero(np.isnat(found))[0])
            raise UnreadableValue("", row, "the time of a bar", f"{self._tr} {self._layout[name][1].name}")
        return found

    def numbers(self, name: str) -> Numbers:
        # No value of a bar is negative: a sign is a colour, or on a tick's volume the side of the trade.
        return self._layout[name][1].scaled(self._read(name, numbers.numbers, True))

    def ratios(self, name: str) -> Floats:
        return cast(Floats, self._read(name, numbers.ratios))


def _oldest_first(array: Any, keep: overlap.Mask | None) -> Any:
    return np.ascontiguousarray((array if keep is None else array[keep])[::-1])


def _empty(kind: Kind, layout: Mapping[str, tuple[int, Field]]) -> BarColumns:
    """No bars, with the columns and dtypes of this TR: an index has no events, and fractions."""
    none = BarColumns.empty(kind)
    found: dict[str, Any] = {"time": none.time}
    for name in (*_FIGURES, "event", "ratio"):
        array = getattr(none, name)
        if array is not None and name in layout:
            found[name] = array / 1 if layout[name][1].divisor != 1 else array
    return BarColumns(**found)


@cache
def _kinds() -> Mapping[str, Kind]:
    return {tr: cast(Kind, kind) for tr, kind in table("bars")}
