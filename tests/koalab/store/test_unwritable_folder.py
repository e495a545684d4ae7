"""A cache that cannot be written: somebody else's folder, a full disk. It is read, and clearing makes room."""

from __future__ import annotations

import logging
import os
import resource
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from koalab.store.bars import BarStore
from koalab.store.disk import CacheUnavailable
from koalab.store.memo import Memo
from tests.koalab.store.test_bars import DAILY, MINUTE, bars_at, days, us

FIRST, LAST = us("2026-01-01"), us("2026-06-30")
DAYS = days("2026-01-01", "2026-06-30")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a process that may not write")


def in_child(prepare: Callable[[], None], test: Callable[[], None]) -> None:
    """Runs the test in a child process, which first makes itself unable to write."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            prepare()
            test()
            code = 0
        except BaseException:  # noqa: BLE001 - the child must not go on in pytest
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def nobody() -> None:
    if not os.geteuid():
        os.setuid(65534)


def full_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A cache's folder where anybody can get; pytest's own are closed to others."""
    found = Path(tempfile.mkdtemp())
    found.chmod(0o755)
    store = BarStore(found, "tests")
    store.add(DAILY, bars_at(DAILY, DAYS), (FIRST, LAST))
    Memo(store.shelf).put("listing", ["005930"])
    store.close()
    yield found
    shutil.rmtree(found)


def closed_to_writing(folder: Path, mode: int) -> None:
    for each in [*folder.rglob("*"), folder]:
        each.chmod(mode | 0o111 if each.is_dir() else mode)


def check_it_is_read(folder: Path) -> BarStore:
    logging.disable(logging.WARNING)
    store = BarStore(folder, "tests")
    assert len(store.read(DAILY, FIRST, LAST)[0]) == len(DAYS)
    assert store.series() == [DAILY]
    assert len(store.info()) == 1
    assert store.verify() == []
    memo = Memo(store.shelf)
    assert memo.get("listing") == ["005930"]
    memo.put("listing", [])  # is said and not stored
    assert memo.get("listing") == ["005930"]
    with pytest.raises(CacheUnavailable):
        store.add(MINUTE, bars_at(MINUTE, DAYS), (FIRST, LAST))
    return store


def test_a_read_only_cache_is_read(folder: Path) -> None:
    closed_to_writing(folder, 0o444)

    def test() -> None:
        store = check_it_is_read(folder)
        with pytest.raises(CacheUnavailable):
            store.clear()

    in_child(nobody, test)
    closed_to_writing(folder, 0o644)


def test_a_read_only_cache_with_a_damaged_value_is_told(folder: Path) -> None:
    store = BarStore(folder, "tests")
    with store.shelf.transaction() as change:
        change.set(DAILY.segment_key("2025"), b"something else")
    store.close()
    closed_to_writing(folder, 0o444)

    def test() -> None:
        logging.disable(logging.WARNING)
        store = BarStore(folder, "tests")
        with pytest.raises(Exception, match="are not those that were stored"):
            store.read(DAILY, FIRST, LAST)
        assert len(store.verify()) == 1

    in_child(nobody, test)
    closed_to_writing(folder, 0o644)


def test_on_a_full_disk_the_cache_is_read_and_clearing_makes_room(folder: Path) -> None:
    def test() -> None:
        store = check_it_is_read(folder)
        with pytest.raises(CacheUnavailable, match="makes room"):
            store.clear(code=DAILY.code)
        store.clear()

    in_child(full_disk, test)
    assert not list(folder.rglob("cache.db"))
    assert BarStore(folder, "tests").series() == []


def test_a_full_disk_under_an_open_cache(folder: Path) -> None:
    def test() -> None:
        logging.disable(logging.WARNING)
        store = BarStore(folder, "tests")
        assert store.series() == [DAILY]
        full_disk()
        assert len(store.read(DAILY, FIRST, LAST)[0]) == len(DAYS)
        store.clear()

    in_child(lambda: None, test)
    assert BarStore(folder, "tests").series() == []


def test_once_it_can_be_written_again_it_is(folder: Path) -> None:
    def test() -> None:
        store = check_it_is_read(folder)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        store.add(MINUTE, bars_at(MINUTE, DAYS), (FIRST, LAST))
        assert store.verify() == []

    in_child(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY)), test)
    assert BarStore(folder, "tests").series() == [MINUTE, DAILY]


def test_a_disk_that_was_full_from_the_start_holds_nothing(tmp_path: Path) -> None:
    def test() -> None:
        logging.disable(logging.WARNING)
        store = BarStore(tmp_path, "tests")
        with pytest.raises(CacheUnavailable):
            store.read(DAILY, FIRST, LAST)
        assert Memo(store.shelf).get("listing") is None

    in_child(full_disk, test)
