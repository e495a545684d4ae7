"""An exported cache, read by the engines that its guide names: the queries are those of docs/guide/cache.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from koalab.store.bars import BarStore
from koalab.store.series import Series
from tests.koalab.store.test_bars import DAILY, MINUTE, RAW, bars_at, days, us

OTHER = Series("000660", "D", True)
GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "cache.md"


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    store = BarStore(tmp_path / "cache", "tests")
    span = (us("2026-03-30"), us("2026-04-02T23:59"))
    for number, series in enumerate((DAILY, RAW, MINUTE, OTHER)):
        store.add(series, bars_at(series, days("2026-03-30", "2026-04-02"), number + 1), span)
    store.export(tmp_path / "bars")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "bars"


def shown(word: str) -> dict[str, Any]:
    """What the guide's piece of Python that has that word in it leaves behind."""
    pieces = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (piece,) = (piece for piece in pieces if f"import {word}" in piece)
    names: dict[str, Any] = {}
    exec(compile(piece, str(GUIDE), "exec"), names)
    return names


def check(frame: pd.DataFrame) -> None:
    """The highest close of each code among adjusted daily bars, codes as texts with their zeros."""
    assert frame["code"].tolist() == ["000660", "005930"]
    assert frame["close"].tolist() == [4, 1]


def test_duckdb(exported: Path) -> None:
    check(shown("duckdb")["highest"].df())


def test_polars(exported: Path) -> None:
    found = shown("polars")["highest"]
    check(pd.DataFrame(found.to_dict(as_series=False)))


def test_dask(exported: Path) -> None:
    check(shown("dask")["highest"].sort_index().reset_index())


def test_minutes_keep_their_time_zone_in_each_of_them(exported: Path) -> None:
    import dask.dataframe as dd
    import duckdb
    import polars as pl

    moment = pd.Timestamp("2026-03-30", tz="Asia/Seoul")
    (found,) = duckdb.sql(
        f"select epoch(min(time)) from read_parquet('{exported}/interval=5min/**/*.parquet')"
    ).fetchall()[0]
    assert found == moment.timestamp()
    times = pl.scan_parquet(exported / "interval=5min").select("time").collect()["time"]
    assert times.dtype == pl.Datetime("us", "Asia/Seoul")
    assert times.min() == moment
    assert dd.read_parquet(exported / "interval=5min")["time"].min().compute() == moment
