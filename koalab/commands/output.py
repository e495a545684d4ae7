"""The result of a command as text for a terminal, a pipe or a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unicodedata import east_asian_width

import numpy as np
import pandas as pd

from koalab.errors import BadInput
from koalab.plans import Plan

if TYPE_CHECKING:
    from koalab.frames.generic import Answer

FORMATS: Final = ("table", "csv", "json", "parquet")
_MIDNIGHT: Final = pd.Timedelta(0)


def chosen_format(given: str | None, output: Path | None) -> str:
    """``--format``, else the format of the file's extension, else a table.

    Raises:
        BadInput: Parquet without a file, or a file in a folder that does not exist.
    """
    if output is not None and not output.parent.is_dir():
        raise BadInput(f"{output} cannot be written: there is no folder {output.parent}")
    suffix = output.suffix.lower().removeprefix(".") if output is not None else ""
    found = given or (suffix if suffix in FORMATS else "table")
    if found == "parquet" and output is None:
        raise BadInput("parquet is no text: say where it is to go with --output FILE")
    return found


def write_parquet(value: Any, file: Path) -> None:
    """Writes the result of a command as Parquet, index included.

    Raises:
        BadInput: the result is not a table.
    """
    frame = table_of(value)
    if frame is None:
        raise BadInput(f"{type(value).__name__} is no table: --format json or csv can hold it")
    frame.to_parquet(file)


def render(value: Any, kind: str) -> str:
    """The result of a command in a format (table, csv or json), without a newline at the end."""
    if kind == "json":
        return json.dumps(_plain_json(value), ensure_ascii=False, indent=1, allow_nan=False)
    if kind == "csv":
        frame = table_of(value)
        if frame is not None:
            return iso_dated(frame).to_csv(index=False, lineterminator="\n").removesuffix("\n")
    return _table(value)


def table_of(value: Any) -> pd.DataFrame | None:
    """The result of a command as one table; None where it is none.

    A TR gives its rows, or its single block where it has no fields for rows; a plan gives its codes.
    """
    if isinstance(value, pd.DataFrame):
        return value
    if isinstance(value, Plan):
        return value.frame()
    if isinstance(value, pd.Series):
        return pd.DataFrame([value.tolist()], columns=value.index.astype("str")).infer_objects()
    if _is_tr_answer(value):
        return (
            value.multi
            if len(value.multi.columns) and (len(value.multi) or not len(value.single))
            else table_of(value.single)
        )
    return None


def iso_dated(frame: pd.DataFrame, seconds: bool = True) -> pd.DataFrame:
    """The frame with its index as columns and its timestamps as text; a column of midnights becomes dates.

    Args:
        frame: any.
        seconds: ISO 8601 with ``T`` and the zone; otherwise ``YYYY-MM-DD HH:MM:SS`` in the frame's zone.
    """
    plain = isinstance(frame.index, pd.RangeIndex) or frame.index.names == [None]
    found = frame.copy() if plain else frame.reset_index()
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
        return "\n".join(str(one) for one in value) if value else "none"
    return str(value)


def _answer_table(answer: Answer) -> str:
    parts = [_table(answer.single)] if len(answer.single) else []
    if len(answer.multi.columns):
        parts.append(_table(answer.multi))
    return "\n\n".join(parts)


def _aligned(frame: pd.DataFrame, header: bool = True) -> str:
    """The frame as lines: text left-aligned, numbers right-aligned."""
    shown = {}
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
            # to_string ignores na_rep for nullable integers.
            shown[str(name)] = (
                column.astype(object).where(column.notna(), "") if column.dtype.name[0] == "I" else column
            )
        else:
            texts = ["" if pd.isna(one) else str(one) for one in column]
            width = max(map(_width, [str(name), *texts]), default=0)
            shown[_padded(str(name), width)] = pd.Series([_padded(one, width) for one in texts], dtype=object)
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
    return "" if value is None or value is pd.NaT or value != value else str(value)


def _plain_json(value: Any) -> Any:
    """The value in JSON's types: a table is a list of objects, a missing value is null."""
    if _is_tr_answer(value):
        return {"single": _plain_json(value.single), "multi": _plain_json(value.multi)}
    if isinstance(value, Plan):
        return _plain_json(value.frame())
    if isinstance(value, pd.DataFrame):
        found = iso_dated(value)
        rows = zip(*(found.iloc[:, place].tolist() for place in range(found.shape[1])), strict=True)
        return [dict(zip(found.columns, map(_plain_json, row), strict=True)) for row in rows]
    if isinstance(value, pd.Series):
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
    return None if value is None or value is pd.NaT or value is pd.NA else str(value)


def _is_tr_answer(value: Any) -> bool:
    from koalab.frames.generic import Answer

    return isinstance(value, Answer)
