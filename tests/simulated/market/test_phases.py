"""Phases of a session, counted from its open and its close, which are not the same every day."""

from __future__ import annotations

import pytest

from kernel_server.simulated.market.market_phase import PHASE_NAMES
from kernel_server.simulated.market.phases import BOARDS, Board, Phase, next_change, phase, session_index
from tests.support.market_calendar import at, weekdays

USUAL = [
    ("08:29:59", Phase.CLOSED),
    ("08:30", Phase.BEFORE_OPEN),
    ("08:39:59", Phase.BEFORE_OPEN),
    ("08:40", Phase.OPENING_AUCTION),
    ("08:59:59", Phase.OPENING_AUCTION),
    ("09:00", Phase.CONTINUOUS),
    ("15:19:59", Phase.CONTINUOUS),
    ("15:20", Phase.CLOSING_AUCTION),
    ("15:30", Phase.PAUSE),
    ("15:40", Phase.AFTER_CLOSE),
    ("16:00", Phase.SINGLE_PRICE),
    ("17:59:59", Phase.SINGLE_PRICE),
    ("18:00", Phase.CLOSED),
]
EVENING = [  # since 2026-09-14
    *USUAL[:10],
    ("16:00", Phase.AFTER_MARKET),
    ("19:59:59", Phase.AFTER_MARKET),
    ("20:00", Phase.CLOSED),
]
LATE = [
    ("09:29:59", Phase.CLOSED),
    ("09:30", Phase.BEFORE_OPEN),
    ("09:40", Phase.OPENING_AUCTION),
    ("10:00", Phase.CONTINUOUS),
]
LATE_TO_THE_END = [
    *LATE,
    ("16:19:59", Phase.CONTINUOUS),
    ("16:20", Phase.CLOSING_AUCTION),
    ("16:30", Phase.PAUSE),
    ("16:40", Phase.AFTER_CLOSE),
]
LATE_SINGLE_PRICE = [  # the end is that of any day
    *LATE_TO_THE_END,
    ("17:00", Phase.SINGLE_PRICE),
    ("17:59:59", Phase.SINGLE_PRICE),
    ("18:00", Phase.CLOSED),
]
LATE_EVENING = [
    *LATE_TO_THE_END,
    ("16:59:59", Phase.AFTER_CLOSE),
    ("17:00", Phase.AFTER_MARKET),
    ("19:59:59", Phase.AFTER_MARKET),
    ("20:00", Phase.CLOSED),
]
LATE_START = [*LATE, ("15:20", Phase.CLOSING_AUCTION), ("15:30", Phase.PAUSE), ("18:00", Phase.CLOSED)]


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("2026-03-18", USUAL),
        ("2026-09-11", USUAL),
        ("2026-09-14", EVENING),
        ("2025-11-13", LATE_SINGLE_PRICE),  # 수능
        ("2027-11-18", LATE_EVENING),
        ("2026-01-02", LATE_START),
        ("2027-01-04", [*LATE, *EVENING[-3:]]),
    ],
)
def test_the_phase_follows_the_hours_of_the_day(day: str, hours: list[tuple[str, Phase]]) -> None:
    for time, expected in hours:
        assert phase(weekdays(), at(day, time)) is expected, time


def test_a_day_without_a_session_is_closed_and_belongs_to_the_session_before() -> None:
    sessions = weekdays()
    friday, saturday, monday = (
        session_index(sessions, at(day, "10:00")) for day in ("2026-03-20", "2026-03-21", "2026-03-23")
    )
    assert (saturday, monday) == (friday, friday + 1)
    assert phase(sessions, at("2026-03-21", "10:00")) is Phase.CLOSED
    assert session_index(sessions, at("2026-03-23", "08:29")) == friday


def test_each_change_leads_to_the_next() -> None:
    now, seen = at("2026-03-20", "08:00"), []
    for _ in range(9):
        change = next_change(weekdays(), now)
        assert change is not None
        now, found = change
        assert phase(weekdays(), now) is found
        assert phase(weekdays(), now - 0.001) is not found
        seen.append(now)
    assert seen[-1] == at("2026-03-23", "08:30")


def test_every_phase_has_a_name_and_says_which_boards_take_orders() -> None:
    assert PHASE_NAMES.keys() == BOARDS.keys() == set(Phase)
    assert BOARDS[Phase.BEFORE_OPEN] == {Board.REGULAR, Board.BEFORE}
    assert BOARDS[Phase.CLOSED] == frozenset()
    assert {board for held in BOARDS.values() for board in held} == set(Board)


def test_before_and_behind_all_sessions_it_is_closed() -> None:
    sessions = weekdays("2026-03-20")
    assert next_change(sessions, at("2026-03-20", "18:00")) is None
    assert phase(sessions, at("2026-03-25", "10:00")) is Phase.CLOSED
    assert phase(sessions, 0.0) is Phase.CLOSED
    assert next_change(sessions, 0.0) == (float(sessions.opens[0]) - 1800, Phase.BEFORE_OPEN)
