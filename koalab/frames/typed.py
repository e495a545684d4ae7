"""Converts a column of text into a typed column, by the kind of its field."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from koalab.frames import numbers
from koalab.frames.fields import Kind

# ``implied`` values have two decimals without a point.
_IMPLIED = 100


def column(kind: Kind, text: str, rows: int) -> Any:
    """A numpy array, or pandas' string array for text.

    Blank numbers are NaN and make their column float64, blank dates are NaT, blank text is ``""``. An empty column has
    the dtype of its kind: int64 for price, signed and count, float64 for ratios, datetime64[us] for dates and moments,
    str for the rest.

    Raises:
        UnreadableValue: a value does not fit the kind.
    """
    match kind:
        case "price":
            return numbers.numbers(text, rows, colour=True)
        case "signed" | "count":
            return numbers.numbers(text, rows)
        case "ratio" | "colour_ratio":
            return numbers.ratios(text, rows, colour=kind == "colour_ratio")
        case "implied":
            rates = numbers.ratios(text, rows)
            return rates if "." in text else rates / _IMPLIED
        case "date":
            return numbers.dates(text, rows)
        case "moment":
            return numbers.times(text, rows)
        case "index_moment":
            return numbers.index_times(text, rows)
        case "clock":
            return strings([_clock(value) for value in numbers.texts(text, rows)])
        case "text" | "code":
            return strings(numbers.texts(text, rows))


def strings(values: list[str]) -> Any:
    """Texts as pandas' string array, also for an empty list."""
    return pd.array(values, dtype=pd.StringDtype(na_value=np.nan))


def scalar(values: Any) -> Any:
    """The only value of a typed column as str, int, float or Timestamp; a blank number is NaN, any other blank None."""
    value = values[0]
    if isinstance(value, str):
        return value or None
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else pd.Timestamp(value)
    plain = value.item()
    return math.nan if plain != plain else plain


def seoul(moments: numbers.Moments) -> pd.DatetimeIndex:
    """Naive Seoul wall time as timestamps in Asia/Seoul."""
    return pd.DatetimeIndex(moments).tz_localize("Asia/Seoul")


def _clock(value: str) -> str:
    return f"{value[:2]}:{value[2:4]}:{value[4:]}" if len(value) == 6 and value.isdigit() else value
