"""The cache, damaged and read as its store."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.damage.kinds import Outcome, cases, cut, flip_bits
from kernel_server.simulated.market.synthetic.market import source_name
from koalab.errors import KoalabError
from koalab.frames.bars import BarColumns
from koalab.store.bars import BarStore
from koalab.store.memo import Memo
from koalab.store.packing import pack
from koalab.store.series import Series

FILE_CASES, VALUE_CASES = 1200, 1200
DATABASE = "cache.db"

SOURCE, OTHER_SOURCE = (f"simulated:{source_name(seed)}" for seed in (1, 9))
_SERIES = (
    Series("005930", "D", True),
    Series("005930", "D", False),
    Series("000660", "D", True),
    Series("005930", "5min", True),
)
_TIMES = np.arange("2026-01-01", "2026-06-30", dtype="M8[D]").astype("M8[us]")
_SPAN = (_TIMES[0], _TIMES[-1])
_MEMOS: Mapping[str, Any] = {
    "listing": {"day": "2026-06-30", "names": {f"{number:06d}": f"종목{number}" for number in range(300)}},
    "opt10001:005930": {"single": ["005930", "삼성전자", "78000"], "received_at": 5.0},
    "opt10001:000660": {"single": ["000660", "SK하이닉스", "98000"], "received_at": 5.0},
    "bytes": bytes(range(256)),
}


def _bars(series: Series, seed: int) -> BarColumns:
    draw = np.random.default_rng(seed)
    price = draw.integers(1_000, 90_000, len(_TIMES))
    common = (_TIMES, price, price + 50, price - 50, price + 10, price * 7)
    if series.kind != "daily":
        return BarColumns(*common)
    return BarColumns(*common, price * 1000, price * 0, np.full(len(_TIMES), np.nan))


_PACKED = {
    (source, series): pack(_bars(series, seed))
    for source, first in ((SOURCE, 1), (OTHER_SOURCE, 90))
    for seed, series in enumerate(_SERIES, first)
}


def filled(folder: Path, source: str, seed: int) -> Path:
    store = BarStore(folder, source)
    for number, series in enumerate(_SERIES, seed):
        store.add(series, _bars(series, number), _SPAN, adjustment=_TIMES[0])
    memo = Memo(store.shelf, clock=lambda: 0.0)
    for key, value in _MEMOS.items():
        memo.put(key, value, expires=1e12)
    store.close()
    return store.shelf.folder / DATABASE


def _store_is_right(store: BarStore) -> bool:
    """Whether all that was stored is there; AssertionError where something else is."""
    whole = True
    for series in _SERIES:
        try:
            found = store.cached_range(series, *_SPAN)
        except KoalabError:
            whole = False
            continue
        if not found.any_cached:
            whole = False
            continue
        assert pack(found.bars) == _PACKED[SOURCE, series], f"other bars of {series}"
        assert not found.gaps, f"gaps in {series}"
        assert found.adjustment == (_TIMES[0] if series.adjusted else None), f"another adjustment of {series}"
    memo = Memo(store.shelf, clock=lambda: 0.0)
    for key, value in _MEMOS.items():
        stored = memo.get(key)
        assert stored in (None, value), f"another {key}"
        whole = whole and stored is not None
    for look in (store.series, store.info):
        try:
            found_here = look()
            assert whole is False or len(found_here) == len(_SERIES), "another list of series"
        except KoalabError:
            whole = False
    return whole


def cache_files(outcomes: dict[str, Outcome], folder: Path, draw: random.Random) -> None:
    data = filled(folder / "sound", SOURCE, 1).read_bytes()
    other = filled(folder / "sound", OTHER_SOURCE, 90).read_bytes()
    place = BarStore(folder / "read", SOURCE).shelf.folder
    for damage, outcome in cases(outcomes, "the cache's file", FILE_CASES):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        (place / DATABASE).write_bytes(damage(data, other, draw))
        with outcome.case("reading, verifying, clearing"):
            store = BarStore(folder / "read", SOURCE)
            try:
                whole = _store_is_right(store)
                problems = store.verify()
                assert whole or problems or not store.series(), "something is missing, and verify is silent"
                _cleared(store)
            finally:
                store.close()
            outcome.count(whole)


def _cleared(store: BarStore) -> None:
    store.clear()
    assert store.series() == [], "clear left something"
    store.add(_SERIES[0], _bars(_SERIES[0], 1), _SPAN)
    assert pack(store.read(_SERIES[0], *_SPAN)[0]) == _PACKED[SOURCE, _SERIES[0]], "not mended by clear"


def cache_values(outcomes: dict[str, Outcome], folder: Path, draw: random.Random) -> None:
    """Single values of a sound database, and values under each other's keys."""
    file = filled(folder / "values", SOURCE, 1)
    store = BarStore(folder / "values", SOURCE)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        rows = dict(connection.execute("SELECT key, value FROM Cache").fetchall())
        keys = sorted(rows)

        def put(key: str, value: object) -> None:
            connection.execute("UPDATE Cache SET value = ? WHERE key = ?", (value, key))

        for kind in ("flipped bits", "cut off", "under another key", "another type"):
            outcome = outcomes[f"a value in the cache: {kind}"] = Outcome()
            for _ in range(VALUE_CASES // 4):
                key, other = draw.sample(keys, 2)
                bad: object = {
                    "flipped bits": flip_bits(rows[key], b"", draw),
                    "cut off": cut(rows[key], b"", draw),
                    "under another key": rows[other],
                    "another type": draw.choice((None, 1, 2.5, "text", b"", '0123abcd{"version":3}')),
                }[kind]
                put(key, bad)
                with outcome.case(f"{key} {kind}"):
                    whole = _store_is_right(store)
                    assert not whole or bad == rows[key], "not noticed"
                    assert any(key.split(":")[1] in problem for problem in store.verify()), "verify is silent"
                    outcome.count(whole)
                put(key, rows[key])
    store.close()
