"""Looking after the cache: what it holds, whether that adds up, forgetting it, and taking it elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from koalab.errors import BadInput
from koalab.frames.bars import BarColumns
from koalab.store.bars import BarStore
from koalab.store.meta import Meta, Segment
from koalab.store.packing import pack
from koalab.store.parquet import partitioning
from koalab.store.records import record_of, store_record
from koalab.store.series import Series
from tests.koalab.store.test_bars import DAILY, MINUTE, RAW, TICK, bars_at, days, us

OTHER = Series("000660", "D", True)
SPAN = (us("2026-03-30"), us("2026-04-02T23:59"))


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    held = BarStore(tmp_path / "cache", "tests")
    for number, series in enumerate((DAILY, RAW, MINUTE, TICK, OTHER)):
        held.add(series, bars_at(series, days("2026-03-30", "2026-04-02"), number + 1), SPAN)
    return held


def test_info_has_a_row_a_series(store: BarStore) -> None:
    info = store.info()
    assert [str(kind) for kind in info.dtypes] == [
        "str",
        "str",
        "bool",
        "datetime64[us]",
        "datetime64[us]",
        "int64",
        "int64",
    ]
    rows = info.drop(columns="bytes").itertuples(index=False, name=None)
    first, last = pd.Timestamp("2026-03-30"), pd.Timestamp("2026-04-02")
    assert list(rows) == [
        ("000660", "D", True, first, last, 4),
        ("005930", "30tick", False, first, last, 4),
        ("005930", "5min", True, first, last, 4),
        ("005930", "D", False, first, last, 4),
        ("005930", "D", True, first, last, 4),
    ]
    # Nine columns of eight bytes a bar, and no more than a little around them.
    assert (info["bytes"].iloc[-1] - 9 * 8 * 4) in range(150)


def test_info_of_nothing_has_the_same_columns(tmp_path: Path, store: BarStore) -> None:
    empty = BarStore(tmp_path / "cache", "other").info()
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, store.info().dtypes)


def test_info_of_covered_time_without_bars(store: BarStore) -> None:
    store.replace(OTHER, bars_at(OTHER, []), SPAN)
    row = store.info().iloc[0]
    assert (row["code"], row["bars"], row["bytes"]) == ("000660", 0, 0)
    assert row[["first", "last"]].isna().all()
    assert store.verify() == []


@pytest.mark.parametrize(
    ("code", "interval", "left"),
    [
        (None, None, []),
        ("000660", None, [TICK, MINUTE, RAW, DAILY]),
        (None, "D", [TICK, MINUTE]),
        ("005930", "5min", [OTHER, TICK, RAW, DAILY]),
        ("035420", None, [OTHER, TICK, MINUTE, RAW, DAILY]),
    ],
)
def test_clearing(store: BarStore, code: str | None, interval: str | None, left: list[Series]) -> None:
    assert store.clear(code, interval) == 5 - len(left)
    assert store.series() == left
    assert store.verify() == []
    kept = [key for key in store.shelf.all_keys() if not any(series.key[7:] in key for series in left)]
    assert kept == []


@pytest.mark.parametrize(
    ("code", "interval"),
    [
        ("삼성전자", None),
        ("", None),
        (5930, None),
        (None, "7x"),
        ("005930", ""),
        (None, 5),
        (["005930"], None),
    ],
)
def test_clearing_what_can_be_no_code_or_interval(store: BarStore, code: object, interval: object) -> None:
    with pytest.raises(BadInput):
        store.clear(code, interval)  # type: ignore[arg-type]
    assert len(store.series()) == 5


@pytest.mark.parametrize("folder", [None, "", 5, ["bars"]])
def test_exporting_to_what_is_no_path(store: BarStore, folder: object) -> None:
    with pytest.raises(BadInput, match="path"):
        store.export(folder)  # type: ignore[arg-type]


def test_exporting_to_where_nothing_can_be_written(tmp_path: Path, store: BarStore) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match="another folder"):
        store.export(tmp_path / "file")


# ---- what verify notices beyond damaged bytes (those are in test_store_safety)


def with_record(change: Callable[[Meta], Meta]) -> Callable[[BarStore], None]:
    def apply(store: BarStore) -> None:
        meta = change(record_of(store.shelf, MINUTE))
        with store.shelf.transaction() as transaction:
            store_record(transaction, MINUTE, meta)

    return apply


def with_bars(name: str, times: list[str]) -> Callable[[BarStore], None]:
    """That segment with bars of other times, and a record that agrees."""

    def apply(store: BarStore) -> None:
        bars = bars_at(MINUTE, [us(time) for time in times])
        meta, data = record_of(store.shelf, MINUTE), pack(bars)
        with store.shelf.transaction() as transaction:
            transaction.set(MINUTE.segment_key(name), data)
            segments = {**meta.segments, name: Segment.of(data, bars)}
            store_record(transaction, MINUTE, replace(meta, segments=segments))

    return apply


def without(key: str) -> Callable[[BarStore], None]:
    def apply(store: BarStore) -> None:
        with store.shelf.transaction() as transaction:
            transaction.delete(key)

    return apply


def foreign(store: BarStore) -> None:
    with store.shelf.transaction() as transaction:
        transaction.set("something else", 1)


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (with_record(lambda meta: replace(meta, coverage=())), "2 bars lie outside the time covered"),
        (
            with_record(lambda meta: replace(meta, coverage=((0, 1), (2, 3)))),
            "its coverage is out of order",
        ),
        (
            with_record(
                lambda meta: replace(
                    meta, segments={name: replace(part, rows=3) for name, part in meta.segments.items()}
                )
            ),
            "its bars are not those of the record",
        ),
        (with_record(lambda meta: replace(meta, segments={})), "no record speaks of it"),
        (with_bars("2026-03", ["2026-03-30", "2026-03-30"]), "two bars have one time"),
        (with_bars("2026-03", ["2026-03-30", "2026-04-01"]), "bars of another segment lie in it"),
        (with_bars("2026-03", ["2026-03-29", "2026-03-30"]), "1 bars lie outside the time covered"),
        (without(MINUTE.segment_key("2026-04")), "2026-04: its bytes are not those"),
        (without(MINUTE.key), "no record speaks of it"),
        (foreign, "the key 'something else' is none of koalab's"),
    ],
)
def test_verify_notices(store: BarStore, harm: Callable[[BarStore], None], expected: str) -> None:
    assert store.verify() == []
    harm(store)
    problems = store.verify()
    assert any(expected in problem for problem in problems), problems
    assert all(str(MINUTE) in problem or harm is foreign for problem in problems)
    store.clear("005930", "5min")
    assert bool(store.verify()) is (harm is foreign)


# ---- Parquet


def test_export_gives_back_every_bar_with_the_code_as_text(tmp_path: Path, store: BarStore) -> None:
    files = store.export(tmp_path / "bars")
    names = [file.relative_to(tmp_path / "bars").as_posix() for file in files]
    assert names[0] == "interval=D/prices=adjusted/code=000660/bars.parquet"
    assert names[1] == "interval=30tick/prices=raw/code=005930/bars.parquet"
    assert len(names) == 5
    assert sorted(path for path in (tmp_path / "bars").rglob("*") if path.is_file()) == sorted(files)

    table = ds.dataset(tmp_path / "bars" / "interval=D", partitioning=partitioning())
    daily = table.to_table(filter=ds.field("prices") == "adjusted")
    frame = daily.to_pandas().sort_values(["code", "date"])
    assert frame["code"].tolist() == ["000660"] * 4 + ["005930"] * 4
    assert frame["close"].tolist() == [5] * 4 + [1] * 4
    assert frame["date"].tolist() == [pd.Timestamp(day) for day in days("2026-03-30", "2026-04-02")] * 2
    assert frame["volume"].dtype == "int64"


def test_exported_minutes_are_in_the_time_of_seoul(tmp_path: Path, store: BarStore) -> None:
    store.add(MINUTE, bars_at(MINUTE, [us("2026-04-03T09:05")]), (us("2026-04-03"), us("2026-04-03T23:59")))
    (file,) = (file for file in store.export(tmp_path / "bars") if "5min" in str(file))
    frame = pd.read_parquet(file)
    assert frame["time"].iloc[-1] == pd.Timestamp("2026-04-03 09:05", tz="Asia/Seoul")
    assert str(frame["time"].dt.tz) == "Asia/Seoul"
    assert list(frame.columns)[:6] == ["time", "open", "high", "low", "close", "volume"]


def test_exporting_again_replaces_the_files(tmp_path: Path, store: BarStore) -> None:
    store.export(tmp_path / "bars")
    more = bars_at(OTHER, days("2026-04-03", "2026-04-10"), 9)
    store.add(OTHER, more, (us("2026-04-03"), us("2026-04-10")))
    file = store.export(tmp_path / "bars")[0]
    assert len(pd.read_parquet(file)) == 12


def test_an_export_keeps_whole_values_and_fractions_apart(tmp_path: Path, store: BarStore) -> None:
    time = np.array(days("2026-03-30", "2026-04-02"))
    whole, parts = np.arange(4), np.arange(4) / 2
    store.replace(OTHER, BarColumns(time, whole, parts, whole, whole, parts, whole), SPAN)
    frame = pq.read_table(store.export(tmp_path / "bars")[0], partitioning=None).to_pandas()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "date": "datetime64[us]",
        "open": "int64",
        "high": "float64",
        "low": "int64",
        "close": "int64",
        "volume": "float64",
        "value": "int64",
    }
    np.testing.assert_array_equal(frame["high"], parts)
