"""One flipped bit in the cached listing, info or quotes: they are loaded anew, and a warning says so."""

from __future__ import annotations

import contextlib
import sqlite3

import pandas as pd
import pytest

from koalab.sessions.session import Session
from koalab.store.memo import MEMO
from tests.support.session import Market


def read(kw: Session) -> list[pd.DataFrame]:
    return [kw.codes(), kw.info(["005930"]), kw.quotes(["005930", "000660"]), kw.index("KOSPI", "2026-11-02")]


def flip_every_memo(kw: Session) -> int:
    kw.cache.close()
    with contextlib.closing(sqlite3.connect(kw.cache.shelf.folder / "cache.db")) as connection:
        rows = connection.execute("SELECT key, value FROM Cache WHERE key LIKE ?", (f"{MEMO}%",)).fetchall()
        for key, value in rows:
            flipped = bytearray(value)
            flipped[value.index(b"0", len(value) // 2)] ^= 1  # a figure that is another figure
            connection.execute("UPDATE Cache SET value = ? WHERE key = ?", (bytes(flipped), key))
        connection.commit()
    return len(rows)


def test_damaged_answers_are_loaded_anew_and_said(market: Market, caplog: pytest.LogCaptureFixture) -> None:
    kw = market.connect()
    before = read(kw)
    assert kw.info("005930").attrs["cache_hits"] == 1
    assert kw.cache.verify() == []

    count = flip_every_memo(kw)
    assert count >= 5  # listing, its details, indices, info, quotes
    assert len(kw.cache.verify()) == count
    after = read(market.connect())
    for one, other in zip(before, after, strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert caplog.text.count("is loaded anew") >= count
    assert kw.cache.verify() == []


def test_a_database_that_is_none_costs_the_answers_again(
    market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    before = read(market.connect())[:3]
    kw = market.connect()
    kw.cache.close()
    (kw.cache.shelf.folder / "cache.db").write_bytes(b"no database" * 1000)
    for one, other in zip(
        before, [kw.codes(), kw.info(["005930"]), kw.quotes(["005930", "000660"])], strict=True
    ):
        pd.testing.assert_frame_equal(one, other)
    assert "is loaded anew" in caplog.text
    kw.cache.clear()
    assert kw.cache.verify() == []
