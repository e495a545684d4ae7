"""Decodes a batch of real-time events of one type into columns, with every named field.

A blank number becomes 0 (NaN where the column is float64), and a field that the control left out at the end of its
string likewise. An event with a value that is neither blank nor of its field's kind is left out and reported.

Some dozens of numpy calls cost as much for one event as for a hundred, so a small batch is read value by value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from koalab.dates import SEOUL_OFFSET
from koalab.frames.errors import UnreadableValue
from koalab.frames.numbers import Floats, Ints, numbers
from koalab.live.decoding.columns import rows_of
from koalab.live.decoding.fields import FACTORS, FLOATS, TEXTS, UNSIGNED, LiveField, live_fields
from koalab.live.wall_time import DAY, SECOND
from koalab.transport.base import TickBatch

Column = NDArray[Any]

_MIDDAY: Final = DAY // 2
# Events that are read faster one by one than by numpy.
_FEW: Final = 24
_LARGEST: Final = 2**63 - 1
_EXACT: Final = 2**53  # beyond it a float64 is not every whole number


@dataclass(frozen=True, slots=True, eq=False)
class DecodedEvents:
    """Events of one type in the order in which they were fired, columns of one length.

    Attributes:
        codes, code: the codes, and each event's index among them.
        columns: ``time`` (naive Seoul wall time, datetime64[us]), the fields by English name, and ``arrived``
            (seconds since the epoch, server time).
        unreadable: what was wrong with the events that were left out.
    """

    codes: tuple[str, ...]
    code: NDArray[np.intp]
    columns: Mapping[str, Column]
    unreadable: Sequence[UnreadableValue] = ()

    def __len__(self) -> int:
        return self.code.size


class Decoder:
    """Decodes each batch once per type, however many streams ask for it. For one thread."""

    def __init__(self) -> None:
        self._batch: TickBatch | None = None
        self._decoded: dict[str, DecodedEvents | None] = {}

    def decode(self, batch: TickBatch, realtype: str) -> DecodedEvents | None:
        """The batch's events of that type; None if it has none."""
        if batch is not self._batch:
            self._batch, self._decoded = batch, {}
        if realtype not in self._decoded:
            self._decoded[realtype] = decode(batch, realtype)
        return self._decoded[realtype]


def decode(batch: TickBatch, realtype: str) -> DecodedEvents | None:
    """The batch's events of that type; None if it has none."""
    rows = rows_of(batch, realtype)
    if not len(rows):
        return None
    lines = batch.data.split("\n")
    if len(rows) != len(lines):
        lines = [lines[row] for row in rows.tolist()]
    found = _readable(lines, realtype, batch.time[rows])
    if found is not None:
        return DecodedEvents(batch.codes, batch.code[rows], found)
    readable, unreadable = _sorted_out(lines, realtype)
    rows, lines = rows[readable], [lines[index] for index in readable]
    return DecodedEvents(
        batch.codes, batch.code[rows], _columns(lines, realtype, batch.time[rows]), unreadable
    )


def _readable(lines: Sequence[str], realtype: str, fired: Floats) -> dict[str, Column] | None:
    """The columns of events that are all readable; None otherwise."""
    found = _columns_of_few(lines, realtype, fired) if len(lines) <= _FEW else None
    if found is not None:
        return found
    try:
        return _columns(lines, realtype, fired)
    except UnreadableValue:
        return None


def _sorted_out(lines: Sequence[str], realtype: str) -> tuple[list[int], list[UnreadableValue]]:
    """The indices of the readable events, and what is wrong with the others; found by halving."""
    try:
        _columns(lines, realtype, np.zeros(len(lines)))
    except UnreadableValue as error:
        if len(lines) == 1:
            return [], [error]
    else:
        return list(range(len(lines))), []
    middle = len(lines) // 2
    first, wrong = _sorted_out(lines[:middle], realtype)
    second, also_wrong = _sorted_out(lines[middle:], realtype)
    return [*first, *(middle + index for index in second)], [*wrong, *also_wrong]


@dataclass(frozen=True, slots=True)
class _FieldsByKind:
    """The fields of a type by how they are read: name, position, whether the sign is dropped, and factor."""

    whole: tuple[tuple[str, int, bool, int], ...]
    decimal: tuple[tuple[str, int, bool], ...]
    sides: tuple[tuple[str, int], ...]
    texts: tuple[tuple[str, int], ...]
    clock: int | None
    order: tuple[str, ...]
    width: int


@cache
def _by_kind(realtype: str) -> _FieldsByKind:
    fields = live_fields(realtype)
    return _FieldsByKind(
        whole=tuple(
            (one.name, one.position, one.kind in UNSIGNED, FACTORS.get(one.kind, 1))
            for one in fields
            if _is_whole(one)
        ),
        decimal=tuple((one.name, one.position, one.kind in UNSIGNED) for one in fields if one.kind in FLOATS),
        sides=tuple((one.name, one.position) for one in fields if one.kind == "side"),
        texts=tuple((one.name, one.position) for one in fields if one.kind in TEXTS),
        clock=next((one.position for one in fields if one.kind == "clock"), None),
        order=tuple(one.name for one in fields if one.kind != "clock"),
        width=1 + max(one.position for one in fields),
    )


def _is_whole(field: LiveField) -> bool:
    return field.kind not in FLOATS | TEXTS | {"clock", "side"}


def _columns_of_few(lines: Sequence[str], realtype: str, fired: Floats) -> dict[str, Column] | None:
    """As ``_columns``, value by value; None where one is not written plainly."""
    plan = _by_kind(realtype)
    rows = [line.split("\t") for line in lines]
    for row in rows:
        if len(row) < plan.width:
            return None
    values: dict[str, Column] = {}
    try:
        for name, at, unsigned, factor in plan.whole:
            cells = [row[at] for row in rows]
            if "".join(cells).strip("+-0123456789"):
                return None
            integers = [int(cell) * factor if cell else 0 for cell in cells]
            values[name] = np.array(list(map(abs, integers)) if unsigned else integers, np.int64)
        for name, at, unsigned in plan.decimal:
            cells = [row[at] for row in rows]
            if "".join(cells).strip("+-.0123456789"):
                return None
            floats = [float(cell) + 0.0 if cell else np.nan for cell in cells]
            if any(abs(value) > _LARGEST for value in floats):  # the other way says whether it fits
                return None
            values[name] = np.array(list(map(abs, floats)) if unsigned else floats, np.float64)
    except (ValueError, OverflowError):
        return None
    for name, at in plan.sides:
        values[name] = np.array([_side(row[at]) for row in rows], np.int8)
    for name, at in plan.texts:
        values[name] = np.array([row[at].strip() for row in rows], object)
    clocks = [""] * len(rows) if plan.clock is None else [row[plan.clock] for row in rows]
    moments = [_moment(clock, at) for clock, at in zip(clocks, fired.tolist(), strict=True)]
    time = np.array(moments, np.int64).view("datetime64[us]")
    return {"time": time, **{name: values[name] for name in plan.order}, "arrived": fired}


def _columns(lines: Sequence[str], realtype: str, fired: Floats) -> dict[str, Column]:
    fields = live_fields(realtype)
    cells = _Cells(lines)
    whole = [field for field in fields if _is_whole(field)]
    decimal = [field for field in fields if field.kind in FLOATS]
    values: dict[str, Column] = {}
    for field, integers in zip(whole, cells.integers(realtype, whole), strict=True):
        unsigned = np.abs(integers) if field.kind in UNSIGNED else integers
        factor = FACTORS.get(field.kind, 1)
        if factor > 1:
            cells.require(
                np.abs(unsigned) <= _LARGEST // factor, realtype, field, "an amount that fits 64 bits"
            )
        values[field.name] = unsigned * factor
    for field, floats in zip(decimal, cells.floats(realtype, decimal), strict=True):
        cells.require(~np.isinf(floats), realtype, field, "a number that fits a float64")
        values[field.name] = np.abs(floats) if field.kind in UNSIGNED else floats
    for field in fields:
        if field.kind == "side":
            values[field.name] = np.array([_side(one) for one in cells.of(field)], np.int8)
        elif field.kind in TEXTS:
            values[field.name] = np.array([one.strip() for one in cells.of(field)] or [], object)
    clock = next((field for field in fields if field.kind == "clock"), None)
    time = _fired_times(fired) if clock is None else _times(cells.of(clock), fired)
    named = {field.name: values[field.name] for field in fields if field.kind != "clock"}
    return {"time": time, **named, "arrived": fired}


_SIDES: Final = {"+": 1, "-": -1}


def _side(volume: str) -> int:
    return _SIDES.get(volume.lstrip()[:1], 0)


class _Cells:
    """The values of events of one type, by field."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._rows = len(lines)
        self._cells = "\t".join(lines).split("\t") if lines else []
        self._width = len(self._cells) // max(1, self._rows)
        if any(line.count("\t") != self._width - 1 for line in lines):
            split = [line.split("\t") for line in lines]
            self._width = max(len(one) for one in split)
            self._cells = [cell for one in split for cell in one + [""] * (self._width - len(one))]

    def of(self, field: LiveField) -> list[str]:
        if field.position >= self._width:
            return [""] * self._rows
        return self._cells[field.position :: self._width]

    def integers(self, realtype: str, fields: Sequence[LiveField]) -> list[Ints]:
        """Whole numbers, all fields in one pass where nothing is odd."""
        if not self._rows or not fields:
            return [np.empty(0, np.int64) for _ in fields]
        try:
            together = numbers(
                "\n".join(["\n".join(self.of(one)) for one in fields]), self._rows * len(fields)
            )
            if together.dtype == np.int64:
                return list(together.astype(np.int64, copy=False).reshape(len(fields), self._rows))
        except UnreadableValue:
            pass  # the pass field by field says in which
        return [self._integers(realtype, one) for one in fields]

    def _integers(self, realtype: str, field: LiveField) -> Ints:
        found = self._numbers(realtype, field)
        if found.dtype == np.int64:
            return found.astype(np.int64, copy=False)
        cells = [cell.strip() for cell in self.of(field)]
        whole = np.zeros(self._rows, np.int64)
        for row, cell in enumerate(cells):
            if not cell:
                continue
            number = numbers(cell, 1)[0]
            if number != np.floor(number) or (isinstance(number, np.floating) and abs(number) > _EXACT):
                raise UnreadableValue(cell, row, "a whole number", f"{realtype} {field.fid}")
            whole[row] = int(number)
        return whole

    def require(self, right: NDArray[np.bool_], realtype: str, field: LiveField, what: str) -> None:
        """Raises UnreadableValue for the first row that is not right."""
        if not right.all():
            row = int(np.flatnonzero(~right)[0])
            raise UnreadableValue(self.of(field)[row], row, what, f"{realtype} {field.fid}")

    def floats(self, realtype: str, fields: Sequence[LiveField]) -> list[Floats]:
        if not self._rows or not fields:
            return [np.empty(0, np.float64) for _ in fields]
        try:
            joined = "\n".join(["\n".join(self.of(one)) for one in fields])
            found = numbers(joined, self._rows * len(fields)).astype(np.float64, copy=False)
            return list(found.reshape(len(fields), self._rows))
        except UnreadableValue:
            return [self._numbers(realtype, one).astype(np.float64, copy=False) for one in fields]

    def _numbers(self, realtype: str, field: LiveField) -> Ints | Floats:
        try:
            return numbers("\n".join(self.of(field)), self._rows)
        except UnreadableValue as error:
            raise error.within(f"{realtype} {field.fid}") from None


def _moment(clock: str, fired: float) -> int:
    """As ``_times``, of one event, in microseconds."""
    micros = int((fired + SEOUL_OFFSET) * SECOND)
    clock = clock.strip()
    if len(clock) != 6 or not (clock.isascii() and clock.isdigit()):
        return micros
    hours, minutes, seconds = int(clock[:2]), int(clock[2:4]), int(clock[4:])
    if hours > 23 or minutes > 59 or seconds > 59:
        return micros
    exact = micros // DAY * DAY + ((hours * 60 + minutes) * 60 + seconds) * SECOND
    if exact - micros > _MIDDAY:
        return exact - DAY
    return exact + DAY if micros - exact > _MIDDAY else exact


def _fired_times(fired: Floats) -> NDArray[np.datetime64]:
    """Server times as naive Seoul wall time."""
    return ((fired + SEOUL_OFFSET) * SECOND).astype(np.int64).astype("datetime64[us]")


def _times(clocks: Sequence[str], fired: Floats) -> NDArray[np.datetime64]:
    """HHMMSS on the day of each event; where it is no time of day (장마감), the time of the event itself."""
    at = _fired_times(fired)
    if not len(clocks):
        return at
    plain = [clock.strip() for clock in clocks]
    digits = [len(one) == 6 and one.isascii() and one.isdigit() for one in plain]
    found = np.array([int(one) if good else 0 for one, good in zip(plain, digits, strict=True)], np.int64)
    hours, minutes, seconds = found // 10_000, found // 100 % 100, found % 100
    is_time = np.array(digits) & (hours < 24) & (minutes < 60) & (seconds < 60)
    seconds += hours * 3600 + minutes * 60
    micros = at.astype(np.int64)
    exact = micros // DAY * DAY + seconds * SECOND
    # An event just after midnight may carry a time just before it, and the other way round.
    exact += np.where(exact - micros > _MIDDAY, -DAY, np.where(micros - exact > _MIDDAY, DAY, 0))
    exact = np.where(is_time, exact, micros)
    return exact.astype("datetime64[us]")
