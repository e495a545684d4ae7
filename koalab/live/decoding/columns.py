"""Reads the fields of real-time events as numpy columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kernel_server import reference
from koalab.frames.errors import UnreadableValue
from koalab.frames.numbers import Numbers, numbers
from koalab.transport.base import TickBatch


def rows_of(batch: TickBatch, realtype: str) -> NDArray[np.intp]:
    """The indices of a batch's events of one type."""
    if realtype not in batch.types:
        return np.empty(0, np.intp)
    return np.flatnonzero(batch.type == batch.types.index(realtype))


def read(batch: TickBatch, realtype: str, rows: NDArray[np.intp], fids: Sequence[int]) -> list[Numbers]:
    """The given FIDs of events of one type: one array per FID, signs kept.

    A broker may send fewer fields than the reference table has, or additional ones at the end.

    Raises:
        UnreadableValue: a field is missing, or is no number.
    """
    lines = batch.data.split("\n")
    chosen = lines if len(rows) == len(lines) else [lines[row] for row in rows.tolist()]
    positions = [_positions(realtype)[fid] for fid in fids]
    cells = "\t".join(chosen).split("\t")
    width = len(cells) // max(1, len(chosen))
    if any(line.count("\t") != width - 1 for line in chosen):
        split = [line.split("\t") for line in chosen]
        width = max(positions) + 1
        cells = [cell for line in split for cell in (*line, *[""] * width)[:width]]
    found = []
    for fid, position in zip(fids, positions, strict=True):
        if position >= width:
            raise UnreadableValue("", 0, f"{width} fields or more", f"{realtype} {fid}")
        try:
            found.append(numbers("\n".join(cells[position::width]), len(chosen)))
        except UnreadableValue as error:
            raise error.within(f"{realtype} {fid}") from None
    return found


@cache
def _positions(realtype: str) -> dict[int, int]:
    """The position of each FID in the string of a type."""
    return {fid: position for position, fid in enumerate(reference.realtype(realtype).fids)}
