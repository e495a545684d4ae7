"""The result of a command as text: a table, CSV or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from unicodedata import east_asian_width

import numpy as np
import pandas as pd

from koalab.inputs.text import printable
from koalab.plans import Plan

if TYPE_CHECKING:
    from koalab.frames.generic import Answer

_MIDNIGHT: Final = pd.Timedelta(0)
# What a spreadsheet takes for a formula: one of these first, full-width too, and no plain number behind it.
_FORMULA: Final = re.compile(r"\s*[=+\-@＝＋－＠]")
_NUMBER: Final = re.compile(r"\s*[+-]?(\d[\d,]*\.?\d*|\.\d+)([eE][+-]?\d+)?\s*%?\s*")
# JSON has an escape for all; json.dumps escapes the first 32 alone.
_UNPRINTABLE_JSON: Final = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def render(value: Any, kind: str) -> str:
    """The result of a command in a format (table, csv or json), without a newline at the end.

    JSON is exact. In a table and in CSV control characters are written as escapes, and in CSV a text that a
    spreadsheet would take for a formula gets an apostrophe in front: names may come from files of others.
    """
    if kind == "json":
        return _json_text(value, indent=1)
    if kind == "csv":
        frame = table_of(value)
        if frame is not None:
            return _inert(iso_dated(frame)).to_csv(index=False, lineterminator="\n").removesuffix("\n")
    return _table(value)


def json_line(fields: Mapping[str, Any]) -> str:
    """One JSON object on one line, exact, its values as in ``render``."""
    return _json_text(fields, indent=None)


def _json_text(value: Any, indent: int | None) -> str:
    text = json.dumps(_plain_json(value), ensure_ascii=False, indent=indent, allow_nan=False)
    return _UNPRINTABLE_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def table_of(value: Any) -> pd.DataFrame | None:
    """The result of a command as one table; None where it is none.

    A TR gives its rows, or its single block where it has no fields for rows; a plan gives its codes, an order a row.
    """
    if isinstance(value, pd.DataFrame):
        return value
    if isinstance(value, Plan):
        return value.frame()
    if isinstance(value, pd.Series):
        return pd.DataFrame([value.tolist()], columns=value.index.astype("str")).infer_objects()
    orders = _summaries(value)
    if orders:
        return pd.DataFrame(
            [one.tolist() for one in orders], columns=orders[0].index.astype("str")
        ).infer_objects()
    if _is_tr_answer(value):
        return (
            value.multi
            if len(value.multi.columns) and (len(value.multi) or not len(value.single))
            else table_of(value.single)
        )
    return None


def tables_of(value: Any) -> dict[str, pd.DataFrame]:
    """The tables of a result by name: a TR has two where it gives both a single block and rows."""
    frame = table_of(value)
    if frame is None:
        return {}
    if _is_tr_answer(value) and frame is value.multi and len(value.single):
        single = table_of(value.single)
        assert single is not None
        return {"multi": frame, "single": single}
    return {"data": frame}


def _inert(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with texts, its headers too, that no spreadsheet or terminal takes for anything else."""
    found = frame.copy()
    found.columns = pd.Index([inert_text(str(name)) for name in frame.columns])
    for place, kind in enumerate(frame.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind)):
            column = [inert_text(one) if isinstance(one, str) else one for one in frame.iloc[:, place]]
            found.isetitem(place, np.array(column, object))
    return found


def inert_text(text: str) -> str:
    """The text as CSV takes it: control characters as escapes, what looks like a formula behind an apostrophe."""
    shown = printable(text)
    formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text) and any(map(str.isalnum, text))
    return f"'{shown}" if formula else shown


def index_as_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy of the frame with the levels of its index, where they have names, as its first columns."""
    plain = isinstance(frame.index, pd.RangeIndex) or frame.index.names == [None]
    return frame.copy() if plain else frame.reset_index()


def iso_dated(frame: pd.DataFrame, seconds: bool = True) -> pd.DataFrame:
    """The frame with its index as columns and its timestamps as text; a column of midnights becomes dates.

    Args:
        frame: any.
        seconds: ISO 8601 with ``T`` and the zone; otherwise ``YYYY-MM-DD HH:MM:SS`` in the frame's zone.
    """
    found = index_as_columns(frame)
    for place, kind in enumerate(found.dtypes):
        if pd.api.types.is_datetime64_any_dtype(kind):
            found.isetitem(place, _timestamp_texts(found.iloc[:, place], seconds).to_numpy())
    return found


def _timestamp_texts(column: pd.Series[Any], iso: bool) -> pd.Series[str]:
    known = column.dropna()
    days = not isinstance(column.dtype, pd.DatetimeTZDtype) and bool((known == known.dt.normalize()).all())
    if iso and not days:
        whole = [None if pd.isna(moment) else moment.isoformat() for moment in column]
        return pd.Series(whole, column.index, dtype="str")
    texts = column.dt.strftime("%Y-%m-%d" if days else "%Y-%m-%d %H:%M:%S")
    return pd.Series(texts, dtype="str")


def _table(value: Any) -> str:
    if _is_tr_answer(value):
        return _answer_table(value)
    if isinstance(value, pd.Series):
        return _aligned(pd.DataFrame({"": value.index, " ": [_cell(one) for one in value]}), header=False)
    if isinstance(value, pd.DataFrame):
        return (
            _aligned(iso_dated(value, seconds=False))
            if len(value)
            else f"nothing; columns: {', '.join(iso_dated(value).columns)}"
        )
    if isinstance(value, Plan):
        return _table(value.summary())
    if isinstance(value, list):
        return "\n".join(printable(str(one)) for one in value) if value else "none"
    return "\n".join(map(printable, str(value).split("\n")))


def _answer_table(answer: Answer) -> str:
    parts = [_table(answer.single)] if len(answer.single) else []
    if len(answer.multi.columns):
        parts.append(_table(answer.multi))
    return "\n\n".join(parts)


def _aligned(frame: pd.DataFrame, header: bool = True) -> str:
    """The frame as lines: text left-aligned, numbers right-aligned."""
    shown = {}
    for place, name in enumerate(map(printable, map(str, frame.columns))):
        column = frame.iloc[:, place]
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
            # to_string ignores na_rep for nullable integers.
            shown[name] = (
                column.astype(object).where(column.notna(), "") if column.dtype.name[0] == "I" else column
            )
        else:
            texts = ["" if pd.isna(one) else printable(str(one)) for one in column]
            width = max(map(_width, [name, *texts]), default=0)
            shown[_padded(name, width)] = pd.Series([_padded(one, width) for one in texts], dtype=object)
    # A Hangul syllable is two columns wide in a terminal.
    with pd.option_context("display.unicode.east_asian_width", True, "display.max_colwidth", None):
        text: str = pd.DataFrame(shown).to_string(index=False, header=header, na_rep="")
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _cell(value: Any) -> str:
    if isinstance(value, pd.Timedelta):
        return str(value).removeprefix("0 days ")
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}" if value - value.normalize() == _MIDNIGHT else f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None or value is pd.NaT or value != value else printable(str(value))


def _plain_json(value: Any) -> Any:
    """The value in JSON's types: a table is a list of objects, a missing value is null."""
    if _is_tr_answer(value):
        return {"single": _plain_json(value.single), "multi": _plain_json(value.multi)}
    if isinstance(value, Plan):
        return _plain_json(value.frame())
    if _is_order(value):
        return _plain_json(value.summary())
    if isinstance(value, pd.DataFrame):
        found = iso_dated(value)
        rows = zip(*(found.iloc[:, place].tolist() for place in range(found.shape[1])), strict=True)
        return [dict(zip(found.columns, map(_plain_json, row), strict=True)) for row in rows]
    if isinstance(value, (pd.Series, Mapping)):
        return {str(name): _plain_json(one) for name, one in value.items()}
    if isinstance(value, pd.Timestamp):
        return _cell(value) if value.tzinfo is None else value.isoformat()
    if isinstance(value, np.generic):
        return _plain_json(value.item())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain_json(one) for one in value]
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _is_tr_answer(value: Any) -> bool:
    from koalab.frames.generic import Answer

    return isinstance(value, Answer)


def _summaries(value: Any) -> list[pd.Series[Any]]:
    """An order, or orders, as rows; none for anything else."""
    orders = value if isinstance(value, list) else [value]
    return [one.summary() for one in orders] if all(map(_is_order, orders)) else []


def _is_order(value: Any) -> bool:
    from koalab.orders.order import Order
    from koalab.orders.preview import OrderPreview

    return isinstance(value, (Order, OrderPreview))
