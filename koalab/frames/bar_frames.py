"""``BarColumns`` as DataFrames."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from koalab.frames.bars import BarColumns, Kind
from koalab.frames.chart_pages import layout_of
from koalab.frames.fields import Columns, labels

_SHOWN = ("open", "high", "low", "close", "volume", "value")


def to_frame(bars: BarColumns, kind: Kind, columns: Columns = "en", code: str | None = None) -> pd.DataFrame:
    """The bars as a DataFrame, which shares no memory with ``bars``.

    The index is ``date``, naive, for daily and longer bars, and ``time`` in Asia/Seoul for minutes and ticks; columns
    are ``open high low close volume`` and, if the bars have it, ``value`` in KRW. ``columns="ko"`` uses Kiwoom's
    names (일자 or 체결시간; 시가 고가 저가 현재가 거래량 거래대금) for the same figures. With ``code`` the index
    has a first level ``code``.

    Raises:
        BadInput: ``columns`` is neither ``"en"`` nor ``"ko"``.
    """
    shown = [getattr(bars, name) for name in _SHOWN]
    arrays = [array for array in shown if array is not None]
    names, index_name = _names(kind, columns)
    index = pd.DatetimeIndex(bars.time.copy(), name=index_name)
    if kind != "daily":
        index = index.tz_localize("Asia/Seoul")
    header = names[: len(arrays)]
    if all(array.dtype == np.int64 for array in arrays):
        # One block, in pandas' own layout, takes a fifth of the time of separate columns.
        frame = pd.DataFrame(np.stack(arrays).T, index=index, columns=header, copy=False)
    else:
        frame = pd.DataFrame(dict(zip(header, arrays, strict=True)), index=index)
        frame.columns = header
    if code is not None:
        frame.index = pd.MultiIndex.from_product([[code], index], names=["code", index_name])
    return frame


def stack_codes(
    found: Mapping[str, BarColumns], kind: Kind = "daily", columns: Columns = "en"
) -> pd.DataFrame:
    """Bars of several codes as one frame with a first index level ``code``, in the given order.

    Equals the concatenation of each ``to_frame``; without codes an empty frame of ``kind`` and ``columns``.
    """
    if not found:
        empty = to_frame(BarColumns.empty(kind), kind, columns)
        no_codes = pd.Index([], dtype="str", name="code")
        return empty.set_index(pd.MultiIndex.from_product([no_codes, empty.index]))
    names, index_name = _names(kind, columns)
    parts = list(found.values())
    time = np.concatenate([part.time for part in parts])
    first = parts[0].time
    if all(np.array_equal(part.time, first) for part in parts) and (first[1:] > first[:-1]).all():
        inner, places = first.copy(), np.tile(np.arange(len(first)), len(parts))
    else:
        inner = np.unique(time)
        places = np.searchsorted(inner, time)
    days = pd.DatetimeIndex(inner) if kind == "daily" else pd.DatetimeIndex(inner).tz_localize("Asia/Seoul")
    levels: Any = [pd.Index(list(found), dtype="str"), days]
    codes: Any = [np.repeat(np.arange(len(parts)), [len(part) for part in parts]), places]
    index = pd.MultiIndex(levels, codes, names=["code", index_name], verify_integrity=False)
    shown = [name for name in _SHOWN if getattr(parts[0], name) is not None]
    arrays = {
        label: np.concatenate([getattr(part, name) for part in parts])
        for label, name in zip(names, shown, strict=False)
    }
    if all(array.dtype == np.int64 for array in arrays.values()):
        frame = pd.DataFrame(
            np.stack(list(arrays.values())).T, index=index, columns=names[: len(arrays)], copy=False
        )
    else:
        frame = pd.DataFrame(arrays, index=index)
        frame.columns = names[: len(arrays)]
    return frame


@cache
def _names(kind: Kind, columns: Columns) -> tuple[pd.Index[Any], str]:
    """Column names and index name."""
    daily = layout_of("opt10081")
    index = daily["date"] if kind == "daily" else layout_of("opt10080")["time"]
    return pd.Index(labels([daily[name][1] for name in _SHOWN], columns)), index[1].label(columns)
