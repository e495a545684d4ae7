"""The event log equals a plain list of which the newest rows are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koalab.live.event_log import EventLog


def part(numbers: Sequence[int]) -> dict[str, np.ndarray]:
    whole = np.array(numbers, np.int64)
    return {"number": whole, "large": whole + 2**40, "text": np.array([str(n) for n in numbers], object)}


def rows(log: EventLog, start: int, stop: int) -> list[int]:
    found: list[int] = []
    for one in log.rows(start, stop):
        numbers = one["number"].tolist()
        assert one["large"].tolist() == [n + 2**40 for n in numbers]
        assert one["text"].tolist() == [str(n) for n in numbers]
        found += numbers
    return found


@given(
    st.one_of(st.none(), st.integers(1, 300)),
    st.lists(
        st.one_of(
            st.integers(0, 5),
            st.integers(0, 400),
            st.tuples(st.integers(-10, 3000), st.integers(-10, 3000)),
        ),
        max_size=40,
    ),
)
def test_equals_a_plain_list(keep: int | None, steps: list[int | tuple[int, int]]) -> None:
    log, plain = EventLog(keep), []
    given_out = []
    for step in steps:
        if isinstance(step, int):
            new = list(range(len(plain), len(plain) + step))
            log.append(part(new))
            plain += new
        else:
            first = 0 if keep is None else max(0, len(plain) - keep)
            wanted = plain[max(first, step[0]) : max(0, step[1])]
            assert rows(log, *step) == wanted
            given_out.append((list(log.rows(*step)), wanted))
        assert log.end == len(plain)
        assert log.first == (0 if keep is None else max(0, len(plain) - keep))
    for parts, wanted in given_out:  # rows that were given out never change
        assert [n for one in parts for n in one["number"].tolist()] == wanted


@pytest.mark.parametrize("size", [1, 7, 20_000])
def test_whole_numbers_that_fit_take_half_the_space(size: int) -> None:
    log = EventLog(None)
    for start in range(0, 40_000, size):
        log.append(part(range(start, min(40_000, start + size))))
    parts = list(log.rows(0, 20_000))
    assert {one["number"].dtype for one in parts[:-1]} == {np.dtype(np.int32)}
    assert rows(log, 0, 40_000) == list(range(40_000))


@pytest.mark.parametrize("keep", [1, 100, 1_000])
def test_what_takes_room_is_little_more_than_what_is_kept(keep: int) -> None:
    log = EventLog(keep)
    for start in range(0, 40_000, 7):
        log.append(part(range(start, start + 7)))
    assert sum(len(block["number"]) for block in log._blocks) <= 3 * max(64, keep)
