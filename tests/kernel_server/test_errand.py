"""Work on its way to the control thread, and its result on the way back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from kernel_server.control.errand import Errand
from kernel_server.control.thread import PlainThread

CONTROL: Any = object()


def later(work: Callable[[], None]) -> None:
    """A control thread that has not come to it yet."""
    LEFT.append(work)


LEFT: list[Callable[[], None]] = []


@pytest.fixture(autouse=True)
def nothing_left() -> None:
    LEFT.clear()


def boom(_control: object) -> int:
    raise LookupError("boom")


def leave(_control: object) -> int:
    raise SystemExit


class TestAnErrand:
    def test_is_over_at_once_where_the_thread_is_quick(self) -> None:
        async def scenario() -> None:
            errand = Errand(lambda control: control, CONTROL)
            errand.look(lambda work: work())
            assert errand.done()
            assert await errand is CONTROL

        asyncio.run(scenario())

    def test_does_not_hold_the_loop_up_where_it_is_not(self) -> None:
        async def scenario() -> None:
            errand = Errand(lambda _: "late", CONTROL)
            errand.look(later, seconds=0.0)
            assert not errand.done()
            LEFT[0]()
            assert not errand.done()  # it is told in a turn of the loop, not on the control thread
            assert await errand == "late"

        asyncio.run(scenario())

    @pytest.mark.parametrize("look", [True, False])
    def test_that_fails_fails_for_whoever_asked(self, look: bool) -> None:
        async def scenario() -> None:
            thread = PlainThread()
            errands = [Errand(boom, CONTROL), Errand(leave, CONTROL), Errand(lambda _: "well", CONTROL)]
            for errand in errands:
                (errand.look if look else errand.leave)(thread.hand_over)
            with pytest.raises(LookupError, match="boom"):
                await errands[0]
            with pytest.raises(RuntimeError, match="SystemExit on the control thread"):
                await errands[1]
            assert await errands[2] == "well"
            thread.stop()

        asyncio.run(scenario())

    @pytest.mark.parametrize("look", [True, False])
    def test_whose_caller_gave_up_before_its_turn_is_not_done(self, look: bool) -> None:
        done: list[int] = []

        async def scenario() -> None:
            errand = Errand(lambda _: done.append(1), CONTROL)
            if look:
                errand.look(later, seconds=0.0)
            else:
                errand.leave(later)
            errand.cancel()
            LEFT[0]()
            await asyncio.sleep(0)

        asyncio.run(scenario())
        assert not done

    def test_comes_back_once_however_close_the_race(self) -> None:
        """The loop gives up at the very moment at which the result comes, again and again."""

        async def scenario() -> None:
            thread = PlainThread()
            for number in range(2_000):
                errand = Errand(lambda _, number=number: number, CONTROL)  # type: ignore[misc]
                errand.look(thread.hand_over, seconds=number % 7 * 5e-6)
                assert await asyncio.wait_for(errand, 10) == number
            thread.stop()

        asyncio.run(scenario())

    def test_is_only_looked_for_while_the_thread_waits_for_work(self) -> None:
        thread, busy, over = PlainThread(), threading.Event(), threading.Event()

        def work() -> None:
            busy.set()
            over.wait(10)

        assert thread.idle
        thread.hand_over(work)
        assert busy.wait(10)
        assert not thread.idle
        over.set()
        thread.post(lambda: None).result(10)
        thread.stop()
