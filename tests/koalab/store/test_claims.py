"""Who may ask for the next page: one at a time, in turns, and nobody is held up by one who is gone."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from koalab.store.claims import STALE, Claims
from tests.koalab.store.test_bars import DAILY, MINUTE
from tests.support.waiting import HANGS_AFTER

SPAWN = multiprocessing.get_context("spawn")


class Stepped:
    """A clock that only sleeping moves, and a hundred seconds of patience."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 100, "waits for ever"


@pytest.fixture
def time() -> Stepped:
    return Stepped()


@pytest.fixture
def claims(tmp_path: Path, time: Stepped) -> Claims:
    return Claims(tmp_path / "claims", time.monotonic, time.sleep)


def free(folder: Path, series: object = DAILY) -> bool:
    """Whether the claim can be had at once."""
    with Claims(folder).of(series, lambda: True) as claim:  # type: ignore[arg-type]
        return claim is not None


def test_a_claim_is_one_holders(claims: Claims, tmp_path: Path) -> None:
    with claims.of(DAILY) as claim:
        assert claim is not None
        assert not free(tmp_path / "claims")
        assert free(tmp_path / "claims", MINUTE)
    assert free(tmp_path / "claims")


def test_a_claim_does_not_wait_for_what_has_been_stored_already(claims: Claims, tmp_path: Path) -> None:
    looks = iter([False, False, True])
    with Claims(tmp_path / "claims").of(DAILY), claims.of(DAILY, lambda: next(looks)) as claim:
        assert claim is None
    assert free(tmp_path / "claims")


@pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError])
def test_any_end_of_a_holder_or_a_wait_leaves_nothing_locked(
    claims: Claims, tmp_path: Path, failure: type[BaseException]
) -> None:
    def struck() -> bool:
        raise failure

    with pytest.raises(failure), claims.of(DAILY):
        raise failure
    assert free(tmp_path / "claims")
    with Claims(tmp_path / "claims").of(DAILY), pytest.raises(failure), claims.of(DAILY, struck):
        pass
    assert free(tmp_path / "claims")


def hold(folder: str, held: Connection) -> None:
    with Claims(Path(folder)).of(DAILY):
        held.send(True)
        threading.Event().wait()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[multiprocessing.process.BaseProcess]:
    """A process that holds the claim until it is killed."""
    receiver, sender = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=hold, args=(str(tmp_path / "claims"), sender))
    process.start()
    assert receiver.recv()
    yield process
    process.kill()
    process.join()


def test_a_killed_holder_blocks_no_other_process(
    tmp_path: Path, elsewhere: multiprocessing.process.BaseProcess
) -> None:
    assert not free(tmp_path / "claims")
    elsewhere.kill()
    elsewhere.join()
    assert free(tmp_path / "claims")


def test_a_holder_that_shows_no_life_is_passed_by(claims: Claims, tmp_path: Path, time: Stepped) -> None:
    with Claims(tmp_path / "claims").of(DAILY), claims.of(DAILY) as claim:
        assert claim is not None
    assert STALE < time.now < 2 * STALE + 1


def test_a_holder_that_shows_life_is_waited_for(tmp_path: Path, time: Stepped) -> None:
    with Claims(tmp_path / "claims").of(DAILY) as holding:
        assert holding is not None
        beats = 0

        def sleep(seconds: float) -> None:
            nonlocal beats
            time.sleep(seconds * 100)
            beats += 1
            holding.beat()

        waiting = Claims(tmp_path / "claims", time.monotonic, sleep)
        with waiting.of(DAILY, lambda: time.now > 2 * STALE) as claim:
            assert claim is None
    assert beats > STALE


def test_who_waits_comes_before_the_holder_comes_again(tmp_path: Path) -> None:
    folder, order = tmp_path / "claims", []
    waits, done = threading.Event(), threading.Event()

    def second() -> None:
        with Claims(folder).of(DAILY, lambda: waits.set() or False):  # type: ignore[func-returns-value]
            order.append("second")
        done.set()

    first = Claims(folder)
    with first.of(DAILY):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(HANGS_AFTER)
        order.append("first")
    with first.of(DAILY):
        order.append("first again")
    assert done.wait(HANGS_AFTER)
    thread.join()
    assert order == ["first", "second", "first again"]


def test_where_there_can_be_no_lock_work_goes_on(tmp_path: Path) -> None:
    (tmp_path / "claims").write_text("in the way")
    with Claims(tmp_path / "claims").of(DAILY) as one, Claims(tmp_path / "claims").of(DAILY) as two:
        assert one is not None
        assert two is not None
        one.beat()
