"""Small answers kept beside the bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from koalab.store.bars import BarStore
from koalab.store.disk import Shelf, Value
from koalab.store.memo import Memo
from tests.koalab.store.test_bars import DAILY, bars_at, us


def test_a_memo_gives_back_what_was_put_until_it_expires(tmp_path: Path) -> None:
    now = [1000.0]
    memo = Memo(BarStore(tmp_path, "tests").shelf, clock=lambda: now[0])
    listing = [["005930", "삼성전자", 1, None, 0.5], {"a": True}]
    memo.put("listing", listing, expires=1060)
    memo.put("packed", b"\x00\xff")
    assert memo.get("listing") == listing
    assert memo.get("packed") == b"\x00\xff"
    assert memo.get("nothing") is None
    now[0] = 1060
    assert memo.get("listing") is None
    assert memo.get("packed") == b"\x00\xff"
    memo.put("listing", [], expires=1061)
    assert memo.get("listing") == []


def test_memos_and_bars_live_beside_each_other(tmp_path: Path) -> None:
    store = BarStore(tmp_path, "tests")
    memo = Memo(store.shelf)
    day = us("2026-03-02")
    store.add(DAILY, bars_at(DAILY, [day]), (day, day))
    memo.put("listing", ["005930"])
    assert store.verify() == []
    assert store.clear("005930") == 1
    assert memo.get("listing") == ["005930"]
    assert store.clear() == 0
    assert memo.get("listing") is None
    memo.put("listing", ["005930"])
    store.add(DAILY, bars_at(DAILY, [day]), (day, day))
    assert memo.clear() == 1
    assert memo.get("listing") is None
    assert store.series() == [DAILY]


def test_a_memo_holds_no_objects(tmp_path: Path) -> None:
    memo = Memo(Shelf(tmp_path))
    for value in (object(), {1, 2}, np.int64(3)):
        with pytest.raises(TypeError):
            memo.put("x", value)
    with pytest.raises(ValueError, match="JSON"):
        memo.put("x", float("nan"))
    assert memo.get("x") is None


@pytest.mark.parametrize("stored", [b"", b"x", b"j" + bytes(8), "text", 5, b"KLC4\x00\x00\x00\x00j"])
def test_a_memo_that_was_not_put_is_said_and_loaded_anew(
    tmp_path: Path, stored: Value, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = Shelf(tmp_path)
    with shelf.transaction() as change:
        change.set("memo:x", stored)
    assert Memo(shelf, clock=lambda: -1.0).get("x") is None
    assert "the cached x cannot be used and is loaded anew" in caplog.text


def test_a_memo_of_another_key_is_not_taken_for_this_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memo = Memo(Shelf(tmp_path))
    memo.put("opt10001:005930", {"close": 78000})
    with memo._shelf.transaction() as change:
        change.set("memo:opt10001:000660", change.get("memo:opt10001:005930"))  # type: ignore[arg-type]
    assert memo.get("opt10001:000660") is None
    assert "digest" in caplog.text


def test_memos_of_another_format_are_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    memo = Memo(Shelf(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr("koalab.store.seal.FORMAT", b"KLC0")
        for key in "abc":
            memo.put(key, 1)
    assert [memo.get(key) for key in "abc"] == [None] * 3
    assert caplog.text.count("another version of koalab") == 1


def test_a_damaged_database_costs_the_answer_not_the_program(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache.db").write_bytes(b"no database" * 1000)
    memo = Memo(Shelf(tmp_path))
    memo.put("x", 1)
    assert memo.get("x") is None
    assert "x could not be kept" in caplog.text
    assert "loaded anew" in caplog.text
