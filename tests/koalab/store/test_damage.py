"""A cache folder that somebody or something changed: it is noticed, told, and nothing in it is run."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koalab.errors import CacheDamaged
from koalab.store.bars import BarStore
from koalab.store.disk import CacheUnavailable, Shelf
from koalab.store.memo import MEMO, Memo
from koalab.store.packing import pack
from koalab.store.series import Series
from tests.koalab.store.test_bars import DAILY, MINUTE, RAW, bars_at, days, us
from tests.support.examples import examples

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


@pytest.mark.parametrize("trigger", [b"AFTER INSERT", b"AFTER UPDATE", b"AFTER DELETE"])
def test_a_database_that_only_writing_shows_to_be_damaged_is_mended_by_clearing(
    filled: BarStore, trigger: bytes
) -> None:
    filled.close()
    file = filled.shelf.folder / "cache.db"
    data = file.read_bytes()
    place = data.index(b".size", data.index(trigger))
    file.write_bytes(data[:place] + b".wize" + data[place + 5 :])
    mended_by_clearing(filled)


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
    filled: BarStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("koalab.store.seal.FORMAT", b"KLC0")
        filled.replace(MINUTE, bars_at(MINUTE, DAYS), (FIRST, LAST))
    check_replaced_whole(filled, caplog)


def test_the_format_before_digests_named_their_place_is_not_held(
    filled: BarStore, caplog: pytest.LogCaptureFixture
) -> None:
    stored = '{"version":3,"coverage":[[0,1]],"segments":{},"basis":null}'
    tampered(filled.shelf, "UPDATE Cache SET value = ? WHERE key = ?", "0123abcd" + stored, MINUTE.key)
    check_replaced_whole(filled, caplog)


def check_replaced_whole(filled: BarStore, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        assert filled.read(MINUTE, FIRST, LAST)[1] == [(FIRST, LAST)]
    assert filled.series() == [DAILY]
    assert len(filled.info()) == 1
    assert caplog.text.count("another version of koalab") == 1
    (problem,) = filled.verify()
    assert str(MINUTE) in problem
    assert "loaded anew" in problem
    filled.add(MINUTE, bars_at(MINUTE, DAYS[:1]), (DAYS[0], DAYS[0]))
    assert len(filled.read(MINUTE, FIRST, LAST)[0]) == 1
    assert filled.verify() == []


def test_bars_of_another_issue_or_source_are_not_taken_for_these(filled: BarStore, tmp_path: Path) -> None:
    """Records and segments that are whole, but lie in another place than they were stored in."""
    other = Series("000660", "5min", True)
    filled.add(other, bars_at(other, DAYS, 7), (FIRST, LAST))
    filled.close()
    with contextlib.closing(sqlite3.connect(filled.shelf.folder / "cache.db")) as connection:
        connection.execute("DELETE FROM Cache WHERE key LIKE '%005930:5min%'")
        connection.execute(
            "UPDATE Cache SET key = replace(key, '000660', '005930') WHERE key LIKE '%000660%'"
        )
        connection.commit()
    with pytest.raises(CacheDamaged, match="digest"):
        filled.read(MINUTE, FIRST, LAST)
    assert any("digest" in problem for problem in filled.verify())
    assert len(filled.read(DAILY, FIRST, LAST)[0]) == len(DAYS)

    elsewhere = BarStore(tmp_path, "other prices")
    elsewhere.add(DAILY, bars_at(DAILY, DAYS, 9), (FIRST, LAST))
    for store in (filled, elsewhere):
        store.close()
    shutil.copy(filled.shelf.folder / "cache.db", elsewhere.shelf.folder / "cache.db")
    with pytest.raises(CacheDamaged, match="digest"):
        elsewhere.read(DAILY, FIRST, LAST)
    assert elsewhere.verify() != []


# ---- any damage


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store of three series and a memo; nothing lies outside its database."""
    store = BarStore(tmp_path_factory.mktemp("sound"), "tests")
    for number, series in enumerate((DAILY, RAW, MINUTE)):
        store.add(series, bars_at(series, DAYS, number + 1), (FIRST, LAST), adjustment=FIRST)
    memo = Memo(store.shelf, clock=lambda: 0.0)
    for key, value in MEMOS.items():
        memo.put(key, value, expires=1e9)
    store.close()
    return store.shelf.folder.parent


MEMOS: dict[str, Any] = {
    "listing": {"day": "2026-06-30", "names": {f"{n:06d}": f"종목{n}" for n in range(200)}},
    "opt10001:005930": {"single": ["005930", "삼성전자", "78000"], "received_at": 5.0},
}


def what_is_read(folder: Path) -> str:
    """Reads everything: what comes is right, or it is refused by name."""
    store = BarStore(folder, "tests")
    said = []
    try:
        for number, series in enumerate((DAILY, RAW, MINUTE)):
            try:
                found = store.cached_range(series, FIRST, LAST)
            except (CacheDamaged, CacheUnavailable) as error:
                said.append(str(error))
                continue
            if found.any_cached:  # else it is loaded anew
                assert pack(found.bars) == pack(bars_at(series, DAYS, number + 1)), series
                assert found.gaps == []
                assert found.adjustment == (FIRST if series.adjusted else None)
        memo = Memo(store.shelf, clock=lambda: 0.0)
        for key, value in MEMOS.items():
            assert memo.get(key) in (None, value), key
        for use in (store.series, store.info, lambda: store.complete_from_start(DAILY)):
            try:
                use()
            except (CacheDamaged, CacheUnavailable) as error:
                said.append(str(error))
        said += store.verify()
        store.clear()
        assert store.series() == []
    except CacheUnavailable as error:
        said.append(str(error))
    finally:
        store.close()
    return " ".join(said)


@settings(
    max_examples=examples(60, 2000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_damage_to_the_file_is_noticed_or_harmless(
    sound: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    shutil.copytree(sound, folder, dirs_exist_ok=True)
    (file,) = folder.rglob("cache.db")
    raw = bytearray(file.read_bytes())
    for place, bit in data.draw(
        st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 7)), max_size=3)
    ):
        raw[place] ^= 1 << bit
    file.write_bytes(raw[: data.draw(st.sampled_from([len(raw)] * 3 + [len(raw) // 2, 5000, 100, 0]))])
    logging.disable(logging.WARNING)
    try:
        what_is_read(folder)
    finally:
        logging.disable(logging.NOTSET)
    shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process that may end")
@pytest.mark.parametrize("size", [0, 5000])
def test_a_file_that_is_cut_off_while_it_is_in_use_does_not_end_the_process(
    sound: Path, tmp_path: Path, size: int
) -> None:
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    pid = os.fork()
    if not pid:
        logging.disable(logging.WARNING)
        store = BarStore(tmp_path, "tests")
        store.read(DAILY, FIRST, LAST)
        os.truncate(store.shelf.folder / "cache.db", size)
        with contextlib.suppress(CacheDamaged, CacheUnavailable):
            store.read(MINUTE, FIRST, LAST)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@settings(max_examples=examples(30, 300), deadline=None)
@given(key=st.sampled_from(["listing", "opt10001:005930"]), place=st.floats(0, 0.999), bit=st.integers(0, 7))
def test_every_flipped_bit_of_a_memo_is_said_and_it_is_loaded_anew(
    sound: Path, key: str, place: float, bit: int
) -> None:
    shelf = BarStore(sound, "tests").shelf
    stored = shelf.get(MEMO + key)
    assert isinstance(stored, bytes)
    flipped = bytearray(stored)
    flipped[int(place * len(stored))] ^= 1 << bit
    said: list[str] = []
    try:
        tampered(shelf, "UPDATE Cache SET value = ? WHERE key = ?", bytes(flipped), MEMO + key)
        handler = logging.Handler()
        handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger("koalab.store.memo").addHandler(handler)
        assert Memo(shelf, clock=lambda: 0.0).get(key) is None
        assert any("anew" in text for text in said)
        (problem,) = BarStore(sound, "tests").verify()
        assert problem.startswith(key)
    finally:
        logging.getLogger("koalab.store.memo").removeHandler(handler)
        tampered(shelf, "UPDATE Cache SET value = ? WHERE key = ?", stored, MEMO + key)
        shelf.close()


@pytest.mark.parametrize("value", [1.5, None, {"a": 1}, [1], True, object()])
def test_only_texts_numbers_and_bytes_are_stored(tmp_path: Path, value: object) -> None:
    shelf = Shelf(tmp_path)
    with pytest.raises(TypeError), shelf.transaction() as change:
        change.set("memo:x", value)
    with pytest.raises(TypeError), shelf.transaction() as change:
        change.set(value, b"x")
    assert shelf.all_keys() == []
