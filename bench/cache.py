"""Ten years of daily bars out of the cache, against ``pandas.read_parquet`` of the same frame."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

import koalab as kl
from bench import timing
from bench.timing import Row

ROUNDS = 200


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, kl.connect(cache_dir=folder, clock="fast:100") as kw:
        start, end = "2016-01-01", "2025-12-31"
        frame = kw.daily("005930", start, end)
        file = Path(folder) / "bars.parquet"
        frame.to_parquet(file)
        again = kw.daily("005930", start, end)
        assert again.attrs["trs"] == 0
        pd.testing.assert_frame_equal(again, pd.read_parquet(file), check_freq=False)
        mine, floor = timing.rounds(
            [lambda: kw.daily("005930", start, end), lambda: pd.read_parquet(file)], ROUNDS
        )
    return [
        Row(
            f"ten years of daily bars ({len(frame):,} rows) from the cache",
            timing.duration(timing.median(mine)),
            f"{timing.ratio(mine, floor):.2f} times read_parquet (at most 2)",
        ),
        Row("  pandas.read_parquet of the same frame", timing.duration(timing.median(floor))),
    ]
