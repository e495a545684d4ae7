"""The result of a command in a file: its format, and CSV, JSON, Parquet and Excel files."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from koalab.commands.output.rendering import index_as_columns, render, table_of, tables_of
from koalab.errors import BadInput
from koalab.inputs.text import printable

if TYPE_CHECKING:
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

FORMATS: Final = ("table", "csv", "json", "parquet", "xlsx")
ENDINGS: Final[Mapping[str, str]] = {
    ".txt": "table",
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
_BINARY: Final = ("parquet", "xlsx")
_SHEET_ROWS: Final = 1_048_576
_EXACT: Final = 10**15  # Excel shows 15 digits of a number
_CELL: Final = 32_767  # characters
_MARKS: Final = ("=", "+", "-", "@", "#")  # openpyxl takes = for a formula and #N/A for an error
_FIRST_DAY: Final = datetime.datetime(1900, 3, 1)  # noqa: DTZ001 - Excel's days before are off by one


def chosen_format(given: str | None, output: Path | None) -> str:
    """``--format``, else the format of the file's ending, else a table.

    Raises:
        BadInput: an ending that is no format's, or another format's than ``--format``; Parquet and Excel without a
            file; a file in a folder that does not exist.
    """
    if output is None:
        if given in _BINARY:
            raise BadInput(f"{given} is no text: say where it is to go with --output FILE")
        return given or "table"
    if not output.parent.is_dir():
        raise BadInput(f"{output} cannot be written: there is no folder {output.parent}")
    ending = output.suffix.lower()
    meant = ENDINGS.get(ending)
    if ending and meant is None:
        raise BadInput(f"{output} cannot be written: no format has the ending {ending!r}, but {_listed()}")
    if meant is None and given is None:
        raise BadInput(f"{output} does not say its format: give --format, or an ending: {_listed()}")
    if given is not None and meant is not None and given != meant:
        raise BadInput(
            f"--format {given} and the ending of {output} ({meant}) disagree: leave out one of them"
        )
    return given or str(meant)


def _listed() -> str:
    return ", ".join(f"{ending} ({name})" for ending, name in ENDINGS.items())


def write(value: Any, kind: str, file: Path) -> None:
    """Writes the result of a command.

    CSV files begin with a byte order mark, without which Excel reads Hangul as CP949. Parquet holds the index too.

    Raises:
        BadInput: Parquet or Excel, and the result is no table or does not fit a sheet.
    """
    if kind == "parquet":
        _table(value).to_parquet(file)
    elif kind == "xlsx":
        _write_xlsx(value, file)
    else:
        file.write_text(render(value, kind) + "\n", encoding="utf-8-sig" if kind == "csv" else "utf-8")


def _table(value: Any) -> pd.DataFrame:
    frame = table_of(value)
    if frame is None:
        raise BadInput(f"{type(value).__name__} is no table: --format json or csv can hold it")
    return frame


def _write_xlsx(value: Any, file: Path) -> None:
    """One sheet a table, the header frozen. Texts stay texts, and times are those of Seoul, without a zone."""
    from openpyxl import Workbook

    _table(value)
    sheets = tables_of(value)
    for name, frame in sheets.items():
        _check_fits(name, frame)
    book = Workbook(write_only=True)
    for name, frame in sheets.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        for row in _rows(frame, sheet):
            sheet.append(row)
    book.save(file)


def _check_fits(name: str, frame: pd.DataFrame) -> None:
    if len(frame) >= _SHEET_ROWS:
        raise BadInput(
            f"{len(frame):,} rows of {name} do not fit a sheet of {_SHEET_ROWS - 1:,}: write .csv or .parquet"
        )
    for column in frame.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]:
        longest = max((len(one) for one in frame[column] if isinstance(one, str)), default=0)
        if longest > _CELL:  # openpyxl would cut it
            raise BadInput(
                f"{column} has a text of {longest:,} characters, a cell takes {_CELL:,}: write .csv or .json"
            )


def _rows(frame: pd.DataFrame, sheet: WriteOnlyWorksheet) -> Iterator[list[Any]]:
    from openpyxl.utils import get_column_letter

    shown = index_as_columns(frame)
    columns = [_values(shown.iloc[:, place]) for place in range(shown.shape[1])]
    for place, (name, values) in enumerate(zip(shown.columns, columns, strict=True), 1):
        # Excel shows a date as ##### where its column is too narrow.
        dated = any(isinstance(one, datetime.date) for one in values[:1])
        # The stubs lack it.
        sheet.column_dimensions[get_column_letter(place)].width = max(20 if dated else 12, len(str(name)) + 2)  # type: ignore[attr-defined]
    yield [_cell(str(name), sheet) for name in shown.columns]
    for row in zip(*columns, strict=True):
        yield [_cell(value, sheet) for value in row]


def _values(column: pd.Series[Any]) -> list[Any]:
    if column.dtype.kind != "M" or isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.tolist()
    known = column.dropna()
    days = bool((known == known.dt.normalize()).all())
    return [None if pd.isna(one) else one.date() if days else one for one in column]


def _cell(value: Any, sheet: WriteOnlyWorksheet) -> Any:
    """A value as openpyxl takes it."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return None
    if isinstance(value, pd.Timestamp):
        value = value.tz_convert("Asia/Seoul").tz_localize(None) if value.tzinfo else value
        value = value.to_pydatetime(warn=False)
    if isinstance(value, datetime.date):
        moment = value if isinstance(value, datetime.datetime) else None
        early = datetime.datetime(value.year, value.month, value.day) < _FIRST_DAY  # noqa: DTZ001
        return value.isoformat() if early else moment or value
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < _EXACT:
        return value
    if isinstance(value, float) and np.isfinite(value):
        return value
    if isinstance(value, pd.Timedelta):
        value = str(value).removeprefix("0 days ")
    return _text(printable(str(value)), sheet)


def _text(text: str, sheet: WriteOnlyWorksheet) -> Any:
    if not text.startswith(_MARKS):
        return text
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    cell.quotePrefix = True  # it stays text when it is edited
    return cell
