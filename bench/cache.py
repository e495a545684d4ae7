"""Bars out of the cache against Parquet: ten years of days, a year of minutes, and 500 codes in one frame."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import koalab as kl
from bench import timing
from bench.timing import Row
from koalab.calendar import table
from koalab.dates import span
from koalab.frames.bars import BarColumns
from koalab.sessions.session import Session
from koalab.store.finality import adjustment_at
from koalab.store.series import Series, Times

ROUNDS, MANY_ROUNDS = 200, 9
CODES = 500
DAYS = ("2016-01-01", "2025-12-31")
YEAR = ("2025-01-01", "2025-12-31")


def fill(kw: Session, codes: list[str], interval: str, time: Times, start: str, end: str) -> None:
    """Puts made-up bars of those times into the cache, as if they had been loaded just now."""
    now = kw._link.now()
    covered = span(start, end, now)
    for seed, code in enumerate(codes):
        draw = np.random.default_rng(seed)
        price = draw.integers(1_000, 90_000, len(time))
        bars = BarColumns(time, price, price + 50, price - 50, price + 10, draw.integers(1, 10**8, len(time)))
        if interval == "D":
            zeros = np.zeros(len(time), np.int64)
            value = bars.volume.astype(np.int64) * price
            bars = BarColumns(
                *(bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume),
                *(value, zeros, np.full(len(time), np.nan)),
            )
        kw.cache.add(Series(code, interval, True), bars, covered, adjustment=adjustment_at(now, table()))


def days(start: str, end: str) -> Times:
    """The sessions, as midnights."""
    found: Times = kl.calendar.sessions(start, end).to_numpy().astype("datetime64[us]")
    return found


def minutes(start: str, end: str) -> Times:
    """The minutes of those sessions, 381 a day."""
    clock = np.append(np.arange(540, 920), 930).astype("timedelta64[m]")
    whole: Times = (days(start, end)[:, None] + clock).ravel().astype("datetime64[us]")
    return whole


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        with kl.connect(cache_dir=folder, clock="fast:100") as kw:
            codes = list(kw.codes().query("kind == 'stock'").index[:CODES])
            fill(kw, codes, "D", days(*DAYS), *DAYS)
            fill(kw, codes[:1], "1min", minutes(*YEAR), *YEAR)
            return [
                *_against_parquet("ten years of daily bars", lambda: kw.daily(codes[0], *DAYS), folder),
                *_against_parquet(
                    "a year of minute bars", lambda: kw.minute(codes[0], start=YEAR[0], end=YEAR[1]), folder
                ),
                *_many(kw, codes, folder),
            ]


def _against_parquet(what: str, read: Callable[[], pd.DataFrame], folder: Path) -> list[Row]:
    frame = read()
    assert frame.attrs["trs"] == 0
    file = folder / "bars.parquet"
    frame.to_parquet(file)
    pd.testing.assert_frame_equal(frame, pd.read_parquet(file), check_freq=False)
    mine, floor = timing.rounds([read, lambda: pd.read_parquet(file)], ROUNDS)
    return [
        Row(
            f"{what} ({len(frame):,} rows) from the cache",
            timing.duration(timing.median(mine)),
            f"{timing.ratio(mine, floor):.2f} times read_parquet (at most 2)",
        ),
        Row("  pandas.read_parquet of the same frame", timing.duration(timing.median(floor))),
    ]


def _many(kw: Session, codes: list[str], folder: Path) -> list[Row]:
    def mine() -> pd.DataFrame:
        return kw.daily(codes, *DAYS)

    def files() -> pd.DataFrame:
        frames = {code: pd.read_parquet(folder / f"{code}.parquet") for code in codes}
        return pd.concat(frames, names=["code", "date"])

    for code in codes:
        kw.daily(code, *DAYS).to_parquet(folder / f"{code}.parquet")
    frame = mine()
    assert frame.attrs["trs"] == 0
    pd.testing.assert_frame_equal(frame, files(), check_freq=False)
    found, floor = timing.rounds([mine, files], MANY_ROUNDS)
    return [
        Row(
            f"{len(codes)} codes x ten years ({len(frame):,} rows), one frame",
            timing.duration(timing.median(found)),
            f"{timing.ratio(found, floor):.2f} times reading and joining {len(codes)} Parquet files",
        ),
        Row("  those files", timing.duration(timing.median(floor))),
    ]
