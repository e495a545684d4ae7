"""The order book of an issue (opt10004): its one row of 69 fields as one row per level."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from kernel_server import reference
from koalab.frames import numbers
from koalab.frames import pages as paging
from koalab.frames.errors import UnreadableValue
from koalab.frames.fields import Columns, table
from koalab.transport.base import Page

_TR = "opt10004"
_KOREAN = {"ask": "매도", "bid": "매수", "side": "구분", "level": "단계"}
_NAMES = {"price": "호가", "volume": "잔량", "change": "잔량대비"}
_TOTALS = {
    "total_ask": "총매도잔량",
    "total_bid": "총매수잔량",
    "total_ask_change": "총매도잔량직전대비",
    "total_bid_change": "총매수잔량직전대비",
    "after_hours_ask": "시간외매도잔량",
    "after_hours_bid": "시간외매수잔량",
}


def book(pages: Sequence[Page], columns: Columns = "en") -> pd.DataFrame:
    """The levels from the highest ask down to the lowest bid, without empty ones.

    The index has ``side`` (``ask``, ``bid``; in Korean 매도, 매수) and ``level`` (1 is the best); ``price`` in KRW,
    ``volume`` in shares, ``change`` its last change.

    Raises:
        UnreadableValue: a value does not fit its field.
    """
    values = _values(pages)
    levels = list(table("book")) if values else []
    figures = {
        name: np.array([_number(values, row[position]) for row in levels], np.int64)
        for position, name in enumerate(("price", "volume", "change"), 2)
    }
    figures["price"] = np.abs(figures["price"])  # the sign is a colour
    there = figures["price"] > 0
    english = columns == "en"
    sides = [row[0] if english else _KOREAN[row[0]] for row in levels]
    index = pd.MultiIndex.from_arrays(
        [pd.array(sides, dtype="str"), np.array([int(row[1]) for row in levels], np.int64)],
        names=["side", "level"] if english else [_KOREAN["side"], _KOREAN["level"]],
    )
    frame = pd.DataFrame({name if english else _NAMES[name]: one for name, one in figures.items()}, index)
    return frame[there]


def summary(pages: Sequence[Page]) -> dict[str, Any]:
    """Time (HH:MM:SS, of the last change) and total volumes in shares.

    Totals cover the whole book, not only the levels shown; ``after_hours_…`` is the volume queued in 시간외종가.
    """
    values = _values(pages)
    if not values:
        return {"time": "", **dict.fromkeys(_TOTALS, 0)}
    clock = values["호가잔량기준시간"].strip()
    time = f"{clock[:2]}:{clock[2:4]}:{clock[4:]}" if len(clock) == 6 else clock
    return {"time": time, **{name: _number(values, field) for name, field in _TOTALS.items()}}


def _values(pages: Sequence[Page]) -> dict[str, str]:
    """The fields of the one row by name; empty without a row."""
    filled = paging.non_empty(pages)
    names = _names()
    paging.check(_TR, filled, len(names))
    return dict(zip(names, filled[0].columns, strict=True)) if filled else {}


def _number(values: dict[str, str], name: str) -> int:
    """A field's number; blank is 0."""
    try:
        return int(numbers.integers(values[name], 1)[0]) if values[name].strip() else 0
    except UnreadableValue as error:
        raise error.within(f"{_TR} {name}") from None


@cache
def _names() -> tuple[str, ...]:
    return tuple(reference.tr(_TR).multi_names)
