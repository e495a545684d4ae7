"""Purchases and sales of an issue by investor group and day (opt10059)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from koalab.frames import records
from koalab.frames.errors import ConflictingBars
from koalab.frames.fields import Columns, fields
from koalab.transport.base import Page

TR = "opt10059"
# Changes follow from the closes, and 등락율 has been observed with and without its decimal point.
_LEFT_OUT = ("change", "change_rate", "change_sign")
_DAY = ("date", "close", "volume", "value")
_MILLION = 1_000_000


def flows(pages: Sequence[Page], money: bool, net: bool, columns: Columns = "en") -> pd.DataFrame:
    """One row per day, oldest first: index ``date`` (naive), ``close``, ``value`` (KRW), ``volume``, investor groups.

    Args:
        pages: in the broker's order, newest first.
        money: the groups' figures are in million KRW and are converted to KRW; otherwise they are shares.
        net: the sign is kept; figures of purchases or sales alone lose their sign.
        columns: ``"en"`` or ``"ko"``.

    Raises:
        UnreadableValue: a value does not fit its field.
        ConflictingBars: a day occurs twice with different figures.
    """
    frame = records.rows(TR, pages, columns)
    known = {field.english: field.label(columns) for field in fields(TR)}
    frame = frame.drop(columns=[known[name] for name in _LEFT_OUT]).drop_duplicates()
    investors = [label for name, label in known.items() if name not in (*_DAY, *_LEFT_OUT)]
    figures = frame[investors]
    frame[investors] = (figures if net else np.abs(figures)) * (_MILLION if money else 1)
    frame = frame.set_index(known["date"]).sort_index()
    if not frame.index.is_unique:
        raise ConflictingBars(f"{TR}: a day came twice with different figures; ask again")
    return frame
