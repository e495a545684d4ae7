"""Series of bars: their cache keys, and the segments in which their bars are stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from koalab.errors import BadInput
from koalab.frames.bars import Kind
from koalab.inputs.text import shown

Moment = np.datetime64
Times = npt.NDArray[np.datetime64]
Unit = Literal["D", "W", "M", "Y", "min", "tick"]

_CODE = re.compile(r"[0-9A-Za-z_.\-]{1,32}")
_INTERVAL = re.compile(r"(?P<period>[DWMY])|[1-9][0-9]{0,3}(?P<intraday>min|tick)")
_ADJUSTED = {True: "adjusted", False: "raw"}
_FLAGS = {text: flag for flag, text in _ADJUSTED.items()}
_KINDS: dict[Unit, Kind] = {
    "D": "daily",
    "W": "daily",
    "M": "daily",
    "Y": "daily",
    "min": "minute",
    "tick": "tick",
}
_YEARS = 5
_NAT = int(np.iinfo(np.int64).min)
_RECORD = "series:"
_BARS = "bars:"
_KEY = re.compile(
    f"(?P<prefix>{_RECORD}|{_BARS})(?P<code>[^:]+):(?P<interval>[^:]+):(?P<prices>{'|'.join(_FLAGS)})"
    "(?::(?P<segment>[^:]+))?"
)


@cache
def unit_of(interval: str) -> Unit:
    """The unit of an interval: ``"min"`` for ``"5min"``, ``"D"`` for ``"D"``.

    Raises:
        BadInput: no such interval.
    """
    match = _INTERVAL.fullmatch(interval) if isinstance(interval, str) else None
    if match is None:
        raise BadInput(f'no interval {shown(interval)}: it is "D", "W", "M", "Y", "5min" or "30tick", say')
    return cast(Unit, match["period"] or match["intraday"])


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """The bars of one issue at one interval, with prices adjusted for splits and the like, or raw.

    Raises:
        BadInput: a code or an interval that no series can have.
    """

    code: str
    interval: str
    adjusted: bool

    def __post_init__(self) -> None:
        if not isinstance(self.code, str) or not _CODE.fullmatch(self.code):
            raise BadInput(f"the cache knows codes, not names: {shown(self.code)} is no code like 005930")
        unit_of(self.interval)

    def __str__(self) -> str:
        return f"{self.code} {self.interval} {_ADJUSTED[self.adjusted]}"

    @property
    def kind(self) -> Kind:
        """The kind of its bars: ``daily`` (longer ones too), ``minute`` or ``tick``."""
        return _KINDS[unit_of(self.interval)]

    @property
    def key(self) -> str:
        """The cache's key of its record: ``series:005930:D:adjusted``."""
        return f"{_RECORD}{self.code}:{self.interval}:{_ADJUSTED[self.adjusted]}"

    def segment_key(self, name: str) -> str:
        """The cache's key of one of its segments: ``bars:005930:5min:adjusted:2026-11``."""
        return f"{_BARS}{self.key.removeprefix(_RECORD)}:{name}"

    def cut(self, time: Times) -> Iterator[tuple[str, tuple[Moment, Moment]]]:
        """The names of the segments of ascending times, each with the first and last time in it.

        Ticks are cut by the day, minutes by the month, days and longer by five years: adding a bar rewrites its
        segment.
        """
        if not len(time):
            return
        if self.kind == "daily":
            years = time.astype("datetime64[Y]")
            periods = years - years.astype(np.int64) % _YEARS
        else:
            periods = time.astype("datetime64[D]" if self.kind == "tick" else "datetime64[M]")
        edges = [0, *(np.flatnonzero(periods[1:] != periods[:-1]) + 1).tolist(), len(time)]
        for start, stop in pairwise(edges):
            yield str(periods[start]), (time[start], time[stop - 1])


def parse_key(key: str) -> tuple[Series, str | None] | None:
    """The series of a key, and the segment's name if it is a segment's key; None for other keys."""
    match = _KEY.fullmatch(key)
    if match is None or (match["prefix"] == _BARS) != (match["segment"] is not None):
        return None
    try:
        return Series(match["code"], match["interval"], _FLAGS[match["prices"]]), match["segment"]
    except BadInput:
        return None


def microseconds(moment: Moment) -> int:
    """Microseconds since the epoch of a naive Seoul wall time; ValueError for NaT."""
    value = int(moment.astype("datetime64[us]").astype(np.int64))
    if value == _NAT:
        raise ValueError("NaT is no moment")
    return value


def moment(value: int) -> Moment:
    """The naive Seoul wall time of that many microseconds since the epoch."""
    return np.datetime64(value, "us")
