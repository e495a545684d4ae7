"""``Candles``: bars of one issue or index, prepared for drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import pandas as pd

from koalab.errors import BadInput

# Korean colours: red rises, blue falls. Both are legible on white and on black.
UP: Final = "#d24f45"
DOWN: Final = "#3f7fd0"
_SHOWN: Final = ("open", "high", "low", "close", "volume")
_KOREAN: Final = ("시가", "고가", "저가", "현재가", "거래량")


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Bars prepared for drawing, oldest first: one array per column.

    Attributes:
        labels: one unique text per bar: ``2026-11-20``, or the time above the date for minutes.
        open, high, low, close: KRW. A bar without a trade has all four at its close.
        volume: shares.
        rising: whether the bar is drawn red.
        change: percent from the previous close, NaN for the first bar.
    """

    labels: Sequence[str]
    open: np.ndarray[Any, Any]
    high: np.ndarray[Any, Any]
    low: np.ndarray[Any, Any]
    close: np.ndarray[Any, Any]
    volume: np.ndarray[Any, Any]
    rising: np.ndarray[Any, np.dtype[np.bool_]]
    change: np.ndarray[Any, np.dtype[np.float64]]

    def __len__(self) -> int:
        return len(self.labels)

    def since(self, first: int) -> Candles:
        """The bars from that place on."""
        return Candles(*(getattr(self, one.name)[first:] for one in fields(self)))


def candles(frame: pd.DataFrame) -> Candles:
    """Prepares a frame of ``daily``, ``minute``, ``bars`` or ``index``, with English or Korean columns, of one code.

    Raises:
        BadInput: not a frame of bars of one code. An empty one is allowed.
    """
    plain = one_code(frame)
    names = _SHOWN if "close" in plain.columns else _KOREAN
    missing = [name for name in names if name not in plain.columns]
    if missing or not isinstance(plain.index, pd.DatetimeIndex):
        raise BadInput(
            f"this frame has no {', '.join(missing) or 'times'}: a chart is of what daily(), minute(), bars() or "
            "index() give"
        )
    first, high, low, close, volume = (plain[name].to_numpy() for name in names)
    # On a day without a trade the broker has a close alone.
    traded = first > 0
    first, high, low = (np.where(traded, prices, close) for prices in (first, high, low))
    before = np.concatenate([first[:1], close[:-1]])
    rising = (close > first) | ((close == first) & (close >= before))
    change = np.full(len(close), np.nan)
    np.divide(100.0 * (close - before), before, out=change, where=before > 0)
    change[:1] = np.nan
    return Candles(labels(plain.index), first, high, low, close, volume, rising, change)


def one_code(frame: pd.DataFrame) -> pd.DataFrame:
    """The bars of a frame that has one code, by time.

    Raises:
        BadInput: it has several.
    """
    if not isinstance(frame.index, pd.MultiIndex):
        return frame
    codes = frame.index.unique(0)
    if len(codes) > 1:
        raise BadInput(
            f"a chart is of one code, and this frame has {len(codes)}: frame.loc[{str(codes[0])!r}] is the first"
        )
    return frame.droplevel(0)


def labels(index: pd.DatetimeIndex) -> list[str]:
    """A unique text for each bar."""
    if index.tz is None:
        return [f"{moment:%Y-%m-%d}" for moment in index.to_pydatetime()]
    form = "%H:%M<br>%Y-%m-%d" if (index.second == 0).all() else "%H:%M:%S<br>%Y-%m-%d"
    found = [f"{moment:{form}}" for moment in index.to_pydatetime()]
    # Tick bars may share a second, and bars of one category would be drawn over each other.
    seen: dict[str, int] = {}
    for place, label in enumerate(found):
        count = seen[label] = seen.get(label, 0) + 1
        if count > 1:
            found[place] = label.replace("<br>", f" ({count})<br>")
    return found
