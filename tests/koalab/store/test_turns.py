"""Turns: one asks, the others wait for what it brings, or how it failed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from koalab.errors import NoAnswer
from koalab.store.claims import Claims
from koalab.store.turns import Turns
from tests.support.waiting import HANGS_AFTER, eventually


class Asking:
    """One thread inside its turn and others that wait for theirs."""

    def __init__(self, turns: Turns, pool: ThreadPoolExecutor) -> None:
        self._turns, self._pool = turns, pool
        self._inside, self._go = Event(), Event()
        self.asked = 0

    def first(self, error: BaseException | None) -> Future[None]:
        found = self._pool.submit(self._ask_first, error)
        assert self._inside.wait(HANGS_AFTER)
        return found

    def others(self, count: int) -> list[Future[None]]:
        before = self._turns.waiting("q")
        found = [self._pool.submit(self.ask) for _ in range(count)]
        assert eventually(lambda: self._turns.waiting("q") == before + count)
        self._go.set()
        return found

    def ask(self) -> None:
        with self._turns.of("q"):
            self.asked += 1

    def _ask_first(self, error: BaseException | None) -> None:
        with self._turns.of("q"):
            self._inside.set()
            assert self._go.wait(HANGS_AFTER)
            self.asked += 1
            if error is not None:
                raise error


def test_a_failure_of_the_one_that_asks_reaches_those_that_waited_and_nobody_later(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        asking = Asking(Turns(Claims(tmp_path)), pool)
        first = asking.first(NoAnswer("no answer within 20 s"))
        for other in asking.others(4):
            with pytest.raises(NoAnswer, match="20 s"):
                other.result(HANGS_AFTER)
        with pytest.raises(NoAnswer):
            first.result(HANGS_AFTER)
        assert asking.asked == 1
        asking.ask()
        assert asking.asked == 2


@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), ZeroDivisionError()], ids=repr)
def test_after_a_success_or_an_interrupt_the_next_one_comes_in(
    tmp_path: Path, error: BaseException | None
) -> None:
    with ThreadPoolExecutor(6) as pool:
        asking = Asking(Turns(Claims(tmp_path)), pool)
        first = asking.first(error)
        for other in asking.others(3):
            other.result(HANGS_AFTER)
        assert type(first.exception(HANGS_AFTER)) is type(error)
        assert asking.asked == 4


def test_questions_do_not_wait_for_each_other_and_may_be_nested(tmp_path: Path) -> None:
    turns = Turns(Claims(tmp_path))
    with turns.of("details") as outer, turns.of("listing") as inner:
        outer.beat()
        inner.beat()
    with Turns(None).of("listing") as claim:
        claim.beat()
