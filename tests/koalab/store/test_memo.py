"""Small answers kept beside the bars."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from koalab.errors import CacheDamaged
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
    assert store.clear() == 1
    assert memo.get("listing") == ["005930"]
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


@pytest.mark.parametrize("stored", [b"", b"x", b"j" + bytes(8), "text", 5, b"q" + b"\x00" * 6 + b"\xf0\x7f1"])
def test_a_memo_that_was_not_put_is_damage(tmp_path: Path, stored: Value) -> None:
    shelf = Shelf(tmp_path)
    with shelf.transaction() as change:
        change.set("memo:x", stored)
    with pytest.raises(CacheDamaged, match="'x'"):
        Memo(shelf, clock=lambda: -1.0).get("x")
