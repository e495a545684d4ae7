"""The record of a series beside its bars: its coverage, its adjustment, and a digest of each segment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from koalab.frames.bars import BarColumns
from koalab.store.coverage import BEGINNING, Coverage, is_sound
from koalab.store.seal import digest
from koalab.store.series import microseconds


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
        return cls(digest(data), len(data), len(bars), first, last)

    def fits(self, data: bytes) -> bool:
        """Whether those are the bytes that were stored."""
        return len(data) == self.size and digest(data) == self.digest


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

    @property
    def oldest_of_all(self) -> int | None:
        """The time of the first bar; None where it is not known to be the broker's first."""
        if not self.complete_from_start or not self.segments:
            return None
        first = min(part.first for part in self.segments.values())
        return first if first <= self.coverage[0][1] else None

    def between(self, first: int, last: int) -> list[tuple[str, Segment]]:
        """The segments whose bars begin before the end of that time and end after its start, in order."""
        return [
            (name, part)
            for name, part in self.segments.items()
            if part.first <= last and part.last >= first and first <= last
        ]

    def encode(self) -> bytes:
        """As JSON."""
        segments = {
            name: [part.digest, part.size, part.rows, part.first, part.last]
            for name, part in sorted(self.segments.items())
        }
        return json.dumps(
            {"coverage": self.coverage, "segments": segments, "basis": self.adjustment},
            separators=(",", ":"),
        ).encode()

    @classmethod
    def decode(cls, stored: bytes) -> Meta:
        """The record from what ``encode`` made.

        Raises:
            ValueError: it made no such thing.
        """
        try:
            given = json.loads(stored)
            coverage = tuple((int(first), int(last)) for first, last in given["coverage"])
            if not is_sound(coverage):
                raise ValueError("its coverage is out of order")
            segments = {name: Segment(*numbers) for name, numbers in given["segments"].items()}
            adjustment = None if given["basis"] is None else int(given["basis"])
        except (TypeError, KeyError) as error:
            raise ValueError(f"something is missing in it: {error}") from error
        return cls(coverage, segments, adjustment)
