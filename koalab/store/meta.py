"""The record of a series beside its bars: its coverage, its adjustment, and a digest of each segment."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from koalab.frames.bars import BarColumns
from koalab.store.coverage import BEGINNING, Coverage, is_sound
from koalab.store.series import microseconds

VERSION: Final = 3
"""Version of the format. A series of another version counts as not stored."""

_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class Segment:
    """One stored segment: CRC-32 of its bytes, how many bytes and bars, the times of the first and last bar."""

    digest: int
    size: int
    rows: int
    first: int
    last: int

    @classmethod
    def of(cls, data: bytes, bars: BarColumns) -> Segment:
        """The entry for those bytes, which hold those bars, at least one."""
        first, last = microseconds(bars.time[0]), microseconds(bars.time[-1])
        return cls(zlib.crc32(data), len(data), len(bars), first, last)

    def fits(self, data: bytes) -> bool:
        """Whether those are the bytes that were stored."""
        return len(data) == self.size and zlib.crc32(data) == self.digest


@dataclass(frozen=True, slots=True)
class Meta:
    """The record of one series.

    Attributes:
        coverage: in microseconds since the epoch of naive Seoul wall time.
        segments: by name, in order.
        adjustment: of adjusted prices, see ``finality.adjustment_at``, in the same microseconds; None where it was
            not given. Its stored name is ``basis``.
    """

    coverage: Coverage = ()
    segments: Mapping[str, Segment] = field(default_factory=dict)
    adjustment: int | None = None

    @property
    def complete_from_start(self) -> bool:
        """Whether the coverage reaches back to the start of the broker's history."""
        return bool(self.coverage) and self.coverage[0][0] == BEGINNING

    def between(self, first: int, last: int) -> list[tuple[str, Segment]]:
        """The segments whose bars begin before the end of that time and end after its start, in order."""
        return [
            (name, part)
            for name, part in self.segments.items()
            if part.first <= last and part.last >= first and first <= last
        ]

    def encode(self) -> str:
        """As JSON behind its own CRC-32."""
        segments = {
            name: [part.digest, part.size, part.rows, part.first, part.last]
            for name, part in sorted(self.segments.items())
        }
        text = json.dumps(
            {"version": VERSION, "coverage": self.coverage, "segments": segments, "basis": self.adjustment},
            separators=(",", ":"),
        )
        return _digest(text) + text

    @classmethod
    def decode(cls, stored: object) -> Meta | None:
        """The record from the text that ``encode`` made; None where it has another version.

        Raises:
            ValueError: it is no such text.
        """
        if not isinstance(stored, str):
            raise ValueError("it is no text")  # noqa: TRY004 - what is stored is wrong, not the call
        text = stored[_DIGITS:]
        if stored[:_DIGITS] != _digest(text):
            raise ValueError("its digest is wrong")
        try:
            given = json.loads(text)
            if given["version"] != VERSION:
                return None
            coverage = tuple((int(first), int(last)) for first, last in given["coverage"])
            if not is_sound(coverage):
                raise ValueError("its coverage is out of order")
            segments = {name: Segment(*numbers) for name, numbers in given["segments"].items()}
            adjustment = None if given["basis"] is None else int(given["basis"])
        except (TypeError, KeyError) as error:
            raise ValueError(f"something is missing in it: {error}") from error
        return cls(coverage, segments, adjustment)


def _digest(text: str) -> str:
    return f"{zlib.crc32(text.encode()):0{_DIGITS}x}"
