"""Decodes a batch of real-time events of one type into columns, with every named field.

A blank number becomes 0 (NaN where the column is float64), and a field that the control left out at the end of its
string likewise. An event with a value that is neither blank nor of its field's kind is left out and reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from koalab.dates import SEOUL_OFFSET
from koalab.frames.errors import UnreadableValue
from koalab.frames.numbers import Floats, Ints, numbers
from koalab.live.columns import rows_of
from koalab.live.fields import FACTORS, FLOATS, TEXTS, UNSIGNED, LiveField, live_fields
from koalab.live.wall_time import DAY, SECOND
from koalab.transport.base import TickBatch

Column = NDArray[Any]

_MIDDAY: Final = DAY // 2


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
    unreadable: list[UnreadableValue] = []
    try:
        columns = _columns(lines, realtype, batch.time[rows])
    except UnreadableValue:
        readable = []
        for index, line in enumerate(lines):
            try:
                _columns([line], realtype, batch.time[rows[index : index + 1]])
            except UnreadableValue as error:
                unreadable.append(error)
            else:
                readable.append(index)
        rows, lines = rows[readable], [lines[index] for index in readable]
        columns = _columns(lines, realtype, batch.time[rows])
    return DecodedEvents(batch.codes, batch.code[rows], columns, unreadable)


def _columns(lines: Sequence[str], realtype: str, fired: Floats) -> dict[str, Column]:
    fields = live_fields(realtype)
    cells = _Cells(lines)
    whole = [field for field in fields if field.kind not in FLOATS | TEXTS | {"clock", "side"}]
    decimal = [field for field in fields if field.kind in FLOATS]
    values: dict[str, Column] = {}
    for field, integers in zip(whole, cells.integers(realtype, whole), strict=True):
        unsigned = np.abs(integers) if field.kind in UNSIGNED else integers
        values[field.name] = unsigned * FACTORS.get(field.kind, 1)
    for field, floats in zip(decimal, cells.floats(realtype, decimal), strict=True):
        values[field.name] = np.abs(floats) if field.kind in UNSIGNED else floats
    for field in fields:
        if field.kind == "side":
            values[field.name] = np.array([_SIDES.get(one[:1], 0) for one in cells.of(field)], np.int8)
        elif field.kind in TEXTS:
            values[field.name] = np.array([one.strip() for one in cells.of(field)] or [], object)
    clock = next((field for field in fields if field.kind == "clock"), None)
    time = _fired_times(fired) if clock is None else _times(cells.of(clock), fired)
    named = {field.name: values[field.name] for field in fields if field.kind != "clock"}
    return {"time": time, **named, "arrived": fired}


_SIDES: Final = {"+": 1, "-": -1}


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
        filled = np.nan_to_num(found, nan=0.0)
        if (filled != np.floor(filled)).any():
            row = int(np.flatnonzero(filled != np.floor(filled))[0])
            raise UnreadableValue(self.of(field)[row], row, "a whole number", f"{realtype} {field.fid}")
        return filled.astype(np.int64)

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


def _fired_times(fired: Floats) -> NDArray[np.datetime64]:
    """Server times as naive Seoul wall time."""
    return ((fired + SEOUL_OFFSET) * SECOND).astype(np.int64).astype("datetime64[us]")


def _times(clocks: Sequence[str], fired: Floats) -> NDArray[np.datetime64]:
    """HHMMSS on the day of each event; where it is no time of day (장마감), the time of the event itself."""
    at = _fired_times(fired)
    if not len(clocks):
        return at
    text = "".join(clocks)
    if len(text) == 6 * len(clocks) and text.isascii() and text.isdigit():
        found = np.array(clocks).astype(np.int64)
        odd = None
    else:
        plain = [clock.strip() for clock in clocks]
        odd = np.array([not (len(one) == 6 and one.isascii() and one.isdigit()) for one in plain])
        found = np.array([0 if bad else int(one) for one, bad in zip(plain, odd, strict=True)], np.int64)
    seconds = found // 10_000 * 3600 + found // 100 % 100 * 60 + found % 100
    micros = at.astype(np.int64)
    exact = micros // DAY * DAY + seconds * SECOND
    # An event just after midnight may carry a time just before it, and the other way round.
    exact += np.where(exact - micros > _MIDDAY, -DAY, np.where(micros - exact > _MIDDAY, DAY, 0))
    if odd is not None:
        exact = np.where(odd, micros, exact)
    return exact.astype("datetime64[us]")
