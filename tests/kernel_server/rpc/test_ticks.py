"""Batches of Ticks: what was dropped lies right before the batch that says so."""

from __future__ import annotations

from kernel_server.rpc.ticks import _joined
from kernel_server.streams.mailbox import Taken
from kernel_server.streams.realtime import RealEvent


def events(*codes: str) -> list[RealEvent]:
    return [RealEvent(code, "주식체결", "", 0.0) for code in codes]


def test_what_came_in_the_pause_goes_into_the_same_batch() -> None:
    first, second = events("A"), events("B")
    [one] = _joined(Taken([*first], 2, False), Taken([*second], 0, True))
    assert (one.items, one.dropped, one.over) == ([*first, *second], 2, True)


def test_what_was_dropped_in_the_pause_lies_between_two_batches() -> None:
    one, other = _joined(Taken([*events("A")], 2, False), Taken([*events("B")], 5, False))
    assert (one.dropped, other.dropped) == (2, 5)
