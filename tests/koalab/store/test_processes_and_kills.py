"""Several processes and threads, processes killed at any point, and folders that cannot be used now."""

from __future__ import annotations

import contextlib
import multiprocessing
import random
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import diskcache
import pytest

from koalab.store.bars import BarStore
from koalab.store.disk import CacheUnavailable, Transaction
from koalab.store.series import Series
from tests.koalab.store.test_bars import DAILY, MINUTE, bars_at, days, us

pytestmark = pytest.mark.slow

SPAWN = multiprocessing.get_context("spawn")
PATIENT = 30.0
FIRST, LAST = us("2026-01-01"), us("2026-06-30")
DAYS = days("2026-01-01", "2026-06-30")


def content(store: BarStore, series: Series) -> tuple[list[object], list[int], object]:
    bars, gaps = store.read(series, FIRST, LAST)
    return bars.time.tolist(), bars.close.tolist(), gaps


# ---- processes


def add_days(folder: str, which: list[int], started: Connection, series: Series) -> None:
    """Adds one day after another, telling of each when it is stored."""
    store = BarStore(folder, "tests", timeout=PATIENT)
    for index in which:
        store.add(series, bars_at(series, [DAYS[index]], index + 1), (DAYS[index], DAYS[index]))
        started.send(index)
    started.close()


def run_adding(folder: Path, which: list[int], series: Series) -> tuple[multiprocessing.Process, Connection]:
    receiver, sender = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=add_days, args=(str(folder), which, sender, series))
    process.start()
    sender.close()
    return process, receiver


@pytest.mark.parametrize("series", [DAILY, pytest.param(MINUTE, marks=pytest.mark.long)])
def test_two_processes_adding_to_one_series_lose_nothing(tmp_path: Path, series: Series) -> None:
    halves = [list(range(start, 120, 2)) for start in (0, 1)]
    running = [run_adding(tmp_path, half, series) for half in halves]
    for process, receiver in running:
        with contextlib.suppress(EOFError):
            while True:
                receiver.recv()
        process.join()
        assert process.exitcode == 0
    store = BarStore(tmp_path, "tests")
    bars, _ = store.read(series, FIRST, LAST)
    assert bars.time.tolist() == [day.item() for day in DAYS[:120]]
    assert bars.close.tolist() == list(range(1, 121))
    assert store.verify() == []


@pytest.mark.long
def test_a_killed_process_leaves_every_add_it_told_of_and_nothing_half_done(tmp_path: Path) -> None:
    draw = random.Random(7)
    told: set[int] = set()
    left = list(range(len(DAYS)))
    for round_ in range(4):
        process, receiver = run_adding(tmp_path, left, MINUTE)
        with contextlib.suppress(EOFError):
            # The last round runs to its end.
            for _ in range(draw.randint(1, 30) if round_ < 3 else len(DAYS)):
                told.add(receiver.recv())
        if round_ < 3:
            process.kill()
        process.join()
        with contextlib.suppress(EOFError):
            while True:
                told.add(receiver.recv())

        store = BarStore(tmp_path, "tests")
        assert store.verify() == []
        bars, gaps = store.read(MINUTE, FIRST, LAST)
        held = {index for index, day in enumerate(DAYS) if day in bars.time}
        # What was being stored when the kill came may be there, but only whole.
        assert told <= held
        assert len(held - told) <= 1
        assert bars.close.tolist() == [index + 1 for index in sorted(held)]
        assert not any(first <= DAYS[index] <= last for index in held for first, last in gaps)
        store.close()
        # One may have been killed between an add and its being told.
        told |= held
        left = [index for index in range(len(DAYS)) if index not in held]
    assert told == set(range(len(DAYS)))


# ---- threads


def in_threads(*jobs: Callable[[], None]) -> None:
    failures: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - told below, on the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_threads_share_one_store(tmp_path: Path) -> None:
    store = BarStore(tmp_path, "tests", timeout=PATIENT)

    def adding(start: int) -> Callable[[], None]:
        def run() -> None:
            for index in range(start, 60, 3):
                store.add(DAILY, bars_at(DAILY, [DAYS[index]], index), (DAYS[index], DAYS[index]))

        return run

    in_threads(*(adding(start) for start in range(3)))
    assert store.read(DAILY, FIRST, LAST)[0].close.tolist() == list(range(60))
    assert store.verify() == []


def test_a_reader_never_sees_half_of_a_change(tmp_path: Path) -> None:
    writing = BarStore(tmp_path, "tests", timeout=PATIENT)
    reading = BarStore(tmp_path, "tests", timeout=PATIENT)
    writing.replace(MINUTE, bars_at(MINUTE, DAYS, 0), (FIRST, LAST))
    done = threading.Event()
    seen: set[int] = set()

    def write() -> None:
        try:
            for turn in range(1, 150):
                writing.replace(MINUTE, bars_at(MINUTE, DAYS, turn), (FIRST, LAST))
        finally:
            done.set()

    def read() -> None:
        last = False
        while not last:
            last = done.is_set()
            bars, gaps = reading.read(MINUTE, FIRST, LAST)
            assert len(bars) == len(DAYS)
            assert len(set(bars.close.tolist())) == 1
            assert gaps == []
            seen.add(int(bars.close[0]))

    in_threads(write, read)
    assert max(seen) == 149


# ---- failures between any two steps


class Struck(Exception):
    pass


@pytest.mark.parametrize("failure", [Struck, KeyboardInterrupt, MemoryError])
def test_a_failure_at_any_step_leaves_the_old_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: type[BaseException]
) -> None:
    store = BarStore(tmp_path, "tests")
    store.add(MINUTE, bars_at(MINUTE, DAYS[40:60], 7), (DAYS[40], DAYS[59]))
    before = content(store, MINUTE)
    changes: list[Callable[[], object]] = [
        lambda: store.add(MINUTE, bars_at(MINUTE, DAYS, 7), (FIRST, LAST)),
        lambda: store.replace(MINUTE, bars_at(MINUTE, DAYS, 8), (FIRST, LAST)),
        lambda: store.drop(MINUTE),
    ]
    struck = 0
    for change in changes:
        finished = False
        for step in range(100):
            left = [step]

            def counted(real: Callable[..., None], left: list[int] = left) -> Callable[..., None]:
                def call(self: Transaction, *arguments: object) -> None:
                    if left[0] == 0:
                        raise failure
                    left[0] -= 1
                    real(self, *arguments)

                return call

            with monkeypatch.context() as patch:
                for name in ("set", "delete"):
                    patch.setattr(Transaction, name, counted(getattr(Transaction, name)))
                try:
                    change()
                    finished = True
                except failure:
                    struck += 1
            if finished:
                break
            assert content(store, MINUTE) == before
            assert content(BarStore(tmp_path, "tests"), MINUTE) == before
        assert finished
        assert store.verify() == []
        store.replace(MINUTE, bars_at(MINUTE, DAYS[40:60], 7), (DAYS[40], DAYS[59]))
    # Six months and a record each, and what replacing deletes first.
    assert struck >= 7 + 9 + 3


def test_an_interrupt_inside_diskcache_does_not_lock_anybody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BarStore(tmp_path, "tests")
    store.add(DAILY, bars_at(DAILY, DAYS[:1]), (DAYS[0], DAYS[0]))

    @contextlib.contextmanager
    def struck(cache: diskcache.Cache, retry: bool = False) -> Iterator[None]:
        # Between the beginning of the transaction and the handler that would end it.
        cache._sql("BEGIN IMMEDIATE")
        cache._txn_id = threading.get_ident()
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patch:
        patch.setattr(diskcache.Cache, "transact", struck)
        with pytest.raises(KeyboardInterrupt):
            store.add(DAILY, bars_at(DAILY, DAYS[1:2]), (DAYS[1], DAYS[1]))
    other = BarStore(tmp_path, "tests", timeout=0)
    other.add(DAILY, bars_at(DAILY, DAYS[2:3]), (DAYS[2], DAYS[2]))
    store.add(DAILY, bars_at(DAILY, DAYS[3:4]), (DAYS[3], DAYS[3]))
    assert other.read(DAILY, FIRST, LAST)[0].time.tolist() == [DAYS[index].item() for index in (0, 2, 3)]


# ---- a folder that cannot be used now


def test_a_write_waits_no_longer_than_it_was_told_and_then_can_be_tried_again(tmp_path: Path) -> None:
    holding = BarStore(tmp_path, "tests")
    store = BarStore(tmp_path, "tests", timeout=0)
    bars = bars_at(DAILY, DAYS[:1])
    store.add(DAILY, bars, (DAYS[0], DAYS[0]))
    with holding.shelf.transaction() as change:
        change.set("memo:x", b"")
        with pytest.raises(CacheUnavailable, match="another process"):
            store.add(DAILY, bars, (DAYS[0], DAYS[0]))
        # Reading needs no lock.
        assert len(store.read(DAILY, FIRST, LAST)[0]) == 1
    store.add(DAILY, bars_at(DAILY, DAYS[1:2]), (DAYS[1], DAYS[1]))
    assert len(store.read(DAILY, FIRST, LAST)[0]) == 2


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    store = BarStore(tmp_path, "tests")
    store.add(DAILY, bars_at(DAILY, DAYS[:1]), (DAYS[0], DAYS[0]))
    before = content(store, DAILY)
    sql = store.shelf._opened()._sql
    ((pages,),) = sql("PRAGMA page_count").fetchall()
    sql(f"PRAGMA max_page_count = {pages + 1}").fetchall()
    many = days("1990-01-01", "2020-01-01")
    with pytest.raises(CacheUnavailable, match="full"):
        store.add(DAILY, bars_at(DAILY, many), (many[0], many[-1]))
    assert content(store, DAILY) == before
    sql("PRAGMA max_page_count = 1000000").fetchall()
    store.add(DAILY, bars_at(DAILY, many), (many[0], many[-1]))
    assert store.verify() == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = BarStore(tmp_path / "file", "tests")
    with pytest.raises(CacheUnavailable, match="file"):
        store.read(DAILY, FIRST, LAST)


def test_making_a_store_touches_no_disk(tmp_path: Path) -> None:
    store = BarStore(tmp_path / "cache", "tests")
    assert "tests" in repr(store)
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_closed_store_opens_again(tmp_path: Path) -> None:
    store = BarStore(tmp_path, "tests")
    store.add(DAILY, bars_at(DAILY, DAYS[:1]), (DAYS[0], DAYS[0]))
    store.close()
    assert len(store.read(DAILY, FIRST, LAST)[0]) == 1


def test_nothing_is_ever_evicted_and_all_of_it_lies_in_the_database(tmp_path: Path) -> None:
    store = BarStore(tmp_path, "tests")
    store.add(DAILY, bars_at(DAILY, DAYS), (FIRST, LAST))
    cache = store.shelf._opened()
    assert (cache.eviction_policy, cache.statistics, cache.cull_limit) == ("none", 0, 0)
    big = days("1900-01-01", "2020-01-01")
    store.add(DAILY, bars_at(DAILY, big), (big[0], big[-1]))
    assert {path.name for path in store.shelf.folder.rglob("*")} <= {
        "cache.db",
        "cache.db-wal",
        "cache.db-shm",
    }
