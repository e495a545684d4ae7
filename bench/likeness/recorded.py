"""Recorded figures: of ten issues from a table, and of days of trades in a folder."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from bench.likeness.figures import Figures, of_trades
from kernel_server.reference.price_rules import rules
from kernel_server.tsv import rows

_TABLE = Path(__file__).with_name("data") / "recorded.tsv"
_CONTINUOUS = ("090001", "151959")


def table() -> list[Figures]:
    """Figures of ten issues of 2020, from small to large."""
    return [Figures(*map(float, row)) for row in rows(_TABLE)]


def of_folder(folder: Path) -> list[Figures]:
    """Figures of each day of trades under ``ticks`` in a folder of market data, from small to large."""
    found = [_of_file(file) for file in sorted((folder / "ticks").glob("*.csv*"))]
    return sorted(found, key=lambda figures: figures.turnover)


def _of_file(file: Path) -> Figures:
    trades = pd.read_csv(file, dtype={"time": str, "date": str})
    trades = trades[trades["time"].between(*_CONTINUOUS)]
    clock = trades["time"].astype(int)
    seconds = clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100
    spread = None
    if {"ask", "bid"} <= set(trades.columns):
        grid = rules(date.fromisoformat(trades["date"].iloc[0]), "KOSPI")
        tick = grid.tick_array(trades["bid"].to_numpy(np.int64))
        spread = float(((trades["ask"] - trades["bid"]) / tick).mean())
    price, volume = trades["price"].to_numpy(np.int64), trades["volume"].to_numpy(np.int64)
    return of_trades(price, volume, float(seconds.max() - seconds.min()), spread)
