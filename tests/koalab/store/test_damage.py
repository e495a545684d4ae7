"""A cache folder that somebody or something changed: it is noticed, told, and nothing in it is run."""

from __future__ import annotations

import contextlib
import pickle
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from koalab.errors import CacheDamaged
from koalab.store.bars import BarStore
from koalab.store.disk import Shelf
from tests.koalab.store.test_bars import DAILY, MINUTE, bars_at, days, us

FIRST, LAST = us("2026-01-01"), us("2026-06-30")
DAYS = days("2026-01-01", "2026-06-30")


def tampered(shelf: Shelf, statement: str, *values: object) -> None:
    shelf.close()
    with contextlib.closing(sqlite3.connect(shelf.folder / "cache.db")) as connection:
        assert connection.execute(statement, values).rowcount == 1
        connection.commit()


@pytest.fixture
def filled(tmp_path: Path) -> BarStore:
    store = BarStore(tmp_path, "tests")
    store.add(DAILY, bars_at(DAILY, DAYS), (FIRST, LAST))
    store.add(MINUTE, bars_at(MINUTE, DAYS), (FIRST, LAST))
    assert store.verify() == []
    return store


SEGMENT = MINUTE.segment_key("2026-02")


class Bomb:
    exploded = False

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return explode, ()


def explode() -> None:
    Bomb.exploded = True


@pytest.mark.parametrize(
    ("key", "change", "value"),
    [
        (SEGMENT, "mode = 4, value = ?", pickle.dumps(Bomb())),
        (MINUTE.key, "mode = 4, value = ?", pickle.dumps(Bomb())),
        (SEGMENT, "mode = 2, filename = ?", "../../secret"),
        (SEGMENT, "mode = 3, filename = ?", "../../secret"),
        (SEGMENT, "value = ?", 1.5),
        (SEGMENT, "value = ?", b"KLB1"),
        (SEGMENT, "value = ?", "text"),
        (MINUTE.key, "value = ?", "00000000{}"),
        (MINUTE.key, "value = ?", "no record"),
        (MINUTE.key, "value = ?", 7),
    ],
)
def test_what_was_not_stored_is_neither_unpickled_nor_taken_for_bars(
    filled: BarStore, key: str, change: str, value: object
) -> None:
    secret = filled.shelf.folder.parent.parent / "secret"
    secret.write_text("secret")
    tampered(filled.shelf, f"UPDATE Cache SET {change} WHERE key = ?", value, key)

    with pytest.raises(CacheDamaged, match="verify"):
        filled.read(MINUTE, FIRST, LAST)
    with pytest.raises(CacheDamaged, match="verify"):
        filled.add(MINUTE, bars_at(MINUTE, DAYS), (FIRST, LAST))
    problems = filled.verify()
    assert any(str(MINUTE) in problem for problem in problems)
    assert not any(str(DAILY) in problem for problem in problems)
    # Others are not touched by it, and forgetting mends it.
    assert len(filled.read(DAILY, FIRST, LAST)[0]) == len(DAYS)
    assert filled.clear(code=MINUTE.code, interval=MINUTE.interval) == 1
    assert filled.verify() == []
    assert filled.series() == [DAILY]
    filled.add(MINUTE, bars_at(MINUTE, DAYS), (FIRST, LAST))
    assert not Bomb.exploded
    assert secret.read_text() == "secret"


def test_a_pickled_key_is_not_unpickled(filled: BarStore) -> None:
    tampered(
        filled.shelf, "UPDATE Cache SET raw = 0, key = ? WHERE key = ?", pickle.dumps(Bomb()), MINUTE.key
    )
    with pytest.raises(CacheDamaged, match="clear"):
        filled.series()
    assert any("clear()" in problem for problem in filled.verify())
    mended_by_clearing(filled)
    assert not Bomb.exploded


def test_every_flipped_bit_is_noticed(filled: BarStore) -> None:
    stored = filled.shelf.get(SEGMENT)
    assert isinstance(stored, bytes)
    draw = random.Random(3)
    for place in [0, 5, 9, 20, 40, *draw.sample(range(len(stored)), 20), len(stored) - 1]:
        flipped = bytearray(stored)
        flipped[place] ^= 1 << draw.randrange(8)
        tampered(filled.shelf, "UPDATE Cache SET value = ? WHERE key = ?", bytes(flipped), SEGMENT)
        with pytest.raises(CacheDamaged):
            filled.read(MINUTE, FIRST, LAST)
        assert len(filled.verify()) == 1


def test_a_file_that_is_no_database_is_told_with_its_folder(tmp_path: Path) -> None:
    store = BarStore(tmp_path, "tests")
    store.shelf.folder.mkdir(parents=True)
    (store.shelf.folder / "cache.db").write_bytes(b"no database" * 1000)
    for use in (store.series, lambda: store.clear("005930"), lambda: store.read(DAILY, FIRST, LAST)):
        with pytest.raises(CacheDamaged, match="clear"):
            use()
    assert "clear()" in store.verify()[0]
    mended_by_clearing(store)


def mended_by_clearing(store: BarStore) -> None:
    store.clear()
    assert store.verify() == []
    assert store.series() == []
    store.add(DAILY, bars_at(DAILY, DAYS), (FIRST, LAST))
    assert len(BarStore(store.shelf.folder.parent, "tests").read(DAILY, FIRST, LAST)[0]) == len(DAYS)


def test_a_database_with_holes_is_told(filled: BarStore) -> None:
    filled.close()
    file = filled.shelf.folder / "cache.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    file.write_bytes(bytes(data))
    with pytest.raises(CacheDamaged, match="clear"):
        filled.read(MINUTE, FIRST, LAST)
    assert filled.verify() != []
    mended_by_clearing(filled)


@pytest.mark.parametrize("size", [0, 1, 100, 4096, 5000])
def test_a_database_that_was_cut_off_is_mended_by_clearing(filled: BarStore, size: int) -> None:
    filled.close()
    file = filled.shelf.folder / "cache.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    file.write_bytes(file.read_bytes()[:size])
    mended_by_clearing(filled)


def test_another_version_of_the_format_is_not_held_and_is_replaced_whole(
    filled: BarStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("koalab.store.meta.VERSION", 999)
        filled.replace(MINUTE, bars_at(MINUTE, DAYS), (FIRST, LAST))
    assert filled.read(MINUTE, FIRST, LAST)[1] == [(FIRST, LAST)]
    filled.add(MINUTE, bars_at(MINUTE, DAYS[:1]), (DAYS[0], DAYS[0]))
    assert len(filled.read(MINUTE, FIRST, LAST)[0]) == 1
    assert filled.verify() == []


@pytest.mark.parametrize("value", [1.5, None, {"a": 1}, [1], True, object()])
def test_only_texts_numbers_and_bytes_are_stored(tmp_path: Path, value: object) -> None:
    shelf = Shelf(tmp_path)
    with pytest.raises(TypeError), shelf.transaction() as change:
        change.set("memo:x", value)
    with pytest.raises(TypeError), shelf.transaction() as change:
        change.set(value, b"x")
    assert shelf.all_keys() == []
