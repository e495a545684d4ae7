"""Time as an argument."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_server.clock import RunningClock, SteppedClock, parse_clock, seoul


@given(st.lists(st.integers(1, 100), max_size=20), st.lists(st.integers(0, 30), max_size=10))
def test_a_stepped_clock_makes_calls_in_the_order_in_which_they_are_due(
    dues: list[int], steps: list[int]
) -> None:
    clock = SteppedClock(1000.0)
    made: list[float] = []
    for due in dues:
        clock.call_at(1000.0 + due, lambda due=due: made.append(due))  # type: ignore[misc]
    for step in steps:
        clock.advance(step)
    reached = clock.now() - 1000.0
    assert made == sorted(due for due in dues if 1000.0 + due <= clock.now())
    assert reached == pytest.approx(sum(steps))


def test_a_call_sees_the_time_at_which_it_was_due() -> None:
    clock = SteppedClock(0.0)
    seen: list[float] = []
    clock.call_at(5.0, lambda: seen.append(clock.now()))
    clock.advance(60.0)
    assert (seen, clock.now()) == ([5.0], 60.0)


def test_a_call_may_ask_for_another_on_the_way() -> None:
    clock = SteppedClock(0.0)
    seen: list[float] = []
    clock.call_at(1.0, lambda: clock.call_at(2.0, lambda: seen.append(clock.now())))
    clock.advance(3.0)
    assert seen == [2.0]


def test_a_cancelled_call_is_not_made() -> None:
    clock = SteppedClock(0.0)
    seen: list[int] = []
    clock.call_at(1.0, lambda: seen.append(1)).cancel()
    clock.advance(2.0)
    assert (seen, clock.next_due()) == ([], None)


def test_a_clock_that_jumps_leaps_over_what_is_waited_for() -> None:
    clock = SteppedClock(0.0, jump=True)
    reached = threading.Event()
    clock.call_at(3600.0, lambda: clock.call_at(7200.0, reached.set))
    assert reached.wait(10)
    assert clock.now() == 7200.0
    clock.close()


def test_an_accelerated_clock_makes_calls_in_its_own_time() -> None:
    clock = RunningClock(speed=100_000.0, start=0.0)
    reached = threading.Event()
    clock.call_at(1000.0, reached.set)
    assert reached.wait(10)
    assert clock.now() >= 1000.0
    clock.close()


def test_the_real_clock_tells_the_time_of_the_day() -> None:
    clock = parse_clock("real")
    assert abs(clock.now() - time.time()) < 5.0
    assert clock.speed == 1.0
    clock.close()


def test_moments_are_told_in_the_markets_time_zone() -> None:
    assert seoul(0.0).isoformat() == "1970-01-01T09:00:00+09:00"


@pytest.mark.parametrize(
    "text", ["", "fast", "fast:", "fast:0", "fast:-1", "fast:x", "fast:nan", "slow", "real:2"]
)
def test_a_clock_that_does_not_exist_is_refused_with_those_that_do(text: str) -> None:
    with pytest.raises(ValueError, match="stepped"):
        parse_clock(text)
