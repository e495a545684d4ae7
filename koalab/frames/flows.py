"""Who bought and who sold an issue, by day (opt10059)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from koalab.frames import records
from koalab.frames.errors import ConflictingBars
from koalab.frames.fields import Columns, fields
from koalab.transport.base import Page

TR = "opt10059"
# The change is what the closes say, and 등락율 has been seen with and without its point.
_LEFT_OUT = ("change", "change_rate", "change_sign")
_DAY = ("date", "close", "volume", "value")
_MILLION = 1_000_000


def flows(pages: Sequence[Page], money: bool, net: bool, columns: Columns = "en") -> pd.DataFrame:
    """A row a day, oldest first: index ``date`` (naive), ``close`` and ``value`` (KRW), ``volume``, and the investors.

    Args:
        pages: as the broker gave them, newest first.
        money: the investors' figures are in million KRW, and come out in KRW; else they are shares.
        net: a sign says which way; otherwise it only says what is in the column already, and goes.
        columns: ``"en"`` or ``"ko"``.

    Raises:
        UnreadableValue: a value is not what its field holds.
        ConflictingBars: a day comes twice with different figures.
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
