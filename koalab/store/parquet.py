"""The cache as Parquet files, for DuckDB, Polars, Dask and other readers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from koalab.dates import SEOUL_OFFSET
from koalab.errors import BadInput
from koalab.frames.bars import BarColumns
from koalab.store.series import Series, moment

if TYPE_CHECKING:
    from koalab.store.bars import BarStore

_FILE = "bars.parquet"
_COLUMNS = ("open", "high", "low", "close", "volume", "value", "event", "ratio")
_SEOUL_OFFSET = np.timedelta64(SEOUL_OFFSET, "s")
EVER = (moment(-(2**62)), moment(2**62))


def partitioning() -> Any:
    """The pyarrow partitioning of one interval's part of an export. Without it ``005930`` is the number 5930.

    ``pyarrow.dataset.dataset("bars/interval=D", partitioning=partitioning())``; in DuckDB
    ``read_parquet('bars/interval=D/**/*.parquet', hive_types = {'code': VARCHAR})``. Read an interval at a time:
    days and minutes have different columns.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    return ds.partitioning(pa.schema([("prices", pa.string()), ("code", pa.string())]), flavor="hive")


def export(store: BarStore, folder: Path) -> list[Path]:
    """One file a series, ``interval=D/prices=adjusted/code=005930/bars.parquet``; returns the files.

    Columns: ``date`` (timestamp without a zone) for daily bars and longer, ``time`` (timestamp in Asia/Seoul) for
    minutes and ticks; ``open high low close volume``, and what else the bars have of ``value event ratio``.
    A file of an earlier export is replaced once its successor is complete; those of deleted series stay.

    Raises:
        BadInput: ``folder`` is no folder and none can be made there, or it cannot be written.
    """
    files = []
    for series in store.series():
        bars, _ = store.read(series, *EVER)
        file = folder / _place(series) / _FILE
        try:
            _write(file, _table(series, bars))
        except OSError as error:
            raise BadInput(f"nothing can be written to {folder}: {error}; give another folder") from error
        files.append(file)
    return files


def _write(file: Path, table: Any) -> None:
    import pyarrow.parquet as pq

    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{_FILE}.{os.getpid()}.part")
    try:
        pq.write_table(table, part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _place(series: Series) -> str:
    prices = "adjusted" if series.adjusted else "raw"
    return f"interval={series.interval}/prices={prices}/code={series.code}"


def _table(series: Series, bars: BarColumns) -> Any:
    import pyarrow as pa

    if series.kind == "daily":
        arrays = {"date": pa.array(bars.time)}
    else:
        arrays = {"time": pa.array(bars.time - _SEOUL_OFFSET).cast(pa.timestamp("us", "Asia/Seoul"))}
    for name in _COLUMNS:
        values = getattr(bars, name)
        if values is not None:
            arrays[name] = pa.array(values)
    return pa.table(arrays)
