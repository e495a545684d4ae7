"""Bars without trades, of a day on which trading was halted for example: volume 0, and often a close alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, Literal, get_args

import numpy as np

from koalab.frames.bars import COLUMNS, BarColumns

Halted = Literal["keep", "flat", "drop"]
HALTED: Final = get_args(Halted)


def with_halted(bars: BarColumns, halted: Halted) -> BarColumns:
    """Bars without trades as the broker gives them (``keep``), with all prices at their close (``flat``), or none."""
    traded = np.asarray(bars.volume > 0)
    if halted == "keep" or traded.all():
        return bars
    if halted == "drop":
        kept: dict[str, Any] = {}
        for name in COLUMNS:
            array = getattr(bars, name)
            kept[name] = None if array is None else array[traded]
        return BarColumns(**kept)
    prices = {
        name: np.where(traded | (getattr(bars, name) > 0), getattr(bars, name), bars.close)
        for name in ("open", "high", "low")
    }
    return replace(bars, **prices)
