"""From the control thread to a stream: nothing lost that must not be, nothing lost unsaid."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_server.failure import Failure
from kernel_server.streams import mailbox
from kernel_server.streams.mailbox import Mailbox, Waker
from tests.support.examples import examples
from tests.support.waiting import HANGS_AFTER


async def read(box: Mailbox[int], limit: int | None = None) -> tuple[list[int], int]:
    items: list[int] = []
    dropped = 0
    while True:
        taken = await box.take(limit)
        items += taken.items
        dropped += taken.dropped
        if taken.over:
            return items, dropped


@settings(max_examples=examples(30), deadline=None)
@given(
    st.lists(st.integers(1, 50), max_size=20),
    st.none() | st.integers(1, 30),
    st.none() | st.integers(1, 7),
)
async def test_what_one_thread_puts_in_another_reads_in_order_and_what_is_missing_is_counted(
    bursts: list[int], capacity: int | None, limit: int | None
) -> None:
    box: Mailbox[int] = Mailbox(Waker(asyncio.get_running_loop()), capacity)

    def write() -> None:
        number = 0
        for burst in bursts:
            for _ in range(burst):
                box.put(number)
                number += 1
        box.end()

    writer = threading.Thread(target=write)
    writer.start()
    items, dropped = await asyncio.wait_for(read(box, limit), HANGS_AFTER)
    writer.join()
    assert items == sorted(set(items))
    assert len(items) + dropped == sum(bursts)
    assert dropped == box.lost
    if capacity is None:
        assert dropped == 0


async def test_a_full_box_keeps_what_is_newest() -> None:
    box: Mailbox[int] = Mailbox(Waker(asyncio.get_running_loop()), 3)
    for number in range(10):
        box.put(number)
    box.end()
    assert await read(box) == ([7, 8, 9], 7)


async def test_an_error_comes_after_everything_that_was_put_in_before_it() -> None:
    box: Mailbox[int] = Mailbox(Waker(asyncio.get_running_loop()))
    box.put(1)
    box.end(ValueError("no more"))
    assert (await box.take()).items == [1]
    with pytest.raises(ValueError, match="no more"):
        await box.take()


async def test_a_reader_that_lets_lie_what_must_not_be_lost_is_told_and_its_box_takes_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mailbox, "LOSSLESS", 5)

    box: Mailbox[int] = Mailbox(Waker(asyncio.get_running_loop()))
    for number in range(100):
        box.put(number)
    assert (await box.take()).items == [0, 1, 2, 3, 4]
    with pytest.raises(Failure, match="does not read"):
        await box.take()


async def test_many_boxes_wake_the_loop_once() -> None:
    loop = asyncio.get_running_loop()
    calls = 0
    real = loop.call_soon_threadsafe

    def counting(*arguments: object, **more: object) -> asyncio.Handle:
        nonlocal calls
        calls += 1
        return real(*arguments, **more)  # type: ignore[arg-type]

    loop.call_soon_threadsafe = counting  # type: ignore[assignment,method-assign]
    waker = Waker(loop)
    boxes: list[Mailbox[int]] = [Mailbox(waker) for _ in range(500)]
    for box in boxes:
        for number in range(10):
            box.put(number)
    for box in boxes:
        assert len((await box.take()).items) == 10
    assert calls == 1
