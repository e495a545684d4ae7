"""Functions on their way to the control thread, and their results on the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kernel_server.control.host import ControlHost, ControlWork
from kernel_server.control.thread import PlainThread
from tests.fakes.canned_control import CannedControl
from tests.support.waiting import HANGS_AFTER

CONTROL: Any = object()


def boom(_control: object) -> int:
    raise LookupError("boom")


def leave(_control: object) -> int:
    raise SystemExit


class TestControlWork:
    async def test_gives_its_result_in_a_turn_of_the_loop(self) -> None:
        work = ControlWork(lambda control: control, CONTROL)
        work.run()
        assert not work.future.done()
        assert await work.future is CONTROL

    async def test_that_is_cancelled_before_its_turn_is_not_done(self) -> None:
        done: list[int] = []

        work = ControlWork(lambda _: done.append(1), CONTROL)
        work.future.cancel()
        work.run()
        await asyncio.sleep(0)
        assert not done

    async def test_that_is_cancelled_while_it_is_done_harms_nothing(self) -> None:
        works = [ControlWork(function, CONTROL) for function in (boom, lambda _: 1)]
        for work in works:
            work.run()
            work.future.cancel()
        await asyncio.sleep(0.01)
        assert all(work.future.cancelled() for work in works)


class TestAHost:
    async def test_passes_failures_on_to_the_caller(self) -> None:
        thread = PlainThread()
        host = ControlHost(thread, lambda: CannedControl({}, thread.hand_over))
        functions: list[Callable[[Any], int]] = [
            boom,
            leave,
            lambda control: int(control is host.control),
        ]
        first, second, third = [host.run(function) for function in functions]
        with pytest.raises(LookupError, match="boom"):
            await first
        with pytest.raises(RuntimeError, match="SystemExit on the control thread"):
            await second
        assert await third == 1
        host.close()

    async def test_gives_each_caller_its_own_result(self) -> None:
        thread = PlainThread()
        host = ControlHost(thread, lambda: CannedControl({}, thread.hand_over))
        for number in range(2_000):
            assert await asyncio.wait_for(host.run(lambda _, number=number: number), HANGS_AFTER) == number  # type: ignore[misc]
        host.close()
