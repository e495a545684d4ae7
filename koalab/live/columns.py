"""Batches of real-time events as numpy columns, by type."""

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
    """Which of a batch's events are of that type."""
    if realtype not in batch.types:
        return np.empty(0, np.intp)
    return np.flatnonzero(batch.type == batch.types.index(realtype))


def read(batch: TickBatch, realtype: str, rows: NDArray[np.intp], fids: Sequence[int]) -> list[Numbers]:
    """Those FIDs of those events, which are all of that type: an array each, signs kept.

    A server may send fewer fields than the type has, or more behind them: what is asked for has to be among
    those that are there.

    Raises:
        UnreadableValue: a field is missing, or is no number.
    """
    lines = batch.data.split("\n")
    chosen = lines if len(rows) == len(lines) else [lines[row] for row in rows.tolist()]
    places = [_places(realtype)[fid] for fid in fids]
    cells = "\t".join(chosen).split("\t")
    width = len(cells) // max(1, len(chosen))
    if any(line.count("\t") != width - 1 for line in chosen):
        split = [line.split("\t") for line in chosen]
        width = max(places) + 1
        cells = [cell for line in split for cell in (*line, *[""] * width)[:width]]
    found = []
    for fid, place in zip(fids, places, strict=True):
        if place >= width:
            raise UnreadableValue("", 0, f"{width} fields or more", f"{realtype} {fid}")
        try:
            found.append(numbers("\n".join(cells[place::width]), len(chosen)))
        except UnreadableValue as error:
            raise error.within(f"{realtype} {fid}") from None
    return found


@cache
def _places(realtype: str) -> dict[int, int]:
    """Where each FID of a type stands in its string."""
    return {fid: place for place, fid in enumerate(reference.realtype(realtype).fids)}
